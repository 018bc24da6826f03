"""The privileges of a process, and how it gives them up for good.

Linux calls that Python has no name for.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import select
import signal
import stat
import struct
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

_libc = ctypes.CDLL(None, use_errno=True)
_M_ARENA_MAX, _ARENAS = -8, 2  # mallopt(3)

CAPABILITY_NAMES = (
    "chown", "dac_override", "dac_read_search", "fowner", "fsetid", "kill", "setgid", "setuid", "setpcap",
    "linux_immutable", "net_bind_service", "net_broadcast", "net_admin", "net_raw", "ipc_lock", "ipc_owner",
    "sys_module", "sys_rawio", "sys_chroot", "sys_ptrace", "sys_pacct", "sys_admin", "sys_boot", "sys_nice",
    "sys_resource", "sys_time", "sys_tty_config", "mknod", "lease", "audit_write", "audit_control", "setfcap",
    "mac_override", "mac_admin", "syslog", "wake_alarm", "block_suspend", "audit_read", "perfmon", "bpf",
    "checkpoint_restore",
)  # fmt: skip
"""By number (linux/capability.h)."""

CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_FOWNER = 0, 1, 2, 3
CAP_KILL, CAP_SETGID, CAP_SETUID, CAP_SETPCAP = 5, 6, 7, 8
CAP_LINUX_IMMUTABLE, CAP_NET_BIND_SERVICE, CAP_SYS_ADMIN = 9, 10, 21

_PR_SET_PDEATHSIG, _PR_SET_NAME, _PR_CAPBSET_DROP, _PR_SET_NO_NEW_PRIVS, _PR_CAP_AMBIENT = 1, 15, 24, 38, 47
_PR_CAP_AMBIENT_CLEAR_ALL = 4
_CLONE_NEWNET = 0x40000000
_CAPABILITY_HEADER = struct.pack("=Ii", 0x20080522, 0)  # version 3, this thread
_CAPABILITIES = struct.Struct("=6I")  # effective, permitted, inheritable: the low halves, then the high ones

_LANDLOCK_CREATE_RULESET, _LANDLOCK_ADD_RULE, _LANDLOCK_RESTRICT_SELF = 444, 445, 446  # on every architecture
_LANDLOCK_VERSION, _LANDLOCK_PATH_BENEATH = 1, 1
_RULE = struct.Struct("=Qi")  # rights, directory
_WRITE_FILE, _REFER, _TRUNCATE = 1 << 1, 1 << 13, 1 << 14
_MAKE_AND_REMOVE = sum(1 << right for right in range(4, 13))
_REFER_SINCE, _TRUNCATE_SINCE = 2, 3


def keep_only(wanted: frozenset[int]) -> None:
    """Limit this thread, and whatever it starts, to these capabilities; there is no way back.

    To be called before other threads are started. What it does not have already it does not get.
    """
    forget_all_but(wanted)
    kept = permitted() & _mask(wanted)
    low, high = kept & 0xFFFFFFFF, kept >> 32
    _checked(_libc.capset(_CAPABILITY_HEADER, _CAPABILITIES.pack(low, low, 0, high, high, 0)))
    _checked(_libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))


def forget_all_but(wanted: frozenset[int]) -> None:
    """Let nothing that is executed from now on gain another capability.

    What this thread has it keeps. Without CAP_SETPCAP only the ambient capabilities, those to be inherited, are
    dropped.
    """
    for capability in range(64):
        if capability not in wanted:
            _libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0)  # fails without CAP_SETPCAP
    _libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)


def write_only_below(places: Iterable[Path]) -> None:
    """Limit where this thread, and whatever it starts, may change the file system (Landlock).

    From now on it makes, writes, renames and removes files only at and below these places, and mounts nothing. What
    is open already stays writable, and reading is as it was; owner, mode and times of a file are not covered.

    To be called after `keep_only`. OSError where the kernel has no Landlock: nothing is limited then.
    """
    version = _landlock(_LANDLOCK_CREATE_RULESET, None, 0, _LANDLOCK_VERSION)
    rights = _WRITE_FILE | _MAKE_AND_REMOVE
    rights |= (_REFER if version >= _REFER_SINCE else 0) | (_TRUNCATE if version >= _TRUNCATE_SINCE else 0)
    ruleset = _landlock(_LANDLOCK_CREATE_RULESET, struct.pack("=Q", rights), 8, 0)
    try:
        for place in places:
            _permit(ruleset, place, rights)
        _landlock(_LANDLOCK_RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)


def leave_network() -> bool:
    """Cut this process off from every network, loopback included.

    False when it may not do that.
    """
    return int(_libc.unshare(_CLONE_NEWNET)) == 0


def end_with_parent() -> None:
    """Be killed when the thread that started this process ends, however it ends.

    Forgotten when the user changes.
    """
    _checked(_libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0))


def end_when_closed(lifeline: int) -> None:
    """Be killed when the other end of this pipe is closed, also by the death of its holder.

    By signals of asynchronous I/O, fcntl(2). Unlike `end_with_parent` it depends on no particular thread, and holds
    for another user too. To be called while this process may still be the user that it was started as. Nothing must
    ever be written to the pipe.
    """
    fcntl.fcntl(lifeline, fcntl.F_SETSIG, signal.SIGKILL)
    fcntl.fcntl(lifeline, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(lifeline, fcntl.F_SETFL, fcntl.fcntl(lifeline, fcntl.F_GETFL) | os.O_ASYNC)
    before = select.poll()
    before.register(lifeline, select.POLLHUP)
    if before.poll(0):
        os.kill(os.getpid(), signal.SIGKILL)  # it was closed before we asked to end with it


def share_memory_among_threads() -> None:
    """Have the threads of this process allocate from few arenas instead of one each.

    To be called before there are any. A daemon with some thirty threads, which mostly wait, is 6 MB smaller for it
    (benchmark P9). Nothing happens where the C library has no arenas.
    """
    with suppress(AttributeError):  # musl
        _libc.mallopt(_M_ARENA_MAX, _ARENAS)


def set_process_name(name: str) -> None:
    """Set the name that ps and `goodhoster status` show for this process.

    The first 15 bytes of it. To be called in its first thread.
    """
    _checked(_libc.prctl(_PR_SET_NAME, name.encode("ascii"), 0, 0, 0))


def permitted() -> int:
    """The capabilities that this thread may use, one bit each."""
    found = ctypes.create_string_buffer(_CAPABILITIES.size)
    _checked(_libc.capget(_CAPABILITY_HEADER, found))
    _, low, _, _, high, _ = _CAPABILITIES.unpack(found.raw)
    return int(low | high << 32)


def _mask(capabilities: frozenset[int]) -> int:
    return sum(1 << capability for capability in capabilities)


def _permit(ruleset: int, place: Path, rights: int) -> None:
    fd = os.open(place, os.O_PATH | os.O_CLOEXEC)
    try:
        wanted = rights if stat.S_ISDIR(os.fstat(fd).st_mode) else rights & (_WRITE_FILE | _TRUNCATE)
        _landlock(_LANDLOCK_ADD_RULE, ruleset, _LANDLOCK_PATH_BENEATH, _RULE.pack(wanted, fd), 0)
    finally:
        os.close(fd)


def _landlock(call: int, *arguments: bytes | int | None) -> int:
    return _checked(_libc.syscall(call, *(ctypes.c_size_t(a) if isinstance(a, int) else a for a in arguments)))


def _checked(result: int) -> int:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result
