"""Requests to panels and billing systems, by program or HTTP, within limits.

Their answers may hold passwords, tokens and numbers of identity papers. So an answer is never logged; of an error only
one line is shown, without whatever looks like a secret.
"""

from __future__ import annotations

import asyncio
import ipaddress
import json
import re
import ssl
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from goodhoster.errors import ConfigurationError, PassingError, PermanentError, RefusedError
from goodhoster.linux.programs import Ended, Run

_LARGEST_ANSWER = 64 << 20  # bytes of an answer
_TIMEOUT_SECONDS = 60.0  # for an answer
_QUOTED = 200  # characters of an error
_SECRET = re.compile(
    r"""(?ix) ( [\w-]* (?: pass(?:word|wd|phrase)? | secret | token | api[_-]?key | auth | hash | document[_-]?n\w* )
        [\w-]* ["']? \s* [:=] \s* ) ( "[^"]*" | '[^']*' | \S+ )"""
)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,127}", re.ASCII)
_HOST = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)+", re.ASCII)
_PASSING_STATUS = frozenset({408, 425, 429})
_REFUSING_STATUS = frozenset({401, 403})
_SERVER_ERROR = 500


def quotable(text: str, secrets: Sequence[str] = ()) -> str:
    """One short line of what a counterpart said, for a message; without secrets."""
    for secret in secrets:
        text = text.replace(secret, "…") if secret else text
    line = next((line for line in text.splitlines() if line.strip()), "")
    shown = "".join(char if char.isprintable() else "?" for char in line.strip()[: _QUOTED * 4])
    return _SECRET.sub(r"\1…", shown)[:_QUOTED] or "nothing"


def account_name(value: str) -> str:
    """An account's name as an argument of a program; RefusedError for an option and the like."""
    if not _NAME.fullmatch(value):
        raise RefusedError(f"{value!r} cannot be the name of an account", hint="take the name that the panel shows")
    return value


def host_argument(value: str) -> str:
    """A host's name that can be an argument of a program; RefusedError for anything else."""
    if not _HOST.fullmatch(value):
        raise RefusedError(f"{value!r} cannot be the name of a site", hint="take the name that the panel shows")
    return value


def one_line(reason: str) -> str:
    """A reason as one short printable line that no program takes for an option."""
    return "".join(char if char.isprintable() else " " for char in reason).strip(" -")[:_QUOTED]


def flag(value: object) -> bool | None:
    """Yes or no in any of the forms that counterparts have for it; None for anything else."""
    word = str(value).strip().lower()
    return (
        True if word in {"1", "yes", "true", "y", "on"} else False if word in {"0", "no", "false", "n", "off"} else None
    )


def text_of(table: Mapping[str, Any], *keys: str) -> str:
    """The first of these fields that has a text or a number; empty when none has."""
    for key in keys:
        value = table.get(key)
        if isinstance(value, (str, int)) and not isinstance(value, bool) and str(value).strip():
            return str(value).strip()
    return ""


def tables_of(value: object, where: str) -> list[Mapping[str, Any]]:
    """A list of JSON objects.

    An empty one may be written as a text, null or {}. PermanentError for anything else.
    """
    if value in ("", None, [], {}):
        return []
    if isinstance(value, dict) and all(key.isdigit() for key in value):
        value = [value[key] for key in sorted(value, key=int)]  # PHP writes a list with gaps like this
    if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
        raise unreadable(where)
    return value


def unreadable(where: str) -> PermanentError:
    """An answer that is not as documented; it is not quoted, because it may hold anything."""
    return PermanentError(
        f"{where} answered something that is not as documented", hint="run it by hand; is its version one that we know?"
    )


def json_value(raw: bytes, where: str) -> object:
    """A JSON value. PermanentError where it is none; of its content nothing is quoted."""
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        raise unreadable(where) from None  # the error would carry the answer along


def json_table(raw: bytes, where: str) -> Mapping[str, Any]:
    """A JSON object; PermanentError as `json_value`."""
    value = json_value(raw, where)
    if not isinstance(value, dict):
        raise unreadable(where)
    return value


