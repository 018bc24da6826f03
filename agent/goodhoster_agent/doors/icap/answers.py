"""What a service of the ICAP door says of the message that it was asked about."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from http import HTTPStatus

from goodhoster.errors import UncheckedError
from goodhoster.model.attempts import Attempt
from goodhoster.settings.doors import BY_HOST
from goodhoster.upload_attempts import AttemptAnswer, AttemptDecision, UploadAttempts
from goodhoster_agent.doors.icap.contents import contents_of
from goodhoster_agent.doors.icap.messages import AmbiguousError, BlockPage, HttpMessage
from goodhoster_agent.doors.streams import StreamContent, is_partial

_log = logging.getLogger(__name__)
_WHY = {
    "late": "the check took longer than answer_within",
    "cut-off": "no further piece of the body came within read_within",
}
_NO_SITE = "unknown"
"""The customer of a request for a site that nobody knows."""


class IcapService(Enum):
    """Who asks; the path of the ICAP address tells."""

    UPLOADS = "reqmod"
    """A proxy, about a request with an upload."""
    DOWNLOADS = "respmod"
    """A proxy, about what a site answers."""
    FILES = "avscan"
    """A program, about a file that it has, in either form."""

    @property
    def methods(self) -> tuple[str, ...]:
        """The methods that it answers, beside OPTIONS."""
        return {IcapService.UPLOADS: ("REQMOD",), IcapService.DOWNLOADS: ("RESPMOD",)}.get(self, ("RESPMOD", "REQMOD"))


@dataclass(frozen=True, slots=True)
class IcapAnswer:
    """The answer about one message."""

    decision: AttemptDecision
    reference: str = ""
    """The case of what is refused."""
    reason: str = ""
    """Short stable code of what could not be checked."""

    def page(self) -> BlockPage:
        """What a person sees in place of the message. It says nothing of the content."""
        if self.decision is AttemptDecision.REFUSED:
            return BlockPage(
                HTTPStatus.FORBIDDEN,
                f"This file was refused.\n\nReference: {self.reference}\n"
                "Please give this reference to your hosting provider if you have questions.\n",
            )
        return BlockPage(
            HTTPStatus.SERVICE_UNAVAILABLE,
            f"This file could not be checked and was not accepted ({self.reason}).\n\nPlease try again later.\n",
            ("Retry-After: 60",),
        )

    @property
    def infection_fields(self) -> tuple[str, ...]:
        """The fields by which clients tell that something was found (draft-stecher-icap-subid-00)."""
        if self.decision is not AttemptDecision.REFUSED:
            return ()
        name = f"Policy.Blocked-{self.reference}"
        return (f"X-Infection-Found: Type=0; Resolution=2; Threat={name};", f"X-Virus-ID: {name}")


@dataclass(frozen=True, slots=True)
class MessageChecker:
    """Checks messages. Threads may share it."""

    attempts: UploadAttempts
    customer: str
    """A customer's id, or BY_HOST."""
    customer_of_site: Callable[[str], str]
    """Tells whose a site is; empty where nobody knows."""
    longest: int
    """Bytes of a content, also of what it unpacks to."""

    def check(self, message: HttpMessage, body: StreamContent, peer: str) -> IcapAnswer:
        """Check every content of a message; what is worst decides. Never raises."""
        answer = IcapAnswer(AttemptDecision.CLEAR)
        try:
            customer = self._customer(message)
            cut = _is_cut(message, body)
            for found in contents_of(message, body, self.longest):
                attempt = Attempt(customer, name=found.name, door="icap", peer=peer, proven=False)
                answer = _worse(answer, self.attempts.check(found.content, attempt, partial=cut))
                if answer.decision is AttemptDecision.REFUSED:
                    return answer
        except AmbiguousError as error:
            return self._unchecked("ambiguous", str(error), peer)
        except UncheckedError as error:
            return self._unchecked(error.reason, str(error), peer)
        except OSError as error:
            return self._unchecked("unreadable", error.strerror or str(error), peer)
        except Exception:  # noqa: BLE001 - the client must get an answer, and this one is never "clear"
            _log.exception("a message of %s failed; it is unchecked", peer)
            return self._unchecked("internal-error", "see above", peer)
        return answer

    def not_checked(self, reason: str, peer: str) -> IcapAnswer:
        """Count a message that was not looked into; the answer about it."""
        return self._unchecked(reason, _WHY.get(reason, "it is over a limit of [[icap_door]]"), peer)

    def _unchecked(self, reason: str, words: str, peer: str) -> IcapAnswer:
        _log.warning("a message of %s is unchecked (%s): %s", peer, reason, words)
        self.attempts.counts.add(AttemptDecision.UNCHECKED)
        return IcapAnswer(AttemptDecision.UNCHECKED, reason=reason)

    def _customer(self, message: HttpMessage) -> str:
        if self.customer != BY_HOST:
            return self.customer
        host = message.host
        return (self.customer_of_site(host) if host else "") or _NO_SITE


_ORDER = (AttemptDecision.CLEAR, AttemptDecision.HELD, AttemptDecision.UNCHECKED, AttemptDecision.REFUSED)


def _worse(answer: IcapAnswer, found: AttemptAnswer) -> IcapAnswer:
    if _ORDER.index(found.decision) <= _ORDER.index(answer.decision):
        return answer
    return IcapAnswer(found.decision, found.reference, found.reason)


def _is_cut(message: HttpMessage, body: StreamContent) -> bool:
    """Whether a body is not the whole content.

    Its end does not tell: squid ends a body properly whose client went away. Nor does a length alone: Nextcloud says 1
    of a length that it does not know.
    """
    if body.size < message.stated_length or is_partial(body):
        return True
    return message.is_partial and not (message.says_text and _is_text(body))


_NEVER_IN_TEXT = bytes({*range(32)} - {*b"\t\n\f\r\x1b"})


def _is_text(body: StreamContent) -> bool:
    """Whether no byte tells that it is no text: what the message says of itself proves nothing."""
    return not any(len(piece) != len(piece.translate(None, _NEVER_IN_TEXT)) for piece in body.pieces())
