"""Bindings for fanotify(7) and file handles: calls by ctypes, events by struct.

They give what Linux gives, and nothing more.

Layout and constants: linux/fanotify.h. Needs Linux 5.9 (FAN_REPORT_DFID_NAME), CAP_SYS_ADMIN for a mark on a whole file
system and CAP_DAC_READ_SEARCH to turn a handle into a directory.
"""

from __future__ import annotations

import ctypes
import os
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass

_libc = ctypes.CDLL(None, use_errno=True)
_libc.fanotify_mark.argtypes = (ctypes.c_int, ctypes.c_uint, ctypes.c_uint64, ctypes.c_int, ctypes.c_char_p)

_AT_FDCWD = -100
_FAN_CLOEXEC = 0x1
_FAN_NONBLOCK = 0x2
_FAN_UNLIMITED_QUEUE = 0x10
_FAN_REPORT_DFID_NAME = 0x400 | 0x800
_FAN_MARK_ADD = 0x1
_FAN_MARK_FILESYSTEM = 0x100

MODIFY = 0x2
CLOSE_WRITE = 0x8
MOVED_TO = 0x80
CREATE = 0x100
Q_OVERFLOW = 0x4000
ONDIR = 0x40000000

_MASK = CLOSE_WRITE | MOVED_TO | CREATE | ONDIR
_VERSION = 3
_DFID_NAME = 2
_METADATA = struct.Struct("=IBBHQii")  # event_len, vers, reserved, metadata_len, mask, fd, pid
_INFO = struct.Struct("=BBH")  # info_type, pad, len
_HANDLE = struct.Struct("=Ii")  # handle_bytes, handle_type
_FSID = 8
_LARGEST_HANDLE = 128  # MAX_HANDLE_SZ


@dataclass(frozen=True, slots=True)
class Event:
    """One record: what happened (a mask), and where, if it says so."""

    mask: int
    fsid: bytes = b""
    handle: bytes = b""
    """The directory, as `struct file_handle`."""
    name: bytes = b""


def new_group(*, unlimited: bool = True) -> int:
    """Open a descriptor that events can be read from without blocking.

    PermissionError without CAP_SYS_ADMIN.
    """
    flags = _FAN_CLOEXEC | _FAN_NONBLOCK | _FAN_REPORT_DFID_NAME | (_FAN_UNLIMITED_QUEUE if unlimited else 0)
    return _checked(_libc.fanotify_init(flags, os.O_RDONLY | os.O_CLOEXEC))


def mark_file_system(group: int, path: bytes, *, writes: bool = False) -> None:
    """Request events for the file system of `path`.

    They come for every file that is closed after writing, moved or made anywhere on it; or for all `writes`, and
    nothing else.

    OSError where the file system has no file handles or no identity (FUSE, some network and overlay file systems).
    """
    mask = MODIFY if writes else _MASK
    _checked(_libc.fanotify_mark(group, _FAN_MARK_ADD | _FAN_MARK_FILESYSTEM, mask, _AT_FDCWD, path))


_MARK = re.compile(rb"^fanotify sdev:([0-9a-f]+) ", re.MULTILINE)
_MINOR_BITS = 20


def marked_devices(group: int) -> frozenset[bytes]:
    """The devices of the file systems that are marked in a group, as the mount table names them."""
    with open(f"/proc/self/fdinfo/{group}", "rb") as shown:
        numbers = [int(number, 16) for number in _MARK.findall(shown.read())]
    return frozenset(b"%d:%d" % (number >> _MINOR_BITS, number & (1 << _MINOR_BITS) - 1) for number in numbers)


def fsid_of(path: bytes) -> bytes:
    """The identity that events of the file system of `path` carry."""
    number = os.statvfs(path).f_fsid
    return struct.pack("=II", number & 0xFFFFFFFF, number >> 32)


def open_by_handle(mount: int, handle: bytes) -> int:
    """Open an O_PATH descriptor of the directory of that handle.

    OSError(ESTALE) when there is none any more.
    """
    return _checked(_libc.open_by_handle_at(mount, handle, os.O_PATH | os.O_CLOEXEC))


def probe_handles(path: bytes) -> None:
    """Check that this process may turn handles of that file system into directories.

    Returns when it may, OSError otherwise.
    """
    handle = ctypes.create_string_buffer(_HANDLE.pack(_LARGEST_HANDLE, 0), _HANDLE.size + _LARGEST_HANDLE)
    _checked(_libc.name_to_handle_at(_AT_FDCWD, ctypes.c_char_p(path), handle, ctypes.byref(ctypes.c_int()), 0))
    mount = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.close(open_by_handle(mount, handle.raw))
    finally:
        os.close(mount)


def parse(buffer: bytes) -> Iterator[Event]:
    """Parse the events in what one read returned.

    ValueError for a layout we do not know: nothing is guessed.
    """
    start = 0
    while start < len(buffer):
        length, version, _, metadata, mask, _, _ = _METADATA.unpack_from(buffer, start)
        if version != _VERSION or length < metadata:
            msg = f"an event of layout {version}, not {_VERSION}"
            raise ValueError(msg)
        yield _event(mask, buffer[start + metadata : start + length])
        start += length


def _event(mask: int, info: bytes) -> Event:
    if not info:
        return Event(mask)
    kind, _, length = _INFO.unpack_from(info)
    if kind != _DFID_NAME:
        return Event(mask)
    begin = _INFO.size + _FSID
    (size, _) = _HANDLE.unpack_from(info, begin)
    end = begin + _HANDLE.size + size
    name = info[end:length].split(b"\0", 1)[0]
    return Event(mask, info[_INFO.size : begin], info[begin:end], name)


def _checked(result: int) -> int:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result
