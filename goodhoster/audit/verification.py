"""Verification of the whole audit log: every entry unchanged, and none missing.

It is read from its first line to its last.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from goodhoster.audit.entries import FIRST, check_line, fingerprint, is_set_back
from goodhoster.audit.tail import Tail
from goodhoster.audit.verify import MerkleTree
from goodhoster.errors import AuditError
from goodhoster.model.audit import AuditFinding, AuditMark

_MOST_SET_BACK = 1000
"""Entries that a finding names."""


class Verification:
    """Takes the lines one by one; stops at the first that is not as it must be."""

    def __init__(self, remembered: Tail, marks: Sequence[AuditMark] = ()) -> None:
        self.entries = 0
        self.size = 0
        """Bytes of them."""
        self._remembered = remembered
        self._marks = marks
        self._marked = {mark.entries for mark in marks}
        self._roots: dict[int, bytes] = {}
        self._tree = MerkleTree()
        self._previous = FIRST.hex()
        self._latest = ""
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
        if read.previous != self._previous:
            return self._bad("not bound to the entry before it")
        found = fingerprint(line)
        if self.entries + 1 == self._remembered.entries and found != self._remembered.fingerprint:
            return self._bad("not the entry that was written here")
        if read.at < self._latest and _is_set_back(self._latest, read.at) and len(self._set_back) < _MOST_SET_BACK:
            self._set_back.append(read.n)
        self._tree.add(line)
        self.entries += 1
        self.size += len(line) + 1
        self._previous, self._latest = found.hex(), read.at
        return True

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
