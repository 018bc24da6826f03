"""The label beside each file in quarantine: enough to put it back without any other record.

It is the journal too: written as an *intent* before the file is moved, a *label* when the file is locked and its bytes
are those that were checked, removed when the file is back. Each step is one rename, so a crash leaves one or the other.
"""

from __future__ import annotations

import base64
import json
import os
import re
from typing import Any

from goodhoster.errors import QuarantineError, RefusedError
from goodhoster.evidence.quarantine.directory_access import exists, opened
from goodhoster.evidence.quarantine.metadata import set_guards, try_guard
from goodhoster.evidence.quarantine.reserve import with_reserve
from goodhoster.model.quarantine import Label, Metadata
from goodhoster.model.uploads import Place

_INTENT, _LABEL, _DRAFT = b".intent", b".label", b".half"
_CASE = re.compile(r"[A-Za-z0-9-]{1,64}", re.ASCII)


def file_name(case_id: str) -> bytes:
    """The name of a case's file in quarantine.

    RefusedError for what is no id of a case: such a name may be anybody's.
    """
    if not _CASE.fullmatch(case_id):
        raise RefusedError(f"{case_id!r} is not a case")
    return case_id.encode()


def is_case_name(name: str) -> bool:
    """Whether a name in the quarantine directory is that of a case's file, no label or reserve."""
    return bool(_CASE.fullmatch(name)) and not name.startswith("reserve-")


def write_draft(folder: int, label: Label) -> None:
    """Write what is about to be moved, under a name that says nothing yet.

    Its bytes are on disk when this returns.

    Replaces what is left of an older one of that case.
    """
    name = file_name(label.case_id) + _DRAFT
    text = json.dumps(_as_json(label), indent=1).encode("ascii")
    with_reserve(folder, lambda: _write(folder, name, text))


def commit_intent(folder: int, case_id: str) -> None:
    """Turn what was written into the intent; on disk once the quarantine folder is synced.

    Replaces an older intent of that case.
    """
    name = file_name(case_id)
    with_reserve(folder, lambda: os.rename(name + _DRAFT, name + _INTENT, src_dir_fd=folder, dst_dir_fd=folder))


def commit_label(folder: int, case_id: str) -> None:
    """Turn the intent into the label: the file is here, locked, and the one that was checked.

    On disk once the quarantine folder is synced; `guard_label` comes after that.
    """
    name = file_name(case_id)
    with_reserve(folder, lambda: os.rename(name + _INTENT, name + _LABEL, src_dir_fd=folder, dst_dir_fd=folder))


def guard_label(folder: int, case_id: str) -> None:
    """Make a label immutable, as its file is.

    A backup that is brought back over the tree (`rsync --delete`) removes neither.
    """
    with opened(os.open(file_name(case_id) + _LABEL, os.O_RDONLY | os.O_NOFOLLOW, dir_fd=folder)) as label:
        try_guard(label)


def read_intent(folder: int, case_id: str) -> Label | None:
    """The intent of that case, None when there is none, QuarantineError when it is damaged."""
    return _read(folder, file_name(case_id) + _INTENT)


def read_label(folder: int, case_id: str) -> Label | None:
    """The label of that case; None when there is none.

    QuarantineError when it is damaged.
    """
    return _read(folder, file_name(case_id) + _LABEL)


def label_name(case_id: str) -> bytes:
    """The name of the label of a file that was taken."""
    return file_name(case_id) + _LABEL


def names_of_inode(folder: int, ino: int) -> int:
    """How many names of a file lie here."""
    with os.scandir(folder) as found:
        return sum(one.inode() == ino and is_case_name(one.name) for one in found)


def label_of_inode(folder: int, ino: int) -> Label | None:
    """The label of another case whose file here is the same inode (a hard link); None if none."""
    with os.scandir(folder) as found:
        names = [os.fsencode(one.name) for one in found if one.inode() == ino]
    cases = [name.decode() for name in names if _CASE.fullmatch(name.decode("ascii", "replace"))]
    labels = (read_label(folder, case) or read_intent(folder, case) for case in cases)
    return next((label for label in labels if label is not None), None)


def remove_label(folder: int, case_id: str) -> None:
    """Remove intent and label of a case whose file is not here (any more).

    Fine when there are none, on read-only disks too.
    """
    for suffix in (_DRAFT, _INTENT, _LABEL):
        name = file_name(case_id) + suffix
        if exists(folder, name):
            with opened(os.open(name, os.O_RDONLY | os.O_NOFOLLOW, dir_fd=folder)) as label:
                set_guards(label, 0)
            os.unlink(name, dir_fd=folder)
            os.fsync(folder)


def _write(folder: int, name: bytes, content: bytes) -> None:
    fd = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600, dir_fd=folder)
    with open(fd, "wb", buffering=0) as file:
        file.write(content)
        os.fsync(fd)


def _read(folder: int, name: bytes) -> Label | None:
    try:
        fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW, dir_fd=folder)
    except FileNotFoundError:
        return None
    with open(fd, "rb") as file:
        try:
            return _from_json(json.load(file))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            message = f"the label {os.fsdecode(name)} in quarantine is damaged: {error!r}"
            raise QuarantineError(message, hint="restore it from a backup; the file itself is untouched") from error


def _as_json(label: Label) -> dict[str, Any]:
    m = label.metadata
    return {
        "case": label.case_id,
        "tree": _text(label.place.tree),
        "path": _text(label.place.path),
        "customer": label.customer,
        "inode": label.ino,
        "parent": label.parent.hex(),
        "parent_flags": label.parent_flags,
        "size": label.size,
        "sha256": label.sha256.hex(),
        "owner": [m.uid, m.gid],
        "mode": m.mode,
        "times_ns": [m.atime_ns, m.mtime_ns],
        "acl": _text(m.acl),
        "flags": m.flags,
    }


def _from_json(data: dict[str, Any]) -> Label:
    (uid, gid), (atime_ns, mtime_ns) = data["owner"], data["times_ns"]
    return Label(
        case_id=data["case"],
        place=Place(_bytes(data["tree"]), _bytes(data["path"])),
        customer=data["customer"],
        ino=data["inode"],
        parent=bytes.fromhex(data["parent"]),
        size=data["size"],
        sha256=bytes.fromhex(data["sha256"]),
        metadata=Metadata(uid, gid, data["mode"], atime_ns, mtime_ns, _bytes(data["acl"]), data["flags"]),
        parent_flags=data.get("parent_flags", 0),  # older labels have none
    )


def _text(value: bytes) -> str:
    return base64.b64encode(value).decode()


def _bytes(value: str) -> bytes:
    return base64.b64decode(value, validate=True)
