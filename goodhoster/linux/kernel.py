"""Linux calls that Python has no name for.

The only place (beside event sources) that imports ctypes. Every path is resolved relative to an open directory: a path
that an outsider chose is never walked from the root.
"""

from __future__ import annotations

import array
import ctypes
import errno
import fcntl
import os
import platform
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from goodhoster.errors import ConfigurationError

_libc = ctypes.CDLL(None, use_errno=True)
_SYS_OPENAT2 = 437  # the same number on every architecture (asm-generic since Linux 5.6)

RESOLVE_NO_XDEV = 0x01
RESOLVE_NO_MAGICLINKS = 0x02
RESOLVE_NO_SYMLINKS = 0x04
RESOLVE_BENEATH = 0x08

RENAME_NOREPLACE = 1

FS_IOC_GETFLAGS = 0x80086601
FS_IOC_SETFLAGS = 0x40086602
FS_IMMUTABLE_FL = 0x10
FS_APPEND_FL = 0x20
FS_PROJINHERIT_FL = 0x20000000

_AT_EMPTY_PATH = 0x1000
_HANDLE_HEAD = struct.Struct("=Ii")
_LONGEST_HANDLE = 128

_SYS_IOPRIO_SET = {"x86_64": 251, "aarch64": 30}
_IOPRIO_WHO_PROCESS = 1
_IOPRIO_IDLE = 3 << 13


_NO_FLAGS = frozenset({errno.ENOTTY, errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS})


def open_beneath(directory: int, path: bytes, flags: int) -> int:
    """Open `path` below the open directory, without `..` out of it or links in any component.

    Neither symbolic nor magic links are followed. Returns a descriptor (close-on-exec). OSError: ELOOP for a link,
    EXDEV for a way out, as openat2(2) says; EAGAIN while another process holds a lease on the file and `flags` say
    not to block. A path longer than PATH_MAX is opened in pieces, each under the same rules.
    """
    piece, rest = _first_piece(path)
    if not rest:
        return _openat2(directory, piece, flags)
    parent = _openat2(directory, piece, os.O_PATH | os.O_DIRECTORY)
    try:
        return open_beneath(parent, rest, flags)
    finally:
        os.close(parent)


def expect_openat2() -> None:
    """Check that this process may open files without following links.

    ConfigurationError otherwise.

    Service managers and containers can forbid the call, and then every file would be unchecked.
    """
    root = os.open(b"/", os.O_PATH | os.O_DIRECTORY)
    try:
        os.close(open_beneath(root, b".", os.O_PATH | os.O_DIRECTORY))
    except OSError as error:
        hint = (
            "it needs Linux 5.6; a container's seccomp profile must permit it, and a systemd unit must not have "
            "RestrictSUIDSGID=yes, which forbids it"
        )
        raise ConfigurationError(f"openat2 cannot be called here: {error.strerror}", hint=hint) from error
    finally:
        os.close(root)


_LONGEST_PATH = 4000  # PATH_MAX is 4096 with the closing NUL


def _first_piece(path: bytes) -> tuple[bytes, bytes]:
    if len(path) <= _LONGEST_PATH:
        return path, b""
    cut = path.rfind(b"/", 0, _LONGEST_PATH)
    return path[:cut], path[cut + 1 :]


_TRIES = 32


def _openat2(directory: int, path: bytes, flags: int) -> int:
    """Call openat2(2); EAGAIN is not retried for ever.

    EAGAIN says that a rename raced with the resolution, or that another process holds a lease.
    """
    rules = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS
    how = struct.pack("=QQQ", flags | os.O_CLOEXEC, 0, rules)
    code = 0
    for _ in range(_TRIES):
        fd = int(_libc.syscall(_SYS_OPENAT2, directory, _text(path), how, len(how)))
        if fd >= 0:
            return fd
        code = ctypes.get_errno()
        if code not in {errno.EINTR, errno.EAGAIN}:
            break
    raise OSError(code, os.strerror(code), path)


def _text(name: bytes) -> ctypes.c_char_p:
    """Bytes as a C string.

    A NUL would end it early and so name another file; no file has one in its name.
    """
    if b"\0" in name:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), name)
    return ctypes.c_char_p(name)


def rename_noreplace(source: tuple[int, bytes], target: tuple[int, bytes]) -> None:
    """Rename between (directory, name) pairs on one file system.

    FileExistsError instead of overwriting.
    """
    arguments = (source[0], _text(source[1]), target[0], _text(target[1]))
    if _libc.renameat2(*arguments, RENAME_NOREPLACE) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), source[1], None, target[1])


def inode_flags(fd: int) -> int | None:
    """The chattr flags of an open file, or None where the file system has none."""
    buffer = array.array("I", [0, 0])  # the number says long, most file systems write an int
    try:
        fcntl.ioctl(fd, FS_IOC_GETFLAGS, buffer, True)  # noqa: FBT003 - ioctl's own signature
    except OSError as error:
        if error.errno in _NO_FLAGS:
            return None
        raise
    return buffer[0]


def set_inode_flags(fd: int, flags: int) -> None:
    """Set the chattr flags of an open file; PermissionError without CAP_LINUX_IMMUTABLE."""
    fcntl.ioctl(fd, FS_IOC_SETFLAGS, array.array("I", [flags, 0]))


def file_handle(fd: int) -> bytes:
    """The handle that names this inode for as long as its file system lives, over restarts too.

    Unlike an inode number it is never given to another file. Empty where the file system has no such handles.
    """
    buffer = ctypes.create_string_buffer(_HANDLE_HEAD.pack(_LONGEST_HANDLE, 0), _HANDLE_HEAD.size + _LONGEST_HANDLE)
    if _libc.name_to_handle_at(fd, b"", buffer, ctypes.byref(ctypes.c_int()), _AT_EMPTY_PATH) != 0:
        code = ctypes.get_errno()
        if code == errno.EOPNOTSUPP:
            return b""
        raise OSError(code, os.strerror(code))
    length, _ = _HANDLE_HEAD.unpack_from(buffer)
    return buffer.raw[4 : _HANDLE_HEAD.size + length]


def mount_id(fd: int) -> int:
    """The number of the mount that an open file was reached through.

    A rename never leaves a mount, even on one file system.
    """
    with open(f"/proc/self/fdinfo/{fd}", "rb") as opened:
        return next(int(line.split()[1]) for line in opened if line.startswith(b"mnt_id:"))


def set_idle_io_priority() -> bool:
    """Let this thread read and write only when no other process wants to, from now on.

    By ioprio_set(2), class idle. False where that cannot be set; whether the disk's scheduler respects it is not
    known.
    """
    number = _SYS_IOPRIO_SET.get(platform.machine())
    return number is not None and _libc.syscall(number, _IOPRIO_WHO_PROCESS, 0, _IOPRIO_IDLE) == 0


@contextmanager
def reachable(address: Path) -> Iterator[str]:
    """The address of a Unix socket, short enough (107 bytes, unix(7)) however long its path is.

    For bind and connect.
    """
    directory = os.open(address.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{directory}/{address.name}"
    finally:
        os.close(directory)
