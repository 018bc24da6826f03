"""A hash source in memory, for tests."""

from __future__ import annotations

from collections.abc import Mapping

from goodhoster.errors import GoodhosterError
from goodhoster.model.digests import Algorithm, Digest
from goodhoster.model.sources import Question
from goodhoster.model.verdicts import Category, Match


class MemorySource:
    """Knows a fixed set of entries; while `trouble` is set it is raised instead."""

    def __init__(self, known: Mapping[Digest, Category], *, name: str = "memory", local: bool = True) -> None:
        self.name = name
        self.local = local
        self.known = dict(known)
        self.trouble: GoodhosterError | None = None
        self.asked: list[Question] = []

    def look_up(self, question: Question) -> tuple[Match, ...]:
        """Look up by every algorithm that was taken."""
        self.asked.append(question)
        self.probe()
        digests = question.digests
        taken = (digests.of(algorithm) for algorithm in Algorithm if digests.has(algorithm))
        return tuple(Match(self.name, digest.algorithm, self.known[digest]) for digest in taken if digest in self.known)

    def probe(self) -> None:
        """Raise `trouble` if it is set."""
        if self.trouble is not None:
            raise self.trouble

    def close(self) -> None:
        """There is nothing to release."""
