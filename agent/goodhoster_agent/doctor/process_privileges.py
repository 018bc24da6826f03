"""The privileges of a running daemon's processes, compared with what they need.

Also those of commands that run for long. As Linux reports them (proc_pid_status(5)).
"""

from __future__ import annotations

import pwd
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from goodhoster.linux.privileges import CAPABILITY_NAMES
from goodhoster_agent.privileged.mover import process
from goodhoster_agent.privileged.starter import server
from goodhoster_agent.privileged.starter.plan import DaemonTerms

_ALL = frozenset(range(len(CAPABILITY_NAMES)))
_ROLES = {
    "goodhoster": "daemon",
    "gh-supervisor": "supervisor",
    "gh-starter": "starter",
    "gh-mover": "mover",
    "gh-hasher": "hasher",
    "gh-reader": "notice reader",
    "gh-scan": "scan",
    "gh-hashservice": "hash service",
    "gh-doors": "doors",
    "gh-prover": "signature checker",
}
"""What the processes call themselves."""


@dataclass(frozen=True, slots=True)
class Rights:
    """The privileges of one process."""

    process: str
    pid: int
    user: str
    capabilities: tuple[str, ...]
    """Names without `CAP_`, in order of their numbers; `("all",)` for everything that there is here."""
    missing: tuple[str, ...]
    """Those that it is made for and does not have."""
    excess: tuple[str, ...]
    """Those that it has and should not."""
    no_new_privileges: bool
    """Nothing that it executes gains a privilege."""


def rights_of(daemon: int, terms: DaemonTerms) -> list[Rights]:
    """The privileges of the daemon and every descendant, as far as it is ours.

    One that ends meanwhile is left out.
    """
    starter = _ALL if terms.commands else server.CAPABILITIES
    needed = {"daemon": terms.capabilities, "supervisor": _ALL, "starter": starter, "mover": process.CAPABILITIES}
    needed |= {"scan": terms.capabilities}  # it stands in where no daemon runs
    found: list[Rights] = []
    for pid in _family(daemon):
        with suppress(FileNotFoundError, ProcessLookupError):
            status = _status_of(pid)
            if role := _ROLES.get(status["Name"]):
                found.append(_rights(role, status, needed.get(role, frozenset())))
    return found


def rights_of_commands(state_dir: Path, terms: DaemonTerms) -> list[Rights]:
    """The privileges of each service or `scan` beside a daemon on that state directory."""
    needed = {"scan": terms.capabilities, "hash service": frozenset[int](), "doors": frozenset[int]()}
    found: list[Rights] = []
    for pid in (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdecimal()):
        with suppress(FileNotFoundError, ProcessLookupError, PermissionError):
            status = _status_of(pid)
            role = _ROLES.get(status["Name"], "")
            if role in needed and _has_file_open_in(pid, state_dir):
                found.append(_rights(role, status, needed[role]))
    return found


def _has_file_open_in(pid: int, state_dir: Path) -> bool:
    """Whether the process has a file open there."""
    for file in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed meanwhile
            if file.readlink().is_relative_to(state_dir):
                return True
    return False


def _rights(role: str, status: Mapping[str, str], needed: frozenset[int]) -> Rights:
    has = _set_of(status["CapPrm"])
    may_lack = frozenset() if needed == _ALL else needed  # a container gives nobody everything
    return Rights(
        process=role,
        pid=int(status["Pid"]),
        user=_user(int(status["Uid"].split()[1])),
        capabilities=_names(has),
        missing=_names(may_lack - has),
        excess=_names(has - needed),
        no_new_privileges=status["NoNewPrivs"] == "1",
    )


def _names(capabilities: frozenset[int]) -> tuple[str, ...]:
    there_are = _set_of(_status_of("self")["CapBnd"])  # a container or a small machine gives nobody everything
    return (
        ("all",)
        if capabilities and capabilities >= there_are
        else tuple(CAPABILITY_NAMES[number] for number in sorted(capabilities))
    )


def _set_of(mask: str) -> frozenset[int]:
    bits = int(mask, 16)
    return frozenset(number for number in _ALL if bits >> number & 1)


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _family(pid: int) -> Iterator[int]:
    yield pid
    children: list[int] = []
    with suppress(FileNotFoundError, ProcessLookupError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            children += map(int, (task / "children").read_text(encoding="ascii").split())
    for child in children:
        yield from _family(child)


def _status_of(pid: int | str) -> dict[str, str]:
    lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8", errors="replace").splitlines()
    return dict(line.split(":\t", 1) for line in lines if ":\t" in line)
