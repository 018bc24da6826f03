"""A relay: one digest, asked of our own lists first and then of the services upstream."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from goodhoster.errors import NotAskedError, SourceRefusedError, SourceUnavailableError, UncheckedError
from goodhoster.model.digests import Digest, Digests
from goodhoster.model.sources import Question
from goodhoster.model.verdicts import NOT_ASKABLE
from goodhoster.ports import HashSource


class Relay:
    """A relay of requests to hash sources.

    Local sources are asked in the event loop (microseconds), others in threads.
    """

    def __init__(self, sources: Sequence[HashSource], *, threads: int = 64) -> None:
        self._local = [source for source in sources if source.local]
        self._upstream = [source for source in sources if not source.local]
        self._threads = ThreadPoolExecutor(threads, "upstream") if self._upstream else None

    async def knows(self, digest: Digest) -> bool:
        """Whether any source knows it; False when every source that had to be asked did not.

        Raises the failure of a source when no other said yes, and UncheckedError when there is nothing to ask
        by this algorithm: every service upstream must be askable, and one source at least.
        """
        question = Question(Digests.only(digest))
        answers = [_Answer(source, question) for source in self._local]
        if any(answer.yes for answer in answers):
            return True
        answers += [await self._in_thread(source, question) for source in self._upstream]
        return _summary(answers)

    async def _in_thread(self, source: HashSource, question: Question) -> _Answer:
        return await asyncio.get_running_loop().run_in_executor(self._threads, _Answer, source, question)

    def close(self) -> None:
        """End the threads; their requests end by the sources' own deadlines."""
        if self._threads:
            self._threads.shutdown(wait=False, cancel_futures=True)


class _Answer:
    """The answer of one source, or the reason for none."""

    def __init__(self, source: HashSource, question: Question) -> None:
        self.local = source.local
        self.yes = False
        self.failure: SourceUnavailableError | SourceRefusedError | UncheckedError | None = None
        try:
            self.yes = bool(source.look_up(question))
        except (SourceUnavailableError, SourceRefusedError, UncheckedError) as error:
            self.failure = error

    @property
    def is_ignored(self) -> bool:
        """Whether this answer does not count.

        A list of other digests does not count, nor a source in shadow or with another share; a service that should
        have been asked and was not, does.
        """
        return isinstance(self.failure, NotAskedError) or (self.local and isinstance(self.failure, UncheckedError))


def _summary(answers: Sequence[_Answer]) -> bool:
    if any(answer.yes for answer in answers):
        return True
    said = [answer for answer in answers if not answer.is_ignored]
    for answer in said:
        if answer.failure:
            raise answer.failure
    if not said:
        raise UncheckedError("there is nothing here to compare such a digest with", reason=NOT_ASKABLE)
    return False
