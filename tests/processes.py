"""Other processes, as /proc tells of them."""

import os
from collections.abc import Callable
from pathlib import Path

from tests.waiting import wait_until


def status(pid: int) -> dict[str, str]:
    """proc_pid_status(5)."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return dict(line.split(":\t", 1) for line in lines if ":\t" in line)


def family(pid: int) -> list[int]:
    """The process and all that descend from it."""
    children: list[int] = []
    try:
        for task in Path(f"/proc/{pid}/task").iterdir():
            children += map(int, (task / "children").read_text().split())
    except (FileNotFoundError, ProcessLookupError):
        return []
    return [pid, *(each for child in children for each in family(child))]


def called(name: str, pid: int) -> list[int]:
    """Those of the family that call themselves so."""
    found = []
    for each in family(pid):
        try:
            if Path(f"/proc/{each}/comm").read_text() == f"{name}\n":
                found.append(each)
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


def found_in_time(look: Callable[[], list[int]]) -> list[int]:
    """What it finds once that is something; an empty list when it never is."""
    found: list[int] = []

    def is_found() -> bool:
        found[:] = look()
        return bool(found)

    wait_until(is_found)
    return found


def is_there(pid: int) -> bool:
    """Is there such a process, and not only what is left of it?"""
    try:
        return status(pid)["State"][0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def states_of_threads(pid: int) -> list[str]:
    """A letter each, such as T for stopped."""
    return [status(int(thread.name))["State"][0] for thread in Path(f"/proc/{pid}/task").iterdir()]


def processor_seconds(pid: int) -> float:
    """What it has used so far, proc_pid_stat(5)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def movers_below(pid: int) -> list[int]:
    """The movers that this process, or its supervisor, started."""
    return found_in_time(lambda: called("gh-mover", pid))


ROOT = os.geteuid() == 0
