"""What the watcher is told of, with the kernel's own events."""

from __future__ import annotations

import os
import queue
from pathlib import Path

import pytest

from goodhoster_agent.watching.events import Gap, Hint
from goodhoster_agent.watching.fanotify import FanotifySource

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root may watch a whole file system: run as root")


def test_our_quarantine_is_not_told_and_a_customers_of_that_name_is(tmp_path: Path) -> None:
    ours, theirs = tmp_path / ".goodhoster" / "quarantine", tmp_path / "anna" / ".goodhoster"
    for directory in (ours, theirs):
        directory.mkdir(parents=True)
    ours.parent.chmod(0o700)
    told: queue.SimpleQueue[Hint | Gap] = queue.SimpleQueue()
    source = FanotifySource("a test", unlimited=False)
    try:
        source.start([os.fsencode(tmp_path)], told.put)
        (ours / "case.label").write_bytes(b"ours")
        (theirs / "case.label").write_bytes(b"theirs")
        first = told.get(timeout=10)
    finally:
        source.stop()
    assert isinstance(first, Hint)
    assert first.directory == os.fsencode(theirs)
