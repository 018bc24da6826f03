"""Answers that mislead: names that break or forge JSON, half a list, secrets in errors, hostile exit codes."""

from pathlib import Path

import pytest

from goodhoster.adapters.counterparts import Endpoint, quotable
from goodhoster.adapters.panels.hestia import HestiaPanel, read_listing
from goodhoster.adapters.panels.virtualmin import read_listing as read_servers
from goodhoster.errors import ConfigurationError, PassingError, PermanentError, RefusedError
from goodhoster.linux.programs import Ended
from goodhoster.model.customers.panels import SuspensionTarget
from goodhoster.testing.panels.hosting import MADE_UP_PASSWORD

LISTED = """{
    "anna": {
        "NAME": "%s",
        "SUSPENDED": "yes",
        "DATE": "2026-01-01"
        },
    "bob": {
        "NAME": "Bob",
        "SUSPENDED": "no",
        "DATE": "2026-01-01"
        }}
"""


@pytest.mark.parametrize("name", ['Anna "A."', 'x", "SUSPENDED": "no', "back\\slash", '"', "", '}, "bob": {'])
def test_no_name_breaks_or_forges_a_list_of_hestia(name: str) -> None:
    found = dict(read_listing(LISTED % name, "v-list-users"))
    assert found["anna"]["NAME"] == name
    assert found["anna"]["SUSPENDED"] == "yes"
    assert found["bob"]["SUSPENDED"] == "no"


@pytest.mark.parametrize("cut", [0, 1, 30, 120, len(LISTED) - 3])
def test_half_a_list_of_hestia_is_an_error(cut: int) -> None:
    with pytest.raises(PermanentError):
        read_listing(LISTED[:cut], "v-list-users")


def test_an_error_within_a_list_of_hestia_is_an_error() -> None:
    printed = LISTED.replace('    "bob"', "Error: Invalid object format: x\n" + '    "bob"')
    with pytest.raises(PermanentError):
        read_listing(printed, "v-list-web-domains")


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        *((code, PermanentError) for code in (1, 10, 11, 99)),
        *((code, PassingError) for code in (14, 20, -9)),
        (3, RefusedError),
    ],
)
def test_exit_codes_of_hestia(code: int, expected: type[Exception]) -> None:
    panel = HestiaPanel("web1", Path("/x"), lambda _argv, _given: Ended(code, b"Error: x", b""))
    with pytest.raises(expected):
        panel.suspend(SuspensionTarget("anna"), "made up")


def test_a_listing_of_virtualmin_keeps_no_password() -> None:
    printed = f"a.example\n    Type: Top-level server\n    Username: a\n    Password: {MADE_UP_PASSWORD}\n"
    assert MADE_UP_PASSWORD not in str(read_servers(printed))
    with pytest.raises(PermanentError):
        read_servers("usage: virtualmin list-domains\n")


@pytest.mark.parametrize(
    "said", ["password={}", "Password: {}", '"api_token":"{}"', "secret = '{}'", "document_nr: {}", "db_passwd={}"]
)
def test_no_secret_is_quoted(said: str) -> None:
    assert MADE_UP_PASSWORD not in quotable("it failed: " + said.format(MADE_UP_PASSWORD))


def test_a_known_secret_is_not_quoted_and_not_shown() -> None:
    assert MADE_UP_PASSWORD not in quotable(f"bad {MADE_UP_PASSWORD}", [MADE_UP_PASSWORD])
    endpoint = Endpoint("https://x.example", account=("a", MADE_UP_PASSWORD), secrets=(MADE_UP_PASSWORD,))
    assert MADE_UP_PASSWORD not in repr(endpoint)


@pytest.mark.parametrize(
    "url", ["http://panel.example", "ftp://panel.example", "panel.example", "http://127.0.0.1.example"]
)
def test_a_password_is_not_sent_in_the_clear(url: str) -> None:
    with pytest.raises(ConfigurationError):
        Endpoint(url)
