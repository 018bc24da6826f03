"""Spool of raw notices on disk, durable before receipt is confirmed or anything is read.

One file a notice: a line of JSON (what we know without reading it), then the bytes as they came. Only one process at a
time works on what waits, any number may put in.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from goodhoster.errors import PassingError, PermanentError
from goodhoster.linux.durable_files import delete_old_files, move_durably, write_durably
from goodhoster.model.ids import id_of, new_id
from goodhoster.model.notice_status import Receipt
from goodhoster.model.notices import Carrier, RawNotice
from goodhoster.ports import Clock

_SUFFIX = ".notice"
WAITING = "waiting"
"""The directory within a spool's of what nobody has taken into the record yet."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Place where a mail lay, to recognise one that is fetched again after a crash.

    It may be fetched again because it is marked as taken there only afterwards.
    """

    name: bytes
    """Tells this very mail from every other: server, mailbox and its number in it."""
    at: datetime
    """When it came there; the same each time."""
    days_before: int = 0
    """It may have been brought first, with the same name, so many days before `at`."""


@dataclass(frozen=True, slots=True)
class Arrived:
    """Data on who delivered a notice; proves nothing, but for the token."""

    sender: str = ""
    """Envelope sender of a mail (`<>` for a bounce) or network address."""
    notifier: str = ""
    """The registered notifier whose API token came with it."""
    status_key: str = ""
    """Secret part of the status address that is given to whoever sent a web form."""
    origin: Origin | None = None
    """Set for what may be brought again: it is kept once."""
    own_server: bool = False
    """It came by a way on which nobody but our own mail server delivers."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """Notices not yet taken into the record."""

    receipts: list[Receipt] = field(default_factory=list)
    damaged: list[str] = field(default_factory=list)
    """Files of which nothing can be told."""


class Spool:
    """The raw notices of one machine."""

    def __init__(self, directory: Path, clock: Clock) -> None:
        self._waiting = directory / WAITING
        self._kept = directory / "kept"
        self._clock = clock
        self.damaged: tuple[str, ...] = ()
        """Files among those that wait, when last looked at, of which nothing can be told."""
        for folder in (self._waiting, self._kept):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def keep(self, raw: RawNotice, arrived: Arrived = Arrived()) -> Receipt:
        """Write a raw notice to disk.

        Its bytes, its time and its SHA-256 are durable when this returns. PassingError when the disk refuses:
        nothing was received, the sender must try again.
        """
        now = self._clock().astimezone(UTC)
        digest = hashlib.sha256(raw.content).digest()
        origin = arrived.origin
        names = _names_of(origin) if origin else [new_id(now, "N")]
        if origin and (before := next(filter(None, map(self._earlier_receipt, names)), None)):
            return before
        name = names[0]
        about = (arrived.sender, arrived.notifier, arrived.status_key, arrived.own_server)
        receipt = Receipt(name, now, raw.carrier, digest, *about)
        try:
            write_durably(self._waiting / (receipt.id + _SUFFIX), (_head(receipt), raw.content))
        except FileExistsError:
            return self.keep(raw, arrived)  # somebody else just kept it; or two names drawn alike, once in a lifetime
        except OSError as error:
            raise PassingError(
                f"a notice cannot be kept in {self._waiting}: {error.strerror}",
                hint="make room: until then its sender is asked to send it again",
            ) from error
        return receipt

    def waiting(self) -> Iterator[Receipt]:
        """Notices not yet taken into the record, oldest first.

        One that is damaged keeps no other waiting.
        """
        found = waiting_in(self._waiting)
        self.damaged = tuple(found.damaged)
        yield from sorted(found.receipts, key=lambda receipt: (receipt.received_at, receipt.id))

    def taken(self, notice_id: str) -> None:
        """Remove a notice that is in the record now. May be called twice."""
        with suppress(FileNotFoundError):
            move_durably(self._waiting / (notice_id + _SUFFIX), self._day_folder(notice_id) / (notice_id + _SUFFIX))

    def raw(self, receipt: Receipt) -> RawNotice:
        """The notice exactly as it came. PermanentError when it is gone, or not what was received."""
        _, content = self._open(receipt.id)
        if hashlib.sha256(content).digest() != receipt.sha256:
            raise PermanentError(f"the raw message of notice {receipt.id} is not the one that was received")
        return RawNotice(receipt.carrier, content)

    def _earlier_receipt(self, notice_id: str) -> Receipt | None:
        """Receipt for a notice that was delivered before."""
        for folder in (self._waiting, self._day_folder(notice_id)):
            with suppress(FileNotFoundError):
                return _receipt_in(folder / (notice_id + _SUFFIX))
        return None

    def _day_folder(self, notice_id: str) -> Path:
        """Folder of a day, so that none gets too large."""
        day_folder = self._kept / notice_id.partition("-")[0]
        day_folder.mkdir(mode=0o700, exist_ok=True)
        return day_folder

    def _open(self, notice_id: str) -> tuple[bytes, bytes]:
        for folder in (self._waiting, self._kept / notice_id.partition("-")[0]):
            with suppress(FileNotFoundError):
                head, _, content = (folder / (notice_id + _SUFFIX)).read_bytes().partition(b"\n")
                return head, content
        hint = "it was deleted where [retention] raw_notices says so; else restore it from a backup"
        raise PermanentError(f"the raw message of notice {notice_id} is gone", hint=hint)

    def delete_before(self, moment: datetime, needed: Collection[str], pause: Callable[[], bool]) -> int:
        """Delete older raw notices, except those that are needed; returns how many.

        What waits is never among them. `pause` is called now and then and says whether to stop there.
        """
        return delete_old_files(self._kept, moment, pause, lambda file: Path(file).stem not in needed)


def _names_of(origin: Origin) -> list[str]:
    """Names under which it may have been kept; the first is today's."""
    days = (origin.at.astimezone(UTC) - timedelta(days=day) for day in range(origin.days_before + 1))
    return [id_of(origin.name, day, "N") for day in days]


def waiting_in(directory: Path) -> Waiting:
    """Notices that wait in a directory, in no order; none where there is no such directory.

    It only looks: for `status`, too.
    """
    found = Waiting()
    for file in directory.glob("[!.]*" + _SUFFIX):
        try:
            found.receipts.append(_receipt_in(file))
        except FileNotFoundError:
            continue  # taken meanwhile, by a command
        except (OSError, ValueError, KeyError, TypeError):
            found.damaged.append(str(file))
    return found


def _receipt_in(file: Path) -> Receipt:
    with file.open("rb") as opened:
        return _receipt(opened.readline())


def _head(receipt: Receipt) -> bytes:
    data = {
        "id": receipt.id,
        "received_at": receipt.received_at.isoformat(),
        "carrier": receipt.carrier,
        "sha256": receipt.sha256.hex(),
        "sender": receipt.sender,
        "notifier": receipt.notifier,
        "status_key": receipt.status_key,
        "own_server": receipt.own_server,
    }
    return json.dumps(data).encode() + b"\n"


def _receipt(head: bytes) -> Receipt:
    data = json.loads(head)
    return Receipt(
        data["id"],
        datetime.fromisoformat(data["received_at"]),
        Carrier(data["carrier"]),
        bytes.fromhex(data["sha256"]),
        data["sender"],
        data["notifier"],
        data["status_key"],
        data.get("own_server") is True,  # not in files of before
    )
