"""Every trap of a forged mail through a real postfix into the daemon: nothing is done, nothing is lost. The same
addresses in properly signed mails: done.
"""

import os
import smtplib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from goodhoster.testing.signed_mail import MailSigner
from tests.journeys.host import Host, wait_until
from tests.journeys.mailservers import open_folder, postfix
from tests.journeys.noticehost import NoticeHost, table

OURS = "Authentication-Results: mx.hoster.example; dkim=pass header.d=hotline.example\r\n"
THEIRS = OURS.replace("mx.hoster.example", "mx.elsewhere.example")
ARC = "ARC-Authentication-Results: i=1; mx.hoster.example; dkim=pass header.d=hotline.example\r\n"
RECEIVED = "Received: from a by b; Tue, 24 Nov 2026 11:05:01 +0100\r\n"


@dataclass
class Forger:
    """Knows the hotline's mails, and has keys that the hotline published without need."""

    noticed: NoticeHost
    weak: MailSigner = field(default_factory=lambda: MailSigner.rsa("hotline.example", 1024, selector="weak"))
    trial: MailSigner = field(
        default_factory=lambda: MailSigner.ed25519("hotline.example", selector="trial", flags="t=y; ")
    )
    stranger: MailSigner = field(default_factory=lambda: MailSigner.ed25519("stranger.example"))

    def publish(self) -> None:
        keys = (self.noticed.signer, self.weak, self.trial)
        text = "".join(f"{signer.name} {signer.record}\n" for signer in keys)
        (self.noticed.host.folder / "hotline.keys").write_text(text)

    def unsigned(self, url: str) -> bytes:
        return self.noticed.mail(url, signed=False)

    def signed_in_part(self, url: str) -> bytes:
        """The hotline's own mail, signed with l=, and somebody else's table appended."""
        decoy = self.noticed.mail("http://elsewhere.invalid/", signed=False)
        return self.noticed.signer.sign(decoy, part_of_body=True) + table(url)

    def altered(self, url: str) -> bytes:
        """Another address in place of the one that was signed."""
        return self.noticed.mail("http://elsewhere.invalid/").replace(b"http://elsewhere.invalid/", url.encode())

    def on_top(self, header: str, url: str) -> bytes:
        """A second header above the signed one."""
        return header.encode() + self.noticed.mail(url)

    @property
    def traps(self) -> dict[str, Callable[[str], bytes]]:
        """How each forgery about an address is made."""
        return {
            "unsigned": self.unsigned,
            "text-appended-under-l": self.signed_in_part,
            "altered": self.altered,
            "second-subject": lambda url: self.on_top("Subject: [M9999999999] other\r\n", url),
            "second-from": lambda url: self.on_top("From: boss@hotline.example\r\n", url),
            "second-content-type": lambda url: self.on_top("Content-Type: text/html\r\n", url),
            "only-from-is-signed": lambda url: self.noticed.signer.sign(self.unsigned(url), headers=["From"]),
            "1024-bits": lambda url: self.weak.sign(self.unsigned(url)),
            "key-on-trial": lambda url: self.trial.sign(self.unsigned(url)),
            "unaligned": lambda url: self.stranger.sign(self.unsigned(url)),
            "results-of-another-server": lambda url: THEIRS.encode() + self.altered(url),
            "results-in-our-name": lambda url: OURS.encode() + self.altered(url),
            "results-in-our-name-on-the-way": lambda url: (RECEIVED + OURS + RECEIVED).encode() + self.altered(url),
            "arc": lambda url: ARC.encode() + self.altered(url),
        }


@pytest.fixture
def folder() -> Iterator[Path]:
    with open_folder() as folder:
        yield folder


def strip_our_results(folder: Path) -> str:
    """A mail server that writes results takes away what outsiders wrote in its name."""
    (folder / "config").mkdir()
    (folder / "config" / "strip").write_text(r"/^Authentication-Results:\s*mx\.hoster\.example\b/ IGNORE")
    return f"header_checks = regexp:{folder}/config/strip\n"


@pytest.mark.debian("postfix")
@pytest.mark.debian("openssl")
@pytest.mark.skipif(os.geteuid() != 0, reason="postfix starts as root only")
def test_forged_mails_wait_for_a_person_and_the_same_properly_signed_are_acted_on(host: Host, folder: Path) -> None:
    noticed = NoticeHost(host)
    noticed.configure(f'lmtp = "unix:{folder}/lmtp.sock"\nlmtp_peers = ["postfix"]\nauthserv_id = "mx.hoster.example"')
    forger = Forger(noticed)
    forger.publish()
    urls = {trap: noticed.upload("anna", f"{trap}.jpg") for trap in forger.traps}
    replayed = noticed.upload("bert", "replayed.jpg")
    host.start()
    with postfix(folder, strip_our_results(folder)) as port, smtplib.SMTP("127.0.0.1", port) as client:

        def send(mail: bytes) -> None:
            client.sendmail("bounces@hotline.example", ["abuse@hoster.example"], mail)

        def arrived(count: int) -> bool:
            return wait_until(lambda: noticed.taken() == count)

        for trap, forge in forger.traps.items():
            send(forge(urls[trap]))
        assert arrived(len(urls)), (folder / "log").read_text()
        assert wait_until(lambda: {(n["state"], n["notifier"]) for n in noticed.notices()} == {("needs-person", None)})
        assert all(map(noticed.there, urls.values()))
        assert host.audit("measure.intended") == host.audit("block.intended") == []

        send(original := noticed.mail(replayed))
        assert wait_until(lambda: not noticed.there(replayed))
        # Acted on to its end: what is there again before that waits for a person, who is told so.
        assert wait_until(lambda: {n["state"] for n in noticed.notices() if n["notifier"]} in ({"open"}, {"done"}))
        noticed.upload("bert", "replayed.jpg", "an innocent picture")
        send(original)
        assert arrived(len(urls) + 2)
        assert noticed.there(replayed)

        for url in urls.values():
            send(noticed.mail(url))
        assert wait_until(lambda: not any(map(noticed.there, urls.values()))), (folder / "log").read_text()
        assert arrived(2 * len(urls) + 2)
        assert wait_until(lambda: len(needing_a_person(noticed)) == len(urls) + 1), noticed.notices()
    assert noticed.there(replayed)
    host.stop()
    waiting = needing_a_person(noticed)
    assert len(waiting) == len(urls) + 1
    assert {rule["name"] for notice in waiting for rule in notice["rules"] if not rule["passed"]} == {
        "dkim.signed",
        "dkim.whole-body",
        "dkim.match",
        "mail.headers-once",
        "dkim.headers",
        "dkim.strong-key",
        "dkim.earnest",
        "dkim.aligned",
    }
    (again,) = [notice for notice in waiting if notice["notifier"]]
    assert again["duplicate_of"], "the replay names the mail that it repeats"


def needing_a_person(noticed: NoticeHost) -> list[dict[str, Any]]:
    return [notice for notice in noticed.notices() if notice["state"] == "needs-person"]
