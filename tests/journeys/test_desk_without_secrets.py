"""Commands of the desk where no secret can be read, as under `LoadCredential` of systemd: only the service has them."""

from pathlib import Path

import pytest

from tests.journeys.host import Host, sha1_of

KNOWN = b"a made-up known file"
SECRETS = """
[smtp]
host = "127.0.0.1"
sender = "abuse@hoster.example"
username = "goodhoster"
password_file = "smtp.password"
[imap]
host = "127.0.0.1"
username = "abuse"
password_file = "imap.password"
[[notifier]]
id = "hotline"
name = "Made-up hotline"
kind = "hotline"
domains = ["hotline.example"]
token_file = "hotline.token"
[[alert]]
name = "duty"
on = ["alarm"]
webhook = "http://127.0.0.1:1/hook"
secret_file = "webhook.secret"
"""
FILES = ("password", "smtp.password", "imap.password", "hotline.token", "webhook.secret")
READING = (
    *("cases list", "cases show {case}", "cases confirm --help", "storms list", "notices list", "alerts list"),
    *("audit verify", "audit show", "audit outcomes", "hashlist list", "exemptions list", "evidence list"),
    *("report weekly", "report norm", "report conduct", "report measures", "customers list", "policy explain"),
    *("config show", "status"),
)


@pytest.fixture
def case(host: Host) -> str:
    """A file that is offline; the secrets are gone since."""
    for name in FILES[1:]:
        (host.folder / name).touch(mode=0o600)
        (host.folder / name).write_text("made-up-secret-of-some-length")
    host.configure(policy=SECRETS)
    host.service.known = {sha1_of(KNOWN)}
    host.upload("anna/known.png", KNOWN)
    host.run("scan", str(host.customers), code=1)
    for name in FILES:
        (host.folder / name).unlink()
    return str(host.cases()[0]["id"])


def test_what_is_only_looked_at_needs_none(host: Host, case: str) -> None:
    ended = {words: host.ended_with(*words.format(case=case).split()) for words in READING}
    assert {words: told for words, (code, told) in ended.items() if code not in {0, 1} or "no such file" in told} == {}


def test_a_case_is_restored_and_confirmed_without_any(host: Host, case: str) -> None:
    file = Path(host.customers) / "anna/known.png"
    host.run("cases", "restore", case, "--reason", "a mistake")
    assert file.read_bytes() == KNOWN
    host.run("cases", "confirm", case, "--reason", "no mistake")
    assert not file.exists()


def test_what_asks_a_service_says_which_secret_is_missing(host: Host, case: str) -> None:
    assert case
    host.upload("anna/new.png", b"new")
    told = host.run("check", str(host.customers), code=2)
    assert "password" in told
    assert "no such file" in told.lower()
    assert "password" in host.run("config", "check", code=2)
