"""Export of the log entries of one case, with proofs, to a directory.

Anybody can verify it without goodhoster.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

from goodhoster.audit import verify
from goodhoster.audit.checkpoints import Checkpoints, proving_tree
from goodhoster.audit.entries import read_line
from goodhoster.audit.keyed_log import tokens_in
from goodhoster.audit.merkle import Span, consistency_spans, inclusion_spans
from goodhoster.audit.verify import CONSISTENCY, Checkpoint, NotVerifiedError, Policy, Proof, SignedNote
from goodhoster.errors import AuditError, ConfigurationError
from goodhoster.linux.durable_files import new_directory
from goodhoster.model.audit import AuditEvent
from goodhoster.ports.proof import PseudonymStore

_README = """What the audit log of {origin} says of case {case}: {entries} entries, exported by goodhoster.

To verify it you need Python 3.11 or later and its package "cryptography" (Debian: python3-cryptography), no goodhoster
and no network:

    python3 verify.py . --key VKEY

VKEY is the log's public key. It must have come to you by another way than this directory, such as the hoster's web
site. Where witnesses are trusted, write a policy (c2sp.org/tlog-policy) and give it with --policy FILE instead. If you
kept a checkpoint of this log, add --earlier FILE: it shows that nothing that was in the log then has been changed.

What is verified: each entry stood in the log exactly so, and the log is the one that was signed. That no entry about
the case was left out of this directory only the whole log can show: python3 verify.py audit.log --earlier checkpoint

entries/        each entry (.json) with its proof (.tlog-proof, c2sp.org/tlog-proof)
{names}checkpoint      how the log stood, signed (c2sp.org/tlog-checkpoint)
policy          the keys that goodhoster itself trusts, for comparison
key-changes/    where the log changed its keys: the entries that say so, signed with the old keys
timestamps/     when the checkpoint existed (RFC 3161), to be verified with the certificates of who says so:
                openssl ts -verify -data timestamps/checkpoint.text -in timestamps/FILE.tsr -CAfile ROOT.pem
consistency/    proofs that the log begins with what earlier checkpoints were about
"""


_NAMES = """names.json      whom and what the references in the entries ("~KEY:HASH") stand for, with the key of this
                case: the hash is HMAC-SHA-256 with that key over the field's name, a zero byte and the value, its
                first 128 bits
"""
_NO_NAMES = """                References in the entries ("~KEY:HASH") stand for persons and places: this export does
                not say for which, or the key was deleted
