"""Deletion of what nobody needs any more, as [retention] says.

The audit log, cases and notices that are not settled are never deleted: reports, duplicates and overruled matches rest
on them. What else there is is bounded by what there is on this host (files, customers, sites, accounts, lists), by a
number (remembered answers, counts of checks), or has a setting.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from goodhoster.assembly.audit import checkpoints
from goodhoster.errors import GoodhosterError

if TYPE_CHECKING:
    from goodhoster.assembly.services import Services
    from goodhoster.linux.sqlite_migrations import ExpiringTable, Schema

Pause = Callable[[], bool]
"""Called between two small pieces of work; says whether to stop there."""
Delete = Callable[[datetime, Pause], int]
_LAST_ROUND = "retention.last"
_AS_SOON_AS_UNUSED = 1.0


@dataclass(frozen=True, slots=True)
class ExpiringFile:
    """A SQLite file, and the tables in it whose rows expire."""

    kind: str
    """The setting that says after how long."""
    file: Path
    schema: Schema
    tables: tuple[ExpiringTable, ...]


@dataclass(slots=True)
class RetentionResult:
    """What one run deleted, by setting, and what failed."""

    deleted: dict[str, int] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Kind:
    name: str
    keep: float
    """Seconds; 0: for ever."""
    delete: Delete


def apply_retention(
    services: Services, now: datetime, pause: Pause, further: Iterable[ExpiringFile] = ()
) -> RetentionResult:
    """Delete expired data of every kind, in small pieces.

    How much it was is written into the audit log. What cannot be deleted now keeps nothing else, and is tried again
    with the next run. Where the clock has jumped since the last run nothing is deleted: a clock that is a year
    ahead for a moment must cost nothing.
    """
    from goodhoster.linux.observed_time import clock_jumped
    from goodhoster.model.audit import AuditEvent

    result = RetentionResult()
    if clock_jumped(services.state_dir / _LAST_ROUND, now):
        return result
    for kind in (*_file_kinds(services), *_row_kinds(services, further)):
        if not kind.keep or pause():
            continue
        try:
            if deleted := kind.delete(now - timedelta(seconds=kind.keep), pause):
                result.deleted[kind.name] = result.deleted.get(kind.name, 0) + deleted
        except (GoodhosterError, OSError, ValueError) as error:
            result.failed.append(f"{kind.name}: {error}")
    if result.deleted:
        services.audit.append(AuditEvent("retention.applied", dict(sorted(result.deleted.items()))))
    return result


def _file_kinds(services: Services) -> Iterator[_Kind]:
    keep, notices = services.settings.retention, services.notices
    yield _Kind(
        "raw_notices",
        keep.raw_notices,
        lambda before, pause: notices.spool.delete_before(before, _unsettled(services), pause),
    )
    yield _Kind("letters", keep.letters, notices.outbox.delete_before)
    yield _Kind("timestamps", keep.timestamps, lambda before, _: checkpoints(services.settings).thin_timestamps(before))
    yield _Kind("answer_sets", _AS_SOON_AS_UNUSED, lambda _, pause: services.index.forget_unused_answer_sets(pause))


def _unsettled(services: Services) -> frozenset[str]:
    """The raw notices, and replies to them, of notices that are not settled."""
    from goodhoster.model.notice_status import NoticeState
    from goodhoster.ports import NoticeQuery

    states = frozenset(NoticeState) - {NoticeState.DONE}
    found = services.notices.store.find(NoticeQuery(states=states))
    return frozenset(name for one in found for name in (one.id, *(reply.receipt.id for reply in one.replies)))


def _row_kinds(services: Services, further: Iterable[ExpiringFile]) -> Iterator[_Kind]:
    settings = services.settings
    for each in (*expiring_files(services.state_dir), *further):
        keep = getattr(settings.retention, each.kind)
        if keep and each.kind == "contacts":  # a proven contact counts as such so long
            keep = max(keep, settings.contacts.valid_for)
        if each.file.exists():
            yield _Kind(each.kind, keep, _deletes(each))


def _deletes(each: ExpiringFile) -> Delete:
    """By a connection of its own: no thread of the daemon waits for it."""
    from goodhoster.adapters.stores.database import RecordFile
    from goodhoster.adapters.stores.expired_rows import delete_expired

    def delete(before: datetime, pause: Pause) -> int:
        with closing(RecordFile(each.file, each.schema)) as record:
            return sum(delete_expired(record, table, before, pause) for table in each.tables)

    return delete


def expiring_files(state_dir: Path) -> tuple[ExpiringFile, ...]:
    """Every SQLite file with rows that expire, whether it exists or not."""
    from goodhoster.adapters.stores import alerts, attempt_counts, casework, record, seen_mails, storms
    from goodhoster.adapters.stores.customers import contacts, register
    from goodhoster.adapters.stores.customers.database import CUSTOMERS
    from goodhoster.assembly.alerts import FILE as ALERTS_FILE
    from goodhoster.assembly.customer_services import FILE as CUSTOMERS_FILE

    customers = state_dir / CUSTOMERS_FILE
    return (
        ExpiringFile("storms", state_dir / "record.sqlite", record.RECORD, storms.EXPIRING),
        ExpiringFile("seen_mails", state_dir / "seen.sqlite", seen_mails.SEEN_MAILS, seen_mails.EXPIRING),
        ExpiringFile("alerts", state_dir / ALERTS_FILE, alerts.ALERTS, alerts.EXPIRING),
        ExpiringFile(
            "counters", state_dir / attempt_counts.FILE, attempt_counts.ATTEMPT_COUNTS, attempt_counts.EXPIRING
        ),
        ExpiringFile("casework", state_dir / casework.FILE, casework.CASEWORK, casework.EXPIRING),
        ExpiringFile("contacts", customers, CUSTOMERS, contacts.EXPIRING),
        ExpiringFile("register", customers, CUSTOMERS, register.EXPIRING),
    )
