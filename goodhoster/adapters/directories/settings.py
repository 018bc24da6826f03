"""The kinds of [[directory]]: the settings of each, and how to build it from them.

Registered in the entry-point group `goodhoster.directories`, as anybody else's would be. What a kind runs is in its
setting `command` and is run by the `Run` that `build` is given: the daemon may run nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from goodhoster.adapters.directories.apache import COMMAND, ApacheDirectory
from goodhoster.adapters.directories.customer_register import RegisterDirectory
from goodhoster.adapters.directories.nginx import NginxDirectory
from goodhoster.adapters.directories.site_list import ListedDirectory
from goodhoster.linux.programs import Run, run_here
from goodhoster.ports import Directory
from goodhoster.settings import one_of, path, setting, texts


@dataclass(frozen=True, slots=True)
class NginxKind:
    """The sites in nginx's configuration."""

    kind: str = setting(one_of("nginx"), "Which kind of directory this is.", example='"nginx"')
    config: Path = setting(path, "The main file; its includes are followed.", default=Path("/etc/nginx/nginx.conf"))
    command: tuple[str, ...] = setting(
        texts, "A command and its arguments that print what nginx -T does, where the files may not be read.", default=()
    )

    def build(self, run: Run = run_here) -> Directory:
        """Build the directory; nothing is read yet."""
        return NginxDirectory(self.config, self.command, run=run)


@dataclass(frozen=True, slots=True)
class ApacheKind:
    """The sites in Apache's configuration."""

    kind: str = setting(one_of("apache"), "Which kind of directory this is.", example='"apache"')
    command: tuple[str, ...] = setting(
        texts, "A command and its arguments that print the virtual hosts and the run configuration.", default=COMMAND
    )

    def build(self, run: Run = run_here) -> Directory:
        """Build the directory; Apache is not asked yet."""
        return ApacheDirectory(self.command, run=run)


@dataclass(frozen=True, slots=True)
class RegisterKind:
    """The sites in the register of customers (`goodhoster customers import`)."""

    kind: str = setting(one_of("register"), "Which kind of directory this is.", example='"register"')

    def build(self, _run: Run = run_here) -> Directory:
        """Build the directory; the composition tells it where the register is."""
        return RegisterDirectory()


@dataclass(frozen=True, slots=True)
class ListedKind:
    """The sites in a list of your own, CSV or TOML."""

    kind: str = setting(one_of("list"), "Which kind of directory this is.", example='"list"')
    file: Path = setting(
        path, "CSV (customer_id, domain, docroot; email, language) or TOML ([[site]]).", example='"sites.csv"'
    )

    def build(self, _run: Run = run_here) -> Directory:
        """Build the directory; nothing is read yet."""
        return ListedDirectory(self.file)
