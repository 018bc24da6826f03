"""goodhoster.toml (and conf.d) as frozen values.

A setting is one dataclass field made by `setting()`: name, default, unit and help live there and nowhere else; the
reference page and the sample file are made from it. Reading never half-succeeds: the first thing that is wrong raises
ConfigurationError that says which file, which key and what to do.
"""

from __future__ import annotations

import dataclasses
import difflib
import os
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from goodhoster.errors import ConfigurationError

Section = TypeVar("Section")
Table = Mapping[str, Any]

DEFAULT_FILE = Path("/etc/goodhoster/goodhoster.toml")
_REQUIRED = dataclasses.MISSING


def setting(
    read: Callable[[Any], Any],
    help: str,  # noqa: A002 - the word users know
    *,
    default: Any = _REQUIRED,
    example: str = "",
) -> Any:
    """A field of a settings class. `read` turns the TOML value into the field's value or raises ValueError.

    `example` is TOML text for the sample file; a setting with a default shows that.
    """
    metadata = {"read": read, "help": help, "example": example}
    if callable(getattr(default, "copy", None)):
        return field(default_factory=default.copy, metadata=metadata)
    return field(default=default, metadata=metadata)


def text(value: Any) -> str:
    """A string that is not empty."""
    if not isinstance(value, str) or not value:
        msg = 'a text in quotes, such as "example"'
        raise ValueError(msg)
    return value


def one_of(*words: str) -> Callable[[Any], str]:
    """One of these words."""

    def read(value: Any) -> str:
        if value not in words:
            raise ValueError("one of " + ", ".join(f'"{word}"' for word in words))
        return str(value)

    return read


def whole(low: int, high: int) -> Callable[[Any], int]:
    """A whole number within bounds."""

    def read(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            msg = f"a whole number from {low} to {high}"
            raise ValueError(msg)
        return value

    return read


_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}


def duration(value: Any) -> float:
    """A time span such as "500ms", "30s", "5m", "6h" or "1d", in seconds."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(ms|s|m|min|h|d)", value) if isinstance(value, str) else None
    if not found or float(found[1]) <= 0:
        msg = 'a time with its unit, such as "30s", "5m" or "6h"'
        raise ValueError(msg)
    return float(found[1]) * _UNITS[found[2]]


def path(value: Any) -> Path:
    """A path; a relative one is taken from the folder of the configuration file."""
    return Path(text(value))


def words(*allowed: str) -> Callable[[Any], tuple[str, ...]]:
    """A list with at least one of the allowed words."""

    def read(value: Any) -> tuple[str, ...]:
        if not isinstance(value, list) or not value or any(word not in allowed for word in value):
            raise ValueError('a list such as ["' + allowed[0] + '"], with any of ' + ", ".join(allowed))
        return tuple(dict.fromkeys(value))

    return read


def listen_address(value: Any) -> tuple[str, int]:
    """HOST:PORT, or [IPv6]:PORT; port 0 takes a free one."""
    host, _, port = text(value).rpartition(":")
    if not host or not port.isdigit() or int(port) > 65535:  # noqa: PLR2004 - the highest port there is
        msg = 'an address and a port, such as "127.0.0.1:8460"'
        raise ValueError(msg)
    return host.strip("[]"), int(port)


@dataclass(frozen=True, slots=True)
class AgentSettings:
    """[agent]: the daemon."""

    state_dir: Path = setting(
        path, "Index, queue, record, audit log and own lists live here.", default=Path("/var/lib/goodhoster")
    )
    reconcile_every: float = setting(
        duration, "How often every tree is compared with the index (T of promise G1).", default=6 * 3600.0
    )
    events: str = setting(
        one_of("auto", "watchdog", "scan"), "Where hints of new files come from; auto takes the best.", default="auto"
    )
    workers: int = setting(whole(1, 256), "Files that are checked at the same time.", default=16)
    settle: float = setting(
        duration, "A file found by scanning must be unchanged for so long before it is checked.", default=2.0
    )
    largest_file: int = setting(
        whole(1, 1 << 50), "Bytes; a larger file is unchecked (too-big), never clear.", default=2 << 30
    )


@dataclass(frozen=True, slots=True)
class WatchSettings:
    """[[watch]]: a tree with customers' files."""

    path: Path = setting(path, "The tree; everything below it is covered.", example='"/srv/customers"')
    customer: str = setting(
        text,
        'Whose files these are: "first-directory" (one directory per customer below the tree) or a customer\'s id.',
        default="first-directory",
    )


@dataclass(frozen=True, slots=True)
class PolicySettings:
    """[policy]: the house rules."""

    mode: str = setting(
        one_of("observe", "enforce"), "observe records what would be done and touches nothing.", default="observe"
    )
    storm_customers: int = setting(
        whole(1, 1_000_000), "The same digest at so many customers is held for a person.", default=3
    )
    measures_per_hour: int = setting(
        whole(0, 1_000_000), "More automatic measures in an hour are held for a person.", default=100
    )


@dataclass(frozen=True, slots=True)
class HashServiceSettings:
    """[hash_service]: the compatible server, `goodhoster hashservice serve`."""

    listen: tuple[str, int] = setting(
        listen_address, "Address and port; put a TLS proxy in front of it for others.", default=("127.0.0.1", 8460)
    )


