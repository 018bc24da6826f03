"""Confine the calling process for good: what it has open is all that it will ever have."""

from __future__ import annotations

import os
import resource
from collections.abc import Callable

from goodhoster.errors import NoFilterError
from goodhoster.linux import sandbox_kernel
from goodhoster.linux.privileges import forget_all_but
from goodhoster.linux.seccomp import seccomp_filter

_NOBODY = 65534
_MOST_FILES = 16
_MOST_CPU_SECONDS = 24 * 3600
"""For the whole life of a process that lost its pool; a single file's time is watched by the pool."""
_FEW_PROCESSES = 64


def enter_sandbox(memory: int) -> list[str]:
    """Give up everything that opening a picture does not need.

    `memory` is how many bytes it may still take. Returns the protections that are not available here, in words: the
    caller reports them, and goes on with less protection. Modules and codecs that are needed later must have been
    imported before.
    """
    _limit(memory)
    steps: tuple[tuple[str, Callable[[], None]], ...] = (
        ("a user without rights", _drop_to_nobody),
        ("no capabilities", sandbox_kernel.no_capabilities),
        ("no new privileges", sandbox_kernel.no_new_privileges),
        ("no dump of memory", sandbox_kernel.no_dump),
        ("Landlock", sandbox_kernel.landlock),
        ("seccomp", lambda: sandbox_kernel.seccomp(seccomp_filter())),
    )
    missing = [message for name, step in steps if (message := _failure(name, step))]
    if any(message.startswith("seccomp") for message in missing):
        # Next best: seccomp forbids new processes and permits threads; this counts both, and root is exempt.
        _set(resource.RLIMIT_NPROC, _FEW_PROCESSES)
    return missing


def _failure(name: str, step: Callable[[], None]) -> str:
    try:
        step()
    except OSError as error:
        return f"{name} ({error.strerror})"
    except NoFilterError as error:
        return f"{name} (no list of system calls for {error})"
    return ""


def _limit(memory: int) -> None:
    _set(resource.RLIMIT_AS, _address_space() + memory)
    _set(resource.RLIMIT_CPU, _MOST_CPU_SECONDS)
    _set(resource.RLIMIT_NOFILE, _MOST_FILES)
    _set(resource.RLIMIT_FSIZE, 0)
    _set(resource.RLIMIT_CORE, 0)


def _set(limit: int, value: int) -> None:
    """Lower a limit; one that is lower already stays."""
    hard = resource.getrlimit(limit)[1]
    lowest = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(limit, (lowest, lowest))


def _address_space() -> int:
    with open("/proc/self/statm", encoding="ascii") as statm:
        return int(statm.read().split()[0]) * resource.getpagesize()


def _drop_to_nobody() -> None:
    forget_all_but(frozenset())
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(_NOBODY)
        os.setuid(_NOBODY)
