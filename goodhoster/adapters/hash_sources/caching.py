"""A hash source with a cache, so that the same content is not asked about twice.

Failures are never cached, and while a source refuses our account no cached answer of it counts. A positive answer from
the cache is marked: nobody may act on it before the source was asked again (docs/decisions/031).
"""

from __future__ import annotations

import dataclasses
import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from threading import Lock
from typing import Any

from goodhoster.adapters.hash_sources.answer_cache import AnswerCache, CachedAnswer
from goodhoster.adapters.hash_sources.wrapper import ObservedSourceWrapper
from goodhoster.errors import SourceRefusedError
from goodhoster.model.sources import Question, SourceHealth
from goodhoster.model.verdicts import Match
from goodhoster.ports import ObservedSource


@dataclass(frozen=True, slots=True)
class CacheLifetimes:
    """How long the answers of a source stay valid, in seconds; 0: not at all."""

    yes: float
    """Short: an entry that the source withdraws must soon be none here either."""
    no: float
    """Lists grow: what is not known now may be by then."""
    clock: Callable[[], float] = time.time
    """Seconds since the epoch; tests bring their own."""

    def counts(self, answer: CachedAnswer, now: float) -> bool:
        """Return whether an answer is still valid.

        One from the future is not: the clock was set back.
        """
        return 0 <= now - answer.asked < (self.yes if answer.matches else self.no)


@dataclass(slots=True)
class _Asking:
    """A question in progress, shared by threads that ask the same one meanwhile."""

    under_way: Lock = field(default_factory=Lock)
    """Held until the answer is there."""
    matches: tuple[Match, ...] | None = None
    """None when it failed."""


class CachingSource(ObservedSourceWrapper):
    """HashSource that answers from the cache first.

    One thread at a time asks about one content.
    """

    def __init__(
        self, source: ObservedSource, book: AnswerCache, keeping: CacheLifetimes, identity: bytes = b""
    ) -> None:
        """Wrap a source with a cache.

        `identity`: everything that may change an answer, such as address and account. Sources with the same
        name and identity share answers.
        """
        super().__init__(source)
        self._book = book
        self._keeping = keeping
        self._whose = hashlib.sha256(len(identity).to_bytes(4) + identity + source.name.encode()).digest()
        self._lock = Lock()
        self._under_way: dict[bytes, _Asking] = {}
        self._remembered = 0
        self._refused = False

    def look_up(self, question: Question) -> tuple[Match, ...]:
        """A cached answer, or the source's; always the source's to a live question.

        A thread that comes while another one asks the same waits for that answer, once: when there is none, it
        asks itself. So this ends within twice the source's own deadline.
        """
        key = answer_key(self._whose, question)
        if question.live:
            return self._ask(key, question)
        mine = _Asking()
        with mine.under_way:
            asking = self._under_way.setdefault(key, mine)
            if asking is mine:
                return self._cached_or_asked(mine, key, question)
        return self._wait_for(asking, key, question)

    def close(self) -> None:
        """Close the source and the cache, which all sources of a process share."""
        super().close()
        self._book.close()

    def health(self) -> SourceHealth:
        """The source's figures, with the questions answered from the cache."""
        return replace(self._source.health(), remembered=self._remembered)

    def _cached_or_asked(self, mine: _Asking, key: bytes, question: Question) -> tuple[Match, ...]:
        try:
            remembered = self._recall(key)
            mine.matches = self._ask(key, question) if remembered is None else remembered
            return mine.matches
        finally:
            del self._under_way[key]

    def _wait_for(self, asking: _Asking, key: bytes, question: Question) -> tuple[Match, ...]:
        with asking.under_way:
            pass  # it has ended
        if asking.matches is None:
            return self._ask(key, question)
        self._count()
        return asking.matches

    def _recall(self, key: bytes) -> tuple[Match, ...] | None:
        answer = None if self._refused else self._book.get(key)
        if answer is None or not self._keeping.counts(answer, self._keeping.clock()):
            return None
        self._count()
        return tuple(replace(match, remembered=True) for match in answer.matches)

    def _ask(self, key: bytes, question: Question) -> tuple[Match, ...]:
        """Ask the source and cache its answer.

        Also one that will not be valid: it replaces the cached one.
        """
        asked = self._keeping.clock()
        try:
            matches = self._source.look_up(question)
        except SourceRefusedError:
            self._refused = True
            raise
        self._refused = False
        self._book.put(key, CachedAnswer(asked, matches))
        return matches

    def _count(self) -> None:
        with self._lock:
            self._remembered += 1


def answer_key(whose: bytes, question: Question) -> bytes:
    """The key of an answer: no two questions to one source, and no two sources, share one.

    Every combination of digests that were taken has a length of its own (16, 20, 32, 36, …): none equals another.
    """
    digests, fingerprints = question.digests, question.fingerprints
    seen = b"" if fingerprints is None else f"+{' '.join(map(str, fingerprints))}".encode("ascii")
    seen += b"" if question.whole else b"-"
    taken = digests.md5 + digests.sha1 + digests.sha256
    return hashlib.sha256(whose + bytes([len(taken)]) + taken + seen).digest()


def identity_of(kind: Any) -> bytes:  # noqa: ANN401 - a settings class of any kind, anybody's too
    """A digest of a source's settings: other settings, other answers.

    Secrets are in files of their own (`read_secret`), and only the file's name is among the settings.
    """
    values = [(f.name, getattr(kind, f.name)) for f in dataclasses.fields(kind)]
    return hashlib.sha256(f"{type(kind).__module__}.{type(kind).__qualname__} {values!r}".encode()).digest()