def run_program(run: Run, argv: Sequence[str]) -> Ended:
    """A program of a panel, run to its end whatever its exit status.

    PassingError when it took too long, ConfigurationError when it cannot be run.
    """
    try:
        return run(argv, b"")
    except TimeoutError as error:
        raise PassingError(f"{argv[0]}: {error}", hint="run it by hand") from error
    except OSError as error:
        why = error.strerror or error
        raise ConfigurationError(f"{argv[0]} cannot be run: {why}", hint="see the [[panel]] section") from error


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The HTTP interface of a counterpart; passwords are sent by TLS only, or to this machine."""

    url: str
    """Without a slash at its end."""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    account: tuple[str, str] | None = field(default=None, repr=False)
    """For Basic authentication."""
    ca_file: Path | None = None
    """Certificates to trust beside none of the system's."""
    secrets: tuple[str, ...] = field(default=(), repr=False)
    """Never quoted."""
    seconds: float = _TIMEOUT_SECONDS

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme != "https" and not (parts.scheme == "http" and _is_loopback(parts.hostname or "")):
            raise ConfigurationError(f"{self.url} would take the password in the clear", hint="give an https:// URL")

    def ask(
        self, method: str, path: str, form: Mapping[str, str] | None = None, body: object = None
    ) -> CounterpartReply:
        """One request, with a form or a JSON body; redirects are not followed.

        PassingError when there is no answer in time or it says "not now"; PermanentError when the account is refused.
        """
        where = f"{self.url}{path.partition('?')[0]}"
        try:
            reply = asyncio.run(self._ask(method, path, form, body))
        except (aiohttp.ClientError, OSError, ValueError) as error:
            why = quotable(str(error), self.secrets) if str(error) else "it does not answer in time"
            raise PassingError(f"{where} cannot be asked: {why}", hint="is it up, and reachable from here?") from error
        if reply.status in _REFUSING_STATUS:
            hint = "check the account, its rights, and the addresses it may be used from"
            raise PermanentError(f"{where} refuses our account ({reply.status})", hint=hint)
        if reply.status in _PASSING_STATUS or reply.status >= _SERVER_ERROR:
            raise PassingError(f"{where} answers {reply.status}", hint="see its own log")
        if 300 <= reply.status < 400:  # noqa: PLR2004 - HTTP's redirects
            hint = "give the URL that it redirects to, where that is its own"
            raise PermanentError(f"{where} redirects ({reply.status}): the order did not arrive", hint=hint)
        return reply

    def table(
        self, method: str, path: str, form: Mapping[str, str] | None = None, body: object = None
    ) -> Mapping[str, Any]:
        """The JSON object of an answer, as `ask`; PermanentError where it is none."""
        return json_table(self.ask(method, path, form, body).body, f"{self.url}{path.partition('?')[0]}")

    async def _ask(self, method: str, path: str, form: Mapping[str, str] | None, body: object) -> CounterpartReply:
        timeout = aiohttp.ClientTimeout(total=self.seconds)
        basic = (
            {"Authorization": f"Basic {b64encode(':'.join(self.account).encode()).decode()}"} if self.account else {}
        )
        tls = ssl.create_default_context(cafile=self.ca_file) if self.ca_file else True
        async with (
            aiohttp.ClientSession(timeout=timeout, trust_env=True, headers={**self.headers, **basic}) as session,
            session.request(method, self.url + path, data=form, json=body, allow_redirects=False, ssl=tls) as response,
        ):
            answer = b""
            while len(answer) <= _LARGEST_ANSWER and (
                more := await response.content.read(_LARGEST_ANSWER + 1 - len(answer))
            ):
                answer += more
            if len(answer) > _LARGEST_ANSWER:
                raise ValueError("its answer is too long")
            return CounterpartReply(response.status, answer)


@dataclass(frozen=True, slots=True)
class CounterpartReply:
    """The status and body of an answer."""

    status: int
    body: bytes


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
