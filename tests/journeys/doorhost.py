"""The process of the doors in a folder of its own, with a clamd door: for journeys of whoever asks it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.waiting import PATIENCE

KNOWN, CLEAR = b"made up known content\n", b"nothing\n"
CONFIG = """
[agent]
state_dir = "{folder}/state"
[[watch]]
path = "{folder}/tree"
[[hash_source]]
kind = "list"
[policy]
mode = "enforce"
measures_per_hour = 100000
[[clamd_door]]
socket = "{folder}/run/clamd.sock"
customer = "by-uid"
longest_stream = 1048576
command_within = "3s"
read_within = "5s"
{more}
"""


@dataclass
class Doors:
    """The process of the doors in a folder."""

    folder: Path
    process: subprocess.Popen[str] | None = None

    @property
    def socket(self) -> Path:
        return self.folder / "run/clamd.sock"

    @property
    def config(self) -> Path:
        return self.folder / "goodhoster.toml"

    def start(self, more: str = "") -> None:
        self.config.write_text(CONFIG.format(folder=self.folder, more=more))
        with (self.folder / "journal").open("a") as journal:
            command = (sys.executable, "-m", "goodhoster_agent", "doors", "serve", "--config", str(self.config))
            self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=journal, text=True)
        assert self.process.stdout
        assert "ready clamd" in self.process.stdout.readline(), (self.folder / "journal").read_text()

    def stop(self) -> None:
        assert self.process
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(PATIENCE) == 0
        assert self.process.stdout
        self.process.stdout.close()
        self.process = None

    def kill(self) -> None:
        assert self.process
        self.process.kill()
        self.process.wait()
        assert self.process.stdout
        self.process.stdout.close()
        self.process = None

    def run(self, *words: str) -> list[dict[str, Any]]:
        command = (sys.executable, "-m", "goodhoster_agent", *words, "--json", "--config", str(self.config))
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def descriptors(self) -> int:
        assert self.process
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def memory(self) -> int:
        assert self.process
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        found = re.search(r"RssAnon:\s+(\d+)", status)
        assert found
        return int(found[1])
