"""Sites from nginx's configuration: the file with its includes, or the output of `nginx -T`.

The latter for a configuration that may not be read otherwise. Each server block is then followed as nginx follows it
(`nginx_rules`). An error in one server block, or in a file that only it includes, affects that site and no other: its
URLs wait for a person. What cannot be read at the level of all servers is a site of unknown names.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import crossplane
from crossplane.analyzer import DIRECTIVES

from goodhoster.adapters.directories.command_output import output_of
from goodhoster.adapters.directories.host_names import host_name
from goodhoster.adapters.directories.nginx_dump import unpacked
from goodhoster.adapters.directories.nginx_rules import Block, Directive, NginxRules
from goodhoster.errors import ConfigurationError
from goodhoster.linux.programs import Run, run_here
from goodhoster.model.notices import Matching, PathRoute, Site

Listen = tuple[str, int]
File = Mapping[str, Any]
_LISTEN = re.compile(r"(\d+)|(\[[0-9a-fA-F:]+\]|[\d.]+|\*)(?::(\d+))?")
_TROUBLE = "goodhoster: trouble"
"""As a directive: something could not be read here."""
_DEEPEST = 20  # files inside files
_GLOB = re.compile(r"[*?\[]")
_OF_OTHERS = (
    "brotli", "zstd", "more_", "modsecurity", "vhost_traffic_status", "geoip", "http2", "http3", "quic", "ssl_",
    "proxy_",
    "fastcgi_", "grpc_", "uwsgi_", "scgi_", "keepalive_", "auth_", "limit_", "gzip_", "early_hints", "max_headers",
    "passenger_", "headers_", "log_by_lua", "header_filter_by_lua", "body_filter_by_lua", "lua_", "access_by_lua",
    "content_by_lua", "rewrite_by_lua", "set_real_ip", "add_trailer", "echo", "mruby_", "nchan_", "upload_",
    "cache_purge", "fancyindex", "dav_ext", "merge_slashes",
)  # fmt: skip
"""Directives of newer versions and of well-known modules that do not change which file is shown, or are followed."""


@dataclass(frozen=True, slots=True)
class NginxDirectory:
    """Reads the configuration again each time."""

    config: Path = Path("/etc/nginx/nginx.conf")
    command: Sequence[str] = ()
    """Argument list of a command that prints what `nginx -T` does; empty: the file is read."""
    name: str = "nginx"
    run: Run = run_here

    def sites(self) -> list[Site]:
        """All sites. ConfigurationError where the configuration cannot be read at all."""
        if not self.command:
            return list(_sites(self.config))
        with unpacked(output_of(self.command, self.run)) as config:
            return list(_sites(config))


def _sites(config: Path) -> Iterator[Site]:
    files = crossplane.parse(str(config), combine=False, catch_errors=True, check_ctx=False)["config"]
    if not files or not files[0]["parsed"]:
        errors = files[0]["errors"] if files else []
        why = "; ".join(f"{config}, line {error['line']}: {error['error']}" for error in errors[:3]) or "it is empty"
        raise ConfigurationError(f"nginx's configuration cannot be read: {why}", hint="try: nginx -t")
    parsed = list(_expanded(files, files[0]))
    if files[0]["status"] != "ok" and not any(_blocks(parsed, "http")):
        raise ConfigurationError(f"nginx's configuration {config} cannot be read", hint="try: nginx -t")
    servers = [
        (around, server["block"])
        for http in _blocks(parsed, "http")
        for around in [[one for one in http["block"] if one["directive"] != "server"]]
        for server in _blocks(http["block"], "server")
    ]
    defaults = _defaults([server for _, server in servers])
    for number, (around, server) in enumerate(servers):
        yield _site(server, around, default=number in defaults)
    for around in (parsed, *(http["block"] for http in _blocks(parsed, "http"))):
        yield from (
            Site("", _names_in(one["args"][1:]), (), trouble=one["args"][0]) for one in _named(around, _TROUBLE)
        )


def _expanded(files: Sequence[File], file: File, depth: int = 0) -> Iterator[Directive]:
    """The directives of a file, with included files in place of the includes.

    An error entry where one cannot be read.
    """
    block = file["parsed"]
    for error in file["errors"]:
        if not error["error"].startswith("[Errno"):  # of an include, which is told in its place
            why = f"{file['file']}, line {error['line']}: {error['error']}"
            block = _with_trouble(
                block, error["line"] or 0, {"directive": _TROUBLE, "args": [why], "line": error["line"]}
            )
    yield from _included(files, file, block, depth)


def _with_trouble(block: Block, line: int, trouble: Directive) -> Block:
    """Add an error entry to every server that may be on that line, or else at this level."""
    begins = max((one["line"] for one in block if one["line"] <= line), default=0)
    around = [
        one for one in block if one["line"] == begins and one["directive"] in {"http", "server"} and "block" in one
    ]
    if not around:
        return [*block, trouble]
    return [_with_error_entry(one, line, trouble) if one in around else one for one in block]


def _with_error_entry(one: Directive, line: int, trouble: Directive) -> Directive:
    inner = [*one["block"], trouble] if one["directive"] == "server" else _with_trouble(one["block"], line, trouble)
    return {**one, "block": inner}


def _included(files: Sequence[File], file: File, block: Block, depth: int) -> Iterator[Directive]:
    for one in block:
        if one["directive"] != "include":
            yield {**one, "block": list(_included(files, file, one["block"], depth))} if "block" in one else one
            continue
        pattern, found = one["args"][0] if one["args"] else "", one.get("includes", [])
        if (not found and not _GLOB.search(pattern)) or depth > _DEEPEST:
            why = f"{file['file']}, line {one['line']}: {pattern} cannot be read"
            yield {"directive": _TROUBLE, "args": [why], "line": one["line"]}
            continue
        for number in found:
            inner = files[number]
            if inner["status"] != "ok" and not inner["parsed"]:
                error = inner["errors"][0]
                why = f"{inner['file']}, line {error['line']}: {error['error']}"
                yield {"directive": _TROUBLE, "args": [why, *_server_names(inner["file"])], "line": one["line"]}
            else:
                yield from _expanded(files, inner, depth + 1)


def _server_names(file: str) -> list[str]:
    """The server names in a file that cannot be parsed, as far as they can be found."""
    try:
        text = Path(file).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    return [
        name
        for names in re.findall(r"^[^#\n]*?\bserver_name\s+([^;{}]*)", text, re.MULTILINE)
        for name in names.split()
    ]


def _site(block: Block, http: Block, *, default: bool) -> Site:
    names = _names_in(name for directive in _named(block, "server_name") for name in directive["args"])
    addresses = {address for address, _ in _listens(block)}
    rules = NginxRules(block, http, names[0] if names else "")
    root = rules.outermost().root
    return Site(
        customer="",
        names=names,
        routes=(PathRoute(Matching.PREFIX, "/", os.fsencode(root)),),
        addresses=() if "*" in addresses else tuple(sorted(addresses)),
        ports=tuple(sorted({port for _, port in _listens(block)})),
        default=default,
        rules=rules,
        trouble=next(_troubles(block), ""),
    )


def _names_in(names: Iterable[str]) -> tuple[str, ...]:
    found = (host_name(name) for name in names)
    return tuple(name for name in found if name not in {"", "_"} and not name.startswith("$"))


def _troubles(block: Block) -> Iterator[str]:
    """Everything in the block that is not understood."""
    for one in block:
        name = one["directive"]
        if name == _TROUBLE:
            yield one["args"][0]
        elif name not in DIRECTIVES and not name.startswith(_OF_OTHERS):
            yield f"line {one['line']}: what {name} does is not known here"
        elif name == "merge_slashes" and one["args"] == ["off"]:
            yield f"line {one['line']}: merge_slashes off is not followed"
        if name not in {"types", "map", "geo"} and not name.endswith("_by_lua_block"):
            yield from _troubles(one.get("block", ()))


def _defaults(blocks: Sequence[Block]) -> frozenset[int]:
    """The servers that answer for unknown names.

    On each address and port it is the one configured as default, else the first.
    """
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
    """Addresses (`*` for all) and ports; a socket file is no address from outside."""
    found = [_LISTEN.fullmatch(directive["args"][0]) for directive in _named(block, "listen")]
    if not found:
        return [("*", 80)]
    return [(_address(match[2] or "*"), int(match[1] or match[3] or 80)) for match in found if match]


def _address(text: str) -> str:
    return "*" if text in {"*", "0.0.0.0", "[::]"} else text.strip("[]").lower()  # noqa: S104 - read, not listened on


def _named(block: Block, name: str) -> Iterable[Directive]:
    return (directive for directive in block if directive["directive"] == name)


def _blocks(block: Block, name: str) -> Iterable[Directive]:
    return (directive for directive in _named(block, name) if "block" in directive)
