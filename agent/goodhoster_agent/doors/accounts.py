"""Client accounts of the hash service: one file with a name and a password hash for each.

The hash is the SHA-256 of the password. Passwords are made here, 256 random bits each, and shown once. A slow hash
protects passwords that people choose, by making each guess expensive; nobody guesses 256 bits, so a plain SHA-256 loses
nothing and costs a microsecond a request.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import secrets
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from goodhoster.errors import ConfigurationError, RefusedError
from goodhoster.linux.durable_files import replace_durably
from goodhoster.linux.file_lock import FileLock
from goodhoster.linux.state_manifest import enroll_file
from goodhoster_agent.doors.reread_file import RereadFile

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)
_NOBODY = "0" * 64


@dataclass(frozen=True, slots=True)
class ClientAccount:
    """A client's account."""

    name: str
    sha256: str
    """Of the password, lower-case hexadecimal."""
    added_at: str
    """ISO 8601, UTC."""


def add_client(file: Path, name: str) -> str:
    """Make an account and return its password, which is kept nowhere.

    RefusedError when the name is taken or odd.
    """
    if not _NAME.fullmatch(name):
        raise RefusedError(
            f"{name[:80]!r} cannot be a client's name", hint="Use 1 to 64 letters, digits, dots, dashes, underscores."
        )
    password = secrets.token_urlsafe(32)
    with _writing(file) as clients:
        if name in clients:
            raise RefusedError(f"there is a client {name} already", hint=f"Remove it first: client remove {name}")
        clients[name] = ClientAccount(name, _sha256(password), datetime.now(UTC).isoformat(timespec="seconds"))
    return password


def remove_client(file: Path, name: str) -> None:
    """Remove an account; a running service notices within a second.

    RefusedError when there is none.
    """
    with _writing(file) as clients:
        if clients.pop(name, None) is None:
            raise RefusedError(f"there is no client {name[:80]!r}", hint="See: client list")


def read_clients(file: Path) -> dict[str, ClientAccount]:
    """All accounts by name; none when there is no file.

    ConfigurationError when it cannot be read.
    """
    try:
        entries = json.loads(file.read_bytes())["clients"]
        return {entry["name"]: ClientAccount(**entry) for entry in entries}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ConfigurationError(
            f"the clients in {file} cannot be read: {error}", hint="Restore the file, or remove it and add them again."
        ) from error


class Accounts:
    """Authenticates clients by their Authorization header, against the file as it is now."""

    def __init__(self, file: Path) -> None:
        """Read the accounts; ConfigurationError when the file cannot be read."""
        self._clients = RereadFile(file, read_clients, "accounts")

    def who(self, authorization: str) -> str | None:
        """The client's name, or None; the password is compared in constant time."""
        name, password = _credentials(authorization)
        client = self._clients.entries().get(name)
        right = hmac.compare_digest(_sha256(password), client.sha256 if client else _NOBODY)
        return name if client and right else None


def _credentials(authorization: str) -> tuple[str, str]:
    """User name and password of a Basic header (RFC 7617); both empty when it is none."""
    scheme, _, token = authorization.partition(" ")
    try:
        name, colon, password = b64decode(token, validate=True).decode().partition(":")
    except ValueError:
        return "", ""
    return (name, password) if scheme.lower() == "basic" and colon else ("", "")


def _sha256(password: str) -> str:
    return hashlib.sha256(password.encode()).hexdigest()


@contextmanager
def _writing(file: Path) -> Iterator[dict[str, ClientAccount]]:
    """The accounts to change; afterwards the file is replaced in one step.

    One process at a time.
    """
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with FileLock(file.with_suffix(".lock")):
        clients = read_clients(file)
        yield clients
        text = json.dumps({"clients": [asdict(client) for client in clients.values()]}, indent=1)
        replace_durably(file, [text.encode()])
        enroll_file(file.parent.parent, file, "the list of the hash service's clients")
