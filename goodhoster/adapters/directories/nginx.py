"""Sites from nginx's own configuration: the file with its includes, or what `nginx -T` prints (for one that may not be
read otherwise). Understood: server_name in every form, listen, root and alias with inheritance, location with every
modifier, also nested; what hands a path to a program or elsewhere.

Where a file would be found by a rewrite, a map or a captured group of a location, this reader finds none: the URL is
then *dynamic*, and blocked as such.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import crossplane

from goodhoster.adapters.directories.command_output import output_of
from goodhoster.adapters.directories.names import host_name
from goodhoster.adapters.directories.nginx_dump import unpacked
from goodhoster.errors import ConfigurationError
from goodhoster.linux.programs import Run, run_here
from goodhoster.model.notices import Matching, Route, Site

Directive = Mapping[str, Any]
Block = Sequence[Directive]
Listen = tuple[str, int]
_HANDED_ON = frozenset(
    {"proxy_pass", "fastcgi_pass", "uwsgi_pass", "scgi_pass", "grpc_pass", "memcached_pass", "return", "internal"}
)
_MATCHING = {
    "": Matching.PREFIX,
    "=": Matching.EXACT,
    "^~": Matching.FIRM_PREFIX,
    "~": Matching.PATTERN,
    "~*": Matching.PATTERN_ANY_CASE,
}
_PREFIX = b"/usr/share/nginx/"
"""Where relative roots start in the packages of Debian, Fedora and nginx.org."""
_LOCATION = re.compile(r"(=|\^~|~\*|~|)\s*(.*)", re.DOTALL)
_LISTEN = re.compile(r"(\d+)|(\[[0-9a-fA-F:]+\]|[\d.]+|\*)(?::(\d+))?")


@dataclass(frozen=True, slots=True)
class NginxDirectory:
    """Reads the configuration anew each time."""

    config: Path = Path("/etc/nginx/nginx.conf")
    command: Sequence[str] = ()
    """Argument list of a command that prints what `nginx -T` does; empty: the file is read."""
    name: str = "nginx"
    run: Run = run_here

    def sites(self) -> list[Site]:
        """ConfigurationError where a part cannot be read: never half a list."""
        if not self.command:
            return list(_sites(self.config))
        with unpacked(output_of(self.command, self.run)) as config:
            return list(_sites(config))


def _sites(config: Path) -> Iterator[Site]:
    parsed = crossplane.parse(str(config), combine=True, catch_errors=True)
    if parsed["status"] != "ok":
        why = "; ".join(f"{error['file']}, line {error['line']}: {error['error']}" for error in parsed["errors"][:3])
        raise ConfigurationError(f"nginx's configuration cannot be read: {why}", hint="try: nginx -t")
    servers = [
        (server["block"], _root_of(http["block"], b"html"))
        for http in _blocks(parsed["config"][0]["parsed"], "http")
        for server in _blocks(http["block"], "server")
    ]
    defaults = _defaults([block for block, _ in servers])
    for number, (block, root) in enumerate(servers):
        yield _site(block, root, default=number in defaults)


def _site(block: Block, outer_root: bytes, *, default: bool) -> Site:
    names = [host_name(name) for directive in _named(block, "server_name") for name in directive["args"]]
    addresses = {address for address, _ in _listens(block)}
    ports = {port for _, port in _listens(block)}
    return Site(
        customer="",
        names=tuple(name for name in names if name not in {"", "_"} and not name.startswith("$")),
        routes=tuple(_server_routes(block, _root_of(block, outer_root))),
        addresses=() if "*" in addresses else tuple(sorted(addresses)),
        ports=tuple(sorted(ports)),
        default=default,
    )


def _defaults(blocks: Sequence[Block]) -> frozenset[int]:
    """The servers that answer for unknown names: on each address and port the one that says so, else the first."""
    answering: dict[Listen, int] = {}
    for number, block in enumerate(blocks):
        for listen in _listens(block):
            answering.setdefault(listen, number)
    for number, block in enumerate(blocks):
        for directive in _named(block, "listen"):
            if {"default_server", "default"} & set(directive["args"]):
                answering.update(dict.fromkeys(_listens([directive]), number))
    return frozenset(answering.values())


def _listens(block: Block) -> list[Listen]:
    """Address (`*` for all) and port; a socket file is nobody's address from outside."""
    found = [_LISTEN.fullmatch(directive["args"][0]) for directive in _named(block, "listen")]
    if not found:
        return [("*", 80)]
    return [(_address(match[2] or "*"), int(match[1] or match[3] or 80)) for match in found if match]


def _address(text: str) -> str:
    return "*" if text in {"*", "0.0.0.0", "[::]"} else text.strip("[]").lower()  # noqa: S104 - read, not listened on


def _server_routes(block: Block, root: bytes) -> Iterator[Route]:
    """Locations before the server's own root: of two equal prefixes the first is taken."""
    if not _is_handed_on(block):
        for location in _blocks(block, "location"):
            yield from _location_routes(location, root, "")
    yield Route(Matching.PREFIX, "/", None if _is_handed_on(block) else root)


def _location_routes(location: Directive, outer_root: bytes, within: str) -> Iterator[Route]:
    """The routes of a location and of those inside it, which only count `within` its prefix."""
    modifier, text = _split(location["args"])
    block, matching = location["block"], _MATCHING[modifier]
    pattern = matching in {Matching.PATTERN, Matching.PATTERN_ANY_CASE}
    root = _root_of(block, outer_root)
    inner = within if pattern else text
    if not text.startswith("@"):
        for nested in _blocks(block, "location"):
            yield from _location_routes(nested, root, inner)
        yield _route(Route(matching, _within(within, text) if pattern else text, root), block)


def _route(route: Route, block: Block) -> Route:
    alias = next((os.fsencode(directive["args"][0]) for directive in _named(block, "alias")), None)
    if _is_handed_on(block):
        return replace(route, directory=None)
    if alias is None:
        return route
    if route.matching in {Matching.PATTERN, Matching.PATTERN_ANY_CASE}:
        return replace(route, directory=None)
    return replace(route, directory=alias, replaces=True)


def _within(prefix: str, pattern: str) -> str:
    return rf"\A(?={re.escape(prefix)})(?=[\s\S]*?(?:{pattern}))" if prefix else pattern


def _split(args: Sequence[str]) -> tuple[str, str]:
    """The modifier, which may stand against the pattern, and the pattern."""
    found = _LOCATION.fullmatch(" ".join(args))
    return (found[1], found[2]) if found else ("", "")


def _root_of(block: Block, outer: bytes) -> bytes:
    """The block's own root, or the one around it; absolute."""
    own = next((os.fsencode(directive["args"][0]) for directive in _named(block, "root")), outer)
    return own if own.startswith((b"/", b"$")) else _PREFIX + own


def _is_handed_on(block: Block) -> bool:
    return any(directive["directive"] in _HANDED_ON for directive in block)


def _named(block: Block, name: str) -> Iterable[Directive]:
    return (directive for directive in block if directive["directive"] == name)


def _blocks(block: Block, name: str) -> Iterable[Directive]:
    return (directive for directive in _named(block, name) if "block" in directive)
