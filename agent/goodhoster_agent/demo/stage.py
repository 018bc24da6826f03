"""The environment of the demo: three customers' directories, a hash service and a daemon.

The customers share one directory; service and daemon are processes of their own. The demo relies on no process's own
report: what happened is read from files, exit codes and printed JSON.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from goodhoster.checking.hasher import DirectHasher
from goodhoster.errors import DemoError
from goodhoster.model.fingerprints import FingerprintKind
from goodhoster.model.limits import ReadingLimits
from goodhoster.testing.pictures import made_up_picture

CUSTOMERS = ("anna", "bram", "chris")
LARGEST_FILE = 10_000_000  # bytes; a file beyond it stands for what cannot be read
_FIRST_UID = 20001
_TIMEOUT_SECONDS = 20.0  # seconds
_GOODHOSTER = (sys.executable, "-m", "goodhoster_agent")

_SERVICE = """
[agent]
state_dir = "service-state"
[[hash_source]]
kind = "list"
[hash_service]
listen = "127.0.0.1:{port}"
"""
_HOST = """
[agent]
state_dir = "state"
largest_file = {largest_file}
[[watch]]
path = "customers"
[[hash_source]]
kind = "hashcheckservice"
url = "http://127.0.0.1:{port}/v1/check"
username = "demo"
password_file = "hashservice.password"
[[hash_source]]
kind = "list"
[[directory]]
kind = "list"
file = "sites.csv"
[policy]
mode = "enforce"
storm_customers = 3
"""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything that must come back with a restored file."""

    content: bytes
    owner: tuple[int, int]
    mode: int
    mtime_ns: int
    xattrs: dict[str, bytes]

    @classmethod
    def of(cls, path: Path) -> Snapshot:
        """A snapshot read from outside, as any user could."""
        stat = path.stat(follow_symlinks=False)
        xattrs = {name: os.getxattr(path, name) for name in os.listxattr(path)}
        return cls(path.read_bytes(), (stat.st_uid, stat.st_gid), stat.st_mode, stat.st_mtime_ns, xattrs)


