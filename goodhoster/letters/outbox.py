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
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from goodhoster.errors import GoodhosterError, LetterPutOffError, PassingError, PermanentError
from goodhoster.letters.message_ids import LetterCodes
from goodhoster.linux.durable_files import delete_old_files, move_durably, replace_durably, write_durably
from goodhoster.model.letters import Letter, LetterKind
from goodhoster.model.mail_addresses import why_unmailable
from goodhoster.model.uploads import visible
from goodhoster.ports import Clock, Mailer

_log = logging.getLogger(__name__)
_AWAY = 3
"""Letters in a row that the mail server does not take now: it is the server, not their receivers."""
_FIRST_PAUSE, _LONGEST_PAUSE = 60.0, 900.0
"""Seconds until a letter that was put off is tried again; each time twice as long."""
_UNPROVEN_A_DAY = 5
"""Letters to one address in a day that anybody may have caused in its name."""
_TO_NOTIFIERS = frozenset({LetterKind.RECEIPT, LetterKind.RESULT})
_MOST_NAMED = 5
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


@dataclasses.dataclass(frozen=True, slots=True)
class _PutOff:
    """A letter that waits since something is wrong with it."""

    to: str
    why: str
    quiet: bool
    """A stranger may have caused it: nobody has to be told."""
    tries: int
    due: float
    """By the monotonic clock."""


