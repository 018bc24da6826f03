"""[[notifier]]: a registered notifier's profile as written, and as the trust rules use it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from goodhoster.errors import ConfigurationError
from goodhoster.model.notices import DkimKey, Forwarder, NoticeFormat, Notifier, NotifierCaps, NotifierKind
from goodhoster.settings.secret import read_secret
from goodhoster.settings.values import duration, one_of, path, setting, short_name, text, texts, whole, yes_or_no

_KEY_LINE = re.compile(r"(\S+)\._domainkey\.(\S+?)\.?\s+(\S.*)")
_SHORTEST_TOKEN = 20  # characters
_HOUR = 3600.0
_DEADLINES = {NotifierKind.AUTHORITY: 12 * _HOUR}
"""An order's own term, at most 12 h (ATKM); everybody else has the 24 h of the sector code."""
_LANGUAGES: dict[str, Literal["nl", "en"]] = {"nl": "nl", "en": "en"}


@dataclass(frozen=True, slots=True)
class NotifierSettings:
    """[[notifier]]: a hotline, trusted flagger or authority whose proven notices are trusted."""

    id: str = setting(short_name, "Short name, for the record and the commands.", example='"meldpunt"')
    name: str = setting(text, "Full name, for letters.", example='"Meldpunt Kinderporno"')
    kind: str = setting(one_of(*NotifierKind), "Who this is.", example='"hotline"')
    domains: tuple[str, ...] = setting(
        texts, "Domains whose DKIM signature proves this sender, where it is that of the author.", default=()
    )
    dkim_keys: Path | None = setting(
        path,
        "File with its public keys as in DNS, one a line: selector._domainkey.domain v=DKIM1; …. Then no DNS is asked.",
        default=None,
        example='"meldpunt.keys"',
    )
    smime_certificates: Path | None = setting(
        path,
        "File with its own certificates (PEM), not those of who issued them: a mail signed with S/MIME by one of them "
        "proves this sender. Needs the program openssl.",
        default=None,
        example='"meldpunt.pem"',
    )
    openpgp_keys: Path | None = setting(
        path,
        "File with its public OpenPGP keys (gpg --export): a mail signed with PGP/MIME by one of them proves this "
        "sender. Needs the program gpgv.",
        default=None,
        example='"meldpunt.gpg"',
    )
    token_file: Path | None = setting(
        path, "File with its API token (or the name of a systemd credential).", default=None, example='"meldpunt.token"'
    )
    layout: str | None = setting(
        one_of(*NoticeFormat),
        "The one format it uses: a reading of free text then needs no confirmation.",
        default=None,
        example='"scart-table"',
    )
    usual_text: tuple[str, ...] = setting(
        texts,
        "Sentences that it always writes and that make no notice wait for a person: as `notices show` quotes them, "
        "compared without case, digits, addresses and blanks.",
        default=(),
        example='["We keep a copy for our statistics."]',
    )
    language: str | None = setting(one_of("nl", "en"), "Language of our answers.", default=None, example='"nl"')
    deadline: float | None = setting(
        duration,
        "From receipt until it must be gone; else 24h, for authorities 12h.",
        default=None,
        example='"24h"',
    )
    automatic: bool | None = setting(
        yes_or_no,
        "May its proven notices act by themselves? Without it: those of hotlines and trusted flaggers may.",
        default=None,
        example="true",
    )
    per_hour: int = setting(whole(0, 1_000_000), "More automatic measures for it in an hour are held.", default=100)
    per_customer: int = setting(whole(0, 1_000_000), "The same, of one customer.", default=20)

    def profile(self) -> Notifier:
        """The profile with its keys and token read.

        ConfigurationError when one of them is not valid.
        """
        kind = NotifierKind(self.kind)
        may_act = kind in {NotifierKind.HOTLINE, NotifierKind.TRUSTED_FLAGGER}
        return Notifier(
            id=self.id,
            name=self.name,
            kind=kind,
            domains=tuple(domain.lower().strip(".") for domain in self.domains),
            deadline=self.deadline or _DEADLINES.get(kind, 24 * _HOUR),
            automatic=may_act if self.automatic is None else self.automatic,
            caps=NotifierCaps(self.per_hour, self.per_customer),
            language=_LANGUAGES.get(self.language or ""),
            layout=self.layout or "",
            usual_text=self.usual_text,
            dkim_keys=tuple(_keys(self.dkim_keys)) if self.dkim_keys else (),
            token_sha256=_token(self.token_file, self.id) if self.token_file else b"",
            smime_certificates=_public(self.smime_certificates, _CERTIFICATE) if self.smime_certificates else b"",
            openpgp_keys=_public(self.openpgp_keys, _OPENPGP) if self.openpgp_keys else b"",
        )


