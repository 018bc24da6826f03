"""Choice of the event source that this process may use, with the reason."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import partial

from goodhoster.errors import ConfigurationError
from goodhoster.linux.file_system_calls import FileSystemCalls, NotAnsweringError
from goodhoster.model.uploads import display
from goodhoster_agent.watching import fanotify_kernel
from goodhoster_agent.watching.events import EventSource
from goodhoster_agent.watching.fanotify import FanotifySource
from goodhoster_agent.watching.fanotify_marks import Marks
from goodhoster_agent.watching.scan_only import ScanOnlySource
from goodhoster_agent.watching.watchdog import WatchdogSource

_TIMEOUT_SECONDS = 5.0


def choose_source(
    events: str, trees: Sequence[bytes], marks: Marks = fanotify_kernel, calls: FileSystemCalls | None = None
) -> EventSource:
    """Choose the event source that the setting `agent.events` names.

    For `auto`, the best that works here, with its reason. ConfigurationError when the one that was named cannot be
    used.
    """
    calls = calls or FileSystemCalls()
    if events == "auto":
        return _best(trees, marks, calls)
    if events == "scan":
        return ScanOnlySource("chosen by agent.events", calls)
    if events == "watchdog":
        return WatchdogSource("chosen by agent.events", calls)
    if obstacle := _obstacle(trees, marks, calls):
        hint = 'run as root or with CAP_SYS_ADMIN and CAP_DAC_READ_SEARCH, or set agent.events to "auto"'
        raise ConfigurationError(f"fanotify cannot be used: {obstacle}", hint=hint)
    return FanotifySource("chosen by agent.events", marks, calls)


def _best(trees: Sequence[bytes], marks: Marks, calls: FileSystemCalls) -> EventSource:
    obstacle = _obstacle(trees, marks, calls)
    if not obstacle:
        return FanotifySource("the best: whole file systems are watched, nothing is lost", marks, calls)
    reason = f"fanotify cannot be used: {obstacle}"
    try:
        return WatchdogSource(reason, calls)
    except OSError as error:
        return ScanOnlySource(f"{reason}; inotify cannot be used: {error.strerror}", calls)


def _obstacle(trees: Sequence[bytes], marks: Marks, calls: FileSystemCalls) -> str:
    """Reason why this process cannot use fanotify; tried, not guessed from capabilities."""
    try:
        group = marks.new_group()
    except OSError as error:
        return f"{error.strerror} (needs CAP_SYS_ADMIN and Linux 5.9)"
    try:
        asked = (_answer_or_silent(calls, tree, partial(_obstacle_at, marks, group, tree)) for tree in trees)
        return next((obstacle for obstacle in asked if obstacle), "")
    finally:
        os.close(group)


def _answer_or_silent(calls: FileSystemCalls, tree: bytes, look: Callable[[], str]) -> str:
    """Result for a tree; empty where the tree does not answer in time.

    Such a tree says nothing about the others: it is reported, and covered once it answers.
    """
    try:
        return calls.ask(tree, look, _TIMEOUT_SECONDS)
    except NotAnsweringError:
        return ""


def _obstacle_at(marks: Marks, group: int, tree: bytes) -> str:
    if not os.path.isdir(tree):
        return ""
    try:
        marks.mark_file_system(group, tree)
        fanotify_kernel.probe_handles(tree)
    except OSError as error:
        return f"{display(tree)}: {error.strerror}"
    return ""
