"""A hash source in memory, for tests."""

from __future__ import annotations

from collections.abc import Mapping

from goodhoster.errors import GoodhosterError
from goodhoster.model.digests import Algorithm, Digest
from goodhoster.model.sources import Question
from goodhoster.model.verdicts import Category, Match


class MemorySource:
    """Knows what it is given; `trouble` is raised instead of an answer for as long as it is set."""

    def __init__(self, known: Mapping[Digest, Category], *, name: str = "memory", local: bool = True) -> None:
        self.name = name
        self.local = local
        self.known = dict(known)
        self.trouble: GoodhosterError | None = None
        self.asked: list[Question] = []

    def look_up(self, question: Question) -> tuple[Match, ...]:
        """By every algorithm that was taken."""
        self.asked.append(question)
        self.probe()
        digests = question.digests
        taken = (digests.of(algorithm) for algorithm in Algorithm if digests.has(algorithm))
        return tuple(Match(self.name, digest.algorithm, self.known[digest]) for digest in taken if digest in self.known)

    def probe(self) -> None:
        """Raises the trouble that is set."""
        if self.trouble is not None:
            raise self.trouble

    def close(self) -> None:
        """Nothing to give back."""
