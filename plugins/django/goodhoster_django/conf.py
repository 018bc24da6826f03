"""The setting GOODHOSTER.

GOODHOSTER = {
    "ON_UNCHECKED": "open",                          # or "closed"; needed
    "ADDRESS": "unix:/run/goodhoster/api.sock",      # the default
    "TOKEN_FILE": "/etc/my-site/goodhoster.token",   # or "TOKEN"
    "TIMEOUT": 5.0,                                  # seconds, for a whole question
    "CUSTOMER": "anna",                              # or a dotted path to a function of the request; may be absent
    "APPLICATION": "django",
}
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

from goodhoster.client import Client, Upload

KEYS = {"ADDRESS", "APPLICATION", "CUSTOMER", "ON_UNCHECKED", "TIMEOUT", "TOKEN", "TOKEN_FILE"}
HANDLER = "goodhoster_django.uploadhandler.CheckedUploadHandler"


@dataclass(frozen=True, slots=True)
class Configuration:
    """The setting, as it is used."""

    client: Client
    on_unchecked: Literal["open", "closed"]
    application: str
    customer: str | Callable[[Any], str]

    def upload(self, name: str, request: object = None) -> Upload:
        """What goodhoster is told about an upload.

        A function is asked whose it is only where there is a request.
        """
        customer = self.customer
        if callable(customer):
            customer = customer(request) if request is not None else ""
        return Upload(customer=customer, name=name, application=self.application)


def configuration() -> Configuration:
    """Read the setting. ImproperlyConfigured says what is wrong with it."""
    given = getattr(settings, "GOODHOSTER", None)
    if not isinstance(given, dict):
        raise ImproperlyConfigured('GOODHOSTER is missing: set at least {"ON_UNCHECKED": "open"} or "closed"')
    if unknown := sorted(set(given) - KEYS):
        raise ImproperlyConfigured(f"GOODHOSTER has an unknown key: {unknown[0]}")
    if given.get("ON_UNCHECKED") not in {"open", "closed"}:
        raise ImproperlyConfigured(
            'GOODHOSTER["ON_UNCHECKED"] must be "open" (store what could not be checked) or "closed" (refuse it)'
        )
    try:
        client = Client(
            given.get("ADDRESS", "unix:/run/goodhoster/api.sock"),
            token=_token(given),
            timeout=float(given.get("TIMEOUT", 5.0)),
        )
        customer = given.get("CUSTOMER", "")
        if isinstance(customer, str) and "." in customer:
            customer = import_string(customer)
    except (ValueError, TypeError, OSError, ImportError) as error:
        raise ImproperlyConfigured(f"GOODHOSTER: {error}") from error
    return Configuration(client, given["ON_UNCHECKED"], given.get("APPLICATION", "django"), customer)


def _token(given: dict[str, Any]) -> str:
    if "TOKEN_FILE" in given:
        return Path(given["TOKEN_FILE"]).read_text().strip()
    return str(given.get("TOKEN", ""))
