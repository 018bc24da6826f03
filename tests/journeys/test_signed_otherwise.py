"""Mails that prove themselves by other means than their own DKIM signature (S/MIME, OpenPGP, a forwarder's ARC chain):
acted on for a pinned key, and then only what that key signed. Everything else waits for a person; nothing is lost.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import pytest

from goodhoster.testing.forwarding import sealed
from goodhoster.testing.signed_mail import MailSigner
from tests.journeys.host import Host
from tests.journeys.noticehost import NoticeHost
from tests.partsigners import HEAD, OpenPgp, Smime, part, run

FLAGGER = """
[[notifier]]
id = "flagger"
name = "Made-up flagger"
kind = "trusted-flagger"
domains = ["flagger.example"]
layout = "url-list"
smime_certificates = "flagger.pem"
openpgp_keys = "flagger.gpg"
[[forwarder]]
domain = "helpdesk.example"
keys = "helpdesk.keys"
"""
FOOTER = b"-- \r\npassed on by the helpdesk\r\n"
pytestmark = [pytest.mark.debian("openssl"), pytest.mark.debian("gnupg", program="gpg"), pytest.mark.debian("gpgv")]


@dataclass(frozen=True)
class Signers:
    smime: Smime
    openpgp: OpenPgp
    helpdesk: MailSigner

    def pin(self, host: Host) -> None:
        (host.folder / "flagger.pem").write_bytes(self.smime.certificate)
        (host.folder / "flagger.gpg").write_bytes(self.openpgp.armored)
        (host.folder / "helpdesk.keys").write_text(f"{self.helpdesk.name} {self.helpdesk.record}\n")


@pytest.fixture
def signers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Signers]:
    folder = tmp_path_factory.mktemp("signers")
    helpdesk = MailSigner.rsa("helpdesk.example", 2048)
    signers = Signers(Smime.made(folder / "smime"), OpenPgp.made(folder / "pgp"), helpdesk)
    yield signers
    signers.openpgp.end()


def sealed_by(helpdesk: MailSigner, content: bytes) -> bytes:
    return sealed(helpdesk, HEAD.encode() + content)


def encrypted(signer: Smime, content: bytes) -> bytes:
    return HEAD.encode() + run(signer.folder, "openssl", "cms", "-encrypt", "-aes256", "cert", given=content)


def test_with_keys_that_nobody_pinned_they_wait_for_a_person(host: Host, signers: Signers) -> None:
    noticed = NoticeHost(host)
    noticed.configure()
    readable: dict[str, Callable[[bytes], bytes]] = {
        "s-mime-signed": signers.smime.detached,
        "pgp-signed": signers.openpgp.detached,
        "pgp-inline": signers.openpgp.inline,
        "arc-sealed": partial(sealed_by, signers.helpdesk),
    }
    hidden: dict[str, Callable[[bytes], bytes]] = {
        "s-mime-opaque": signers.smime.opaque,
        "s-mime-encrypted": partial(encrypted, signers.smime),
    }
    ways = readable | hidden
    urls = {way: noticed.upload("anna", f"{way}.jpg") for way in ways}
    for way, sign in ways.items():
        notice = noticed.receive(sign(part(urls[way])))
        assert (notice["state"], notice["level"], notice["notifier"]) == ("needs-person", "unauthenticated", None), way
        assert (urls[way] in [item["url"] for item in notice["items"]]) == (way in readable), way
        assert notice["doubts"], way
        assert notice["reference"] == "M0000000009", way
    assert all(map(noticed.there, urls.values()))
    assert (noticed.safe(), host.audit("measure.intended")) == (len(ways), [])


def test_with_pinned_keys_what_is_signed_is_acted_on_and_nothing_else(host: Host, signers: Signers) -> None:
    noticed = NoticeHost(host)
    signers.pin(host)
    noticed.configure(more=FLAGGER)
    smime, openpgp = signers.smime, signers.openpgp
    good = {way: noticed.upload("anna", f"{way}.jpg") for way in ("s-mime", "opaque", "pgp", "arc")}
    mails = {
        "s-mime": smime.detached(part(good["s-mime"])),
        "opaque": smime.opaque(part(good["opaque"])),
        "pgp": openpgp.detached(part(good["pgp"])),
        "arc": sealed(signers.helpdesk, noticed.mail(good["arc"]) + FOOTER),
    }
    for way, mail in mails.items():
        notice = noticed.receive(mail)
        assert (notice["state"], notice["level"]) == ("done", "pinned"), notice["rules"]
        assert [item["url"] for item in notice["items"]] == [good[way]]
        assert not noticed.there(good[way])

    bad = {way: noticed.upload("bert", f"{way}.jpg") for way in ("altered", "beside", "resealed")}
    forged = {
        "altered": mails["pgp"].replace(good["pgp"].encode(), bad["altered"].encode()),
        "beside": beside(smime.detached(part("http://elsewhere.invalid/")), bad["beside"]),
        "resealed": mails["arc"].replace(good["arc"].encode(), bad["resealed"].encode()),
    }
    for way, mail in forged.items():
        notice = noticed.receive(mail)
        assert (notice["state"], notice["level"], notice["notifier"]) == ("needs-person", "unauthenticated", None), way
        assert any(not rule["passed"] for rule in notice["rules"]), way
    noticed.upload("anna", "s-mime.jpg", "an innocent picture")
    again = noticed.receive(mails["s-mime"].replace(b"<9@", b"<10@").replace(b"M0000000009", b"M0000000010"))
    assert (again["state"], again["level"]) == ("needs-person", "pinned"), "a copy is not acted on by itself"
    assert all(map(noticed.there, [*bad.values(), good["s-mime"]]))
    assert len(host.audit("measure.done")) == len(good)


def beside(mail: bytes, url: str) -> bytes:
    """A mailing list's footer under a signed mail, with an address that nobody signed."""
    head, _, body = mail.partition(b"\r\n\r\n")
    start = head.index(b"Content-Type")
    outer = head[:start] + b"Content-Type: multipart/mixed; boundary=o\r\n\r\n--o\r\n"
    footer = f"\r\n--o\r\nContent-Type: text/plain\r\n\r\n{url}\r\n--o--\r\n".encode()
    return outer + head[start:] + b"\r\n\r\n" + body + footer
