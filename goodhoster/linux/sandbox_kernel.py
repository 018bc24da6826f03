"""Linux calls by which a process confines itself, and that Python has no name for.

Nothing here can be undone. Every call raises OSError with the kernel's own message; ENOSYS and EOPNOTSUPP say that this
kernel has no such thing.
"""

from __future__ import annotations

import ctypes
import os
import struct

_libc = ctypes.CDLL(None, use_errno=True)

_PR_SET_DUMPABLE, _PR_SET_NO_NEW_PRIVS, _PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL = 4, 38, 47, 4
_CAPABILITY_VERSION_3 = 0x20080522

_SECCOMP = {"x86_64": 317, "aarch64": 277}
_SECCOMP_SET_MODE_FILTER, _SECCOMP_FILTER_FLAG_TSYNC = 1, 1

_LANDLOCK_CREATE_RULESET, _LANDLOCK_RESTRICT_SELF = 444, 446  # the same on every architecture
_LANDLOCK_VERSION = 1
_LANDLOCK_RIGHTS = (
    # since ABI version: rights of the file system, of the network, scopes (linux/landlock.h)
    (1, (1 << 13) - 1, 0, 0),
    (2, 1 << 13, 0, 0),
    (3, 1 << 14, 0, 0),
    (4, 0, 0b11, 0),
    (5, 1 << 15, 0, 0),
    (6, 0, 0, 0b11),
)


def no_new_privileges() -> None:
    """Let nothing that is executed from now on gain a privilege.

    Seccomp and Landlock require this.
    """
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)


def no_dump() -> None:
    """Hide this process's memory from core files and other processes of the same user."""
    _prctl(_PR_SET_DUMPABLE, 0)


def no_capabilities() -> None:
    """Give up every capability, inheritable ones included."""
    _prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL)
    header = struct.pack("=Ii", _CAPABILITY_VERSION_3, 0)
    _checked(_libc.capset(header, bytes(24)))


def landlock() -> None:
    """Forbid opening, making or removing any path, and every TCP port; what is open stays open."""
    version = _checked(_syscall(_LANDLOCK_CREATE_RULESET, None, ctypes.c_size_t(0), _LANDLOCK_VERSION))
    rights = [0, 0, 0]
    for since, *more in _LANDLOCK_RIGHTS:
        if version >= since:
            rights = [old | new for old, new in zip(rights, more, strict=True)]
    # Older kernels take the shorter structure only when the rest is zero, which it is for them.
    ruleset = struct.pack("=QQQ", *rights)
    fd = _checked(_syscall(_LANDLOCK_CREATE_RULESET, ruleset, ctypes.c_size_t(len(ruleset)), 0))
    try:
        _checked(_syscall(_LANDLOCK_RESTRICT_SELF, fd, 0))
    finally:
        os.close(fd)


def seccomp(program: bytes) -> None:
    """Apply this filter to every system call of every thread of the process.

    The filter is one `struct sock_filter` after another.
    """

    class _Program(ctypes.Structure):
        _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))

    number = _SECCOMP.get(os.uname().machine, -1)
    wanted = _Program(len(program) // 8, program)
    _checked(_syscall(number, _SECCOMP_SET_MODE_FILTER, _SECCOMP_FILTER_FLAG_TSYNC, ctypes.byref(wanted)))


def _syscall(*arguments: object) -> int:
    return int(_libc.syscall(*arguments))


def _prctl(option: int, argument: int) -> None:
    _checked(_libc.prctl(option, *(ctypes.c_ulong(each) for each in (argument, 0, 0, 0))))


def _checked(result: int) -> int:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result
