"""What a call answers, and what an application makes of it."""

from __future__ import annotations

from enum import Enum
from typing import Literal, NamedTuple

VERDICTS = frozenset({"known", "near", "clear", "unchecked", "exempt"})
DECISIONS = frozenset({"refuse", "accept", "unchecked"})


class Answer(NamedTuple):
    """The answer about one content that an application wants to store."""

    verdict: str
    """`known`, `near`, `clear`, `unchecked` or `exempt`."""
    decision: str
    """`refuse`, `accept` or `unchecked`, by the hoster's house rules: in mode observe nothing is refused."""
    reference: str | None = None
    """The case, for `report_outcome` and for a user who asks the hoster why."""
    reason: str = ""
    """A short stable code: why it is unchecked, or why something known is accepted."""
    detail: str = ""
    """The reason in words, for an administrator; not for users."""

    @classmethod
    def unchecked(cls, reason: str, detail: str) -> Answer:
        """The answer where there is none."""
        return cls("unchecked", "unchecked", None, reason, detail)


class Permission(NamedTuple):
    """The answer to whether a customer may do something, such as upload."""

    allowed: bool | None
    """None: it could not be asked, or nobody has decided."""
    reason: str = ""
    mode: str = ""
    """`enforce` or `observe`: in observe the answer is to be recorded, and not to be acted on."""
    detail: str = ""

    @classmethod
    def unchecked(cls, reason: str, detail: str) -> Permission:
        """The answer where there is none."""
        return cls(None, reason, "", detail)


class Health(NamedTuple):
    """Whether the service can check what is asked now."""

    ready: bool | None
    """None: it did not answer."""
    reason: str = ""
    detail: str = ""

    @classmethod
    def unchecked(cls, reason: str, detail: str) -> Health:
        """The answer where there is none."""
        return cls(None, reason, detail)


class OutcomeReport(NamedTuple):
    """Whether what the application did was recorded."""

    recorded: bool
    reason: str = ""
    detail: str = ""

    @classmethod
    def unchecked(cls, reason: str, detail: str) -> OutcomeReport:
        """The answer where nobody confirmed that it was recorded."""
        return cls(False, reason, detail)  # noqa: FBT003 - a field, as its name says


class Decision(Enum):
    """What the application does. True where it stores the content."""

    ACCEPT = "accept"
    REFUSE = "refuse"

    def __bool__(self) -> bool:
        """Whether it is accepted: `if decide(…)` must not be true for a refusal."""
        return self is Decision.ACCEPT


def decide(answer: Answer, *, on_unchecked: Literal["open", "closed"]) -> Decision:
    """Turn an answer into what to do.

    `open` stores what could not be checked, `closed` refuses it. There is no default: which of both is right only the
    application's owner knows. ValueError for another word.
    """
    if on_unchecked not in {"open", "closed"}:
        raise ValueError(f"on_unchecked is 'open' or 'closed', not {on_unchecked!r}")
    if answer.decision == "accept":
        return Decision.ACCEPT
    if answer.decision == "refuse" or on_unchecked == "closed":
        return Decision.REFUSE
    return Decision.ACCEPT
