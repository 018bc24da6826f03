"""Secrets: files of their own, beside the configuration or from systemd.

Only we may read them.
"""

from __future__ import annotations

import os
import shlex
from pathlib import Path

from goodhoster.errors import ConfigurationError

_LONGEST_SECRET = 4096


def read_secret(file: Path, purpose: str) -> str:
    """The one line of a secret file; a systemd credential of the same name comes first.

    Refused when missing, empty, readable by others, longer than 4096 bytes or more than one line: the message says
    which and how to make it. It never holds the secret.
    """
    chosen = _credential(file.name) or file
    make = f"make it: (umask 077; cat > {shlex.quote(str(chosen))}), then type the secret, Enter and Ctrl-D"
    try:
        with chosen.open("rb") as opened:
            mode = os.fstat(opened.fileno()).st_mode
            content = opened.read(_LONGEST_SECRET + 1)
        secret = content.decode().removesuffix("\n").removesuffix("\r")
    except OSError as error:
        raise ConfigurationError(f"cannot read the {purpose} in {chosen}: {error.strerror}", hint=make) from error
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"the {purpose} in {chosen} is not UTF-8 text", hint=make) from error
    if mode & 0o007:
        hint = f"chmod 600 {shlex.quote(str(chosen))}; who may have read it? Then change it"
        raise ConfigurationError(f"the {purpose} in {chosen} can be read by others", hint=hint)
    if len(content) > _LONGEST_SECRET or not secret or not secret.isprintable():
        raise ConfigurationError(f"the {purpose} in {chosen} is empty or not a single line of text", hint=make)
    return secret


def _credential(name: str) -> Path | None:
    """The credential of that name that systemd loaded (systemd.exec(5), LoadCredential=)."""
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    credential = Path(folder, name) if folder else None
    return credential if credential and credential.is_file() else None
