"""Verification of the audit log: every entry unchanged, and none missing.

It is read from its first line to its last, or from where an earlier verification ended.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from goodhoster.audit.entries import check_line, is_set_back
from goodhoster.audit.tail import Tail
from goodhoster.audit.verify import MerkleTree
from goodhoster.errors import AuditError
from goodhoster.model.audit import AuditFinding, AuditMark

_MOST_SET_BACK = 1000
"""Entries that a finding names."""


@dataclass(frozen=True, slots=True)
class VerifiedPart:
    """The first entries of a log, which were verified: what is needed to go on behind them."""

    end: Tail = field(default_factory=Tail)
    latest: str = ""
    """When the last of them was made."""
    peaks: tuple[bytes, ...] = ()
    """Of their Merkle tree."""


def encode_part(part: VerifiedPart) -> dict[str, object]:
    """The part as it is kept in a JSON file."""
    end, peaks = part.end, [peak.hex() for peak in part.peaks]
    return {
        "entries": end.entries,
        "size": end.size,
        "last": end.last,
        "fingerprint": end.fingerprint.hex(),
        "latest": part.latest,
        "peaks": peaks,
    }


def decode_part(kept: Mapping[str, Any]) -> VerifiedPart:
    """The part as it was kept. ValueError, KeyError or TypeError when it is none."""
    end = Tail(int(kept["entries"]), int(kept["size"]), int(kept["last"]), bytes.fromhex(kept["fingerprint"]))
    peaks = tuple(map(bytes.fromhex, kept["peaks"]))
    MerkleTree.resume(end.entries, peaks)
    if not (0 <= end.last < end.size or end == Tail()):
        raise ValueError(f"{end.size} bytes cannot end with a line of {end.last}")
    return VerifiedPart(end, str(kept["latest"]), peaks)


class Verification:
    """Takes the lines one by one; stops at the first that is not valid."""

    def __init__(self, remembered: Tail, marks: Sequence[AuditMark] = (), begin: VerifiedPart = VerifiedPart()) -> None:
        """Start behind `begin`; marks inside it cannot be compared any more."""
        self.entries = begin.end.entries
        self.size = begin.end.size
        """Bytes of them."""
        self._remembered = remembered
        self._marks = [mark for mark in marks if mark.entries >= self.entries]
        self._marked = {mark.entries for mark in self._marks}
        self._roots: dict[int, bytes] = {}
        self._tree = MerkleTree.resume(self.entries, begin.peaks)
        self._end = begin.end
        self._latest = begin.latest
        self._set_back: list[int] = []
        self._problem = ""
        self._first_bad: int | None = None

    def take(self, line: bytes) -> bool:
        """Take one more line; False when it is bad."""
        if self.entries in self._marked:
            self._roots[self.entries] = self._tree.root()
        try:
            read = check_line(line)
        except AuditError as error:
            return self._bad(str(error))
        if read.n != self.entries:
            return self._bad(f"numbered {read.n} where {self.entries} belongs")
        if read.previous != self._end.fingerprint.hex():
            return self._bad("not bound to the entry before it")
        end = self._end.after(line)
        if end.entries == self._remembered.entries and end.fingerprint != self._remembered.fingerprint:
            return self._bad("not the entry that was written here")
        if read.at < self._latest and _is_set_back(self._latest, read.at) and len(self._set_back) < _MOST_SET_BACK:
            self._set_back.append(read.n)
        self._tree.add(line)
        self.entries, self.size = end.entries, end.size
        self._end, self._latest = end, read.at
        return True

    def refuse_beginning(self) -> None:
        """Finish: what was verified before is not there any more as it was."""
        self._bad(f"rewritten: its first {self.entries:,} entries are not those that were verified before")

    def finish(self, at_least: int, otherwise: str) -> None:
        """Finish: no line follows.

        `otherwise` is what else is wrong, reported when nothing more serious is.
        """
        self._roots[self.entries] = self._tree.root()
        gone = self._remembered.entries - self.entries
        if gone > 0:
            self._bad(f"{gone:,} entries that were written after it are gone")
        elif problem := next(filter(None, map(self._differs, self._marks)), ""):
            self._bad(problem)
        elif self.entries < at_least:
            self._bad(f"{self.entries:,} entries are there, and the record knows of at least {at_least:,}")
        elif otherwise:
            self._bad(otherwise)

    def finding(self) -> AuditFinding:
        """The result of the verification."""
        return AuditFinding(
            self.entries,
            self.size,
            self._tree.root().hex(),
            self._first_bad,
            self._problem,
            tuple(self._set_back),
        )

    def part(self) -> VerifiedPart:
        """What is verified by now."""
        return VerifiedPart(self._end, self._latest, self._tree.peaks())

    def _differs(self, mark: AuditMark) -> str:
        if mark.entries > self.entries:
            there = f"{self.entries:,} are there"
            return f"rolled back: by {mark.where} there were {mark.entries:,} entries, {there}"
        if self._roots[mark.entries] != mark.root:
            return f"rewritten: its first {mark.entries:,} entries are not those of {mark.where}"
        return ""

    def _bad(self, problem: str) -> bool:
        self._problem, self._first_bad = problem, self.entries
        return False


def _is_set_back(before: str, now: str) -> bool:
    return is_set_back(datetime.fromisoformat(before), datetime.fromisoformat(now))
