"""Ports of checking: hash sources, and readers of contents."""

from __future__ import annotations

from functools import cache
from typing import Protocol, cast, runtime_checkable

from goodhoster.model.fingerprints import Pixels
from goodhoster.model.sources import Question, SourceHealth
from goodhoster.model.uploads import Content
from goodhoster.model.verdicts import Match, SourceAnswer


class HashSource(Protocol):
    """A source of known digests: the HashCheckService, own lists.

    May be asked from any number of threads at once.
    """

    @property
    def name(self) -> str:
        """The source's name in matches, counts and the audit log."""

    @property
    def local(self) -> bool:
        """Whether no question leaves the machine.

        A local source is asked about every file, others about pictures only.
        """

    def look_up(self, question: Question) -> tuple[Match, ...]:
        """Every match of this content; empty means the source said no.

        Ends within the source's own total deadline. Raises SourceUnavailableError (ask again later) or
        SourceRefusedError (a person must act) and never guesses: an odd answer is unavailable. Raises UncheckedError
        (`not-askable`) when nothing that was taken of the content is what this source can be asked by, and
        NotAskedError when it has no say about this content as it is configured.
        """

    def probe(self) -> None:
        """Ask a harmless trial question.

        Returns when the source answered it properly, raises as `look_up` does.
        """

    def close(self) -> None:
        """Close connections and threads. May be called twice."""


@runtime_checkable
class DescribedSource(Protocol):
    """A hash source that tells what it answers from.

    Optional: any other is named without a version.
    """

    def answering(self, question: Question) -> tuple[SourceAnswer, ...]:
        """What would answer this question now: the source, or each of the lists that it consists of.

        Empty when nothing would. Asks nothing and raises nothing.
        """


def answering(source: HashSource, question: Question) -> tuple[SourceAnswer, ...]:
    """The parts of a source that would answer this question now, with version and share."""
    if _describes(type(source)):
        return cast("DescribedSource", source).answering(question)
    return (SourceAnswer(source.name),)


@cache
def _describes(kind: type) -> bool:
    """Whether sources of that kind tell what they answer from; remembered, as asking is slow."""
    return issubclass(kind, DescribedSource)


class ObservedSource(HashSource, Protocol):
    """A hash source with health figures; `assembly` wraps every source so."""

    def health(self) -> SourceHealth:
        """The figures up to now."""


class Hasher(Protocol):
    """A reader of contents. May be asked from any number of threads at once."""

    def read(self, fd: int) -> Content:
        """The hashes of an open regular file, and of what is inside it where that can be opened.

        The exact digests are always taken. Reads from the start, whatever the descriptor's position, and leaves that
        where it is. Raises UncheckedError when the digests could not be taken (`too-big`, `unreadable`). Never raises
        for what is inside: a content that cannot be opened, breaks or hangs its reader or goes over a limit has its
        digests and a `fault`.

        The digests, the kind and the size are taken by a process that opens nothing. The rest may be told by one that
        opened files of others before, and may be a lie of one of these.
        """

    def read_at_once(self, content: bytes) -> Content | None:
        """The hashes of a small content, taken by the calling thread, which waits for nothing.

        None where there is more to be learned of it, or it is larger than may be read: put it in a file, and `read`.
        """

    def read_alone(self, fd: int, doubted: Content) -> Content:
        """As `read`, by a process that opens nothing else.

        For a content of which something inside matches, and is `doubted` until that process has seen it too. The
        answer is `opened_alone`, unless that process hung or died.
        """

    def problems(self) -> list[str]:
        """Protections that are weaker than they should be on this machine, in words for `status`.

        Empty when all are available.
        """

    def close(self) -> None:
        """End the processes. May be called twice."""


class LicensedFingerprinter(Protocol):
    """A library for PhotoDNA, of a hoster who has a licence: none is shipped.

    See docs/how-to-photodna.md. Made in each process that opens pictures, before that process is confined: what it
    needs of the disk it must take then, for later there are no files, no network and no other programs. It is
    called from one thread only.
    """

    def fingerprint(self, picture: Pixels) -> bytes:
        """The fingerprint, in the form in which the service is asked by it.

        Empty when the picture has none. The same for the same pixels, and at most 4,096 bytes. Whatever it
        raises leaves out its own fingerprint only.
        """
