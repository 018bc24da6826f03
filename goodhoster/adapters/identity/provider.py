"""Common parts of all identity providers.

Settings, mapping of its statuses, and a pull that never raises.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import quote

from goodhoster.adapters.identity.contradictions import gives_reasons
from goodhoster.adapters.identity.requests import IdentityRequest, IdentityResponse, read_object, send
from goodhoster.errors import GoodhosterError, UnreadableError
from goodhoster.model.customers.vetting import CheckOutcome, IdentityEvent
from goodhoster.ports import Clock


@dataclass(frozen=True, slots=True)
class ProviderAccount:
    """An account at a provider."""

    name: str
    url: str
    webhook_secret: str = field(repr=False)
    token: str = field(default="", repr=False)
    app_id: str = ""
    within: float = 15.0
    ca_file: Path | None = None


@dataclass(frozen=True, slots=True)
class SessionReport:
    """What a message or an answer says of a session, before it has a provider and a moment."""

    reference: str
    outcome: CheckOutcome
    at: datetime | None = None
    event_id: str = ""
    document_type: str = ""
    reason: str = ""

    def unchecked_if(self, doubts: Mapping[str, bool]) -> SessionReport:
        """The report; *unchecked* where one of the doubts holds, which is then the reason."""
        doubt = next((why for why, holds in doubts.items() if holds), "")
        return replace(self, outcome=CheckOutcome.UNCHECKED, reason=doubt) if doubt else self


TEST_MODE = "test-mode"
NO_MOMENT = "no-moment"
IN_FUTURE = "in-the-future"
CLOCK_SKEW = timedelta(minutes=5)
"""So far a provider's clock may be ahead of ours; what happened later than that did not happen yet."""
CONTRADICTORY = "contradictory"


class MappedProvider(ABC):
    """See `ports.vetting.IdentityProvider`.

    A kind of provider says how it signs, where it is asked, and its statuses.
    """

    metadata_keys: frozenset[str] = frozenset()
    """Keys below which stands what the hoster itself gave the provider to keep."""

    def __init__(self, account: ProviderAccount, clock: Clock) -> None:
        self.account = account
        self.name = account.name
        self.clock = clock

    @abstractmethod
    def verify(self, headers: Mapping[str, str], body: bytes) -> None:
        """Raise RefusedError unless the message is the provider's."""

    @abstractmethod
    def read_message(self, message: Mapping[str, Any]) -> SessionReport:
        """What a verified message says; UnreadableError where it is none about a session."""

    @abstractmethod
    def request(self, reference: str) -> IdentityRequest:
        """The question how a session stands."""

    @abstractmethod
    def read_answer(self, answer: Mapping[str, Any]) -> SessionReport:
        """What the answer says."""

    def read_webhook(self, headers: Mapping[str, str], body: bytes) -> IdentityEvent:
        """See `ports.vetting.IdentityProvider`."""
        self.verify(headers, body)
        report = self.report_of_message(read_object(body))
        if not report.reference:
            raise UnreadableError(f"the message of {self.name} names no session")
        if report.at is None:
            raise UnreadableError(f"the message of {self.name} does not tell when it happened")
        return self._event(report, report.at)

    def pull(self, reference: str) -> IdentityEvent:
        """See `ports.vetting.IdentityProvider`."""
        now = self.clock()
        try:
            answer = send(self.request(quote(reference, safe="")))
            report = self._read(answer)
        except GoodhosterError as error:
            return self._event(SessionReport(reference, CheckOutcome.UNCHECKED, reason=_reason_code(error)), now)
        if report.reference != reference:
            return self._event(SessionReport(reference, CheckOutcome.UNCHECKED, reason="other-session"), now)
        if report.at is not None and report.at > now + CLOCK_SKEW:
            return self._event(report.unchecked_if({IN_FUTURE: True}), now)
        return self._event(report, min(report.at or now, now))

    def _read(self, answer: IdentityResponse) -> SessionReport:
        if answer.status != HTTPStatus.OK:
            raise UnreadableError(f"status-{answer.status}")
        return self.report_of_answer(read_object(answer.body))

    def report_of_message(self, message: Mapping[str, Any]) -> SessionReport:
        """What a message says; a pass that gives reasons to refuse is unchecked."""
        return self._without_contradiction(self.read_message(message), message)

    def report_of_answer(self, answer: Mapping[str, Any]) -> SessionReport:
        """What an answer says; a pass that gives reasons to refuse is unchecked."""
        return self._without_contradiction(self.read_answer(answer), answer)

    def _without_contradiction(self, report: SessionReport, answer: Mapping[str, Any]) -> SessionReport:
        if report.outcome is not CheckOutcome.PASSED:
            return report
        return report.unchecked_if(
            {CONTRADICTORY: bool(report.reason.strip()) or gives_reasons(answer, self.metadata_keys)}
        )

    def _event(self, report: SessionReport, at: datetime) -> IdentityEvent:
        return IdentityEvent(
            self.name, report.reference, report.outcome, at, report.event_id, report.document_type, report.reason
        )


def _reason_code(error: GoodhosterError) -> str:
    """Why nothing is known, as a short code."""
    found = re.fullmatch(r"status-\d{3}", str(error))
    return found[0] if found else "no-certain-answer" if isinstance(error, UnreadableError) else "no-answer"


def outcome_of(outcomes: Mapping[str, CheckOutcome], status: str) -> CheckOutcome:
    """The outcome for a provider's status; one that is not known is never a pass."""
    return outcomes.get(status.strip().lower(), CheckOutcome.UNCHECKED)


def is_false(answer: Mapping[str, Any], key: str) -> bool:
    """Whether a flag is missing or an explicit no; any other value counts as set."""
    return answer.get(key, False) is False


def parse_time(text: str) -> datetime | None:
    """A moment in ISO 8601 with its zone, or in UTC where it names none.

    None where it is no moment.
    """
    try:
        found = datetime.fromisoformat(text)
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError):  # also of a moment before the first year or behind the last one
        return None


def parse_zoned_time(text: str) -> datetime | None:
    """A moment in ISO 8601 that names its zone; None where it is none, or names none."""
    found = parse_time(text)
    return found if found and datetime.fromisoformat(text).tzinfo else None


def parse_unix_time(value: object) -> datetime | None:
    """A moment in seconds since 1970; None where it is none."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < 1 << 35:
        return None
    return datetime.fromtimestamp(value, UTC)


DOCUMENTS: Mapping[str, str] = {
    "passport": "passport",
    "id_card": "identity-card",
    "identity_card": "identity-card",
    "identity-card": "identity-card",
    "national_identity_card": "identity-card",
    "driving_license": "driving-licence",
    "drivers_license": "driving-licence",
    "driving_licence": "driving-licence",
    "driving-licence": "driving-licence",
    "drivers": "driving-licence",
    "residence_permit": "residence-permit",
    "residence-permit": "residence-permit",
}


def document_type_of(name: str) -> str:
    """The type of a document in our words; empty where nothing was said."""
    return DOCUMENTS.get(name.lower(), "other") if name else ""