class Outbox:
    """The letters of one machine."""

    def __init__(
        self, directory: Path, clock: Clock, letters_a_day: int, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._directory = directory
        self._monotonic = monotonic
        self._limited: dict[str, bool] = {}
        """Of the letters that wait, by file name; True where one cannot be read."""
        self._put_off: dict[str, _PutOff] = {}
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

        A letter of that name is put once. One to an address that no mail server can take is refused at once. False
        when it is not sent because its receiver got as many as it may in a day.
        """
        if self.has(letter.id):
            return True
        if letter.limited and not self._count(letter):
            _log.warning("letter %s is not sent: as many as may be went to that address today", letter.id)
            return False
        file = self._file("waiting", letter.id)
        with suppress(FileExistsError):  # somebody else put it just now
            letter = dataclasses.replace(letter, code=self.codes.code(letter.id))
            write_durably(file, (_encoded(letter),))
        if why := why_unmailable(letter.to):
            with suppress(FileNotFoundError):  # somebody else did
                self._refuse(file, letter, why)
        return True

    def deliver(self, mailer: Mailer) -> int:
        """Hand the waiting letters to the mail server; returns how many it accepted.

        What it refuses for good is put aside, logged. A letter that it does not accept now, or that cannot be sent
        for whatever reason, waits for longer each time and holds up no other. PassingError when several in a row
        were not accepted, or the server is away and took no other: then the rest waits.
        """
        taken, in_a_row = 0, 0
        away: PassingError | None = None
        for file in self._in_turn():
            try:
                letter = _letter(file)
                refused = _refusal_of(mailer, letter)
            except LetterPutOffError as error:
                self._wait_longer(file, error)
                in_a_row += 1
            except PassingError as error:
                away, in_a_row = error, in_a_row + 1
            except FileNotFoundError:
                continue  # it was taken away
            except Exception as error:  # noqa: BLE001 - whatever one letter throws is no other's concern
                self._wait_longer(file, error)
            else:
                self._put_off.pop(file.name, None)
                if refused:
                    self._refuse(file, letter, refused)
                    continue
                self._move_to(file, letter, "sent")
                taken, in_a_row = taken + 1, 0
            if in_a_row == _AWAY:
                break
        if away and (in_a_row == _AWAY or not taken):
            raise away
        return taken

    def problems(self) -> list[str]:
        """The letters that cannot be sent now, and why, for `status`.

        None that a stranger may have caused.
        """
        told = [(name, one) for name, one in sorted(self._put_off.items()) if not one.quiet]
        lines = [f"letter {Path(name).stem} to {one.to or 'nobody'} waits: {one.why}" for name, one in told]
        more = [f"and {len(lines) - _MOST_NAMED} more letters like these"] if len(lines) > _MOST_NAMED else []
        return [*lines[:_MOST_NAMED], *more]

    def _in_turn(self) -> Iterator[Path]:
        """The letters to try now: what matters most first, and of that what failed least often."""
        folder, now = self._directory / "waiting", self._monotonic()
        names = [file.name for file in folder.glob("[!.]*.json")]
        known = self._limited
        self._limited = {name: known[name] if name in known else _is_limited(folder / name) for name in names}
        self._put_off = {name: one for name, one in self._put_off.items() if name in self._limited}
        tries = {name: one.tries for name, one in self._put_off.items()}
        for name in sorted(names, key=lambda name: (self._limited[name], tries.get(name, 0), name)):
            if name not in self._put_off or self._put_off[name].due <= now:
                yield folder / name

    def _refuse(self, file: Path, letter: Letter, why: str) -> None:
        _log.error("letter %s to %s was refused: %s", letter.id, visible(letter.to), why)
        self._move_to(file, dataclasses.replace(letter, refused=why), "refused")

    def _wait_longer(self, file: Path, error: Exception) -> None:
        """Put off one letter; it is logged when it is another trouble than before."""
        before = self._put_off.get(file.name)
        is_ours = not isinstance(error, (GoodhosterError, OSError))
        why = f"{type(error).__name__}, see the journal" if is_ours else str(error)
        letter = _letter_if_readable(file)
        to = visible(letter.to) if letter else ""
        if before is None or before.why != why:
            words = "letter %s to %s cannot be sent now, and is tried again: %s"
            _log.error(words, file.stem, to or "nobody", why, exc_info=error if is_ours else None)
        tries = before.tries + 1 if before else 1
        pause = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2.0 ** min(tries - 1, 10))
        quiet = letter is not None and letter.limited and not is_ours
        self._put_off[file.name] = _PutOff(to, why, quiet, tries, self._monotonic() + pause)

    def delete_before(self, moment: datetime, pause: Callable[[], bool]) -> int:
        """Delete older letters that were sent, or refused for strangers; returns how many.

        What waits stays, and so does what was refused for others: a person has to look. With them go the counts of
        past days. `pause` is called now and then and says whether to stop there.
        """
        delete_old_files(self._directory / "counts", self._clock() - _COUNTED_FOR, pause)
        sent = delete_old_files(self._directory / "sent", moment, pause)
        return sent + delete_old_files(self._directory / "refused", moment, pause, _is_strangers)

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
            self._refused |= {name: not _is_strangers(folder / name) for name in new if (folder / name).exists()}
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
        if letter.secret or letter.bounces_to or letter.refused:
            kept = dataclasses.replace(
                letter,
                text="" if letter.secret else letter.text,
                sent_at=self._clock().isoformat(),
                refused=letter.refused if folder == "refused" else "",
            )
            replace_durably(target, (_encoded(kept),))

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

    def _count(self, letter: Letter) -> bool:
        """Count one more for that receiver and cause today; False when its limit is reached.

        A byte a letter. What one cause uses up is left to all others: no stranger keeps letters that matter away.
        """
        cause = "answer" if letter.kind in _TO_NOTIFIERS else f"{letter.kind}"
        cause, most = (f"unproven {cause}", _UNPROVEN_A_DAY) if letter.unproven else (cause, self._letters_a_day)
        most = min(most, self._letters_a_day)
        day = self._directory / "counts" / f"{self._clock():%Y%m%d}"
        day.mkdir(mode=0o700, exist_ok=True)
        counted = f"{cause}\0{letter.to.lower()}".encode("utf-8", "replace")
        name = day / hashlib.sha256(counted).hexdigest()[:32]
        fd = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            if os.fstat(fd).st_size >= most:
                return False
            os.write(fd, b".")
            return True
        finally:
            os.close(fd)


def _encoded(letter: Letter) -> bytes:
    return json.dumps(dataclasses.asdict(letter), ensure_ascii=False).encode("utf-8", "replace")


def _refusal_of(mailer: Mailer, letter: Letter) -> str:
    """Send a letter: why it is refused for good, or empty where the server took it."""
    if why := why_unmailable(letter.to):
        return why
    try:
        mailer.send(letter)
    except PermanentError as error:
        return str(error)
    return ""


def _letter_if_readable(file: Path | str) -> Letter | None:
    with suppress(OSError, ValueError, KeyError, TypeError):
        return _letter(file)
    return None


def _is_limited(file: Path) -> bool:
    """Whether a letter comes after those that matter; so does one that cannot be read."""
    letter = _letter_if_readable(file)
    return letter is None or letter.limited


def _is_strangers(file: Path | str) -> bool:
    """Whether a letter is to a stranger; not one that cannot be read: a person has to look."""
    letter = _letter_if_readable(file)
    return letter is not None and letter.limited


def _letter(file: Path | str) -> Letter:
    data = json.loads(Path(file).read_text(encoding="utf-8"))
    return Letter(**{**data, "kind": LetterKind(data["kind"])})
