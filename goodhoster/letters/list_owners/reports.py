"""Reports to the owner of a hash source: it knows a content which is exempt here.

Once for each source and content, however many customers have it, and nothing about any of them. Safe on disk before the
match is a case, so that no crash forgets it; `OwnerLetters` writes the letters.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from goodhoster.errors import PassingError
from goodhoster.linux.durable_files import move_durably, write_durably
from goodhoster.model.digests import Digests
from goodhoster.model.exemptions import Exemption, OwnerReport
from goodhoster.model.verdicts import Match
from goodhoster.ports import Clock

DIRECTORY = "reports"
"""Where they lie below the state directory."""
_SUFFIX = ".json"
_MISTAKE = "mistake"


class ListOwnerReports:
    """The reports of one machine, a file each.

    Processes may share them; a process that only reads makes no directory.
    """

    def __init__(self, directory: Path, clock: Clock) -> None:
        self._waiting = directory / "waiting"
        self._sent = _sent_below(directory)
        self._clock = clock

    def queue_reports(self, matches: Iterable[Match]) -> None:
        """Record the reports that are due for the exempt ones among the matches.

        Durable when this returns. May be called again. PassingError when the disk refuses: then the match must
        not be a case yet.
        """
        for match in matches:
            if match.exemption is not None and self.was_sent(match) is None:
                self._keep(_report(match, match.exemption, f"{self._clock():%Y-%m-%d %H:%M} UTC"))

    def queue_mistake_reports(self, matches: Iterable[Match], content: Digests) -> int:
        """Record that a person found these matches of a content wrong; how many reports are due.

        Durable when this returns. May be called again. PassingError when the disk refuses.
        """
        now = f"{self._clock():%Y-%m-%d %H:%M} UTC"
        wrong = {match.source: match for match in matches if match.exemption is None}
        for match in wrong.values():
            report = _mistake(match, content, now)
            if not (self._sent / (report.id + _SUFFIX)).exists():
                self._keep(report)
        return len(wrong)

    def was_sent(self, match: Match) -> bool | None:
        """Whether the owner was notified of this exempt match; None where no report is due for it."""
        if match.exemption is None:
            return None
        name = _id(match.source, match.exemption) + _SUFFIX
        if (self._sent / name).exists():
            return True
        return False if (self._waiting / name).exists() else None

    def waiting(self) -> Iterator[OwnerReport]:
        """The reports that were not sent yet; mistakes first: they may do harm elsewhere."""
        later: list[OwnerReport] = []
        for file in sorted(self._waiting.glob("[!.]*" + _SUFFIX)):
            with suppress(FileNotFoundError):  # another process sent it just now
                report = OwnerReport(**json.loads(file.read_text(encoding="utf-8")))
                if report.kind == _MISTAKE:
                    yield report
                else:
                    later.append(report)
        yield from later

    def mark_sent(self, report: OwnerReport) -> None:
        """Record that a report's letter is written. May be called twice."""
        name = report.id + _SUFFIX
        self._sent.mkdir(mode=0o700, exist_ok=True)
        with suppress(FileNotFoundError):
            move_durably(self._waiting / name, self._sent / name)

    def _keep(self, report: OwnerReport) -> None:
        text = json.dumps(dataclasses.asdict(report), ensure_ascii=False)
        try:
            self._waiting.mkdir(mode=0o700, parents=True, exist_ok=True)
            with suppress(FileExistsError):  # another process noted it just now
                write_durably(self._waiting / (report.id + _SUFFIX), (text.encode(),))
        except OSError as error:
            hint = "make room: until then the match waits"
            raise PassingError(f"a report cannot be kept in {self._waiting}: {error.strerror}", hint=hint) from error


def _id(source: str, exemption: Exemption) -> str:
    """The name of a report's file, whatever the source's name is."""
    return hashlib.sha256(source.encode() + b"\0" + exemption.content.strongest.value).hexdigest()[:32]


def _report(match: Match, exemption: Exemption, seen_at: str) -> OwnerReport:
    content = exemption.content
    return OwnerReport(
        id=_id(match.source, exemption),
        source=match.source,
        algorithm=match.algorithm,
        category=match.category,
        set_name=exemption.set_name,
        exemption=str(exemption),
        md5=content.md5.hex(),
        sha1=content.sha1.hex(),
        sha256=content.sha256.hex(),
        seen_at=seen_at,
    )


def _mistake(match: Match, content: Digests, seen_at: str) -> OwnerReport:
    name = hashlib.sha256(f"{_MISTAKE} {match.source}".encode() + b"\0" + content.sha256).hexdigest()[:32]
    return OwnerReport(
        id=name,
        source=match.source,
        algorithm=match.algorithm,
        category=match.category,
        set_name="",
        exemption="",
        md5=content.md5.hex(),
        sha1=content.sha1.hex(),
        sha256=content.sha256.hex(),
        seen_at=seen_at,
        kind=_MISTAKE,
    )


def _sent_below(directory: Path) -> Path:
    """The directory of what was sent, which had another name before 0.1.

    What lies there is never forgotten: an owner of a list would get each report again.
    """
    former, now = directory / "told", directory / "sent"
    try:
        former.rename(now)
    except FileNotFoundError:
        return now
    except OSError:
        if not now.exists():  # this process may only read
            return former
        for report in former.iterdir():
            report.replace(now / report.name)
    return now
