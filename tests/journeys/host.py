"""A host of our own for journeys: real daemon, real hash service, real files; looked at from outside only."""

import hashlib
import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from goodhoster.model.digests import Algorithm, Digest
from goodhoster.testing.hash_check_service import FakeHashService
from tests.commandserver import goodhoster

# What journeys take from here.
from tests.waiting import PATIENCE as PATIENCE  # noqa: PLC0414
from tests.waiting import wait_until as wait_until  # noqa: PLC0414

GOODHOSTER = (sys.executable, "-m", "goodhoster_agent")

CONFIG = """
[agent]
state_dir = "state"
{agent}
[[watch]]
path = "customers"
[[hash_source]]
kind = "hashcheckservice"
url = "{url}"
username = "made-up-hoster"
password_file = "password"
{source}
[policy]
mode = "{mode}"
{policy}
"""


@dataclass
class Host:
    """One machine of a hoster in a folder."""

    folder: Path
    service: FakeHashService
    options: dict[str, str] = field(default_factory=dict)
    daemon: subprocess.Popen[str] | None = None

    @property
    def customers(self) -> Path:
        return self.folder / "customers"

    @property
    def config(self) -> Path:
        return self.folder / "goodhoster.toml"

    def configure(self, **options: str) -> None:
        """`mode`, and lines for the sections `agent`, `source` and `policy`."""
        self.options |= options
        filled = {"agent": "", "source": "", "policy": "", "mode": "enforce"} | self.options
        self.config.write_text(CONFIG.format(url=self.service.url, **filled))

    def start(self, **environment: str) -> None:
        """Start the daemon; returns when it is ready."""
        with (self.folder / "journal").open("a") as journal:
            command = (*GOODHOSTER, "run", "--config", str(self.config))
            env = os.environ | environment
            self.daemon = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=journal, text=True, env=env)
        assert self.daemon.stdout
        assert self.daemon.stdout.readline() == "ready\n", self.journal()

    def kill(self) -> None:
        """As a power loss would, for this process."""
        assert self.daemon
        self.daemon.kill()
        self._gone()

    def stop(self) -> None:
        """SIGTERM; it must end cleanly."""
        assert self.daemon
        self.daemon.terminate()
        assert self._gone() == 0, self.journal()

    def reload(self) -> None:
        assert self.daemon
        self.daemon.send_signal(signal.SIGHUP)

    def _gone(self) -> int:
        assert self.daemon
        code = self.daemon.wait(PATIENCE)
        assert self.daemon.stdout
        self.daemon.stdout.close()
        self.daemon = None
        return code

    def ended(self) -> int:
        """The exit code of a daemon that ends by itself."""
        return self._gone()

    def python(self, script: str) -> str:
        """What a Python script prints, which must end well."""
        done = subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True, timeout=PATIENCE, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    @staticmethod
    def output(*command: str) -> str:
        """What another program prints."""
        return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False).stdout

    def journal(self) -> str:
        return (self.folder / "journal").read_text()

    def run(self, *words: str, code: int = 0) -> str:
        """Standard output of a command, which must end with that exit code."""
        done = goodhoster(*words, "--config", str(self.config), timeout=PATIENCE)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout if code in {0, 1, 3} else done.stderr

    def ended_with(self, *words: str) -> tuple[int, str]:
        """The exit code of a command, and all that it printed."""
        command = (*GOODHOSTER, *words, "--config", str(self.config))
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
        return done.returncode, done.stdout + done.stderr

    def status(self) -> dict[str, Any]:
        done = goodhoster("status", "--json", "--config", str(self.config), timeout=PATIENCE)
        assert done.stdout, done.stderr
        return json.loads(done.stdout)

    def cases(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.run("cases", "list", "--json").splitlines()]

    def audit(self, kind: str) -> list[dict[str, Any]]:
        """The data of every audit entry of a kind."""
        entries = map(json.loads, self.run("audit", "show", "--json").splitlines())
        return [entry["data"] for entry in entries if entry["kind"] == kind]

    def settled(self, verdicts: dict[str, int] | None = None, patience: float = PATIENCE) -> dict[str, Any]:
        """The status once nothing waits any more, and these are the verdicts.

        Without them it may be that nothing waits because nothing was queued yet: what was there before the daemon is
        queued after its start, and what comes later after a moment.
        """
        seen: list[dict[str, Any]] = []

        def is_settled() -> bool:
            seen[:] = [self.status()]
            return seen[0]["queue"] == 0 and verdicts in (None, seen[0]["verdicts"])

        assert wait_until(is_settled, patience), (seen, self.journal())
        return seen[0]

    def offline(self, *files: Path, patience: float = PATIENCE) -> list[dict[str, Any]]:
        """All cases, once these files are gone and that is recorded: a file goes before its case says so."""
        assert wait_until(lambda: not any(file.exists() for file in files), patience), self.journal()
        assert wait_until(lambda: "open" not in {case["state"] for case in self.cases()}), self.cases()
        return self.cases()

    def upload(self, path: str, content: bytes) -> Path:
        """Write a file below the customers."""
        whole = self.customers / path
        whole.parent.mkdir(parents=True, exist_ok=True)
        whole.write_bytes(content)
        return whole


def sha1_of(content: bytes) -> Digest:
    return Digest(Algorithm.SHA1, hashlib.sha1(content, usedforsecurity=False).digest())


@dataclass(frozen=True)
class Look:
    """Everything about a file that anybody can see, except when it was last changed by the system (ctime)."""

    content: bytes
    mode: int
    owner: tuple[int, int]
    times: tuple[int, int]
    xattrs: tuple[tuple[str, bytes], ...]

    @classmethod
    def at(cls, path: Path) -> "Look":
        stat = path.stat(follow_symlinks=False)
        names = sorted(os.listxattr(path))
        fd = os.open(path, os.O_RDONLY | (os.O_NOATIME if stat.st_uid == os.geteuid() or os.geteuid() == 0 else 0))
        with os.fdopen(fd, "rb") as opened:
            content = opened.read()
        xattrs = tuple((name, os.getxattr(path, name)) for name in names)
        return cls(content, stat.st_mode, (stat.st_uid, stat.st_gid), (stat.st_atime_ns, stat.st_mtime_ns), xattrs)


def look_at_all(folder: Path) -> dict[str, Look]:
    """Every regular file below, by its relative path."""
    files = (path for path in folder.rglob("*") if path.is_file() and ".goodhoster" not in path.parts)
    return {str(path.relative_to(folder)): Look.at(path) for path in files}