@dataclass(frozen=True, slots=True)
class Settings:
    """The whole configuration."""

    file: Path
    agent: AgentSettings
    watches: tuple[WatchSettings, ...]
    hash_sources: tuple[Table, ...]
    """Each with its `kind`; the adapter of that kind reads the rest (see `assembly`)."""
    policy: PolicySettings
    hash_service: HashServiceSettings

    @property
    def state_dir(self) -> Path:
        """Where everything of ours is kept."""
        return self.agent.state_dir


def load(file: Path) -> Settings:
    """Read and validate the file and `conf.d/*.toml` beside it, in order of name."""
    table: dict[str, Any] = {}
    for part in (file, *sorted(file.parent.glob("conf.d/*.toml"))):
        _merge(table, _parse(part))
    _known_keys(table, ("agent", "watch", "hash_source", "policy", "hash_service"), str(file))
    return Settings(
        file=file,
        agent=read_section(AgentSettings, _one(table, "agent"), "[agent]", file),
        watches=tuple(read_section(WatchSettings, t, "[[watch]]", file) for t in _many(table, "watch")),
        hash_sources=tuple(_with_kind(t, file) for t in _many(table, "hash_source")),
        policy=read_section(PolicySettings, _one(table, "policy"), "[policy]", file),
        hash_service=read_section(HashServiceSettings, _one(table, "hash_service"), "[hash_service]", file),
    )


def read_section(kind: type[Section], table: Table, where: str, file: Path) -> Section:
    """One table as a frozen settings value; relative paths start at the folder of `file`."""
    fields = {f.name: f for f in dataclasses.fields(kind)}  # type: ignore[arg-type]
    _known_keys(table, tuple(fields), f"{file} {where}")
    values = {
        name: _read_value(f, table[name], f"{file} {where} {name}") for name, f in fields.items() if name in table
    }
    for name, f in fields.items():
        if name not in values and f.default is _REQUIRED and f.default_factory is _REQUIRED:
            raise ConfigurationError(
                f"{file} {where}: {name} is missing", hint=f"add: {name} = {f.metadata['example']}"
            )
    return kind(**{name: _absolute(value, file.parent) for name, value in values.items()})


def read_secret(file: Path, purpose: str) -> str:
    """The one line of a secret file; a bare name is looked up in systemd's credentials first.

    Refused when missing, empty or readable by others: the message says which and how to make it.
    """
    credential = Path(os.environ.get("CREDENTIALS_DIRECTORY", "/nonexistent")) / file.name
    chosen = credential if credential.is_file() else file
    make = f"make it: (umask 077; printf %s 'THE-SECRET' > {chosen})"
    try:
        with chosen.open(encoding="utf-8") as opened:
            mode = os.fstat(opened.fileno()).st_mode
            secret = opened.read(4096).strip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"cannot read the {purpose} in {chosen}: {error}", hint=make) from error
    if mode & 0o007:
        raise ConfigurationError(f"the {purpose} in {chosen} can be read by others", hint=f"chmod 600 {chosen}")
    if not secret:
        raise ConfigurationError(f"the {purpose} in {chosen} is empty", hint=make)
    return secret


def _parse(file: Path) -> dict[str, Any]:
    try:
        with file.open("rb") as opened:
            return tomllib.load(opened)
    except FileNotFoundError as error:
        hint = f"make one: goodhoster config sample > {file}, or name another with --config"
        raise ConfigurationError(f"there is no configuration file {file}", hint=hint) from error
    except OSError as error:
        raise ConfigurationError(f"cannot read {file}: {error}", hint="check its owner and mode") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{file} is not valid TOML: {error}", hint="see the line it names") from error


def _merge(table: dict[str, Any], more: Table) -> None:
    """Later files win key by key; arrays of tables add up."""
    for key, value in more.items():
        old = table.get(key)
        if isinstance(old, dict) and isinstance(value, dict):
            _merge(old, value)
        elif isinstance(old, list) and isinstance(value, list):
            old.extend(value)
        else:
            table[key] = value


def _one(table: Table, name: str) -> Table:
    value = table.get(name, {})
    if not isinstance(value, dict):
        raise ConfigurationError(f"{name} must be one section", hint=f"write it as [{name}]")
    return value


def _many(table: Table, name: str) -> list[Table]:
    value = table.get(name, [])
    if not isinstance(value, list) or any(not isinstance(item, dict) for item in value):
        raise ConfigurationError(f"{name} must be a list of sections", hint=f"write each as [[{name}]]")
    return value


def _with_kind(table: Table, file: Path) -> Table:
    if not isinstance(table.get("kind"), str):
        raise ConfigurationError(f"{file} [[hash_source]]: kind is missing", hint='add: kind = "list"')
    return table


def _known_keys(table: Table, known: tuple[str, ...], where: str) -> None:
    for key in table:
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1, cutoff=0.4)
            hint = f"did you mean {near[0]}?" if near else "known are: " + ", ".join(known)
            raise ConfigurationError(f"{where}: unknown key {key}", hint=hint)


def _read_value(f: dataclasses.Field[Any], value: Any, where: str) -> Any:
    try:
        return f.metadata["read"](value)
    except ValueError as error:
        raise ConfigurationError(f"{where} = {value!r} cannot be used", hint=f"give {error}") from error


def _absolute(value: Any, folder: Path) -> Any:
    return (folder / value).absolute() if isinstance(value, Path) else value
