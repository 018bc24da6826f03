"""Which event source this process may use, and why."""

from __future__ import annotations

import os
from collections.abc import Sequence

from goodhoster.errors import ConfigurationError
from goodhoster.model.uploads import display
from goodhoster_agent.watching import fanotify_kernel
from goodhoster_agent.watching.events import EventSource
from goodhoster_agent.watching.fanotify import FanotifySource
from goodhoster_agent.watching.fanotify_marks import Marks
from goodhoster_agent.watching.scan_only import ScanOnlySource
from goodhoster_agent.watching.watchdog import WatchdogSource


def choose_source(events: str, trees: Sequence[bytes], marks: Marks = fanotify_kernel) -> EventSource:
    """The source that the setting `agent.events` names; for `auto` the best that works here, with its reason.

    ConfigurationError when the one that was named cannot be used.
    """
    if events == "auto":
        return _best(trees, marks)
    if events == "scan":
        return ScanOnlySource("chosen by agent.events")
    if events == "watchdog":
        return WatchdogSource("chosen by agent.events")
    if obstacle := _obstacle(trees, marks):
        hint = 'run as root or with CAP_SYS_ADMIN and CAP_DAC_READ_SEARCH, or set agent.events to "auto"'
        raise ConfigurationError(f"fanotify cannot be used: {obstacle}", hint=hint)
    return FanotifySource("chosen by agent.events", marks)


def _best(trees: Sequence[bytes], marks: Marks) -> EventSource:
    obstacle = _obstacle(trees, marks)
    if not obstacle:
        return FanotifySource("the best: whole file systems are watched, nothing is lost", marks)
    reason = f"fanotify cannot be used: {obstacle}"
    try:
        return WatchdogSource(reason)
    except OSError as error:
        return ScanOnlySource(f"{reason}; inotify cannot be used: {error.strerror}")


def _obstacle(trees: Sequence[bytes], marks: Marks) -> str:
    """What stands between this process and fanotify, in words; tried, not guessed from capabilities."""
    try:
        group = marks.new_group()
    except OSError as error:
        return f"{error.strerror} (needs CAP_SYS_ADMIN and Linux 5.9)"
    try:
        return next((told for tree in trees if os.path.isdir(tree) and (told := _obstacle_at(marks, group, tree))), "")
    finally:
        os.close(group)


def _obstacle_at(marks: Marks, group: int, tree: bytes) -> str:
    try:
        marks.mark_file_system(group, tree)
        fanotify_kernel.probe_handles(tree)
    except OSError as error:
        return f"{display(tree)}: {error.strerror}"
    return ""