"""


@dataclass(frozen=True, slots=True)
class Exported:
    """The result of an export."""

    entries: int
    checkpoint: Checkpoint


@dataclass(frozen=True, slots=True)
class Wanted:
    """The case to export, and the checkpoint against which it is proven."""

    case: str
    note: SignedNote
    policy: Policy
    since: tuple[SignedNote, ...] = ()
    """Earlier checkpoints, for proofs that the log begins as it did then."""
    timestamps: tuple[Path, ...] = ()
    """Files with timestamps of the checkpoint."""
    keys: PseudonymStore | None = None
    """The key of the case is disclosed from it; None: the export names nobody."""


def export_case(checkpoints: Checkpoints, wanted: Wanted, directory: Path) -> Exported:
    """Write every log entry that names the case into a new directory.

    As far as the checkpoint goes. AuditError when no entry does, when the log is not complete, or when it does not
    begin as an earlier checkpoint has it.
    """
    case, note, now = wanted.case, wanted.note, Checkpoint.read(wanted.note.text)
    lines = _lines_about(checkpoints, case, now.size)
    if not lines:
        raise AuditError(f"the audit log has no entry about case {case}", hint="goodhoster cases list")
    olds = [Checkpoint.read(each.text) for each in wanted.since]
    spans: dict[Span, list[Span]] = {(number, 0): inclusion_spans(number, now.size) for number in lines}
    spans |= {(0, old.size): consistency_spans(old.size, now.size) for old in olds if old.size <= now.size}
    tree = proving_tree(checkpoints.log.lines(), now.size, chain.from_iterable(spans.values()))
    if tree.root() != now.root:
        raise AuditError("the audit log is not what its checkpoint says", hint="goodhoster audit verify")
    with _new_folder(directory) as folder:
        for number, line in lines.items():
            name = f"entries/{number:012}"
            folder.write(f"{name}.json", line)
            folder.write(f"{name}.tlog-proof", Proof(number, tree.hashes(spans[number, 0]), note).write())
        for old in olds:
            hashes = tree.hashes(spans[0, old.size]) if old.size <= now.size else ()
            _expect_consistent(old, now, hashes)
            folder.write(f"consistency/{old.size}.proof", Proof(old.size, hashes, note).write(head=CONSISTENCY))
        for number, change in enumerate(checkpoints.key_changes()):
            folder.write(f"key-changes/{number:06}.json", change.line)
            folder.write(f"key-changes/{number:06}.tlog-proof", change.proof)
        _write_checkpoint(folder, wanted)
        _write_manifest(folder, wanted, now, lines.values())
    return Exported(len(lines), now)


def _write_checkpoint(folder: _Folder, wanted: Wanted) -> None:
    """Write the checkpoint with what is needed to verify it."""
    folder.write("checkpoint", wanted.note.write())
    folder.write("policy", wanted.policy.write())
    for stamp in wanted.timestamps:
        folder.write(f"timestamps/{stamp.name}", stamp.read_bytes())
        folder.write("timestamps/checkpoint.text", wanted.note.text)
    folder.write("verify.py", Path(verify.__file__).read_bytes())


def _write_manifest(folder: _Folder, wanted: Wanted, now: Checkpoint, lines: Collection[bytes]) -> None:
    """Write the manifest, the readme, and the names where they are disclosed."""
    names = _names_json(wanted, lines)
    if names:
        folder.write("names.json", names)
    root = now.root.hex()
    manifest = {"case": wanted.case, "entries": len(lines), "origin": now.origin, "size": now.size, "root": root}
    folder.write("manifest.json", (json.dumps(manifest, indent=2) + "\n").encode())
    folder.write("README.txt", _README.format(**manifest, names=_NAMES if names else _NO_NAMES).encode())


def _expect_consistent(old: Checkpoint, now: Checkpoint, hashes: Sequence[bytes]) -> None:
    try:
        if old.origin != now.origin:
            raise NotVerifiedError(f"it is of another log, {old.origin}")
        verify.verify_consistency(old, now, hashes)
    except NotVerifiedError as error:
        raise AuditError(f"the earlier checkpoint of {old.size:,} entries does not fit: {error}") from error


def _names_json(wanted: Wanted, lines: Iterable[bytes]) -> bytes:
    """What the references in these entries stand for, with the key of the case.

    Empty where nobody is to be told.
    """
    tokens = {token for line in lines for token in tokens_in(read_line(line).event.data)}
    found = wanted.keys.disclosed(f"case/{wanted.case}", tokens) if wanted.keys and tokens else None
    if found is None:
        return b""
    key, rows = found
    values = [{"reference": token, "field": field, "value": value} for token, field, value in rows]
    disclosed = {"case": wanted.case, "key_id": key.id, "key": key.secret.hex(), "values": values}
    return (json.dumps(disclosed, indent=2) + "\n").encode()


def _lines_about(checkpoints: Checkpoints, case: str, size: int) -> dict[int, bytes]:
    """The lines about a case by their numbers. AuditError for one that is no entry."""
    needle, lines = case.encode(), enumerate(islice(checkpoints.log.lines(), size))
    return {number: line for number, line in lines if needle in line and _names(read_line(line).event, case)}


def _names(event: AuditEvent, case: str) -> bool:
    return any(value == case or (isinstance(value, list) and case in value) for value in event.data.values())


@contextmanager
def _new_folder(directory: Path) -> Iterator[_Folder]:
    """A new directory, which after an error or a crash is not there."""
    try:
        with new_directory(directory) as draft:
            yield _Folder(draft)
    except FileExistsError as error:
        raise ConfigurationError(f"{directory} exists already", hint="name a directory that is not") from error
    except OSError as error:
        raise ConfigurationError(f"{directory} cannot be made: {error.strerror}") from error


class _Folder:
    """Files of a directory that is readable to its owner alone until a person decides otherwise."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def write(self, name: str, content: bytes) -> None:
        """Write a file below it. ConfigurationError when the disk does not take it."""
        file = self._path / name
        try:
            file.parent.mkdir(mode=0o700, exist_ok=True)
            file.write_bytes(content)
        except OSError as error:
            raise ConfigurationError(f"{file.name} cannot be written: {error.strerror}") from error
