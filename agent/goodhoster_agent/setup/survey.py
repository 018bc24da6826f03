"""What a new host has: control panel, web servers, customers' directories, mail server.

Nothing is changed, and nothing runs but the web servers' own commands that print their configuration.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from goodhoster.errors import GoodhosterError
from goodhoster.linux.programs import Run, run_here
from goodhoster.model.notices import Site
from goodhoster.settings import installed_kinds
from goodhoster_agent.setup.trees import USUAL_DOCROOTS, trees_above, without_nested


@dataclass(frozen=True, slots=True)
class PanelInstallation:
    """A control panel: what shows that it is installed, and where it keeps its customers' sites."""

    name: str
    marker: str
    """A directory that its installer makes."""
    tree: str
    """Below it one directory for each customer."""


PANELS = (
    PanelInstallation("HestiaCP", "/usr/local/hestia", "/home"),
    PanelInstallation("cPanel", "/usr/local/cpanel", "/home"),
    PanelInstallation("DirectAdmin", "/usr/local/directadmin", "/home"),
    PanelInstallation("Plesk", "/usr/local/psa", "/var/www/vhosts"),
    PanelInstallation("Plesk", "/opt/psa", "/var/www/vhosts"),
    PanelInstallation("Virtualmin", "/etc/webmin/virtual-server", "/home"),
    PanelInstallation("ISPConfig", "/usr/local/ispconfig", "/var/www/clients"),
)
USUAL_TREES = ("/srv/customers", "/srv/www", "/var/www/vhosts", "/var/www/clients", "/var/www", "/home")
"""Where customers' directories often lie, when neither a panel nor a web server tells."""
MAIL_SERVERS = (("postfix", "postfix"), ("exim", "exim4"), ("exim", "exim"), ("dovecot", "dovecot"))
_NGINX = ("nginx", "-T")
_MOST_SITES = 100_000
_PATH = os.environ.get("PATH", os.defpath) + ":/usr/local/sbin:/usr/sbin:/sbin"
"""A shell of `su` has no sbin in its path, and there these servers are."""


def _subdirectories(path: str) -> list[str]:
    try:
        with os.scandir(path) as entries:
            return sorted(entry.name for entry in entries if entry.is_dir(follow_symlinks=False))
    except OSError:
        return []


@dataclass(frozen=True, slots=True)
class HostView:
    """How the host is looked at."""

    is_directory: Callable[[str], bool] = os.path.isdir
    subdirectories: Callable[[str], Sequence[str]] = _subdirectories
    which: Callable[[str], str | None] = lambda program: shutil.which(program, path=_PATH)
    run: Run = run_here


@dataclass(frozen=True, slots=True)
class Survey:
    """What was found, and what was looked for in vain."""

    panel: str = ""
    web_servers: tuple[str, ...] = ()
    """Those whose configuration could be read: `nginx`, `apache`."""
    sites: int = 0
    trees: tuple[str, ...] = ()
    found_by: str = ""
    """What told of the trees, in words."""
    mail_server: str = ""
    problems: tuple[str, ...] = ()
    looked_for: tuple[str, ...] = ()


def survey(view: HostView | None = None) -> Survey:
    """Look for a panel, else for virtual hosts, else for directories in usual places."""
    view = view or HostView()
    panel = next((each for each in PANELS if view.is_directory(each.marker)), None)
    docroots, servers, sites, problems = _virtual_hosts(view)
    trees, found_by = _trees(view, panel, docroots, servers)
    return Survey(
        panel=panel.name if panel else "",
        web_servers=tuple(servers),
        sites=sites,
        trees=trees,
        found_by=found_by,
        mail_server=next((name for name, program in MAIL_SERVERS if view.which(program)), ""),
        problems=tuple(problems),
        looked_for=_searched_places(),
    )


def _trees(
    view: HostView, panel: PanelInstallation | None, docroots: Sequence[str], servers: Sequence[str]
) -> tuple[tuple[str, ...], str]:
    above = [tree for tree in trees_above(docroots) if view.is_directory(tree)]
    if panel and view.is_directory(panel.tree):
        return without_nested([panel.tree, *above]), f"the panel {panel.name}"
    if above:
        return without_nested(above), f"the virtual hosts of {' and '.join(servers)}"
    usual = [tree for tree in USUAL_TREES if _has_customers(view, tree)]
    return without_nested(usual), "its directories: neither a panel nor a web server lists any" if usual else ""


def _virtual_hosts(view: HostView) -> tuple[list[str], list[str], int, list[str]]:
    """Docroots, the servers that told of them, the number of sites, and what could not be read."""
    docroots: list[str] = []
    servers: list[str] = []
    problems: list[str] = []
    count = 0
    for name, directory in _web_servers(view):
        try:
            sites: Sequence[Site] = directory.sites()[:_MOST_SITES]
        except GoodhosterError as error:
            problems.append(f"{name}: {error}")
            continue
        servers.append(name)
        count += len(sites)
        docroots += [
            os.fsdecode(route.directory) for site in sites for route in site.routes if route.directory is not None
        ]
    return docroots, servers, count, problems


def _web_servers(view: HostView) -> list[tuple[str, Any]]:
    kinds = installed_kinds("goodhoster.directories")
    found: list[tuple[str, Any]] = []
    if view.which("nginx"):
        found.append(("nginx", kinds["nginx"](kind="nginx", command=_NGINX).build(view.run)))
    if view.which("apachectl"):
        found.append(("apache", kinds["apache"](kind="apache").build(view.run)))
    return found


def _has_customers(view: HostView, tree: str) -> bool:
    """Whether a directory below has a usual document root: not all in /home are sites."""
    if not view.is_directory(tree):
        return False
    below = [os.path.join(tree, name) for name in view.subdirectories(tree)]
    if tree.startswith("/srv/"):
        return bool(below)
    return any(view.is_directory(os.path.join(each, name)) for each in below for name in USUAL_DOCROOTS)


def _searched_places() -> tuple[str, ...]:
    panels = ", ".join(dict.fromkeys(panel.name for panel in PANELS))
    markers = ", ".join(panel.marker for panel in PANELS)
    return (
        f"a control panel: {panels} ({markers})",
        "virtual hosts: nginx -T, apachectl -t -D DUMP_VHOSTS",
        f"directories of customers: {', '.join(USUAL_TREES)}",
    )
