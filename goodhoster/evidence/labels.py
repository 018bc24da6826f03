"""The label beside each file in quarantine: enough to put it back when every other record is lost."""

from __future__ import annotations

import base64
import json
import os
from typing import Any

from goodhoster.errors import QuarantineError
from goodhoster.model.quarantine import Label, Metadata
from goodhoster.model.uploads import Place

_SUFFIX = b".label"


def label_name(case_id: str) -> bytes:
    """The file name of a case's label."""
    return case_id.encode() + _SUFFIX


def case_of(name: bytes) -> str | None:
    """The case whose label has this file name, or None when it is no label."""
    return name.removesuffix(_SUFFIX).decode() if name.endswith(_SUFFIX) else None


def write_label(directory: int, label: Label) -> None:
    """Write a label, replacing an older one of that case; a crash leaves the old or the new, never half."""
    name = label_name(label.case_id)
    fd = os.open(name + b"~", os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600, dir_fd=directory)
    with open(fd, "w", encoding="ascii") as opened:
        json.dump(_as_json(label), opened, indent=1)
    os.rename(name + b"~", name, src_dir_fd=directory, dst_dir_fd=directory)


def read_label(directory: int, case_id: str) -> Label:
    """Read a label back. FileNotFoundError when there is none, QuarantineError when it is damaged."""
    fd = os.open(label_name(case_id), os.O_RDONLY | os.O_NOFOLLOW, dir_fd=directory)
    with open(fd, encoding="ascii") as opened:
        try:
            return _from_json(json.load(opened))
        except (ValueError, KeyError, TypeError) as error:
            message = f"the label of case {case_id} in quarantine is damaged: {error!r}"
            raise QuarantineError(message, hint="restore it from a backup; the file itself is untouched") from error


def remove_label(directory: int, case_id: str) -> None:
    """Remove a label that is no longer needed; fine when there is none."""
    try:
        os.unlink(label_name(case_id), dir_fd=directory)
    except FileNotFoundError:
        return


def _as_json(label: Label) -> dict[str, Any]:
    m = label.metadata
    return {
        "case": label.case_id,
        "tree": _text(label.place.tree),
        "path": _text(label.place.path),
        "customer": label.customer,
        "inode": [label.dev, label.ino, label.parent_ino],
        "size": label.size,
        "sha256": label.sha256.hex(),
        "owner": [m.uid, m.gid],
        "mode": m.mode,
        "times_ns": [m.atime_ns, m.mtime_ns],
        "xattrs": {name: _text(value) for name, value in m.xattrs},
        "flags": m.flags,
    }


def _from_json(data: dict[str, Any]) -> Label:
    xattrs = tuple((name, _bytes(value)) for name, value in data["xattrs"].items())
    (uid, gid), (atime_ns, mtime_ns) = data["owner"], data["times_ns"]
    metadata = Metadata(uid, gid, data["mode"], atime_ns, mtime_ns, xattrs, data["flags"])
    place = Place(_bytes(data["tree"]), _bytes(data["path"]))
    dev, ino, parent = data["inode"]
    sha256 = bytes.fromhex(data["sha256"])
    return Label(data["case"], place, data["customer"], dev, ino, parent, data["size"], sha256, metadata)


def _text(value: bytes) -> str:
    return base64.b64encode(value).decode()


def _bytes(value: str) -> bytes:
    return base64.b64decode(value, validate=True)
