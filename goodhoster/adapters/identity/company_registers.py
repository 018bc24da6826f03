"""The KvK trade register and VIES (VAT numbers).

An outage is `unchecked`; only an explicit answer counts.

Experimental: neither was run against the true service.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any

from goodhoster.adapters.identity.requests import IdentityRequest, read_object, send, text_at
from goodhoster.errors import GoodhosterError, PassingError
from goodhoster.model.customers.vetting import CheckOutcome, CompanyAnswer
from goodhoster.ports import Clock


@dataclass(frozen=True, slots=True)
class CompanyRegisterAccess:
    """Where a register is asked."""

    name: str
    url: str
    key: str = field(default="", repr=False)
    within: float = 15.0
    ca_file: Path | None = None


_NO_SUCH = "IPD0005"
"""The register's code for a number that it does not have; its other codes are faults and pauses."""


class Kvk:
    """See `ports.vetting.CompanyRegister`: the KvK API, basic profile.

    Of its answer only the state is kept.
    """

    schemes = frozenset({"nl.kvk"})

    def __init__(self, service: CompanyRegisterAccess, clock: Clock) -> None:
        self.name = service.name
        self._service = service
        self._clock = clock

    def look_up(self, scheme: str, value: str) -> CompanyAnswer:
        """See `ports.vetting.CompanyRegister`."""
        number = f"{scheme}:{value}"
        url = f"{self._service.url.rstrip('/')}/api/v1/basisprofielen/{value}"
        request = IdentityRequest(
            url, {"apikey": self._service.key}, within=self._service.within, ca_file=self._service.ca_file
        )
        try:
            answer = send(request)
            if answer.status == HTTPStatus.NOT_FOUND:
                return self._not_found(number, answer.body)
            if answer.status != HTTPStatus.OK:
                raise PassingError(f"status {answer.status}")
            outcome, reason = self._state(read_object(answer.body), value)
        except GoodhosterError as error:
            return CompanyAnswer(self.name, number, CheckOutcome.UNCHECKED, str(error))
        return CompanyAnswer(self.name, number, outcome, reason)

    def _not_found(self, number: str, body: bytes) -> CompanyAnswer:
        """Only the register's own 404 says that there is no such number.

        A proxy and a wrong URL have one too.
        """
        errors = read_object(body).get("fout")
        if isinstance(errors, list) and any(isinstance(each, dict) and each.get("code") == _NO_SUCH for each in errors):
            return CompanyAnswer(self.name, number, CheckOutcome.FAILED, "not in the register")
        return CompanyAnswer(self.name, number, CheckOutcome.UNCHECKED, "a 404 that is not the register's")

    def _state(self, profile: Mapping[str, Any], value: str) -> tuple[CheckOutcome, str]:
        if text_at(profile, "kvkNummer") != value:
            return CheckOutcome.UNCHECKED, "it answers about another number"
        registration = profile.get("materieleRegistratie")
        if not isinstance(registration, dict) or not text_at(registration, "datumAanvang"):
            return CheckOutcome.UNCHECKED, "it does not tell when the registration began"
        ended = registration.get("datumEinde")
        if ended in {None, ""}:
            return CheckOutcome.PASSED, ""
        if not isinstance(ended, str) or not ended.isdigit() or len(ended) != 8:  # noqa: PLR2004 - YYYYMMDD
            return CheckOutcome.UNCHECKED, "the date of its end cannot be read"
        # A part of a date may be 00 where it is not known: compared as text that is before any day of it.
        today = f"{self._clock():%Y%m%d}"
        return (CheckOutcome.FAILED, f"ended on {ended}") if ended <= today else (CheckOutcome.PASSED, "")


class Vies:
    """See `ports.vetting.CompanyRegister`: VAT numbers of the European Union."""

    schemes = frozenset({"eu.vat"})

    def __init__(self, service: CompanyRegisterAccess) -> None:
        self.name = service.name
        self._service = service

    def look_up(self, scheme: str, value: str) -> CompanyAnswer:
        """See `ports.vetting.CompanyRegister`."""
        country, number = value[:2].upper(), value[2:]
        country = "EL" if country == "GR" else country
        body = json.dumps({"countryCode": country, "vatNumber": number}).encode()
        url = f"{self._service.url.rstrip('/')}/rest-api/check-vat-number"
        headers = {"Content-Type": "application/json"}
        request = IdentityRequest(url, headers, body, self._service.within, self._service.ca_file)
        try:
            answer = send(request)
            if answer.status != HTTPStatus.OK:
                raise PassingError(f"status {answer.status}")
            outcome, reason = _vies_state(read_object(answer.body), country, number)
        except GoodhosterError as error:
            outcome, reason = CheckOutcome.UNCHECKED, str(error)
        return CompanyAnswer(self.name, f"{scheme}:{value}", outcome, reason)


_NO_ERROR = frozenset({"", "VALID", "INVALID"})


def _vies_state(answer: Mapping[str, Any], country: str, number: str) -> tuple[CheckOutcome, str]:
    """Only an explicit boolean without an error counts: an outage is HTTP 200 without it."""
    errors = answer.get("errorWrappers")
    said = text_at(answer, "userError")
    if answer.get("actionSucceed") is False or errors or said not in _NO_ERROR:
        first = errors[0] if isinstance(errors, list) and errors and isinstance(errors[0], dict) else {}
        return CheckOutcome.UNCHECKED, text_at(first, "error")[:64] or said[:64] or "it could not check"
    if answer.get("countryCode", country) != country or answer.get("vatNumber", number) != number:
        return CheckOutcome.UNCHECKED, "it answers about another number"
    valid = answer.get("valid", answer.get("isValid"))
    if valid is not answer.get("isValid", valid) or {"VALID": True, "INVALID": False}.get(said, valid) is not valid:
        return CheckOutcome.UNCHECKED, "it contradicts itself"
    if valid is True:
        return CheckOutcome.PASSED, ""
    return (CheckOutcome.FAILED, "not valid") if valid is False else (CheckOutcome.UNCHECKED, "it does not say")
