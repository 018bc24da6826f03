"""Signed mails for tests of trust, with keys generated on the spot.

Nothing is kept, nothing leaves the process.
"""

from __future__ import annotations

import base64
import hashlib
import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import dkim
import nacl.signing

from goodhoster.model.notices import DkimKey

USUAL_HEADERS = ("From", "Reply-To", "Subject", "Date", "Message-ID", "To", "MIME-Version", "Content-Type")


@dataclass(frozen=True, slots=True)
class MailSigner:
    """A domain with a key pair."""

    domain: str
    selector: str
    algorithm: str
    private: bytes
    record: str
    """What would be published in DNS."""

    @property
    def name(self) -> str:
        """The name where its public key would be published."""
        return f"{self.selector}._domainkey.{self.domain}"

    @property
    def pinned(self) -> DkimKey:
        """The key as a notifier's profile pins it."""
        return DkimKey(self.selector, self.domain, self.record)

    @classmethod
    def ed25519(cls, domain: str, *, selector: str = "ed", flags: str = "") -> Self:
        """A new Ed25519 pair; `flags` go into the record, such as `t=y; `."""
        key = nacl.signing.SigningKey.generate()
        public = base64.b64encode(bytes(key.verify_key)).decode()
        private = base64.b64encode(bytes(key))
        return cls(domain, selector, "ed25519-sha256", private, f"v=DKIM1; k=ed25519; {flags}p={public}")

    @classmethod
    def rsa(cls, domain: str, bits: int, *, selector: str = "rsa") -> Self:
        """A new RSA pair, made by the program openssl."""
        private = _openssl("genrsa", "-traditional", str(bits))
        public = _openssl("rsa", "-pubout", "-outform", "DER", given=private)
        record = f"v=DKIM1; k=rsa; p={base64.b64encode(public).decode()}"
        return cls(domain, selector, "rsa-sha256", private, record)

    def sign(self, raw: bytes, *, headers: Sequence[str] = USUAL_HEADERS, part_of_body: bool = False) -> bytes:
        """The mail with a signature on top. `part_of_body` sets l=, as careless senders do."""
        present = [name for name in headers if re.search(rf"(?mi)^{name}:".encode(), raw)]
        signature = dkim.DKIM(raw).sign(
            self.selector.encode(),
            self.domain.encode(),
            self.private,
            signature_algorithm=self.algorithm.encode(),
            canonicalize=(b"relaxed", b"relaxed"),
            include_headers=[name.encode() for name in present],
            length=part_of_body,
        )
        return bytes(signature) + raw

    def signature(self, text: bytes) -> str:
        """The signature of that very text, by an RSA key with SHA-256; base64."""
        key = dkim.parse_pem_private_key(self.private)
        return base64.b64encode(dkim.RSASSA_PKCS1_v1_5_sign(hashlib.sha256(text), key)).decode()


def _openssl(*arguments: str, given: bytes = b"") -> bytes:
    ended = subprocess.run(["openssl", *arguments], input=given, capture_output=True, check=True)  # noqa: S607 - a tool of tests
    return ended.stdout
