"""A page carried out as it is written: its commands are run, and what it shows must be printed.

In a ```console block a line that begins with `# ` or `$ ` is a command; what stands below it, up to the next, is what
it prints: `…` stands for anything, alone on a line for any lines. A last line `(exit code 1)` says how it ends, else it
must end with 0. A command that only looks is given again until it prints that, as a person looks again.

What the page calls by the paths of a real host is that host's folder here, and `systemctl` and `journalctl` act on its
daemon: whether systemd does with the units what the pages want is for packaging/try.sh.
"""

import os
import re
import shlex
import subprocess
import sys
import textwrap
from dataclasses import dataclass, field
from pathlib import Path

from tests.commandserver import goodhoster
from tests.journeys.host import PATIENCE, Host, wait_until

DOCS = Path(__file__).parents[2] / "docs"
_BLOCK = re.compile(r"^ *```console\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
_SECTION = re.compile(r"^## (.+)$", re.MULTILINE)
_CODE = re.compile(r"\(exit code (\d)\)")
_ID = re.compile(r"(?<![\w-])([NS]?)\d{8}-[a-z2-9]{7}(?![\w-])")
_DIGEST = re.compile(r"\b[0-9a-f]{64}\b")
_SHELL = re.compile(r"[|&;<>$(){}*]")
_LISTS = "list|show|outcomes|verify|check|appeals|statement|mistakes|figures"
_LOOKS = re.compile(
    rf"goodhoster (status|doctor|check|config|metrics|observe$|\w+ ({_LISTS}))|journalctl|systemctl is-active|df|ls"
)
_BASH = """
goodhoster() { "$PYTHON" -m goodhoster_agent "$@"; }
"""


@dataclass(frozen=True)
class Step:
    """One command of a page, and what the page shows below it."""

    section: str
    command: str
    shown: tuple[str, ...] = ()
    code: int = 0


def steps(page: Path) -> list[Step]:
    """Every command that the page shows, with its section."""
    found = []
    parts = _SECTION.split(page.read_text("utf-8"))
    for section, text in zip(["", *parts[1::2]], parts[::2], strict=True):
        for block in map(textwrap.dedent, _BLOCK.findall(text)):
            for entry in re.split(r"^[#$] ", block, flags=re.MULTILINE)[1:]:
                command, *shown = entry.rstrip("\n").splitlines()
                code = 0
                if shown and (told := _CODE.fullmatch(shown[-1])):
                    code = int(told[1])
                    shown.pop()
                found.append(Step(section, command.strip(), tuple(shown), code))
    return found


@dataclass
class Walkthrough:
    """This page, carried out at this host."""

    host: Host
    page: str
    names: dict[str, str] = field(default_factory=dict)
    """What stands for a word of the page, such as `CASE`."""
    elsewhere: dict[str, Path] = field(default_factory=dict)
    """Further paths of the page."""
    environment: dict[str, str] = field(default_factory=dict)
    left: list[Step] = field(init=False)

    def __post_init__(self) -> None:
        self.left = steps(DOCS / self.page)

    def follow(self, section: str) -> None:
        """Give every command of the section, in order."""
        todo = [step for step in self.left if step.section == section]
        assert todo, f"{self.page}: nothing to do in {section!r}; left are {self.left}"
        for step in todo:
            self._carry_out(step)
            self.left.remove(step)

    def all_done(self) -> None:
        """Nothing that the page tells was left out."""
        assert not self.left, self.left

    def _carry_out(self, step: Step) -> None:
        printed = ""

        def as_shown() -> bool:
            nonlocal printed
            code, out = self._run(step.command)
            printed = f"{out}(exit code {code})"
            return code == step.code and _as_shown(step.shown, out)

        patience = PATIENCE if _LOOKS.match(step.command) else 0.0
        assert wait_until(as_shown, patience), (
            f"{self.page}, {step.section}: {step.command}\nis to print\n"
            + "\n".join(step.shown)
            + f"\n(exit code {step.code})\nand printed\n{printed}"
        )

    def _paths(self) -> dict[str, str]:
        """Paths of the page, and what they are here; longer ones first."""
        folder = self.host.folder
        known = {
            "/etc/goodhoster/hashservice.password": folder / "password",
            "/etc/goodhoster": folder,
            "/var/lib/goodhoster": folder / "state",
            "/srv/customers": self.host.customers,
            "/backup": folder / "backup",
        }
        return {name: str(path) for name, path in (self.elsewhere | known).items()}

    def _run(self, command: str) -> tuple[int, str]:
        for name, real in self.names.items():
            command = re.sub(rf"\b{name}\b", real, command)
        for name, real in self._paths().items():
            command = re.sub(rf"(?<![\w.-]){re.escape(name)}(?![\w-])", real, command)
        code, out = self._execute(command)
        for name, real in sorted(self._paths().items(), key=lambda pair: -len(pair[1])):
            out = re.sub(re.escape(real) + r"(?![\w-])", name, out)
        return code, out

    def _execute(self, command: str) -> tuple[int, str]:
        words = shlex.split(command, comments=True)
        if words[0] == "systemctl":
            return self._systemctl(*words[1:])
        if words[0] == "journalctl" and not _SHELL.search(command):
            return 0, self.host.journal()
        environment = os.environ | {"GOODHOSTER_CONFIG": str(self.host.config)} | self.environment
        if words[0] == "goodhoster" and not _SHELL.search(command):
            done = goodhoster(*words[1:], environment=environment, timeout=PATIENCE)
            return done.returncode, done.stdout + done.stderr
        environment |= {"PYTHON": sys.executable, "JOURNAL": str(self.host.folder / "journal")}
        script = _BASH + 'journalctl() { cat "$JOURNAL"; }\n' + command
        shell = subprocess.run(
            ["bash", "-o", "pipefail", "-c", script],
            env=environment, cwd=self.host.folder, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=PATIENCE, check=False,
        )  # fmt: skip
        return shell.returncode, shell.stdout + shell.stderr

    def _systemctl(self, verb: str, *units: str) -> tuple[int, str]:
        """Of the daemon alone: no other unit runs here."""
        if "goodhoster" not in units:
            return 0, ""
        if verb in {"stop", "restart"} and self.host.daemon:
            self.host.stop()
        if verb in {"start", "restart"} and not self.host.daemon:
            self.host.start()
        if verb == "reload":
            self.host.reload()
        running = self.host.daemon is not None and self.host.daemon.poll() is None
        return (0 if running else 3, f"{'active' if running else 'inactive'}\n") if verb == "is-active" else (0, "")


def _as_shown(shown: tuple[str, ...], printed: str) -> bool:
    if not shown:
        return True
    parts = [r"(?:.*\n)*?" if line.strip() == "…" else _line(line) + "\n" for line in shown]
    lines = "".join(f"{_evened(line)}\n" for line in printed.splitlines())
    return re.fullmatch("".join(parts), lines) is not None


def _line(shown: str) -> str:
    """The pattern of a line; an example's id stands for any."""
    pattern = re.escape(_ID.sub(r"\1ID", _DIGEST.sub("DIGEST", _evened(shown))))
    return pattern.replace("…", ".*?")


def _evened(line: str) -> str:
    """Without ids and digests, and with one gap between columns: they are as wide as the paths of this run."""
    return re.sub(r"\s{2,}", "  ", _ID.sub(r"\1ID", _DIGEST.sub("DIGEST", line))).rstrip()
