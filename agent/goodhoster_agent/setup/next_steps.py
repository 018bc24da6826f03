"""What to do after `goodhoster setup`, as commands for this host and configuration."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from goodhoster.assembly.state import lists_directory
from goodhoster.hashlists.own_lists import survey
from goodhoster.settings import DEFAULT_FILE
from goodhoster_agent.daemon_lock import running_daemon

if TYPE_CHECKING:
    from goodhoster.settings import Settings

_UNITS = ("/etc/systemd/system", "/usr/local/lib/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system")


@dataclass(frozen=True, slots=True)
class _Host:
    """How commands have to be written on this host."""

    option: str
    """That names the configuration, where it is not the usual one."""
    has_unit: bool
    """systemd knows how to start the daemon, with the usual configuration."""
    running: bool

    def command(self, words: str) -> str:
        """A command of ours for this configuration."""
        return f"goodhoster {words}{self.option}"

    @property
    def reload(self) -> str:
        """How the daemon reads a changed configuration."""
        return "systemctl reload goodhoster" if self.has_unit else "end `goodhoster run` and start it again"


def next_steps(file: Path, settings: Settings, result: Mapping[str, Any]) -> list[str]:
    """The next steps in their order."""
    host = _host(file, settings)
    steps = []
    if not _has_lists(settings) and all(source.kind == "list" for source in settings.hash_sources):
        by_list = host.command("hashlist import FILE --source NAME")
        steps.append(f"{by_list} (one hash a line), or an account in a [[hash_source]]: nothing is known without")
    if not host.running:
        start = "systemctl enable --now goodhoster" if host.has_unit else host.command("run")
        by_hand = "" if host.has_unit else " (a unit for systemd: docs/how-to-install-from-checkout.md)"
        steps.append(start + by_hand)
    elif result["written"]:
        steps.append(f"the daemon runs with another configuration: {host.reload}")
    steps += [host.command("status"), host.command("doctor"), host.command("cases list")]
    if result["mail_server"] and not settings.notices.lmtp:
        steps.append(f"notices by mail from {result['mail_server']}: [notices] lmtp, see docs/how-to-notices.md")
    if settings.policy.mode == "observe":
        steps.append(f'when what it would do is right: mode = "enforce" in [policy] of {file}; {host.reload}')
    return steps


def _host(file: Path, settings: Settings) -> _Host:
    usual = file == DEFAULT_FILE
    has_unit = usual and any(os.path.exists(f"{directory}/goodhoster.service") for directory in _UNITS)
    option = "" if usual else f" --config {shlex.quote(str(file))}"
    return _Host(option, has_unit, running_daemon(settings.state_dir) is not None)


def _has_lists(settings: Settings) -> bool:
    return bool(list(survey(lists_directory(settings))))
