"""A hash source that is being introduced: in shadow, or asked about a share of contents.

It is not trusted with everything yet.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from dataclasses import replace

from goodhoster.adapters.hash_sources.reasons import Reason
from goodhoster.adapters.hash_sources.wrapper import ObservedSourceWrapper
from goodhoster.errors import NotAskedError, SourceRefusedError, SourceUnavailableError, UncheckedError
from goodhoster.model.audit import AuditEvent
from goodhoster.model.digests import Algorithm, Digests
from goodhoster.model.sources import Question, SourceHealth
from goodhoster.model.verdicts import Match, SourceAnswer
from goodhoster.ports import AuditLog, ObservedSource

log = logging.getLogger(__name__)

Record = Callable[[Question, Match], None]
"""Keeps a match that nothing is done about."""


class Shadowed(ObservedSourceWrapper):
    """HashSource in shadow: asks and records, and never reports a match.

    Its failures are in its figures and leave nothing unchecked.
    """

    def __init__(self, source: ObservedSource, record: Record) -> None:
        super().__init__(source)
        self._record = record

    def look_up(self, question: Question) -> tuple[Match, ...]:
        """NotAskedError, whatever it knows; AuditError when a match cannot be recorded."""
        try:
            for match in self._source.look_up(question):
                self._record(question, match)
        except (SourceUnavailableError, SourceRefusedError, UncheckedError) as error:
            log.info("%s, in shadow, gave no answer: %s", self.name, error)
        raise NotAskedError(f"{self.name} is in shadow: nothing that it says counts", reason=Reason.NOT_ASKED)

    def answering(self, _question: Question) -> tuple[SourceAnswer, ...]:
        """Nothing: it has no say."""
        return ()

    def health(self) -> SourceHealth:
        """The source's figures, marked as those of a source in shadow."""
        return replace(self._source.health(), shadow=True)


class RolledOut(ObservedSourceWrapper):
    """HashSource that is asked about a share of contents; about the others it has no say."""

    def __init__(self, source: ObservedSource, percent: int) -> None:
        super().__init__(source)
        self._percent = percent

    def look_up(self, question: Question) -> tuple[Match, ...]:
        """As the source; NotAskedError about a content outside its share."""
        if not self._is_in(question.digests):
            words = f"{self.name} is asked about {self._percent} % of all contents, and not about this one"
            raise NotAskedError(words, reason=Reason.NOT_ASKED)
        return self._source.look_up(question)

    def answering(self, question: Question) -> tuple[SourceAnswer, ...]:
        """As the source, at its share; nothing about a content outside of it."""
        asked = super().answering(question) if self._is_in(question.digests) else ()
        return tuple(replace(each, share=self._percent) for each in asked)

    def _is_in(self, digests: Digests) -> bool:
        """Return whether a content is in the source's share.

        The same content is in or out everywhere; another source has another share.
        """
        content = digests.sha256 or digests.sha1 or digests.md5
        drawn = hashlib.sha256(self.name.encode() + b"\0" + content).digest()
        return int.from_bytes(drawn[:8]) % 100 < self._percent


def shadow_recorder(audit: AuditLog) -> Record:
    """A recorder that writes matches in shadow to the audit log and nowhere else."""

    def record(question: Question, match: Match) -> None:
        taken = (algorithm for algorithm in reversed(Algorithm) if question.digests.has(algorithm))
        data: dict[str, str | int | bool | list[str] | None] = {
            "source": match.source,
            "algorithm": match.algorithm,
            "category": match.category,
            "distance": match.distance,
            **{algorithm.value: question.digests.of(algorithm).hex for algorithm in taken},
        }
        audit.append(AuditEvent("match.shadow", data))

    return record
