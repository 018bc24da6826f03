"""What `apachectl -t -D DUMP_VHOSTS -D DUMP_RUN_CFG` prints: the virtual hosts, and where they are written."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from goodhoster.errors import ConfigurationError

_GROUP = re.compile(r"(\S+):(\d+|\*)\s+is a NameVirtualHost")
_ALONE = re.compile(r"(\S+):(\d+|\*)\s+\S+ \((.+):(\d+)\)")
_DEFAULT = re.compile(r"\s+default server \S+ \((.+):(\d+)\)")
_NAMED = re.compile(r"\s+port (?:\d+|\*) namevhost \S+ \((.+):(\d+)\)")
_DEFINE = re.compile(r"Define: (\w+)(?:=(.*))?")
_SETTING = re.compile(r'(ServerRoot|Main DocumentRoot): "(.*)"')

Written = tuple[str, int]
"""File and line of a <VirtualHost>."""


@dataclass(frozen=True, slots=True)
class Listening:
    """One address and port that a virtual host answers on."""

    address: str
    """`*` for all."""
    port: int | None
    default: bool


@dataclass(frozen=True, slots=True)
class ApacheDump:
    """The whole output, understood."""

    hosts: Mapping[Written, tuple[Listening, ...]]
    """In the order that Apache tries them."""
    defines: Mapping[str, str]
    server_root: str
    document_root: str


def understood(text: str) -> ApacheDump:
    """ConfigurationError when this is not that output."""
    if "VirtualHost configuration:" not in text:
        hint = "set command to print that: apachectl -t -D DUMP_VHOSTS -D DUMP_RUN_CFG"
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
    )


def _hosts(lines: list[str]) -> Iterator[tuple[Written, Listening]]:
    address, port, default = "*", "*", ("", 0)
    for line in lines:
        if group := _GROUP.match(line):
            address, port = group[1], group[2]
        elif found := _DEFAULT.match(line):
            default = (found[1], int(found[2]))
        elif found := _NAMED.match(line):
            written = (found[1], int(found[2]))
            yield written, _listening(address, port, default=written == default)
        elif found := _ALONE.match(line):
            yield (found[3], int(found[4])), _listening(found[1], found[2], default=True)


def _listening(address: str, port: str, *, default: bool) -> Listening:
    everywhere = address in {"*", "_default_", "0.0.0.0", "[::]"}  # noqa: S104 - read, not listened on
    return Listening("*" if everywhere else address.strip("[]"), None if port == "*" else int(port), default)
