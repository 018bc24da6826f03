"""Walk both journeys once, in this process over the real stores, and print what was called as one line of JSON.

Run by `journey_size.py` in the directory of the checkout that is measured; it knows how the parts were called before.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import os
import sys
import tempfile
import threading
import time
import tomllib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Any

PICTURE = b"\x89PNG made up"
CONFIGURATION = """
[agent]
state_dir = "state"
[policy]
mode = "enforce"
[[watch]]
path = "customers"
[[hash_source]]
kind = "list"
[[directory]]
kind = "list"
file = "sites.csv"
[[notifier]]
id = "hotline"
name = "Made-up hotline"
kind = "hotline"
domains = ["hotline.example"]
token_file = "hotline.token"
"""


class Trace:
    """What first-party code was called; the tests' own helpers are not first-party."""

    def __init__(self, checkout: Path) -> None:
        self._own = (f"{checkout}/goodhoster/", f"{checkout}/agent/")
        self._last = threading.local()
        self.functions: set[tuple[str, str]] = set()
        self.moves = 0

    def see(self, frame: FrameType, event: str, _: object) -> None:
        """For sys.setprofile."""
        if event == "call" and frame.f_code.co_filename.startswith(self._own):
            file = frame.f_code.co_filename
            self.functions.add(
                (file, frame.f_code.co_qualname if sys.version_info >= (3, 11) else frame.f_code.co_name)
            )
            self.moves += file != getattr(self._last, "file", file)
            self._last.file = file

    def of(self, do: Callable[[], object]) -> dict[str, int]:
        """The figures of one journey."""
        self.functions, self.moves, self._last = set(), 0, threading.local()
        threading.setprofile(self.see)
        sys.setprofile(self.see)
        try:
            do()
        finally:
            sys.setprofile(None)
            threading.setprofile(None)
        files = {file for file, _ in self.functions}
        return {"files": len(files), "functions": len(self.functions), "moves between files": self.moves}


def main() -> None:
    """Print the figures."""
    checkout = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        _prefer(checkout, Path(folder))
        settings = _set_up(Path(folder))
        _read_here()
        services, desk, keep, worker = _composition(settings)
        trace = Trace(checkout)
        figures = {"upload": trace.of(lambda: _handle_upload(services, worker, Path(folder)))}
        figures["notice"] = trace.of(lambda: desk.receive(keep()))
        states = {case.state for case in _cases(services)}
        _restore(services)
        services.close()
    if states != {"offline"}:
        raise SystemExit(f"the journeys did not end as they should: {states}")
    print(json.dumps({f"{j} traced: {name}": n for j, found in figures.items() for name, n in found.items()}))


def _prefer(checkout: Path, folder: Path) -> None:
    """Import from that checkout, with the entry points that its pyproject.toml names, whatever is installed."""
    project = tomllib.loads((checkout / "pyproject.toml").read_text())["project"]
    installed = folder / f"{project['name']}-0.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: 0\n")
    groups = (f"[{group}]\n" + _lines(named) for group, named in project.get("entry-points", {}).items())
    (installed / "entry_points.txt").write_text("".join(groups))
    sys.path[:0] = [str(checkout), str(checkout / "agent"), str(folder)]


def _read_here() -> None:
    """Raw notices are read in this process and not in a child, which would import what is installed."""
    pool = _first("goodhoster.notices.reading.pool:ReaderPool", "goodhoster.notices.readingroom:ReadingRoom")
    read = _first("goodhoster.notices.reading.reader:read", "goodhoster.notices.reading:read")
    pool.read = lambda _, raw: read(raw)


def _first(*places: str) -> Any:
    """What is at the first of these places that there is."""
    for place in places:
        module, _, name = place.partition(":")
        with suppress(ImportError):
            if (found := getattr(importlib.import_module(module), name, None)) is not None:
                return found
    raise SystemExit(f"this checkout has none of {', '.join(places)}")


def _lines(named: dict[str, str]) -> str:
    return "".join(f"{name} = {where}\n" for name, where in named.items())


def _restore(services: Any) -> None:
    """What is locked in quarantine could not be deleted."""
    order = _first("goodhoster.model.cases:Order", "goodhoster.cases.desk:Order")("journey_trace", "the end")
    services.toolkit.restore([case.id for case in _cases(services)], order)


def _set_up(folder: Path) -> Any:
    from goodhoster.settings import load  # noqa: PLC0415

    (folder / "state").mkdir(mode=0o700)
    for name in ("anna", "bob"):
        (folder / "customers" / name).mkdir(parents=True)
    (folder / "sites.csv").write_text(f"customer_id,domain,docroot\nbob,bob.example,{folder}/customers/bob\n")
    (folder / "hotline.token").touch(0o600)
    (folder / "hotline.token").write_text("a made-up token of the hotline")
    (folder / "customers/anna/known.png").write_bytes(PICTURE)
    (folder / "customers/bob/named.png").write_bytes(PICTURE + b" of bob")
    file = folder / "goodhoster.toml"
    file.write_text(CONFIGURATION)
    settings = load(file)
    _import_list(settings, hashlib.sha1(PICTURE, usedforsecurity=False).digest())
    return settings


def _import_list(settings: Any, sha1: bytes) -> None:
    from goodhoster.assembly.state import lists_directory  # noqa: PLC0415
    from goodhoster.model.verdicts import Category  # noqa: PLC0415

    import_entries = _first(
        "goodhoster.hashlists.importing:import_entries", "goodhoster.checking.listbuild:import_entries"
    )
    import_entries(lists_directory(settings), "police", [(sha1, Category.ILLEGAL)])


def _composition(settings: Any) -> tuple[Any, Any, Callable[[], Any], Any]:
    services = _first("goodhoster.assembly.services:Services", "goodhoster.assembly.house:assemble")(settings)
    notices = services.notices if hasattr(services, "notices") else _open_notices(services)
    workers = _first("goodhoster_agent.background.workers:UploadWorkers", "goodhoster_agent.workers:Workers")
    from goodhoster.model.notices import Carrier, RawNotice  # noqa: PLC0415
    from goodhoster.notices.spool import Arrived  # noqa: PLC0415

    raw = RawNotice(Carrier.SCART_API, b"ip=127.0.0.1&urls=http://bob.example/named.png")
    worker = workers(services.index, services.toolkit, services.trees, 1)
    return services, notices.desk, lambda: notices.desk.keep(raw, Arrived("127.0.0.1", "hotline")), worker


def _open_notices(services: Any) -> Any:
    return _first("goodhoster.assembly.notices:open_notices")(services)


def _handle_upload(services: Any, worker: Any, folder: Path) -> None:
    from goodhoster.model.uploads import Place  # noqa: PLC0415
    from goodhoster.uploads.index import Arrival, Priority  # noqa: PLC0415

    place = Place(os.fsencode(folder.resolve() / "customers"), b"anna/known.png")
    now = time.time()
    services.index.expect([Arrival(place, "anna", now, Priority.FRESH)], now)
    (job,) = services.index.take(now, 1)
    worker._try(job)  # noqa: SLF001 - one row, and no threads


def _cases(services: Any) -> list[Any]:
    store = services.case_store if hasattr(services, "case_store") else services.toolkit.store
    from goodhoster.ports import CaseQuery  # noqa: PLC0415

    return list(store.find(CaseQuery()))


if __name__ == "__main__":
    main()
