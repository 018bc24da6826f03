"""What a host needs to take notices: its sites, a hotline with a pinned key, and that hotline's mails."""

import itertools
import json
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from goodhoster.testing.signed_mail import MailSigner
from tests.journeys.host import PATIENCE, Host, wait_until

CONFIG = """
[[directory]]
kind = "list"
file = "sites.csv"
[[notifier]]
id = "hotline"
name = "Made-up hotline"
kind = "hotline"
domains = ["hotline.example"]
dkim_keys = "hotline.keys"
token_file = "hotline.token"
language = "nl"
per_hour = 1000000
per_customer = 100000
[notices]
{notices}
{more}
"""
TOKEN = "made-up-token-of-the-hotline"


@dataclass
class NoticeHost:
    """Three customers, each with a site: http://anna.example/p.jpg is customers/anna/www/p.jpg."""

    host: Host
    signer: MailSigner = field(default_factory=lambda: MailSigner.ed25519("hotline.example"))
    numbers: itertools.count = field(default_factory=lambda: itertools.count(1))

    def configure(self, notices: str = "", more: str = "", customers: Sequence[str] = ("anna", "bert", "cas")) -> None:
        folder = self.host.folder
        self.list_sites(customers)
        (folder / "hotline.keys").write_text(f"{self.signer.name} {self.signer.record}\n")
        token = folder / "hotline.token"
        token.touch(0o600)
        token.write_text(TOKEN)
        (folder / "conf.d").mkdir(exist_ok=True)
        (folder / "conf.d" / "notices.toml").write_text(CONFIG.format(notices=notices, more=more))
        for name in customers:
            (self.host.customers / name / "www").mkdir(parents=True, exist_ok=True)

    def list_sites(self, customers: Sequence[str], contacts: dict[str, str] | None = None) -> None:
        """`contacts`: address and language of a customer's contact, as CSV."""
        rows = [
            f"{name},{name}.example,{self.host.customers}/{name}/www,{(contacts or {}).get(name, ',')}"
            for name in customers
        ]
        (self.host.folder / "sites.csv").write_text("\n".join(["customer_id,domain,docroot,email,language", *rows, ""]))

    def letters(self, folder: str = "waiting") -> dict[str, dict[str, Any]]:
        """What is in the outbox, by what the letters are and to whom."""
        found = []
        for file in (self.host.folder / "state/letters" / folder).rglob("[!.]*.json"):
            with suppress(FileNotFoundError):  # the daemon has just sent it
                found.append(json.loads(file.read_text()))
        return {f"{letter['kind']} {letter['to']}": letter for letter in found}

    def later(self, span: timedelta) -> None:
        """While the daemon is down: so much later than anybody has seen. The system's clock stays behind, so that from
        now on it is also a machine whose clock was set back.
        """
        file = self.host.folder / "state" / "clock"
        file.write_text(
            (max(datetime.now(UTC), datetime.fromisoformat(file.read_text().split()[0])) + span).isoformat()
        )

    def at(self, moment: datetime) -> None:
        """Before anything was received: it is that moment, which lies ahead of the system's clock."""
        file = self.host.folder / "state" / "clock"
        file.parent.mkdir(mode=0o700, exist_ok=True)
        file.write_text(moment.isoformat())

    def page_to(self, name: str) -> str:
        """The section for a pager that adds each subject to a file of that name."""
        pager = self.host.folder / "pager"
        pager.write_text(f'#!/bin/sh\necho "$1" >> {self.host.folder}/{name}\n')
        pager.chmod(0o755)
        return f'[paging]\ncommand = ["{pager}"]\n'

    def paged(self, name: str) -> list[str]:
        """The subjects so far."""
        file = self.host.folder / name
        return file.read_text().splitlines() if file.exists() else []

    def upload(self, customer: str, name: str, content: str = "") -> str:
        """A file of that customer, and its URL."""
        self.host.upload(f"{customer}/www/{name}", (content or f"made-up picture {customer} {name}").encode())
        return f"http://{customer}.example/{name}"

    def there(self, url: str) -> bool:
        customer, _, name = url.removeprefix("http://").partition(".example/")
        return (self.host.customers / customer / "www" / name).exists()

    def mail(self, *urls: str, signed: bool = True) -> bytes:
        number = next(self.numbers)
        text = (
            f"From: Hotline <desk@hotline.example>\nReply-To: answers@hotline.example\nTo: abuse@hoster.example\n"
            f"Subject: [M{number:010}] Melding\nDate: Mon, 02 Mar 2026 11:00:00 +0000\n"
            f"Message-ID: <{number}@hotline.example>\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n\n"
        )
        raw = text.replace("\n", "\r\n").encode() + table(*urls)
        return self.signer.sign(raw) if signed else raw

    def receive(self, mail: bytes) -> dict[str, Any]:
        """By the command line."""
        file = self.host.folder / "mail.eml"
        file.write_bytes(mail)
        return json.loads(self.host.run("notices", "receive", str(file), "--json"))

    def taken(self) -> int:
        """How many raw notices the daemon has taken into its record; they may still be in its hands."""
        return sum(1 for _ in (self.host.folder / "state/notices/kept").rglob("*.notice"))

    def safe(self) -> int:
        """How many raw notices are on disk."""
        return sum(1 for _ in (self.host.folder / "state/notices").rglob("*.notice"))

    def notices(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.host.run("notices", "list", "--json").splitlines()]

    def settled(self, states: dict[str, int], patience: float = PATIENCE) -> list[dict[str, Any]]:
        """All notices, once so many are in these states: files go, and mails are kept, before a notice says so."""
        seen: list[dict[str, Any]] = []

        def is_settled() -> bool:
            seen[:] = self.notices()
            return Counter(notice["state"] for notice in seen) == states

        assert wait_until(is_settled, patience), (seen, self.host.journal())
        return seen


def table(*urls: str) -> bytes:
    """As the hotline's mails have it."""
    rows = "".join(f"<tr><td>{url}</td><td></td></tr>\r\n" for url in urls)
    return f'<table class="urls"><tr><th>url</th><th>notitie</th></tr>\r\n{rows}</table>\r\n'.encode()
