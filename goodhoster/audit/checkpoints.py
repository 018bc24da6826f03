"""Signed checkpoints of an audit log, and their signing keys (c2sp.org/tlog-checkpoint).

The newest checkpoint is kept beside the log. What it says is never contradicted: before the next is signed, the log
must begin as it stood then. A change of key is an entry of the log that the old key and the new one sign together, so
that a reader who trusts the old key can follow. Keys are made once: where anything shows that there were some, new ones
are made only by an order, which is an entry of the log. All public keys that the log ever had stay in a file beside it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

from goodhoster.audit.entries import read_line
from goodhoster.audit.log import FileAuditLog
from goodhoster.audit.lost_keys import CHANGES, CHECKPOINT, KEY_FILE, PUBLIC_KEYS, TIMESTAMPS, trace_of_lost_keys
from goodhoster.audit.merkle import ProvingTree, Span, consistency_spans, inclusion_spans
from goodhoster.audit.signing import LOG_KINDS, CheckpointSigner, load_signers, new_signers, save_signers, sign
from goodhoster.audit.verify import ED25519, Checkpoint, Key, NotVerifiedError, Policy, Proof, SignedNote
from goodhoster.errors import AuditError, RefusedError
from goodhoster.linux.durable_files import replace_durably, write_durably
from goodhoster.linux.file_lock import FileLock
from goodhoster.linux.state_manifest import enroll_file, hint_of
from goodhoster.model.audit import AuditEvent, AuditMark
from goodhoster.ports.common import Clock

_BEGUN = "log.key-begun"
_CHANGED = "log.key-changed"
_WHAT = "the key file of the audit log's checkpoints"
_KEYS = "the keys that sign the audit log's checkpoints"


@dataclass(frozen=True, slots=True)
class KeyChange:
    """The entry that names new keys, and its proof, signed by the old ones too."""

    line: bytes
    proof: bytes

    def keys(self, which: str) -> list[str]:
        """The `old` keys, or the `new`."""
        found = read_line(self.line).event.data[which]
        return found if isinstance(found, list) else []


class Checkpoints:
    """The checkpoints and keys of one log; processes may share it."""

    def __init__(self, log: FileAuditLog, directory: Path, clock: Clock) -> None:
        self.log = log
        self._directory = directory
        self._key_file = directory / KEY_FILE
        self._public_keys = directory / PUBLIC_KEYS
        self._file = directory / CHECKPOINT
        self._changes = directory / CHANGES
        self.timestamps = directory / TIMESTAMPS
        self._lock = FileLock(directory / "audit.checkpoint.lock")
        self._clock = clock

    def newest(self) -> SignedNote | None:
        """The last checkpoint that was signed, with the signatures that it got since.

        None when there is none.
        """
        try:
            return SignedNote.read(self._file.read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, NotVerifiedError) as error:
            hint = "restore it from a copy; where there is none, remove it: the next one is made without it"
            raise AuditError(f"the checkpoint {self._file} cannot be read: {error}", hint=hint) from error

    def marks(self) -> list[AuditMark]:
        """The marks that the log must still contain, by our own newest checkpoint.

        AuditError when that is not ours.
        """
        note = self.newest()
        if note is None:
            return []
        known = self.known_keys()
        try:
            if known and not note.verify(known):
                raise NotVerifiedError("it is not signed by this log's keys")
        except NotVerifiedError as error:
            raise AuditError(f"the checkpoint {self._file} is not ours: {error}") from error
        return [mark_of(note, f"its own checkpoint {self._file}")]

    def thin_timestamps(self, before: datetime) -> int:
        """Delete older timestamps but for the last of each day and authority; returns how many.

        Each vouches for all entries before it, so that what remains dates every entry to its day.
        """
        last: dict[tuple[str, str], Path] = {}
        deleted = 0
        for file in sorted(self.timestamps.glob("*.tsr")):  # by the size of the log
            made_at = datetime.fromtimestamp(file.stat().st_mtime, UTC)
            if made_at >= before:
                continue
            of_day = (file.name.partition(".")[2], f"{made_at:%Y-%m-%d}")
            if earlier := last.get(of_day):
                earlier.unlink(missing_ok=True)
                earlier.with_suffix(".text").unlink(missing_ok=True)
                deleted += 1
            last[of_day] = file
        return deleted

    def policy(self) -> Policy:
        """Our own keys, in the form of a policy. AuditError when there are none yet."""
        return Policy(tuple(signer.key for signer in self._expected_keys()))

    def key_changes(self) -> list[KeyChange]:
        """The key changes that led to the current keys, oldest first.

        A crash may have left one that never came into force.
        """
        changes, wanted = [], [signer.key.vkey for signer in load_signers(self._key_file)]
        for proof in sorted(self._changes.glob("*.tlog-proof"), reverse=True):
            change = KeyChange(proof.with_suffix(".json").read_bytes(), proof.read_bytes())
            if change.keys("new") == wanted:
                changes.append(change)
                wanted = change.keys("old")
        return changes[::-1]

    def known_keys(self) -> list[Key]:
        """The current public keys, and all before them."""
        now = [signer.key for signer in load_signers(self._key_file)]
        changed = [Key.read(vkey) for change in self.key_changes() for vkey in change.keys("old")]
        return list(dict.fromkeys((*now, *changed, *self._published())))

    def lost_keys(self) -> str:
        """What shows that there were keys, where there are none any more; empty otherwise."""
        if self._key_file.exists():
            return ""
        trace = trace_of_lost_keys(self._directory)
        return f"{trace} is of the time when they were" if trace else self._shown_by_log()

    def issue(self, origin: str) -> SignedNote:
        """Sign a checkpoint of the log as it stands now.

        The newest one as it is when nothing was added since. Makes keys of the name `origin` where there are
        none. AuditError when the log does not begin as it stood before.
        """
        with self._lock:
            signers = self._keys_or_new(origin)
            before = self.newest()
            now, _ = self._tree(before)
            if before and Checkpoint.read(before.text) == replace(now, origin=signers[0].name):
                return before
            return self._keep(sign(replace(now, origin=signers[0].name).write(), signers, self._clock()))

    def sign_text(self, text: str, origin: str) -> SignedNote:
        """Sign another text than a checkpoint with the log's Ed25519 key.

        Makes keys as `issue` does. The name of the log stands in the first line with words that no checkpoint has, so
        that none can be taken for the other.
        """
        with self._lock:
            signers = self._keys_or_new(origin)
            ours = [signer for signer in signers if signer.kind == ED25519]
            return sign(f"goodhoster text of {signers[0].name}\n{text}".encode(), ours, self._clock())

    def add_signatures(self, note: SignedNote, signatures: Sequence[tuple[str, bytes, bytes]]) -> SignedNote:
        """Put cosignatures below a checkpoint; kept where it is still the newest."""
        with self._lock:
            newest = self.newest()
            known = newest.signatures if newest and newest.text == note.text else note.signatures
            signed = replace(note, signatures=tuple(dict.fromkeys((*known, *signatures))))
            return self._keep(signed) if newest and newest.text == note.text else signed

    def change_keys(self, reason: str, actor: str) -> SignedNote:
        """Sign with new keys from now on. The old ones are removed once they have signed that."""
        with self._lock:
            old = self._expected_keys()
            new = new_signers(old[0].name, LOG_KINDS)
            vkeys = {name: [each.key.vkey for each in keys] for name, keys in (("old", old), ("new", new))}
            entry = self.log.append(AuditEvent(_CHANGED, vkeys | {"reason": reason, "actor": actor}))
            before = self.newest()
            checkpoint, proof = self._tree(before, entry.number)
            note = sign(replace(checkpoint, origin=old[0].name).write(), (*old, *new), self._clock())
            self._keep_change(entry.number, Proof(entry.number, proof, note))
            self._save_keys(new)
            return self._keep(note)

    def begin_new_keys(self, origin: str, reason: str, actor: str) -> SignedNote:
        """Sign with new keys from now on although the old ones are lost.

        An entry of the log says so; nobody who trusts the old keys can follow by it. RefusedError where none are lost.
        """
        with self._lock:
            if not self.lost_keys():
                hint = "goodhoster audit change-keys makes others where there are some"
                raise RefusedError("the keys of the audit log are not lost", hint=hint)
            before = self.newest()
            self._tree(before)  # raises where the log is not what the lost keys signed
            named = Checkpoint.read(before.text).origin if before else origin
            new = new_signers(named, LOG_KINDS)
            vkeys = {"lost": [key.vkey for key in self.known_keys()], "new": [each.key.vkey for each in new]}
            self.log.append(AuditEvent(_BEGUN, vkeys | {"reason": reason, "actor": actor}))
            checkpoint, _ = self._tree(before)
            self._save_keys(new)
            return self._keep(sign(replace(checkpoint, origin=named).write(), new, self._clock()))

    def consistency(self, old: int, note: SignedNote) -> Proof:
        """The proof that the log of a checkpoint begins with the first `old` entries.

        A witness is asked with it, too.
        """
        size = Checkpoint.read(note.text).size
        spans = consistency_spans(old, size)
        return Proof(old, proving_tree(self.log.lines(), size, spans).hashes(spans), note)

    def _tree(self, before: SignedNote | None, entry: int | None = None) -> tuple[Checkpoint, tuple[bytes, ...]]:
        """The log's current checkpoint, and the inclusion proof of an entry.

        After comparing the log with the earlier checkpoint.
        """
        size = self.log.durable_entries()
        spans = [] if entry is None else inclusion_spans(entry, size)
        old = Checkpoint.read(before.text) if before else None
        tree = ProvingTree(spans)
        root = tree.root()
        for line in islice(self.log.lines(), size):
            if old and tree.size == old.size:
                root = tree.root()
            tree.add(line)
        if old and old.size == tree.size:
            root = tree.root()
        if tree.size < size or (old and (old.size > size or root != old.root)):
            message = "the audit log is not what it was when its last checkpoint was signed: nothing is signed"
            raise AuditError(message, hint="goodhoster audit verify")
        return Checkpoint("", size, tree.root()), tree.hashes(spans)

    def _expected_keys(self) -> tuple[CheckpointSigner, ...]:
        """The keys. AuditError where there are none yet, or none any more."""
        signers = load_signers(self._key_file)
        if not signers:
            self._expect_never_there()
            raise AuditError("this log has no keys yet", hint="goodhoster audit checkpoint makes them")
        return signers

    def _keys_or_new(self, origin: str) -> tuple[CheckpointSigner, ...]:
        """The keys, made where there never were any. AuditError where they are lost."""
        signers = load_signers(self._key_file)
        if not signers:
            self._expect_never_there()
            signers = new_signers(origin, LOG_KINDS)
            self._save_keys(signers)
        elif not {each.key for each in signers} <= set(self._published()):  # as made before there was that file
            self._publish([each.key for each in signers])
        enroll_file(self._directory, self._key_file, _WHAT)
        return signers

    def _expect_never_there(self) -> None:
        if why := self.lost_keys():
            message = f"{_KEYS} are lost: there is no {self._key_file}, and {why}; nothing is signed"
            raise AuditError(message, hint=hint_of(self._key_file.name))

    def _shown_by_log(self) -> str:
        """Whether an entry of the log tells of keys."""
        for line in self.log.lines():
            if b'"kind":"log.key-' in line and (entry := read_line(line)).event.kind in {_BEGUN, _CHANGED}:
                return f"entry {entry.number} of the audit log names them"
        return ""

    def _save_keys(self, signers: Sequence[CheckpointSigner]) -> None:
        save_signers(self._key_file, signers)
        self._publish([signer.key for signer in signers])
        enroll_file(self._directory, self._key_file, _WHAT)

    def _published(self) -> list[Key]:
        """The public keys of the file of them. AuditError when it cannot be read."""
        try:
            return [Key.read(line) for line in self._public_keys.read_text(encoding="utf-8").splitlines()]
        except FileNotFoundError:
            return []
        except (OSError, ValueError, NotVerifiedError) as error:
            hint = "restore the file from a copy; where there is none, delete it: it is made anew"
            raise AuditError(f"the public keys in {self._public_keys} cannot be read: {error}", hint=hint) from error

    def _publish(self, keys: Sequence[Key]) -> None:
        known = dict.fromkeys((*self._published(), *keys))
        replace_durably(self._public_keys, [f"{key.vkey}\n".encode() for key in known])

    def _keep(self, note: SignedNote) -> SignedNote:
        replace_durably(self._file, [note.write()])
        return note

    def _keep_change(self, number: int, proof: Proof) -> None:
        self._changes.mkdir(mode=0o700, exist_ok=True)
        line = next(islice(self.log.lines(), number, None))
        write_durably(self._changes / f"{number:012}.json", [line])
        write_durably(self._changes / f"{number:012}.tlog-proof", [proof.write()])


def proving_tree(lines: Iterable[bytes], size: int, spans: Iterable[Span]) -> ProvingTree:
    """The tree over the first `size` lines. AuditError when there are fewer."""
    tree = ProvingTree(spans)
    for line in islice(lines, size):
        tree.add(line)
    if tree.size < size:
        message = f"the audit log has {tree.size:,} entries where a checkpoint has {size:,}"
        raise AuditError(message, hint="goodhoster audit verify")
    return tree


def mark_of(note: SignedNote, where: str) -> AuditMark:
    """The mark that a checkpoint states for the log. AuditError when the note is none."""
    try:
        checkpoint = Checkpoint.read(note.text)
    except NotVerifiedError as error:
        raise AuditError(f"{where}: {error}") from error
    return AuditMark(checkpoint.size, checkpoint.root, where)
