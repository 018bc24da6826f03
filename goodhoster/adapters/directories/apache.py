"""Sites from Apache: its own list of virtual hosts, and its configuration files.

Each host is then followed as Apache does it (`apache_rules`), .htaccess included. An error in one virtual host, such as
that a macro made it, affects that host and no other: its URLs wait for a person.
"""

from __future__ import annotations

import fnmatch
import os
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from goodhoster.adapters.directories.apache_config import TROUBLE, ConfigReader, Node, Nodes, walk
from goodhoster.adapters.directories.apache_dump import ApacheDump, Listening, Written, understood
from goodhoster.adapters.directories.apache_rules import ApacheRules
from goodhoster.adapters.directories.command_output import output_of
from goodhoster.adapters.directories.host_names import host_name
from goodhoster.linux.programs import Run, run_here
from goodhoster.model.notices import Matching, PathRoute, Site

COMMAND = (
    "apachectl", "-t", "-D", "DUMP_VHOSTS", "-D", "DUMP_RUN_CFG", "-D", "DUMP_INCLUDES", "-D", "DUMP_MODULES",
)  # fmt: skip
_NAME = re.compile(r"(?:https?://)?(\[[^\]]+\]|[^:/]+)")
_NAMES = frozenset({"servername", "serveralias"})
_UNKNOWN = frozenset({"use", "perlmodule", "perl"})
_WILD = re.compile(r"[*?]")


@dataclass(frozen=True, slots=True)
class ApacheDirectory:
    """Asks Apache and reads its files again each time."""

    command: Sequence[str] = COMMAND
    """Argument list that prints the virtual hosts, the run configuration, the files and the modules."""
    name: str = "apache"
    run: Run = run_here

    def sites(self) -> list[Site]:
        """All sites. ConfigurationError where Apache cannot be asked."""
        dump = understood(output_of(self.command, self.run).decode("utf-8", "surrogateescape"))
        reader = ConfigReader(dump.defines, dump.server_root, dump.modules)
        main = reader.file(dump.main) if dump.main else ()
        blocks = {(node.file, node.line): node for node in walk(main) if node.name == "virtualhost"}
        outer = tuple(node for node in main if node.name not in {"virtualhost", "macro"})
        rules = {written: _rules(_block(written, blocks, reader), outer, dump) for written in dump.hosts}
        return list(_in_order(_site(w, listenings, rules[w]) for w, listenings in dump.hosts.items()))


def _rules(block: Node | None, outer: Nodes, dump: ApacheDump) -> ApacheRules | None:
    return ApacheRules(block.inner or (), outer, dump) if block else None


def _block(written: Written, blocks: dict[Written, Node], reader: ConfigReader) -> Node | None:
    """The <VirtualHost> section at that line; None where there is none (a macro)."""
    if written not in blocks:
        blocks |= {(node.file, node.line): node for node in walk(reader.file(written[0])) if node.name == "virtualhost"}
    return blocks.get(written)


def _site(written: Written, listenings: Sequence[Listening], rules: ApacheRules | None) -> Site:
    """The site of a virtual host; without rules when its section cannot be found."""
    told = [name for node in (rules.host if rules else ()) if node.name in _NAMES for name in node.args]
    names = [*told, *(name for listen in listenings for name in listen.names)]
    addresses = {listen.address for listen in listenings}
    return Site(
        customer="",
        names=tuple(dict.fromkeys(host_name(found[1]) for found in map(_NAME.match, names) if found)),
        routes=(PathRoute(Matching.PREFIX, "/", os.fsencode(rules.document_root)),) if rules else (),
        addresses=() if "*" in addresses else tuple(sorted(addresses)),
        ports=tuple(sorted({listen.port for listen in listenings if listen.port is not None})),
        default=any(listen.default for listen in listenings),
        rules=rules,
        trouble=_trouble(rules) if rules else f"no <VirtualHost> is to be read at {written[0]}, line {written[1]}",
    )


def _trouble(rules: ApacheRules) -> str:
    for node in walk(rules.host):
        if node.name == TROUBLE:
            return node.args[0]
        if node.name in _UNKNOWN:
            return f"{node.file}, line {node.line}: what {node.name} does is not known here"
    return ""


def _in_order(found: Iterable[Site]) -> Iterator[Site]:
    """The sites with their names in Apache's order of precedence.

    Apache takes the first host that has the name in any form, wildcards like `img*.a.example` and `a?.example`
    included.
    """
    sites = list(found)
    suffixes = {name[2:] for site in sites for name in site.names if _is_suffix(name)}
    inner = {outer for suffix in suffixes for outer in _above(suffix) if outer in suffixes}
    mixed = inner | {suffix for suffix in suffixes if inner & set(_above(suffix))}
    before: dict[str, list[Site]] = defaultdict(list)
    globs: list[tuple[str, Site]] = []
    for site in sites:
        names: list[str] = []
        for name in site.names:
            if _is_suffix(name):
                before[name[2:]].append(site)
                names.append(_as_pattern(name) if name[2:] in mixed else name)
            elif _WILD.search(name):
                globs.append((name, site))
                names.append(_as_pattern(name))
            else:
                earlier = [other for suffix in _above(name) for other in before.get(suffix, ())]
                earlier += [other for glob, other in globs if fnmatch.fnmatchcase(name, glob)]
                if not any(_share_port(site, other) for other in earlier if other is not site):
                    names.append(name)
        yield replace(site, names=tuple(names))


def _is_suffix(name: str) -> bool:
    """Return whether it is a wildcard with the same meaning everywhere: `*.a.example`."""
    return name.startswith("*.") and not _WILD.search(name[2:])


def _above(name: str) -> list[str]:
    """The parent domains of a name."""
    labels = name.split(".")
    return [".".join(labels[at:]) for at in range(1, len(labels))]


def _share_port(one: Site, other: Site) -> bool:
    """Return whether two sites answer on the same port."""
    return not one.ports or not other.ports or bool({*one.ports} & {*other.ports})


def _as_pattern(name: str) -> str:
    return "~^(?:" + re.escape(name).replace(r"\*", ".*").replace(r"\?", ".") + ")$"
