"""Sites from Apache: its own account of its virtual hosts, and what their blocks say of files.

Understood: ServerName, ServerAlias, DocumentRoot (inherited, too), Alias, VirtualDocumentRoot with %0, includes and
Define; what hands a path to a program or elsewhere. A virtual host made by a macro has files that nobody can tell from
here: its URLs wait for a person.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from goodhoster.adapters.directories.apache_dump import ApacheDump, Listening, understood
from goodhoster.adapters.directories.apache_vhost import BlockReader, Line
from goodhoster.adapters.directories.command_output import output_of
from goodhoster.adapters.directories.names import host_name
from goodhoster.linux.programs import Run, run_here
from goodhoster.model.notices import Matching, Route, Site

COMMAND = ("apachectl", "-t", "-D", "DUMP_VHOSTS", "-D", "DUMP_RUN_CFG")
_UNTOLD = b"/${untold}"
"""A directory that nobody can fill in: what is served from it waits for a person."""
_HANDED_ON = frozenset({"scriptalias", "proxypass", "redirect", "redirectpermanent", "redirecttemp", "wsgiscriptalias"})
_NAME = re.compile(r"(?:https?://)?(\[[^\]]+\]|[^:/]+)")


@dataclass(frozen=True, slots=True)
class ApacheDirectory:
    """Asks Apache and reads its files anew each time."""

    command: Sequence[str] = COMMAND
    """Argument list that prints the virtual hosts and the run configuration."""
    name: str = "apache"
    run: Run = run_here

    def sites(self) -> list[Site]:
        """ConfigurationError where Apache or one of its files cannot be asked: never half a list."""
        dump = understood(output_of(self.command, self.run).decode("utf-8", "surrogateescape"))
        reader = BlockReader(dump.defines, dump.server_root)
        return [_site(reader.block(*written), listening, dump) for written, listening in dump.hosts.items()]


def _site(block: Sequence[Line] | None, listening: Sequence[Listening], dump: ApacheDump) -> Site:
    names = [name for line in block or () if line.name in {"servername", "serveralias"} for name in line.args]
    addresses = {listen.address for listen in listening}
    ports = {listen.port for listen in listening if listen.port is not None}
    return Site(
        customer="",
        names=tuple(host_name(found[1]) for found in map(_NAME.match, names) if found),
        routes=(Route(Matching.PREFIX, "/", _UNTOLD),) if block is None else tuple(_routes(block, dump)),
        addresses=() if "*" in addresses else tuple(sorted(addresses)),
        ports=tuple(sorted(ports)),
        default=any(listen.default for listen in listening),
    )


def _routes(block: Sequence[Line], dump: ApacheDump) -> Iterator[Route]:
    """Before the document root: of two equal prefixes the first is taken."""
    root = os.fsencode(dump.document_root)
    for line in block:
        if line.name == "documentroot" and line.args:
            root = _absolute(line.args[0], dump)
        elif line.name == "virtualdocumentroot" and line.args:
            root = _by_host(line.args[0])
        elif line.name == "alias" and len(line.args) == 2:  # noqa: PLR2004 - path and directory
            directory = _absolute(line.args[1], dump).rstrip(b"/") + b"/"
            yield Route(Matching.PREFIX, line.args[0].rstrip("/") + "/", directory, replaces=True)
        elif line.name in _HANDED_ON:
            yield from _handed_on(line)
        elif line.name in {"aliasmatch", "scriptaliasmatch", "proxypassmatch"} and line.args:
            yield Route(Matching.PATTERN, line.args[0], None)
    yield Route(Matching.PREFIX, "/", root or _UNTOLD)


def _handed_on(line: Line) -> Iterator[Route]:
    """The path that goes to a program or elsewhere: the first argument that is one, or the <Location> around it."""
    path = line.location or next((word for word in line.args if word.startswith("/")), "")
    if path and "!" not in line.args:
        yield Route(Matching.PREFIX, path, None)


def _absolute(path: str, dump: ApacheDump) -> bytes:
    return os.fsencode(os.path.join(dump.server_root, path))


def _by_host(pattern: str) -> bytes:
    """`%0` is the whole host; other pieces of it are not told here."""
    filled = pattern.replace("%0", "${host}")
    return _UNTOLD if "%" in filled else os.fsencode(filled)
