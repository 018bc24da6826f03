"""watching: start-up, and files that were never told of, beside watchdog alone, watchfiles and inotifywait.

Hints only, before any comparison with the index: what is lost here is what the comparison has to find. Each watcher
is a process of its own and prints a line for each file it tells of (for ours, a moved or fresh directory counts for the
files below it: they are looked through at once). inotifywait is Debian's inotify-tools; left out where it is missing.
"""

from __future__ import annotations

import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path

RUNS = 5
FILES = int(os.environ.get("GOODHOSTER_BENCH_FILES", "20000"))
FRESH = FILES // 5
DIRECTORIES = FILES
SETTLED = 2.0  # seconds without a line: nothing more is told


def main() -> None:
    watchers = ["fanotify", "watchdog", "watchdog-alone", "watchfiles"]
    if shutil.which("inotifywait"):
        watchers.append("inotifywait")
    print(f"watching: median of {RUNS} runs; start-up at {DIRECTORIES:,} directories, in seconds; files never told of")
    print(f"{'watcher':<16} {'start-up':>9} {f'lost of {FILES:,}':>16} {f'lost of {FRESH:,} in fresh dirs':>32}")
    for watcher in watchers:
        starts, lost, fresh = zip(*(_measure(watcher) for _ in range(RUNS)), strict=True)
        figures = statistics.median(starts), statistics.median(lost), statistics.median(fresh)
        print(f"{watcher:<16} {figures[0]:>9.2f} {figures[1]:>16,.0f} {figures[2]:>32,.0f}", flush=True)


def _measure(watcher: str) -> tuple[float, int, int]:
    with tempfile.TemporaryDirectory() as folder:
        for number in range(DIRECTORIES):
            (Path(folder) / "many" / str(number // 100) / str(number)).mkdir(parents=True)
        start, _ = _watch(watcher, folder, "true")
    burst = 'for w in 1 2 3 4; do (cd "$1/d" && seq -f "$w-%.0f" {n} | xargs touch) & done; wait'
    fresh = 'cd "$1" && for n in $(seq {n}); do mkdir -p "c$n/a/b" && echo >"c$n/a/b/f-$n"; done'
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "d").mkdir()
        _, told = _watch(watcher, folder, burst.replace("{n}", str(FILES // 4)))
        lost = _lost(folder, told)
    with tempfile.TemporaryDirectory() as folder:
        _, told = _watch(watcher, folder, fresh.replace("{n}", str(FRESH)))
        return start, lost, _lost(folder, told)


def _lost(folder: str, told: set[str]) -> int:
    files = (os.path.join(directory, name) for directory, _, names in os.walk(folder) for name in names)
    return sum(path not in told for path in files)


def _watch(watcher: str, folder: str, script: str) -> tuple[float, set[str]]:
    """Seconds until it watches, and the files it told of while the script ran."""
    begun = time.perf_counter()
    with subprocess.Popen(
        _command(watcher, folder), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout
        while "ready" not in (line := process.stdout.readline()) and "established" not in line:
            assert line, f"{watcher} ended"
        seconds = time.perf_counter() - begun
        told: set[str] = set()
        last = [time.monotonic()]
        reader = threading.Thread(target=_read, args=(process, told, last))
        reader.start()
        subprocess.run(["/bin/sh", "-c", script, "sh", folder], check=True)
        while time.monotonic() - last[0] < SETTLED:
            time.sleep(0.1)
        process.send_signal(signal.SIGKILL)
        reader.join()
    return seconds, told


def _read(process: subprocess.Popen[str], told: set[str], last: list[float]) -> None:
    assert process.stdout
    for line in process.stdout:
        told.add(line.rstrip("\n"))
        last[0] = time.monotonic()


def _command(watcher: str, folder: str) -> Sequence[str]:
    if watcher == "inotifywait":
        return ["inotifywait", "-m", "-r", "-e", "close_write,moved_to,create", "--format", "%w%f", folder]
    return [sys.executable, __file__, watcher, folder]


def _tell_of(path: str) -> None:
    sys.stdout.write(path + "\n")
    sys.stdout.flush()


def _ours(events: str, folder: str) -> None:
    from goodhoster_agent.watching.choosing import choose_source  # noqa: PLC0415 - a peer starts without it
    from goodhoster_agent.watching.events import Gap, Hint  # noqa: PLC0415

    def listen(told: Hint | Gap) -> None:
        if isinstance(told, Hint):
            path = os.fsdecode(os.path.join(told.directory, told.name))
            below = (
                [os.path.join(d, name) for d, _, names in os.walk(path) for name in names]
                if told.is_directory
                else [path]
            )
            _tell_of("\n".join(below))

    choose_source(events, [os.fsencode(folder)]).start([os.fsencode(folder)], listen)


def _watchdog_alone(folder: str) -> None:
    from watchdog.events import FileSystemEvent, FileSystemEventHandler  # noqa: PLC0415 - the peer
    from watchdog.observers import Observer  # noqa: PLC0415

    class Teller(FileSystemEventHandler):
        def on_any_event(self, event: FileSystemEvent) -> None:
            _tell_of(os.fsdecode(event.dest_path or event.src_path))

    observer = Observer()
    observer.schedule(Teller(), folder, recursive=True)
    observer.start()


def _watchfiles(folder: str) -> None:
    import watchfiles  # noqa: PLC0415 - the peer: not installed for anybody else

    changes = watchfiles.watch(folder, debounce=50, yield_on_timeout=True, rust_timeout=10)
    next(changes)
    _tell_of("ready")
    for found in filter(None, changes):
        _tell_of("\n".join(path for _, path in found))


def _be(watcher: str, folder: str) -> None:
    if watcher == "watchfiles":
        _watchfiles(folder)
        return
    _watchdog_alone(folder) if watcher == "watchdog-alone" else _ours(watcher, folder)
    _tell_of("ready")
    threading.Event().wait()


if __name__ == "__main__":
    if len(sys.argv) > 1:
        _be(*sys.argv[1:])
    else:
        main()
