"""What the log speaks of must be in the record: what is not there any more is told, and nothing else."""

from collections.abc import Callable, Collection
from pathlib import Path

import pytest

from goodhoster.audit.log import FileAuditLog
from goodhoster.audit.mentions import missing_records
from goodhoster.model.audit import RECORD_KINDS, AuditEvent, RecordKind


def known(*there: str) -> dict[str, Callable[[Collection[str]], frozenset[str]]]:
    return {kind.name: lambda ids: frozenset(ids) & frozenset(there) for kind in RECORD_KINDS}


@pytest.fixture
def log(tmp_path: Path) -> FileAuditLog:
    return FileAuditLog(tmp_path / "audit.log")


@pytest.mark.parametrize("kind", RECORD_KINDS, ids=lambda kind: kind.name)
def test_each_kind_of_record_is_missed(log: FileAuditLog, kind: RecordKind) -> None:
    for named in ("here", "gone", "gone"):
        for entry in kind.entries:
            log.append(AuditEvent(entry, {kind.name: named, "customer": "~k:1"}))
    (found,) = missing_records(log.lines(), known("here"))
    assert (found.kind, found.id, found.customer) == (kind, "gone", "~k:1")
    assert missing_records(log.lines(), known("here", "gone")) == []


def test_an_accepted_loss_covers_what_was_before_and_its_database_alone(log: FileAuditLog) -> None:
    for named in ("before", "after"):
        log.append(AuditEvent("case.opened", {"case": named}))
        log.append(AuditEvent("notice.received", {"notice": named}))
        if named == "before":
            log.append(AuditEvent("state.loss-accepted", {"file": "record.sqlite"}))
    found = missing_records(log.lines(), known())
    assert [(one.kind.name, one.id) for one in found] == [("notice", "before"), ("case", "after"), ("notice", "after")]


def test_entries_that_only_mention_something_else_are_passed_over(log: FileAuditLog) -> None:
    log.append(AuditEvent("case.opened", {"customer": "anna"}))
    log.append(AuditEvent("list.imported", {"case": "none", "notice": "none"}))
    log.append(AuditEvent("step.announced", {"step": "never recorded, as a crash came"}))
    log.append(AuditEvent("made.up", {"reason": '"kind":"case.opened"', "case": "none"}))
    assert missing_records(log.lines(), known()) == []
