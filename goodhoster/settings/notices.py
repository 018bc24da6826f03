"""The sections about notices: sources, deadlines, answers and alerts."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from goodhoster.settings.values import (
    duration,
    listen_address,
    mail_address,
    one_of,
    path,
    setting,
    short_name,
    text,
    texts,
    whole,
    words,
)

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def command(value: Any) -> tuple[str, ...]:
    """A program and its arguments; no shell reads it."""
    if not isinstance(value, list) or not value or not all(isinstance(word, str) and word for word in value):
        raise ValueError('a program and its arguments as a list, such as ["nginx", "-t"]')
    return tuple(value)


def networks(value: Any) -> tuple[Network, ...]:
    """Networks in CIDR form."""
    try:
        return tuple(map(ipaddress.ip_network, value if isinstance(value, list) else (None,)))
    except ValueError as error:
        raise ValueError('a list of networks, such as ["192.0.2.0/24", "2001:db8::/32"]') from error


def proxies(value: Any) -> tuple[tuple[str, int], ...]:
    """HOST:PORT of each."""
    try:
        return tuple(map(listen_address, value if isinstance(value, list) else (None,)))
    except ValueError as error:
        raise ValueError('a list of proxies, such as ["proxy.elsewhere.example:3128"]') from error


def socket_address(value: Any) -> Path | tuple[str, int]:
    """`unix:PATH`, or HOST:PORT."""
    if isinstance(value, str) and value.startswith("unix:"):
        return path(value.removeprefix("unix:"))
    try:
        return listen_address(value)
    except ValueError as error:
        raise ValueError('"unix:/run/goodhoster/lmtp.sock" or "127.0.0.1:2424"') from error


def mailboxes(value: Any) -> tuple[str, ...]:
    """A list with any of `imap` and `maildir`; it may be empty."""
    return () if value == [] else words("imap", "maildir")(value)


@dataclass(frozen=True, slots=True)
class NoticesSettings:
    """[notices]: how notices arrive, and by when they are dealt with."""

    hoster: str = setting(text, "Name under which letters are signed.", default="The abuse desk")
    language: str = setting(
        one_of("nl", "en", "de"),
        "Language of letters to customers, and to whoever does not show another.",
        default="en",
    )
    deadline: float = setting(
        duration, "From our receipt until it must be inaccessible, for whoever has no profile.", default=86400.0
    )
    warn_before: float = setting(
        duration,
        "How long before its deadline an open notice alerts; with a short deadline, its last quarter.",
        default=14400.0,
    )
    lmtp: Path | tuple[str, int] | None = setting(
        socket_address,
        "Where the mail server hands mails over by LMTP; off when absent.",
        default=None,
        example='"unix:/run/goodhoster/lmtp.sock"',
    )
    lmtp_peers: tuple[str, ...] = setting(
        texts,
        "Accounts whose processes may connect to the socket of lmtp. Authentication-Results of authserv_id count in "
        "what they hand over; without this setting whoever has the rights of the file may connect, and none count.",
        default=(),
        example='["postfix"]',
    )
    listen: tuple[str, int] | None = setting(
        listen_address,
        "Where the hotline's client, XARF reports and the web form come in by HTTP, behind a TLS proxy; "
        "off when absent.",
        default=None,
        example='"127.0.0.1:8470"',
    )
    client_address_header: str | None = setting(
        text,
        "Header in which the TLS proxy before `listen` names its client, for limits per address. The proxy must set "
        "it itself; without this setting all its clients share one limit.",
        default=None,
        example='"X-Forwarded-For"',
    )
    maildir: Path | None = setting(
        path, "A Maildir whose new mails are notices; off when absent.", default=None, example='"/var/mail/abuse"'
    )
    reserve: int = setting(
        whole(0, 1 << 50, "bytes"),
        "Free on the disk of agent.state_dir for mails and registered notifiers: with less, notices of others by "
        "HTTP are refused.",
        default=1 << 30,
    )
    own_networks: tuple[Network, ...] = setting(
        networks,
        "Our addresses. Checks from outside ask only these; without them nothing is checked from outside.",
        default=(),
        example='["192.0.2.0/24"]',
    )
    look_through: tuple[tuple[str, int], ...] = setting(
        proxies,
        "HTTP proxies in other networks, through which is checked once more what is no longer seen from here.",
        default=(),
        example='["proxy.elsewhere.example:3128"]',
    )
    network_owners: Path | None = setting(
        path,
        "CSV file with columns prefix,owner,contact: whose network an address that is not ours is in. Answers name it.",
        default=None,
        example='"networks.csv"',
    )
    authserv_id: str | None = setting(
        text,
        "The name our own mail server writes into Authentication-Results; without it those headers prove nothing, and "
        "with it they do only in mails of lmtp_peers and of authserv_mailboxes.",
        default=None,
        example='"mx.hoster.example"',
    )
    authserv_mailboxes: tuple[str, ...] = setting(
        mailboxes,
        "Mailboxes into which nobody delivers but the server of authserv_id: its Authentication-Results count there.",
        default=(),
        example='["maildir"]',
    )
    answers_a_day: int = setting(
        whole(1, 100_000), "Letters of one kind to one address in a day; a proven notifier has no limit.", default=20
    )
    hotline: str | None = setting(
        mail_address,
        "Mail address to which notices of the public are handed on (`notices forward`).",
        default=None,
        example='"meldpunt@hotline.example"',
    )


@dataclass(frozen=True, slots=True)
class SmtpSettings:
    """[smtp]: the mail server that takes our letters. Without it they wait on disk."""

    host: str = setting(text, "Its name.", example='"localhost"')
    sender: str = setting(
        mail_address, "Our address in From; answers and objections come there.", example='"abuse@hoster.example"'
    )
    port: int = setting(whole(1, 65535), "Its port.", default=25)
    security: str = setting(one_of("none", "starttls", "tls"), "Encryption; certificates are verified.", default="none")
    username: str | None = setting(
        text, "Account; none where the server asks for none.", default=None, example='"abuse"'
    )
    password_file: Path | None = setting(path, "File with its password.", default=None, example='"smtp.password"')


@dataclass(frozen=True, slots=True)
class ImapSettings:
    """[imap]: a mailbox whose new mails are notices."""

    host: str = setting(text, "Its server.", example='"imap.hoster.example"')
    username: str = setting(text, "Account.", example='"abuse"')
    password_file: Path = setting(path, "File with its password.", example='"imap.password"')
    port: int = setting(whole(1, 65535), "Its port.", default=993)
    security: str = setting(
        one_of("tls", "starttls", "none"),
        "Encryption; certificates are verified. none: on this machine only. For starttls set port to 143.",
        default="tls",
    )
    ca_file: Path | None = setting(
        path,
        "File with the certificates (PEM) that its server's must be, or be issued by; else those of the system.",
        default=None,
        example='"imap.pem"',
    )
    folder: str = setting(
        text,
        "Mailbox, with its name as people write it; a mail is marked as seen after it is safe here.",
        default="INBOX",
    )
    poll_every: float = setting(
        duration, "Checked this often even though the server announces new mails (IDLE).", default=300.0
    )


@dataclass(frozen=True, slots=True)
class PagingSettings:
    """[paging]: how a person is alerted when something cannot wait. Without it: in the log only."""

    command: tuple[str, ...] | None = setting(
        command,
        "Run with the subject as its last argument and the text on standard input.",
        default=None,
        example='["/usr/local/bin/page-abuse-desk"]',
    )


def purged_hosts(value: Any) -> tuple[str, ...]:
    """Host names, `*.example.nl` for all below one, or `*` for all."""
    if not isinstance(value, list) or not value or not all(isinstance(v, str) and _HOSTS.fullmatch(v) for v in value):
        raise ValueError('a list of hosts, such as ["www.klant.example", "*.klant.example"], or ["*"] for all')
    return tuple(host.lower() for host in value)


_HOSTS = re.compile(r"\*|(?:\*\.)?[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")


@dataclass(frozen=True, slots=True)
class PurgeSettings:
    """[[purge]]: has a cache in front of our sites forget what went offline or came back."""

    name: str = setting(short_name, "What it is called in the record.", example='"cdn"')
    command: tuple[str, ...] = setting(
        command,
        "Run without a shell for each URL; only an end with 0 counts as purged. It is killed after 60 seconds, tried "
        "again until it succeeds, and no measure waits for it.",
        example='["/usr/local/sbin/purge-cdn"]',
    )
    hosts: tuple[str, ...] = setting(
        purged_hosts,
        'Hosts behind this cache: a name, "*.name" for all below it, or "*".',
        example='["www.klant.example", "*.klant.example"]',
    )
    give: str = setting(
        one_of("argument", "stdin"),
        "How it gets URLs: one as its last argument, or up to 100 on standard input, one a line.",
        default="argument",
    )


@dataclass(frozen=True, slots=True)
class BlockSettings:
    """[block]: how the web server is made to show nothing at an address that is no file."""

    server: str = setting(one_of("nginx", "apache"), "Which web server.", example='"nginx"')
    include: Path = setting(
        path,
        "File of ours that its configuration includes. For nginx there is one more with .server behind its name, for "
        "each server block.",
        example='"/etc/nginx/goodhoster-blocked.conf"',
    )
    test: tuple[str, ...] = setting(command, "Tests its configuration.", example='["nginx", "-t"]')
    reload: tuple[str, ...] = setting(command, "Makes it read it again.", example='["nginx", "-s", "reload"]')
    answer: str = setting(
        one_of("451", "404"),
        "Status that visitors get: 451 (unavailable for legal reasons), or 404 as if nothing had been there.",
        default="451",
    )
    page: Path | None = setting(
        path,
        "Your own page for visitors with status 451: an HTML file of at most 64 KiB that needs no other file. It is "
        "copied, so reload goodhoster after a change.",
        default=None,
        example='"451.html"',
    )
