"""What `watching_losses` compares, each as a process of its own: `python -m benchmarks.watchers NAME TREE STATE`.

It says `ready` when it watches. Ours then fills the index in STATE, as the daemon does, which is read from outside;
the others, and ours where only its hints count, print the path of each file that they tell of.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path

PAUSE = 2.0
"""Seconds between two comparisons where there are no events; 30 in the daemon."""


def main(name: str, tree: str, state: str) -> None:
    if name == "watchfiles":
        watchfiles(tree)
    elif name == "watchdog alone":
        watchdog_alone(tree)
    elif name.endswith(" hints"):
        hints(name.removesuffix(" hints"), tree)
    else:
        ours(name, tree, state)


def ours(events: str, tree: str, state: str) -> None:
    """As in the daemon, but nobody takes from the queue. Without events it watches when all was compared once."""
    from goodhoster.uploads.index import UploadIndex  # noqa: PLC0415 - a peer starts without it
    from goodhoster.uploads.trees import Tree  # noqa: PLC0415
    from goodhoster_agent.watching.source_choice import choose_source  # noqa: PLC0415
    from goodhoster_agent.watching.watcher import Rhythm, Watcher  # noqa: PLC0415

    root, index = os.fsencode(tree), UploadIndex(Path(state) / "index.sqlite")
    rhythm = Rhythm(every=21_600.0, quiet=2.0, rate=float("inf"), pause=PAUSE)
    watcher = Watcher([Tree(root, None)], index, choose_source(events, [root]), rhythm)
    watcher.start()
    if events == "scan":
        while index.inventory.progress(root).completed_at is None:
            time.sleep(0.01)
    until_killed()


def hints(events: str, tree: str) -> None:
    """Before any comparison. A directory that came counts for the files below it: the daemon looks them through."""
    from goodhoster_agent.watching.events import Gap, Hint  # noqa: PLC0415
    from goodhoster_agent.watching.source_choice import choose_source  # noqa: PLC0415 - a peer starts without it

    def listen(told: Hint | Gap) -> None:
        if isinstance(told, Hint):
            path = os.path.join(told.directory, told.name)
            tell(*(below(path) if told.is_directory else [path]))

    root = os.fsencode(tree)
    choose_source(events, [root]).start([root], listen)
    until_killed()


def watchdog_alone(tree: str) -> None:
    from watchdog.events import FileSystemEvent, FileSystemEventHandler  # noqa: PLC0415 - the peer
    from watchdog.observers import Observer  # noqa: PLC0415

    class Teller(FileSystemEventHandler):
        def on_any_event(self, event: FileSystemEvent) -> None:
            tell(os.fsencode(event.dest_path or event.src_path))

    observer = Observer()
    observer.schedule(Teller(), tree, recursive=True)
    observer.start()
    until_killed()


def watchfiles(tree: str) -> None:
    import watchfiles  # noqa: PLC0415 - the peer: not installed for anybody else

    changes = watchfiles.watch(tree, debounce=50, yield_on_timeout=True, rust_timeout=10)
    next(changes)
    tell(b"ready")
    for found in changes:
        tell(*(os.fsencode(path) for _, path in found))


def below(path: bytes) -> list[bytes]:
    return [os.path.join(directory, name) for directory, _, names in os.walk(path) for name in names]


def until_killed() -> None:
    tell(b"ready")
    threading.Event().wait()


def tell(*paths: bytes) -> None:
    with telling:
        sys.stdout.buffer.write(b"".join(path + b"\n" for path in paths))
        sys.stdout.buffer.flush()


telling = threading.Lock()

if __name__ == "__main__":
    main(*sys.argv[1:])
