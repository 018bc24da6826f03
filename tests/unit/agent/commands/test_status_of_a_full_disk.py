"""`status` on a state directory whose disk is full."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from goodhoster_agent.commands import status
from tests.disks import fill_disk
from tests.processes import ROOT

pytestmark = pytest.mark.skipif(not ROOT, reason="root, to mount a small disk")


@pytest.fixture
def config(tmp_path: Path) -> Iterator[Path]:
    """The configuration of a host whose state disk is full."""
    disk, file = tmp_path / "disk", tmp_path / "goodhoster.toml"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8M", "tmpfs", disk], check=False).returncode:
        pytest.skip("nothing can be mounted here")
    try:
        file.write_text(f'[agent]\nstate_dir = "{disk}/state"\n')
        (disk / "state").mkdir(mode=0o700)
        CliRunner().invoke(status.app, ["--config", str(file)])
        fill_disk(disk / "ballast")
        yield file
    finally:
        subprocess.run(["umount", "-l", disk], check=True)


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_it_says_so(config: Path, options: list[str]) -> None:
    """It ended with 2 and no output."""
    told = CliRunner().invoke(status.app, [*options, "--config", str(config)])
    assert told.exit_code == 1
    degraded = json.loads(told.stdout)["degraded"] if options else told.stdout.splitlines()
    assert any("is full: make room" in line for line in degraded)
