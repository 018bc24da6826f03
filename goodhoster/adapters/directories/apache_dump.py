"""Reads the output of `apachectl -t`.

It names the virtual hosts, the run configuration, the files and the modules.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from goodhoster.errors import ConfigurationError

_GROUP = re.compile(r"(\S+):(\d+|\*)\s+is a NameVirtualHost")
_ALONE = re.compile(r"(\S+):(\d+|\*)\s+(\S+) \((.+):(\d+)\)")
_DEFAULT = re.compile(r"\s+default server \S+ \((.+):(\d+)\)")
_NAMED = re.compile(r"\s+port (?:\d+|\*) namevhost (\S+) \((.+):(\d+)\)")
_ALIAS = re.compile(r"\s+(?:wild )?alias (\S+)")
_DEFINE = re.compile(r"^Define: (\w+)(?:=(.*))?$", re.MULTILINE)
_SETTING = re.compile(r'(ServerRoot|Main DocumentRoot): "(.*)"')
_MAIN = re.compile(r"^\s+\(\*\) (/.*)$", re.MULTILINE)
_MODULE = re.compile(r"^ (\w+)_module \(", re.MULTILINE)

Written = tuple[str, int]
"""File and line of a <VirtualHost>; for one that a macro made the macro's story instead of a file."""


@dataclass(frozen=True, slots=True)
class Listening:
    """One address and port that a virtual host answers on."""

    address: str
    """`*` for all."""
    port: int | None
    default: bool
    names: tuple[str, ...] = ()
    """Its names there, as far as they are printed: all where several hosts share the address."""


@dataclass(frozen=True, slots=True)
class ApacheDump:
    """The whole output, parsed."""

    hosts: Mapping[Written, tuple[Listening, ...]]
    """In the order that Apache tries them."""
    defines: Mapping[str, str]
    server_root: str
    document_root: str
    main: str = ""
    """The main file; empty where the output does not tell."""
    modules: frozenset[str] | None = None
    """Of those that are loaded; None where the output does not tell."""


def understood(text: str) -> ApacheDump:
    """Parse the output. ConfigurationError when it is something else."""
    if "VirtualHost configuration:" not in text:
        hint = "set command to print that: apachectl -t -D DUMP_VHOSTS -D DUMP_RUN_CFG -D DUMP_INCLUDES -D DUMP_MODULES"
        raise ConfigurationError("this is not what apachectl prints about its virtual hosts", hint=hint)
    hosts: dict[Written, list[Listening]] = defaultdict(list)
    for written, listening in _hosts(text.splitlines()):
        hosts[written].append(listening)
    settings = dict(_SETTING.findall(text))
    return ApacheDump(
        hosts={written: tuple(listening) for written, listening in hosts.items()},
        defines=dict(_DEFINE.findall(text)),
        server_root=settings.get("ServerRoot", "/etc/apache2"),
        document_root=settings.get("Main DocumentRoot", ""),
        main=next(iter(_MAIN.findall(text)), ""),
        modules=frozenset(_MODULE.findall(text)) or None,
    )


def _hosts(lines: list[str]) -> Iterator[tuple[Written, Listening]]:
    address, port, default = "*", "*", ("", 0)
    for number, line in enumerate(lines):
        if group := _GROUP.match(line):
            address, port = group[1], group[2]
        elif found := _DEFAULT.match(line):
            default = (found[1], int(found[2]))
        elif found := _NAMED.match(line):
            written = (found[2], int(found[3]))
            names = (found[1], *_aliases(lines[number + 1 :]))
            yield written, _listening(address, port, names, default=written == default)
        elif found := _ALONE.match(line):
            yield (found[4], int(found[5])), _listening(found[1], found[2], (found[3],), default=True)


def _aliases(lines: list[str]) -> Iterator[str]:
    for line in lines:
        if not (found := _ALIAS.match(line)):
            return
        yield found[1]


def _listening(address: str, port: str, names: tuple[str, ...], *, default: bool) -> Listening:
    everywhere = address in {"*", "_default_", "0.0.0.0", "[::]"}  # noqa: S104 - read, not listened on
    where = "*" if everywhere else address.strip("[]")
    return Listening(where, None if port == "*" else int(port), default, names)
