"""One Verdict over all sources for a content (G2: what failed is unchecked, never clear).

It is made of what was taken of the content: digests, fingerprints, members.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from goodhoster.checking.licensed import NOT_TAKEN
from goodhoster.errors import (
    NotAskedError,
    NothingToCompareError,
    SourceRefusedError,
    SourceUnavailableError,
    UncheckedError,
)
from goodhoster.exemptions.lookup import Exempt, nothing_exempt
from goodhoster.model.digests import Digests
from goodhoster.model.sources import Question
from goodhoster.model.uploads import Content, Fault
from goodhoster.model.verdicts import NOT_ASKABLE, ContentKind, Match, SourceAnswer, Verdict, VerdictKind
from goodhoster.ports import HashSource, answering

_Failure = SourceUnavailableError | SourceRefusedError | UncheckedError


_ONLY_FOR_NEAR = frozenset({"broken-picture", "no-decoder", NOT_TAKEN})
"""Faults that leave out fingerprints and nothing else; a source that is asked by those says so itself."""

NOT_CONFIRMED = "not-confirmed"
"""Reason of a content with a known member, as told by a process that opened files of others before."""


@dataclass(slots=True)
class _Asked:
    """What the sources said of a content, and of what is inside it."""

    matches: list[Match] = field(default_factory=list)
    failure: _Failure | None = None
    answered: dict[str, SourceAnswer] = field(default_factory=dict)
    silent: set[str] = field(default_factory=set)
    """Names of those that left one of the questions without an answer."""

    def add(self, other: _Asked) -> None:
        """Join what was said of something inside."""
        self.matches += other.matches
        self.failure = self.failure or other.failure
        self.answered |= other.answered
        self.silent |= other.silent

    def whole(self) -> tuple[SourceAnswer, ...]:
        """Those that answered whatever they were asked."""
        return tuple(answer for name, answer in self.answered.items() if name not in self.silent)


def verdict_of(  # noqa: PLR0913 - all but the first two are named
    content: Content,
    sources: Sequence[HashSource],
    *,
    ask_services: bool,
    exempt: Exempt = nothing_exempt,
    live: bool = False,
) -> Verdict:
    """Ask each source once about a content and about each picture and video in it.

    Local sources are asked first. A match of any source is *known*, or *near* when all are by fingerprint, even
    while another source fails (its reason is kept: it still owes its answer). No match and a failure is
    *unchecked*, and so is no match where something inside could not be examined or went over a limit, or where no
    source compared it (a video, where all go by fingerprint; a picture, where all are in shadow or asked about others
    only). Who really answered is in the verdict. Without `ask_services` it is compared with local lists only:
    nothing about it leaves the machine. Without any source nothing was checked. Nothing at all is *clear*.

    A match of a member counts only where the content was `opened_alone`; else it is *unchecked* (`NOT_CONFIRMED`), for
    the process that told of the member may have been captured by a file of somebody else.

    `live`: the sources themselves are asked, not a cache of their answers.

    A match of an exempt content is *exempt*, and stops no match of another content. While the exemptions cannot be
    read, a match is *unchecked*.
    """
    if not sources:
        return Verdict(VerdictKind.UNCHECKED, reason="no-source", detail="no [[hash_source]] is configured")
    if content.size == 0:
        return Verdict(VerdictKind.CLEAR)  # there are lists with the digest of nothing: it would take every empty file
    asked = _ask(_question(content, live=live), sources, ask_services=ask_services)
    try:
        asked.matches = _marked(asked.matches, content.digests, exempt)
        for member in content.members:
            inside = _ask(Question(member, (), live=live), sources, ask_services=True)
            if inside.matches and not content.opened_alone:
                asked.failure = _not_confirmed()
                break
            inside.matches = _marked(inside.matches, member, exempt)
            asked.add(inside)
    except UncheckedError as error:
        return Verdict(VerdictKind.UNCHECKED, reason=error.reason, detail=str(error), answered=asked.whole())
    matches = tuple(dict.fromkeys(asked.matches))
    exemption = _exemption(content.digests, exempt)
    verdict = Verdict(VerdictKind.CLEAR, matches, exemption=exemption, answered=asked.whole())
    failure = asked.failure
    if content.fault:
        failure = _with_fault(failure, content.fault, acting=bool(verdict.acting))
    return _summary(verdict, failure)


def _not_confirmed() -> UncheckedError:
    return UncheckedError("something inside is known, and must be seen once more", reason=NOT_CONFIRMED)


def _with_fault(failure: _Failure | None, fault: Fault, *, acting: bool) -> _Failure | None:
    """The failure, or the fault of a content that could not be opened where nothing else failed.

    The fault also replaces the failure of a source that lacks what it asks by, because it is the cause.
    """
    lacking = isinstance(failure, UncheckedError) and failure.reason == NOT_ASKABLE
    if lacking or not (failure or acting or fault.reason in _ONLY_FOR_NEAR):
        return UncheckedError(fault.detail, reason=fault.reason)
    return failure


def _ask(question: Question, sources: Sequence[HashSource], *, ask_services: bool) -> _Asked:
    asked = _Asked()
    not_asked: NotAskedError | None = None
    idle: NothingToCompareError | None = None
    compared = False
    for source in sorted(sources, key=lambda source: not source.local):
        if not (ask_services or source.local):
            continue
        behind = answering(source, question)  # before it is asked: of two versions, the older is surely compared with
        try:
            asked.matches += source.look_up(question)
            asked.answered |= {answer.source: answer for answer in behind}
            compared = True
        except NotAskedError as error:
            not_asked = error
        except NothingToCompareError as error:
            idle = error
        except (SourceUnavailableError, SourceRefusedError, UncheckedError) as error:
            asked.failure = error
        else:
            continue
        asked.silent |= {source.name, *(answer.source for answer in behind)}
    if not compared:
        asked.failure = asked.failure or not_asked or (idle if ask_services else None)
    return asked


def _marked(matches: list[Match], content: Digests, exempt: Exempt) -> list[Match]:
    """The matches of one content, with the exemption that applies to it."""
    exemption = exempt(content) if matches else None
    return [replace(match, exemption=exemption) for match in matches] if exemption else matches


def _exemption(content: Digests, exempt: Exempt) -> str:
    """The exemption of the content itself in words, whether a source knows it or not."""
    try:
        return str(exempt(content) or "")
    except UncheckedError as error:
        return str(error)  # nobody knows it, but whoever acts for another reason must know that this is not certain


def _question(content: Content, *, live: bool) -> Question:
    """The question about a content to the sources.

    A picture always has a fingerprint, even a flat one: one without was not, or not successfully, opened.
    """
    unopened = content.kind is ContentKind.IMAGE and not content.fingerprints
    whole = content.fault is None or content.fault.reason == NOT_TAKEN
    return Question(content.digests, None if unopened else content.fingerprints, live=live, whole=whole)


def _summary(verdict: Verdict, failure: _Failure | None) -> Verdict:
    found = replace(verdict, kind=_kind(verdict, failed=failure is not None))
    if failure is None:
        return found
    return replace(found, reason=failure.reason, detail=str(failure), retry_after=getattr(failure, "retry_after", None))


def _kind(verdict: Verdict, *, failed: bool) -> VerdictKind:
    if verdict.acting:
        return VerdictKind.NEAR if all(match.near for match in verdict.acting) else VerdictKind.KNOWN
    if verdict.matches:
        return VerdictKind.EXEMPT
    return VerdictKind.UNCHECKED if failed else VerdictKind.CLEAR