@dataclass
class Stage:
    """The directory and the processes of one demo."""

    folder: Path
    port: int = 0
    _running: dict[str, subprocess.Popen[str]] = field(default_factory=dict)

    @property
    def customers(self) -> Path:
        """The watched directory tree of the customers."""
        return self.folder / "customers"

    def set_up(self, known: Sequence[bytes]) -> None:
        """Make directories and configuration, and a list that knows these contents."""
        for number, name in enumerate(CUSTOMERS):
            upload = self.customers / name / "upload"
            upload.mkdir(parents=True)
            self._give(self.customers / name, number)
            self._give(upload, number)
        digests = "".join(hashlib.sha1(content, usedforsecurity=False).hexdigest() + "\n" for content in known)
        (self.folder / "made-up.txt").write_text(digests, encoding="ascii")
        sites = "".join(f"{name},{name}.example,{self.customers / name}\n" for name in CUSTOMERS)
        (self.folder / "sites.csv").write_text("customer_id,domain,docroot\n" + sites, encoding="utf-8")
        self._configure(0)
        self.goodhoster("hashlist", "import", str(self.folder / "made-up.txt"), "--source", "made-up", of="service")
        account = self.goodhoster("hashservice", "client", "add", "demo", "--json", of="service")
        with os.fdopen(os.open(self.folder / "hashservice.password", os.O_CREAT | os.O_WRONLY, 0o600), "w") as secret:
            secret.write(json.loads(account.stdout)["password"])

    def _configure(self, port: int) -> None:
        (self.folder / "service.toml").write_text(_SERVICE.format(port=port), encoding="ascii")
        (self.folder / "host.toml").write_text(_HOST.format(port=port, largest_file=LARGEST_FILE), encoding="ascii")

    def start_service(self) -> None:
        """Start the hash service; the first time it takes a free port and keeps it."""
        ready = self._start("service", "hashservice", "serve")
        if not self.port:
            self.port = int(ready.rpartition(":")[2])
            self._configure(self.port)

    def start_daemon(self) -> None:
        """Start the daemon; returns when it reports that it watches."""
        ready = self._start("host", "run")
        if ready != "ready":
            raise DemoError(f"the daemon said {ready!r} instead of ready; see {self.folder}/host.log")

    def stop(self, name: str) -> None:
        """End a process with SIGTERM; DemoError unless it ends cleanly."""
        process = self._running.pop(name)
        process.terminate()
        if code := process.wait(_TIMEOUT_SECONDS):
            raise DemoError(f"the {name} ended with exit code {code}; see {self.folder}/{name}.log")

    def clear(self) -> None:
        """End every process that still runs."""
        for process in self._running.values():
            process.terminate()
        for process in self._running.values():
            with suppress(subprocess.TimeoutExpired):
                process.wait(_TIMEOUT_SECONDS)
            process.kill()

    def upload(self, customer: str, name: str, content: bytes) -> Path:
        """Write a file as the customer's site would."""
        path = self.customers / customer / "upload" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        self._give(path, CUSTOMERS.index(customer))
        return path

    def move_in(self, customer: str, name: str, content: bytes) -> tuple[Path, Snapshot]:
        """Rename a finished file into place, as FTP servers do.

        So its metadata is known before the daemon sees it.
        """
        aside = self.folder / "aside"
        aside.write_bytes(content)
        self._give(aside, CUSTOMERS.index(customer))
        os.utime(aside, (1_600_000_000, 1_600_000_000))
        before, path = Snapshot.of(aside), self.customers / customer / "upload" / name
        aside.rename(path)
        return path, before

    def goodhoster(self, *arguments: str, of: str = "host") -> subprocess.CompletedProcess[str]:
        """Run a command to its end; DemoError for exit codes of wrong use."""
        command = (*_GOODHOSTER, *arguments, "--config", str(self.folder / f"{of}.toml"))
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        if done.returncode == 2:  # noqa: PLR2004 - wrong use or configuration
            raise DemoError(f"goodhoster {' '.join(arguments)}: {done.stderr}")
        return done

    def quarantined(self) -> list[Path]:
        """The quarantined files, without labels and reserve.

        Files are named by their case, which begins with its year.
        """
        return [path for path in self.customers.glob(".goodhoster/quarantine/2*") if not path.suffix]

    def status(self) -> dict[str, Any]:
        """The output of `goodhoster status --json`."""
        status: dict[str, Any] = json.loads(self.goodhoster("status", "--json").stdout)
        return status

    def cases(self) -> dict[str, dict[str, Any]]:
        """The output of `goodhoster cases list --json`, the newest case by path."""
        lines = self.goodhoster("cases", "list", "--json").stdout.splitlines()
        return {case["path"]: case for case in map(json.loads, lines)}

    def _start(self, name: str, *arguments: str) -> str:
        """Start a process; returns its first line."""
        command = (*_GOODHOSTER, *arguments, "--config", str(self.folder / f"{name}.toml"))
        with ExitStack() as stack:
            log = stack.enter_context((self.folder / f"{name}.log").open("a", encoding="utf-8"))
            process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
        self._running[name] = process
        return (process.stdout.readline() if process.stdout else "").strip()

    @staticmethod
    def _give(path: Path, number: int) -> None:
        """Give a file to a customer's user, when run as root, as on a real host.

        As root, every customer is a user of its own; a container may have no other users.
        """
        if os.geteuid() == 0:
            with suppress(OSError):
                os.chown(path, _FIRST_UID + number, _FIRST_UID + number)


def picture(number: int, *, brighter: int = 0) -> bytes:
    """A picture of the demo."""
    return made_up_picture(number, brighter=brighter)


def fingerprint_of(content: bytes) -> bytes | None:
    """The PDQ of one of the demo's own pictures; None where the extra `near` is not installed."""
    with tempfile.TemporaryFile() as file:
        file.write(content)
        file.flush()
        found = DirectHasher(ReadingLimits()).read(file.fileno()).fingerprints
    return next((each.value for each in found if each.kind is FingerprintKind.PDQ), None)


def wait_until(what: str, happened: Callable[[], bool], timeout: float = _TIMEOUT_SECONDS) -> float:
    """Wait until it happened; returns the seconds. DemoError when it does not."""
    begun = time.monotonic()
    while not happened():
        if time.monotonic() - begun > timeout:
            raise DemoError(f"{what} did not happen within {timeout:.0f} s")
        time.sleep(0.002)
    return time.monotonic() - begun
