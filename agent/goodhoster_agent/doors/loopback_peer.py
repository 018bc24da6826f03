"""The account at the other end of a TCP connection within this machine."""

from __future__ import annotations

import ipaddress
import pwd
import struct
from functools import lru_cache
from pathlib import Path

_TABLES = ("/proc/net/tcp", "/proc/net/tcp6")
_UID, _INODE = 7, 9
"""Columns of proc(5). A socket that its process has closed has no inode, and the user 0."""


def account_of_peer(client: tuple[str, int], server: tuple[str, int]) -> str:
    """The account whose process connected; empty where nobody can tell.

    An account without a name is told by its number. Nobody can tell where the client is on another machine, or has
    closed its end: the kernel names root for those.
    """
    addresses = zip(_written(*client), _written(*server), strict=True)
    for table, (there, here) in zip(_TABLES, addresses, strict=True):
        uid = _uid(Path(table), there, here)
        if uid is not None:
            return _name(uid)
    return ""


def _uid(table: Path, there: bytes, here: bytes) -> int | None:
    try:
        lines = table.read_bytes()
    except OSError:
        return None
    at = lines.find(b" %s %s " % (there, here))
    if at < 0:
        return None
    columns = lines[lines.rfind(b"\n", 0, at) + 1 : lines.find(b"\n", at)].split()
    return int(columns[_UID]) if int(columns[_INODE]) else None


def _written(host: str, port: int) -> tuple[bytes, bytes]:
    """An address as each table writes it: words of 32 bits in the machine's order."""
    address = ipaddress.ip_address(host.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    six = ipaddress.IPv6Address(f"::ffff:{address}") if isinstance(address, ipaddress.IPv4Address) else address
    return tuple(b"%s:%04X" % (_hexadecimal(each.packed), port) for each in (address, six))  # type: ignore[return-value]


def _hexadecimal(packed: bytes) -> bytes:
    words = struct.unpack(f"={len(packed) // 4}I", packed)
    return b"".join(b"%08X" % word for word in words)


@lru_cache(maxsize=1024)
def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