@dataclass(frozen=True, slots=True)
class ForwarderSettings:
    """[[forwarder]]: your own or a trusted server that forwards notices and changes them.

    Such as a helpdesk or a mailing list; one that you trust as your own. Its ARC seal is accepted as proof of the
    notifier's signature.
    """

    domain: str = setting(text, "The domain that it seals with (d= of ARC-Seal).", example='"helpdesk.example"')
    keys: Path | None = setting(
        path,
        "File with the public keys of its seals, as dkim_keys of [[notifier]]. Then no DNS is asked for them.",
        default=None,
        example='"helpdesk.keys"',
    )

    def forwarder(self) -> Forwarder:
        """The forwarder with its keys read. ConfigurationError when they are not as they must be."""
        return Forwarder(self.domain.lower().strip("."), tuple(_keys(self.keys)) if self.keys else ())


_CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----")
_OPENPGP = re.compile(rb"\s*-----BEGIN PGP PUBLIC KEY BLOCK-----|[\x98\x99\xc6]")
"""Armor, or the first packet of a public key."""


def _public(file: Path, begins: re.Pattern[bytes]) -> bytes:
    try:
        content = file.read_bytes()
    except OSError as error:
        hint = "ask the notifier for it, and compare its fingerprint by telephone"
        raise ConfigurationError(f"cannot read the keys in {file}: {error.strerror}", hint=hint) from error
    if b"PRIVATE KEY" in content:
        raise ConfigurationError(f"{file} holds a private key", hint="only public keys and certificates belong here")
    found = begins.search(content) if begins is _CERTIFICATE else begins.match(content)
    if not found:
        hint = "a certificate as PEM (openssl x509 -inform DER -in FILE), or public keys (gpg --export KEY)"
        raise ConfigurationError(f"{file} holds no key of that kind", hint=hint)
    return content


def _keys(file: Path) -> Iterator[DkimKey]:
    try:
        lines = file.read_text(encoding="ascii").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        hint = "make it: dig +short TXT selector._domainkey.domain, and write the name before each record"
        raise ConfigurationError(f"cannot read the keys in {file}: {error}", hint=hint) from error
    for number, line in enumerate(lines, 1):
        if line.strip() and not line.startswith("#"):
            found = _KEY_LINE.fullmatch(line.strip())
            if not found:
                hint = "write: selector._domainkey.domain v=DKIM1; k=rsa; p=…"
                raise ConfigurationError(f"{file}, line {number} is not a key", hint=hint)
            yield DkimKey(found[1], found[2].lower(), found[3].replace('" "', "").replace('"', ""))


def _token(file: Path, owner: str) -> bytes:
    token = read_secret(file, f"API token of {owner}")
    if len(token) < _SHORTEST_TOKEN:
        hint = f"make a longer one: (umask 077; openssl rand -base64 32 | tr -d '\\n' > {file})"
        raise ConfigurationError(f"the API token in {file} can be guessed", hint=hint)
    return hashlib.sha256(token.encode()).digest()
