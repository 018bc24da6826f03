"""Letters on disk until the mail server took them: one file a letter, each sent once.

A crash or a lost connection between the mail server's yes and our note of it sends a letter again, with the same
Message-ID: at least once, never none.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import logging
import os
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from goodhoster.errors import PassingError, PermanentError
from goodhoster.letters.message_ids import LetterCodes
from goodhoster.linux.durable_files import delete_old_files, move_durably, replace_durably, write_durably
from goodhoster.model.letters import Letter, LetterKind
from goodhoster.ports import Clock, Mailer

_log = logging.getLogger(__name__)
_AWAY = 3
"""Letters in a row that the mail server does not take now: it is the server, not their receivers."""
_COUNTED_FOR = timedelta(days=3)
"""A day counts for itself alone; the rest is for clocks that are set."""
_TICK = 1_000_000_000
"""Nanoseconds; no file system here is coarser."""
_FOLDERS = ("waiting", "sent", "refused", "counts")


@dataclasses.dataclass(frozen=True, slots=True)
class Backlog:
    """Letters that wait."""

    letters: int
    since: datetime
    """When the first of them, by its name, was put."""


class Outbox:
    """The letters of one machine."""

    def __init__(self, directory: Path, clock: Clock, letters_a_day: int) -> None:
        self._directory = directory
        self._clock = clock
        self._letters_a_day = letters_a_day
        for folder in _FOLDERS:
            (directory / folder).mkdir(mode=0o700, parents=True, exist_ok=True)
        self.codes = LetterCodes(directory)
        self._refused: dict[str, bool] = {}
        """The letters among those refused, and whether somebody has to look."""
        self._refused_at: int | None = None
        """When their directory had last changed when it was read; None where it must be read again."""

    def put(self, letter: Letter) -> bool:
        """Queue a letter for sending; durable when this returns.

        A letter of that name is put once. False when it is not sent because its receiver got as many as it may
        in a day.
        """
        if self.has(letter.id):
            return True
        if letter.limited and not self._count(letter.to):
            _log.warning("letter %s is not sent: %d went to that address today", letter.id, self._letters_a_day)
            return False
        with suppress(FileExistsError):  # somebody else put it just now
            letter = dataclasses.replace(letter, code=self.codes.code(letter.id))
            write_durably(self._file("waiting", letter.id), (_encoded(letter),))
        return True

    def deliver(self, mailer: Mailer) -> int:
        """Hand the waiting letters to the mail server; returns how many it accepted.

        What it refuses for good is put aside, logged. A letter that it does not accept now waits and holds up
        no other. PassingError when several in a row were not accepted, or some and no other was: the server is
        away, and the rest waits.
        """
        taken, put_off = 0, 0
        away: PassingError | None = None
        for file in sorted((self._directory / "waiting").glob("[!.]*.json")):
            letter = _letter(file)
            try:
                mailer.send(letter)
            except PassingError as error:
                away, put_off = error, put_off + 1
                if put_off == _AWAY:
                    break
            except PermanentError as error:
                _log.error("letter %s to %s was refused: %s", letter.id, letter.to, error)
                self._move_to(file, letter, "refused")
            else:
                self._move_to(file, letter, "sent")
                taken, put_off = taken + 1, 0
        if away and (put_off == _AWAY or not taken):
            raise away
        return taken

    def delete_before(self, moment: datetime, pause: Callable[[], bool]) -> int:
        """Delete older letters that were sent, or refused for strangers; returns how many.

        What waits stays, and so does what was refused for others: a person has to look. With them go the counts of
        past days. `pause` is called now and then and says whether to stop there.
        """
        delete_old_files(self._directory / "counts", self._clock() - _COUNTED_FOR, pause)
        sent = delete_old_files(self._directory / "sent", moment, pause)
        return sent + delete_old_files(self._directory / "refused", moment, pause, lambda file: _letter(file).limited)

    def backlog(self) -> Backlog | None:
        """How many letters wait and since when; None where none does. Reads no letter."""
        with os.scandir(self._directory / "waiting") as entries:
            names = [entry.name for entry in entries if entry.name.endswith(".json") and not entry.name.startswith(".")]
        if not names:
            return None
        with suppress(FileNotFoundError):  # sent just now
            oldest = (self._directory / "waiting" / min(names)).stat().st_mtime
            return Backlog(len(names), datetime.fromtimestamp(oldest, UTC))
        return None

    def waiting(self) -> int:
        """The number of letters that wait."""
        return sum(1 for _ in (self._directory / "waiting").glob("[!.]*.json"))

    def refused(self) -> int:
        """The number of letters that the mail server refused for good, without those to strangers.

        A stranger who makes up an address must not raise an alarm. Moved back to `waiting`, they are tried
        again. Asked every second: each letter is read once, and names only where the directory changed.
        """
        folder = self._directory / "refused"
        changed_at = folder.stat().st_mtime_ns
        if changed_at != self._refused_at:
            names = {name for name in os.listdir(folder) if name.endswith(".json")}
            new = names - self._refused.keys()
            self._refused = {name: self._refused[name] for name in names - new}
            self._refused |= {name: not letter.limited for name in new if (letter := _letter_if_there(folder / name))}
            # What changes within the same tick of the clock of the disk does not show in its time.
            settled = changed_at < time.time_ns() - _TICK
            self._refused_at = changed_at if settled else None
        return sum(self._refused.values())

    def delivered(self, letter_id: str) -> bool | None:
        """Whether the mail server took that letter; None while it waits, False where it refused."""
        if self._file("sent", letter_id).exists():
            return True
        return False if self._file("refused", letter_id).exists() else None

    def delivered_at(self, letter_id: str) -> datetime | None:
        """When the mail server took a letter to a contact; None where it did not, or not yet."""
        file = self._file("sent", letter_id)
        sent_at = _letter(file).sent_at if file.exists() else ""
        return datetime.fromisoformat(sent_at) if sent_at else None

    def was_refused(self, letter_id: str) -> bool:
        """Whether the mail server refused that letter for good."""
        return self._file("refused", letter_id).exists()

    def _move_to(self, file: Path, letter: Letter, folder: str) -> None:
        """Move a letter out of what waits.

        Of one to a contact it is kept when that was, and not a text that is a secret.
        """
        target = self._file(folder, letter.id)
        move_durably(file, target)
        if letter.secret or letter.bounces_to:
            text = "" if letter.secret else letter.text
            replace_durably(
                target, (_encoded(dataclasses.replace(letter, text=text, sent_at=self._clock().isoformat())),)
            )

    def has(self, letter_id: str) -> bool:
        """Whether a letter of that name was put, whatever became of it."""
        return any(self._file(folder, letter_id).exists() for folder in ("waiting", "sent", "refused"))

    def _file(self, folder: str, letter_id: str) -> Path:
        """The path of a letter; sent letters have a folder a day, so that none gets too large."""
        day_folder = self._directory / folder
        if folder == "sent":
            day_folder /= letter_id.partition("-")[0]
            day_folder.mkdir(mode=0o700, exist_ok=True)
        return day_folder / f"{letter_id}.json"

    def _count(self, receiver: str) -> bool:
        """Count one more for that receiver today; False when its limit is reached. A byte a letter."""
        day = self._directory / "counts" / f"{self._clock():%Y%m%d}"
        day.mkdir(mode=0o700, exist_ok=True)
        name = day / hashlib.sha256(receiver.lower().encode()).hexdigest()[:32]
        fd = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            if os.fstat(fd).st_size >= self._letters_a_day:
                return False
            os.write(fd, b".")
            return True
        finally:
            os.close(fd)


def _encoded(letter: Letter) -> bytes:
    return json.dumps(dataclasses.asdict(letter), ensure_ascii=False).encode()


def _letter_if_there(file: Path) -> Letter | None:
    with suppress(FileNotFoundError):
        return _letter(file)
    return None


def _letter(file: Path | str) -> Letter:
    data = json.loads(Path(file).read_text(encoding="utf-8"))
    return Letter(**{**data, "kind": LetterKind(data["kind"])})
