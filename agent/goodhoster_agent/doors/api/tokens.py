"""Tokens of the HTTP door: one file with a name, scopes and a hash for each.

The hash is the SHA-256 of the token. Tokens are made here, 256 random bits each, and shown once; see `doors.accounts`
for why no slow hash is needed.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from goodhoster.errors import ConfigurationError, RefusedError
from goodhoster.linux.durable_files import replace_durably
from goodhoster.linux.file_lock import FileLock
from goodhoster.linux.state_manifest import enroll_file
from goodhoster_agent.doors.reread_file import RereadFile

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)


class Scope(StrEnum):
    """What a token may do."""

    CHECK = "check"
    """Ask about contents, and so open cases."""
    MAY = "may"
    """Ask what a customer may do."""
    OUTCOME = "outcome"
    """Report what was done about a refusal."""
    EVENTS = "events"
    """Tell of new objects in a bucket."""
    READ = "read"
    """Status and cases."""


@dataclass(frozen=True, slots=True)
class Token:
    """A token, without its secret."""

    name: str
    sha256: str
    """Of the secret, lower-case hexadecimal."""
    scopes: tuple[Scope, ...]
    customer: str
    """The one customer it speaks for; empty where it may name any."""
    added_at: str
    """ISO 8601, UTC."""


def tokens_file(state_dir: Path) -> Path:
    """The file of the tokens."""
    return state_dir / "api" / "tokens.json"


def add_token(file: Path, name: str, scopes: Iterable[Scope], customer: str = "") -> str:
    """Make a token and return its secret, which is kept nowhere.

    RefusedError when the name is taken or odd.
    """
    if not _NAME.fullmatch(name):
        raise RefusedError(
            f"{name[:80]!r} cannot be a token's name", hint="Use 1 to 64 letters, digits, dots, dashes, underscores."
        )
    secret, now = secrets.token_urlsafe(32), datetime.now(UTC).isoformat(timespec="seconds")
    with _locked(file):
        tokens = read_tokens(file)
        if any(token.name == name for token in tokens.values()):
            raise RefusedError(f"there is a token {name} already", hint=f"Revoke it first: doors token revoke {name}")
        added = Token(name, _sha256(secret), tuple(dict.fromkeys(scopes)), customer, now)
        _write(file, [*tokens.values(), added])
    return secret


def revoke_token(file: Path, name: str) -> None:
    """Remove a token; a running service notices within a second.

    RefusedError when there is none.
    """
    with _locked(file):
        tokens = read_tokens(file)
        kept = [token for token in tokens.values() if token.name != name]
        if len(kept) == len(tokens):
            raise RefusedError(f"there is no token {name[:80]!r}", hint="See: doors token list")
        _write(file, kept)


def read_tokens(file: Path) -> dict[str, Token]:
    """All tokens by their hashes; none when there is no file.

    ConfigurationError when it cannot be read.
    """
    try:
        entries = json.loads(file.read_bytes())["tokens"]
        found = [Token(**(entry | {"scopes": tuple(map(Scope, entry["scopes"]))})) for entry in entries]
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ConfigurationError(
            f"the tokens in {file} cannot be read: {error}", hint="Restore the file, or remove it and add them again."
        ) from error
    return {token.sha256: token for token in found}


class Tokens:
    """Finds the token of an Authorization header, in the file as it is now."""

    def __init__(self, file: Path) -> None:
        """Read the tokens; ConfigurationError when the file cannot be read."""
        self._tokens = RereadFile(file, read_tokens, "tokens")

    def of(self, secret: str) -> Token | None:
        """The token with that secret.

        Only its hash is compared: how long that takes tells nothing of a secret.
        """
        return self._tokens.entries().get(_sha256(secret)) if secret else None


def _sha256(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()


def _locked(file: Path) -> FileLock:
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    return FileLock(file.with_suffix(".lock"))


def _write(file: Path, tokens: Iterable[Token]) -> None:
    replace_durably(file, [json.dumps({"tokens": [asdict(token) for token in tokens]}, indent=1).encode()])
    enroll_file(file.parent.parent, file, "the list of the HTTP door's tokens")
