"""The system calls that opening a picture needs, as a seccomp filter.

Every other one fails with EPERM. Allowed are memory, threads and clocks; reading what is open and answering on what is
open. No path, no new socket, no other process, no program. (No fstat: the C library asks for it by a call that takes
any path.) Threads are needed: without them the AVIF and HEIF decoders fail, and some do so silently.
"""

from __future__ import annotations

import errno
import os
import struct

from goodhoster.errors import NoFilterError

# (x86_64, aarch64); None where the architecture has no such call.
_ALLOWED: dict[str, tuple[int | None, int]] = {
    "read": (0, 63),
    "write": (1, 64),
    "close": (3, 57),
    "lseek": (8, 62),
    "munmap": (11, 215),
    "brk": (12, 214),
    "rt_sigaction": (13, 134),
    "rt_sigprocmask": (14, 135),
    "rt_sigreturn": (15, 139),
    "pread64": (17, 67),
    "readv": (19, 65),
    "writev": (20, 66),
    "sched_yield": (24, 124),
    "mremap": (25, 216),
    "madvise": (28, 233),
    "nanosleep": (35, 101),
    "getpid": (39, 172),
    "sendto": (44, 206),
    "recvfrom": (45, 207),
    "sendmsg": (46, 211),
    "recvmsg": (47, 212),
    "exit": (60, 93),
    "uname": (63, 160),
    "fcntl": (72, 25),
    "gettimeofday": (96, 169),
    "getrusage": (98, 165),
    "sysinfo": (99, 179),
    "sigaltstack": (131, 132),
    "gettid": (186, 178),
    "futex": (202, 98),
    "sched_getaffinity": (204, 123),
    "restart_syscall": (219, 128),
    "clock_gettime": (228, 113),
    "clock_getres": (229, 114),
    "clock_nanosleep": (230, 115),
    "exit_group": (231, 94),
    "tgkill": (234, 131),
    "set_robust_list": (273, 99),
    "preadv": (295, 69),
    "preadv2": (327, 286),
    "getrandom": (318, 278),
    "membarrier": (324, 283),
    "rseq": (334, 293),
}
_CLONE, _CLONE3, _MMAP, _MPROTECT, _PRCTL = (56, 220), (435, 435), (9, 222), (10, 226), (157, 167)
_CLONE_THREAD, _PROT_EXEC, _PR_SET_NAME = 0x10000, 4, 15

_ARCHITECTURES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
"""Place in the pairs above, and the kernel's own number (linux/audit.h)."""
_X32 = 0x40000000
"""x86_64 has a second set of numbers from here on: none of them is allowed, as none is in the list."""

_ALLOW, _REFUSE, _KILL = 0x7FFF0000, 0x00050000, 0x80000000
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16
_LOAD, _RETURN, _EQUAL, _ANY_BIT = 0x20, 0x06, 0x15, 0x45


def seccomp_filter() -> bytes:
    """The filter program for the machine that this runs on.

    NoFilterError for an architecture without a list.
    """
    machine = os.uname().machine
    if machine not in _ARCHITECTURES:
        raise NoFilterError(machine)
    place, architecture = _ARCHITECTURES[machine]
    return b"".join(
        (
            *_same_architecture(architecture),
            *_refused(_CLONE3[place], errno.ENOSYS),  # its flags cannot be seen; the C library then uses clone
            *_if_bits(_CLONE[place], 0, (_CLONE_THREAD, _ALLOW, _REFUSE | errno.EPERM)),
            *_if_bits(_MMAP[place], 2, (_PROT_EXEC, _REFUSE | errno.EPERM, _ALLOW)),
            *_if_bits(_MPROTECT[place], 2, (_PROT_EXEC, _REFUSE | errno.EPERM, _ALLOW)),
            *_if_equal(_PRCTL[place], 0, _PR_SET_NAME),
            *(part for numbers in _ALLOWED.values() for part in _allowed(numbers[place])),
            _instruction(_RETURN, _REFUSE | errno.EPERM),
        )
    )


def _instruction(code: int, value: int, if_so: int = 0, if_not: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_so, if_not, value)


def _same_architecture(architecture: int) -> tuple[bytes, ...]:
    return (
        _instruction(_LOAD, _ARCHITECTURE),
        _instruction(_EQUAL, architecture, 1, 0),
        _instruction(_RETURN, _KILL),
        _instruction(_LOAD, _NUMBER),
    )


def _allowed(number: int | None) -> tuple[bytes, ...]:
    return () if number is None else (_instruction(_EQUAL, number, 0, 1), _instruction(_RETURN, _ALLOW))


def _refused(number: int, code: int) -> tuple[bytes, ...]:
    return _instruction(_EQUAL, number, 0, 1), _instruction(_RETURN, _REFUSE | code)


def _if_bits(number: int, argument: int, choice: tuple[int, int, int]) -> tuple[bytes, ...]:
    """The instructions that decide one call by the bits of one argument.

    They return one value when any of these bits is set, and another otherwise.
    """
    bits, if_so, if_not = choice
    return (
        _instruction(_EQUAL, number, 0, 4),
        _instruction(_LOAD, _ARGUMENTS + 8 * argument),  # its lower half: both architectures are little-endian
        _instruction(_ANY_BIT, bits, 0, 1),
        _instruction(_RETURN, if_so),
        _instruction(_RETURN, if_not),
    )


def _if_equal(number: int, argument: int, value: int) -> tuple[bytes, ...]:
    """The instructions that allow one call when that argument is just this."""
    return (
        _instruction(_EQUAL, number, 0, 4),
        _instruction(_LOAD, _ARGUMENTS + 8 * argument),
        _instruction(_EQUAL, value, 0, 1),
        _instruction(_RETURN, _ALLOW),
        _instruction(_RETURN, _REFUSE | errno.EPERM),
    )
