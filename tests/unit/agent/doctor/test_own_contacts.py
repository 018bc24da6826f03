"""How others reach us: asked of real servers on loopback, over TLS."""

import json
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from goodhoster.adapters.mail_domains.nameservers import DnsMailDomains
from goodhoster.adapters.web_documents.https import HttpsDocuments
from goodhoster.errors import PassingError, RefusedError
from goodhoster.settings import load
from goodhoster.testing.http_answers import HANGS, CannedResponse, reply
from goodhoster.testing.http_server import CERTIFICATE, FakeServer, ReceivedRequest
from goodhoster.testing.name_server import FakeNameServer
from goodhoster_agent.doctor.finding import DoctorFinding
from goodhoster_agent.doctor.own_contacts import own_contacts

GOOD = b"Contact: mailto:abuse@hoster.example\nExpires: 2099-12-31T23:00:00Z\n"
NETWORK = {
    "objectClassName": "ip network",
    "entities": [
        {"roles": ["abuse"], "vcardArray": ["vcard", [["email", {"type": "abuse"}, "text", "abuse@hoster.example"]]]}
    ],
}
PAGE = b"<p>Write to contact@hoster.example in these languages: Dutch, English.</p>"


class Web(FakeServer):
    """Answers by path; 404 for all others."""

    def __init__(self) -> None:
        super().__init__(tls=True)
        self.pages: dict[str, CannedResponse] = {
            "/.well-known/security.txt": reply(200, GOOD),
            "/ip/192.0.2.0/24": reply(200, json.dumps(NETWORK).encode()),
            "/contact": reply(200, PAGE),
        }

    def _true_answer(self, request: ReceivedRequest) -> CannedResponse:
        return self.pages.get(request.path, reply(404))


@pytest.fixture
def web() -> Iterator[Web]:
    with Web() as web:
        yield web


@pytest.fixture
def look(web: Web, tmp_path: Path) -> Iterator[Callable[..., dict[str, DoctorFinding]]]:
    port = web.url.rpartition(":")[2]
    zone = {("localhost", "MX"): ["10 mx.localhost."]}
    documents = HttpsDocuments(2.0, ssl.create_default_context(cafile=str(CERTIFICATE)))
    with FakeNameServer({}, zone) as names:

        def look(*, ask: bool = True, more: str = "") -> dict[str, DoctorFinding]:
            (tmp_path / "goodhoster.toml").write_text(
                f'[[watch]]\npath = "{tmp_path}"\n[contacts]\ndomain = "localhost:{port}"\nrdap = "{web.url}"\n'
                f'dsa_page = "{web.url}/contact"\n'
                f'[notices]\nlisten = "127.0.0.1:0"\nown_networks = ["192.0.2.0/24"]\n{more}'
            )
            domains = DnsMailDomains(("127.0.0.1",), names.port, 1.5)
            outside = (documents, domains) if ask else None
            return {finding.what: finding for finding in own_contacts(load(tmp_path / "goodhoster.toml"), outside)}

        yield look


def test_what_is_published_as_it_should_be_is_fine(look: Callable[..., dict[str, DoctorFinding]]) -> None:
    found = look()
    network = found["abuse contact of 192.0.2.0/24"]
    assert (network.ok, network.detail) == (True, "abuse@hoster.example")
    assert all(found[what].ok for what in ("web form", "security.txt", "DSA points of contact"))


@pytest.mark.parametrize(
    ("path", "answer", "what", "unchecked", "told"),
    [
        ("/.well-known/security.txt", reply(404), "security.txt", False, "there is none"),
        ("/.well-known/security.txt", reply(200, b"<html>"), "security.txt", False, "no Contact"),
        ("/.well-known/security.txt", reply(503), "security.txt", True, "503"),
        ("/.well-known/security.txt", HANGS, "security.txt", True, "could not be checked"),
        ("/ip/192.0.2.0/24", reply(404), "abuse contact of 192.0.2.0/24", True, "404"),
        ("/ip/192.0.2.0/24", reply(429), "abuse contact of 192.0.2.0/24", True, "429"),
        ("/ip/192.0.2.0/24", reply(200, b"<html>"), "abuse contact of 192.0.2.0/24", True, "not JSON"),
        (
            "/ip/192.0.2.0/24",
            reply(200, b'{"objectClassName": "ip network"}'),
            "abuse contact of 192.0.2.0/24",
            False,
            "names none",
        ),
        ("/contact", reply(404), "DSA points of contact", False, "is not there"),
        ("/contact", reply(200, b"Call us."), "DSA points of contact", False, "no address and no form"),
        ("/contact", reply(500), "DSA points of contact", True, "500"),
    ],
)
def test_missing_is_told_apart_from_could_not_be_checked(
    look: Callable[..., dict[str, DoctorFinding]],
    web: Web,
    path: str,
    answer: CannedResponse,
    what: str,
    unchecked: bool,  # noqa: FBT001
    told: str,
) -> None:
    web.pages[path] = answer
    finding = look()[what]
    assert (finding.ok, finding.unchecked) == (False, unchecked)
    assert told in finding.detail
    assert finding.hint


def test_nobody_outside_is_asked_without_being_told_to(look: Callable[..., dict[str, DoctorFinding]], web: Web) -> None:
    found = look(ask=False)
    assert "--ask-outside" in found["own contacts outside"].hint
    assert web.connections == 0


def test_a_redirect_never_leads_to_an_open_connection(web: Web) -> None:
    documents = HttpsDocuments(2.0, ssl.create_default_context(cafile=str(CERTIFICATE)))
    web.pages["/away"] = reply(302, b"", {"Location": "http://127.0.0.1:9/"})
    web.pages["/there"] = reply(302, b"", {"Location": "/contact"})
    with pytest.raises(PassingError, match="not encrypted"):
        documents.text(f"{web.url}/away")
    assert documents.text(f"{web.url}/there") == PAGE.decode()
    with pytest.raises(PassingError, match="CERTIFICATE_VERIFY_FAILED"):
        HttpsDocuments(2.0).text(f"{web.url}/contact")
    with pytest.raises(RefusedError, match="404"):
        documents.text(f"{web.url}/nothing")
