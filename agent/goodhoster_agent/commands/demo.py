"""`goodhoster demo`: plays every scene, prints a line each and a table at the end."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from goodhoster.errors import DemoError
from goodhoster.evidence.quarantine.metadata import set_guards
from goodhoster_agent.commands.options import FINE, YES, JsonOption, print_json
from goodhoster_agent.demo.stage import Stage
from goodhoster_agent.demo.story import KNOWN_PICTURES, SCENES, Scene


@dataclass(frozen=True, slots=True)
class Played:
    """The outcome of a scene."""

    title: str
    well: bool
    seen: str
    seconds: float


app = typer.Typer()


@app.command()
def demo_command(
    folder: Annotated[
        Path | None, typer.Option("--dir", help="Directory to create and work in.", show_default=False)
    ] = None,
    *,
    keep: Annotated[bool, typer.Option("--keep", help="Keep the directory afterwards.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Run the main job on made-up pictures, with real processes and files, on loopback only."""
    where = Path(tempfile.mkdtemp(prefix="goodhoster-demo-", dir=folder))
    stage = Stage(where)
    played: list[Played] = []
    try:
        stage.set_up(KNOWN_PICTURES)
        for scene in SCENES:
            played.append(_run_scene(stage, scene))
            _print_scene(played[-1], as_json=as_json)
            if not played[-1].well:
                break
    finally:
        stage.clear()
        if not keep:
            _remove(stage)
    well = len(played) == len(SCENES) and all(scene.well for scene in played)
    if not as_json:
        _table(played)
    if keep:
        Console(stderr=True).print(f"kept in {where}", soft_wrap=True)
    raise typer.Exit(FINE if well else YES)


def _run_scene(stage: Stage, scene: Scene) -> Played:
    began = time.monotonic()
    try:
        seen, well = scene.play(stage), True
    except DemoError as error:
        seen, well = str(error), False
    return Played(scene.title, well, seen, time.monotonic() - began)


def _print_scene(played: Played, *, as_json: bool) -> None:
    if as_json:
        print_json({"title": played.title, "ok": played.well, "seen": played.seen, "seconds": round(played.seconds, 3)})
    else:
        print(f"{played.seconds:5.1f} s  {'ok ' if played.well else 'NOT'}  {played.title}: {played.seen}", flush=True)


def _table(played: list[Played]) -> None:
    table = Table(title="What was shown, checked from outside")
    for column in ("scene", "seconds", "as promised"):
        table.add_column(column)
    for scene in played:
        table.add_row(scene.title, f"{scene.seconds:.1f}", "yes" if scene.well else "NO")
    for left_out in SCENES[len(played) :]:
        table.add_row(left_out.title, "", "not played")
    Console().print(table)


def _remove(stage: Stage) -> None:
    """Remove the demo's directory.

    What root left in quarantine, labels too, is immutable before.
    """
    for path in stage.customers.glob(".goodhoster/quarantine/*") if os.geteuid() == 0 else ():
        file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
        set_guards(file, 0)
        os.close(file)
    shutil.rmtree(stage.folder)
