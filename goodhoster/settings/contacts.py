"""The section about contacts: customers' and our own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from goodhoster.settings.notices import command
from goodhoster.settings.values import duration, listen_address, setting, text, whole


def https_address(value: Any) -> str:
    """An address that begins with https://, or http:// on this machine."""
    parts = urlsplit(value) if isinstance(value, str) else urlsplit("")
    local = parts.hostname in {"127.0.0.1", "::1", "localhost"}
    if not parts.hostname or parts.query or parts.fragment or (parts.scheme != "https" and not local):
        raise ValueError('an address such as "https://abuse.hoster.example"')
    return str(value)


@dataclass(frozen=True, slots=True)
class ContactSettings:
    """[contacts]: how customers' contacts are proven and drilled, and where our own are."""

    link: str | None = setting(
        https_address,
        "Address at which the proxy in front of notices.listen is reached from outside; letters to contacts link to a "
        "page below it. Without it they ask for a reply.",
        default=None,
        example='"https://abuse.hoster.example"',
    )
    valid_for: float = setting(duration, "How long a proven contact counts as such.", default=365 * 86400.0)
    valid_for_high_risk: float = setting(duration, "The same for customers of high risk.", default=182 * 86400.0)
    token_for: float = setting(duration, "How long the link in a letter to a contact is valid.", default=7 * 86400.0)
    drill_within: float = setting(duration, "Time to answer a drill.", default=48 * 3600.0)
    notice_within: float = setting(
        duration,
        "Time for a customer to answer a notice about a server of its own; never later than the notice's own deadline.",
        default=12 * 3600.0,
    )
    drill_every: float = setting(
        duration,
        "`customers drill --all` leaves out customers that were drilled within this time.",
        default=182 * 86400.0,
    )
    drills_a_day: int = setting(
        whole(1, 1_000_000, "customers"),
        "Customers that `customers drill --all` writes to in a day, at most.",
        default=100,
    )
    name_server: tuple[str, int] | None = setting(
        listen_address,
        "Host and port of the name server that is asked whether a domain takes mail; else those of the system.",
        default=None,
        example='"127.0.0.1:53"',
    )
    phone_command: tuple[str, ...] | None = setting(
        command,
        "Tells a code by telephone or text message: run with the number as its last argument and the code on standard "
        "input.",
        default=None,
        example='["/usr/local/bin/send-code"]',
    )
    domain: str | None = setting(
        text,
        "Our own domain; `doctor` looks for abuse@ and security.txt there.",
        default=None,
        example='"hoster.example"',
    )
    dsa_page: str | None = setting(
        https_address,
        "Our public page with the points of contact of DSA Articles 11 and 12.",
        default=None,
        example='"https://hoster.example/contact"',
    )
    rdap: str = setting(
        https_address,
        "RDAP server that knows our networks; asked by `doctor --ask-outside` alone.",
        default="https://rdap.db.ripe.net",
    )
