"""The sections about alerts: rules, and the command for paging."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from goodhoster.model.alerts import AlertKind
from goodhoster.settings.notices import command
from goodhoster.settings.values import (
    duration,
    mail_address,
    one_of,
    path,
    setting,
    short_name,
    whole,
    words,
    yes_or_no,
)

_HOURS = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)")


def webhook_address(value: Any) -> str:
    """An address that begins with https://, or http:// on this machine; it may have a query."""
    try:
        parts = urlsplit(value) if isinstance(value, str) else urlsplit("")
        local = parts.hostname in {"127.0.0.1", "::1", "localhost"} and parts.scheme == "http"
        good = bool(parts.hostname) and (parts.scheme == "https" or local)
    except ValueError:
        good = False
    if not good:
        raise ValueError('an address such as "https://alerts.hoster.example/goodhoster"')
    return str(value)


def hours(value: Any) -> tuple[time, time]:
    """A span of the day, which may go over midnight."""
    found = _HOURS.fullmatch(value) if isinstance(value, str) else None
    if not found or found[0][:5] == found[0][6:]:
        raise ValueError('hours of the day, such as "22:00-07:00"')
    return time(int(found[1]), int(found[2])), time(int(found[3]), int(found[4]))


@dataclass(frozen=True, slots=True)
class AlertSettings:
    """[[alert]]: a rule of who is told what; one of mail, webhook and command."""

    name: str = setting(short_name, "Its name, for `alerts test`.", example='"night-shift"')
    on: tuple[str, ...] = setting(
        words(*(kind for kind in AlertKind if kind is not AlertKind.TEST)),
        "Kinds of events.",
        example='["alarm", "deadline", "overdue", "storm", "held"]',
    )
    mail: str | None = setting(
        mail_address, "Address that gets a mail, by [smtp].", default=None, example='"night-shift@hoster.example"'
    )
    webhook: str | None = setting(
        webhook_address,
        "Address that gets a POST with JSON.",
        default=None,
        example='"https://alerts.hoster.example/goodhoster"',
    )
    command: tuple[str, ...] | None = setting(
        command,
        "Run with the subject as its last argument and the text on standard input.",
        default=None,
        example='["/usr/local/bin/page-abuse-desk"]',
    )
    secret_file: Path | None = setting(
        path, "File with the secret that signs what goes to the webhook.", default=None, example='"webhook.secret"'
    )
    form: str = setting(
        one_of("full", "text"),
        'What the webhook gets: all fields, or {"text": …} as chat services take it.',
        default="full",
    )
    details: bool = setting(
        yes_or_no, "The webhook gets the whole text, which may hold addresses of material and paths.", default=False
    )
    repeat: float | None = setting(
        duration, "Sent again at this interval while it lasts; absent: never.", default=None, example='"4h"'
    )
    quiet: tuple[time, time] | None = setting(
        hours,
        "Local time in which it waits, unless it is about a deadline.",
        default=None,
        example='"22:00-07:00"',
    )
    per_hour: int = setting(
        whole(1, 1000),
        "Messages an hour; more alerts are summed up in one. Deadlines and alarms of a new kind always come.",
        default=30,
    )
