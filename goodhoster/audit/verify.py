#!/usr/bin/env python3
"""Verify an audit log, or an export of one, without goodhoster.

Needs Python 3.11 and the package `cryptography`.

    python3 verify.py DIRECTORY [--key VKEY]… [--policy FILE] [--earlier CHECKPOINT]
    python3 verify.py audit.log --earlier CHECKPOINT…

DIRECTORY is what `goodhoster audit export` wrote. The keys, or a policy with log and witnesses, must have come to you
by another way than the export. `--earlier` names a checkpoint that you kept: the log must contain what it did then.
Ends with 0 (verified), 1 (something is not as it was), 2 (wrong use) or 3 (it could not be checked).

goodhoster itself verifies with this very file. Formats: RFC 6962 section 2.1, and c2sp.org: signed-note,
tlog-checkpoint, tlog-cosignature, tlog-proof, tlog-policy.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import struct
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from pathlib import Path

ED25519, COSIGNATURE, ML_DSA_44 = 1, 4, 6
"""Signature types of a note: a log's own, a witness's, and either with ML-DSA-44."""
EMPTY_ROOT = hashlib.sha256(b"").digest()

_WIDTHS = {ED25519: 32, COSIGNATURE: 32, ML_DSA_44: 1312}  # bytes of a public key
_LONGEST_NOTE = 1 << 20
_MOST_SIGNATURES = 100
_MOST_HASHES = 64
_LARGEST = (1 << 63) - 1


class NotVerifiedError(ValueError):
    """Something does not match its signature, proof or format."""


# --- Merkle tree: RFC 6962 section 2.1 -------------------------------------------------------------------------------


def leaf_hash(line: bytes) -> bytes:
    """The hash of an entry, its line without the newline."""
    return hashlib.sha256(b"\0" + line).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash over two subtrees."""
    return hashlib.sha256(b"\1" + left + right).digest()


class MerkleTree:
    """Computes the root over leaves taken one by one, in memory that grows with log n.

    Keeps the hashes of the `wanted` subtrees: perfect ones, by first leaf and number of leaves.
    """

    def __init__(self, wanted: Iterable[tuple[int, int]] = ()) -> None:
        self.size = 0
        self.kept: dict[tuple[int, int], bytes] = {}
        self._wanted = frozenset(wanted)
        self._peaks: list[tuple[int, bytes]] = []  # perfect subtrees, largest first: (leaves, hash)

    @classmethod
    def resume(cls, size: int, peaks: Sequence[bytes]) -> MerkleTree:
        """The tree of so many leaves, to which more are added; `peaks` as that tree had them.

        NotVerifiedError when they are not as many as such a tree has.
        """
        widths = [1 << bit for bit in reversed(range(size.bit_length())) if size >> bit & 1]
        if len(widths) != len(peaks):
            raise NotVerifiedError(f"{len(peaks)} subtrees where a tree of {size} leaves has {len(widths)}")
        tree = cls()
        tree.size, tree._peaks = size, list(zip(widths, peaks, strict=True))
        return tree

    def peaks(self) -> tuple[bytes, ...]:
        """The hashes of its perfect subtrees, largest first: all that is needed to add more."""
        return tuple(node for _, node in self._peaks)

    def add(self, line: bytes) -> None:
        """Add one more leaf at the end."""
        peaks, node, leaves = self._peaks, hashlib.sha256(b"\0" + line).digest(), 1
        self.size += 1
        while True:
            if self._wanted and (self.size - leaves, leaves) in self._wanted:
                self.kept[self.size - leaves, leaves] = node
            if not peaks or peaks[-1][0] != leaves:
                break
            node = hashlib.sha256(b"\1" + peaks.pop()[1] + node).digest()
            leaves *= 2
        peaks.append((leaves, node))

    def root(self) -> bytes:
        """The tree hash; of no leaves it is SHA-256 of nothing."""
        return _fold([node for _, node in self._peaks]) if self._peaks else EMPTY_ROOT


def _fold(nodes: Sequence[bytes]) -> bytes:
    """The single hash of the perfect subtrees that stand side by side."""
    result = nodes[-1]
    for node in reversed(nodes[:-1]):
        result = node_hash(node, result)
    return result


def verify_inclusion(checkpoint: Checkpoint, index: int, leaf: bytes, proof: Sequence[bytes]) -> None:
    """Verify that a leaf is at that place of the tree (RFC 9162 section 2.1.3.2).

    NotVerifiedError unless the leaf with that hash is there.
    """
    _expect_hashes(leaf, checkpoint.root, *proof)
    if not 0 <= index < checkpoint.size:
        raise NotVerifiedError(f"entry {index} cannot be in a log of {checkpoint.size} entries")
    found = leaf
    for node, on_the_left in _path(index, checkpoint.size - 1, proof):
        found = node_hash(node, found) if on_the_left else node_hash(found, node)
    if found != checkpoint.root:
        raise NotVerifiedError(f"the inclusion proof of entry {index} does not lead to the root")


def verify_consistency(old: Checkpoint, new: Checkpoint, proof: Sequence[bytes]) -> None:
    """Verify that the new tree begins with the whole old one (RFC 9162 section 2.1.4.2).

    NotVerifiedError when it does not.
    """
    _expect_hashes(old.root, new.root, *proof)
    if old.size > new.size:
        raise NotVerifiedError(f"rolled back: {old.size} entries were there, {new.size} are")
    if old.size in {0, new.size}:
        if proof or (old.size == 0 and old.root != EMPTY_ROOT):
            raise NotVerifiedError("the consistency proof is not that of these sizes")
        if old.size == new.size and old.root != new.root:
            raise NotVerifiedError(f"rewritten: another log of {old.size} entries")
        return
    shift = (
        old.size & -old.size
    ).bit_length() - 1  # above it is the largest perfect tree that ends where the old one does
    nodes = [old.root, *proof] if old.size == 1 << shift else list(proof)
    if not nodes:
        raise NotVerifiedError("the consistency proof is empty")
    before = after = nodes[0]
    for node, on_the_left in _path(old.size - 1 >> shift, new.size - 1 >> shift, nodes[1:]):
        before = node_hash(node, before) if on_the_left else before
        after = node_hash(node, after) if on_the_left else node_hash(after, node)
    if before != old.root or after != new.root:
        raise NotVerifiedError(f"rewritten: the log does not begin with the {old.size} entries that were there")


def _path(at: int, last: int, proof: Sequence[bytes]) -> Iterator[tuple[bytes, bool]]:
    """The hashes on the path from a node to the root, and whether each is on its left.

    NotVerifiedError when there are not as many as the path is long.
    """
    for node in proof:
        if last == 0:
            raise NotVerifiedError("the proof is too long")
        on_the_left = bool(at & 1) or at == last
        while on_the_left and not at & 1 and at:
            at, last = at >> 1, last >> 1
        yield node, on_the_left
        at, last = at >> 1, last >> 1
    if last:
        raise NotVerifiedError("the proof is too short")


def _expect_hashes(*hashes: bytes) -> None:
    if any(len(each) != len(EMPTY_ROOT) for each in hashes):
        raise NotVerifiedError("not a SHA-256 hash")


# --- Notes: c2sp.org/signed-note, tlog-checkpoint, tlog-cosignature --------------------------------------------------


@dataclass(frozen=True, slots=True)
class Key:
    """A public key and its owner's name."""

    name: str
    kind: int
    material: bytes

    @property
    def id(self) -> bytes:
        """Four bytes that identify, with the name, the key that signed."""
        return hashlib.sha256(self.name.encode() + b"\n" + bytes([self.kind]) + self.material).digest()[:4]

    @property
    def vkey(self) -> str:
        """The key as it is written down."""
        return f"{self.name}+{self.id.hex()}+{base64.b64encode(bytes([self.kind]) + self.material).decode()}"

    @classmethod
    def read(cls, vkey: str) -> Key:
        """Read a verifier key; NotVerifiedError when it is none of a kind known here."""
        name, plus, rest = vkey.partition("+")
        identity, plus_too, encoded = rest.partition("+")
        material = _unbase64(encoded)
        if not (plus and plus_too and _is_name(name) and material and len(material) - 1 == _WIDTHS.get(material[0])):
            raise NotVerifiedError(f"not a verifier key: {vkey[:80]!r}")
        key = cls(name, material[0], material[1:])
        if key.id.hex() != identity:
            raise NotVerifiedError(f"the verifier key of {name} does not have the id {identity[:16]}")
        return key

    @property
    def usable(self) -> bool:
        """Whether this key can be used here.

        False for ML-DSA-44 where `cryptography` is too old for it; Ed25519 is enough for every checkpoint.
        """
        return self.kind != ML_DSA_44 or find_spec("cryptography.hazmat.primitives.asymmetric.mldsa") is not None

    def verify(self, text: bytes, signature: bytes) -> int:
        """The time that the signature states, 0 for none.

        NotVerifiedError when it is not of this text and key.
        """
        # Here, because it takes memory and time, and whoever only reads the log needs none of it.
        from cryptography.exceptions import InvalidSignature  # noqa: PLC0415

        try:
            if self.kind == ED25519:
                self._check(signature, text)
                return 0
            (stated,) = struct.unpack(">Q", signature[:8])
            if stated > _LARGEST:
                raise NotVerifiedError(f"the signature of {self.name} states an impossible time")
            if self.kind == COSIGNATURE:
                self._check(signature[8:], cosigned_text(text, stated))
            else:
                self._check(signature[8:], cosigned_message(self.name, Checkpoint.read(text), stated))
        except (InvalidSignature, ValueError, struct.error) as error:
            raise NotVerifiedError(f"the signature of {self.name} is not of this text") from error
        return int(stated)

    def _check(self, signature: bytes, message: bytes) -> None:
        if self.kind == ML_DSA_44:
            from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey  # noqa: PLC0415

            MLDSA44PublicKey.from_public_bytes(self.material).verify(signature, message)
        else:
            from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey  # noqa: PLC0415

            Ed25519PublicKey.from_public_bytes(self.material).verify(signature, message)


def cosigned_text(text: bytes, stated: int) -> bytes:
    """The text that a witness signs with Ed25519."""
    return b"cosignature/v1\ntime %d\n" % stated + text


def cosigned_message(name: str, checkpoint: Checkpoint, stated: int) -> bytes:
    """The message that is signed with ML-DSA-44."""
    cosigner, origin = name.encode(), checkpoint.origin.encode()
    if len(cosigner) > 255 or len(origin) > 255:  # noqa: PLR2004 - one byte tells the length
        raise NotVerifiedError("the name of a cosigner or log is too long")
    return b"".join(
        [
            b"subtree/v1\n\0",
            bytes([len(cosigner)]) + cosigner,
            struct.pack(">Q", stated),
            bytes([len(origin)]) + origin,
            struct.pack(">QQ", 0, checkpoint.size),
            checkpoint.root,
        ]
    )


@dataclass(frozen=True, slots=True)
class SignedNote:
    """A text and the signature lines under it: (name, key id, signature)."""

    text: bytes
    signatures: tuple[tuple[str, bytes, bytes], ...] = ()

    @classmethod
    def read(cls, data: bytes) -> SignedNote:
        """Read a signed note; NotVerifiedError when it is none."""
        if len(data) > _LONGEST_NOTE:
            raise NotVerifiedError("not a signed note: too long")
        try:
            decoded = data.decode()
        except UnicodeDecodeError as error:
            raise NotVerifiedError("not a signed note: not UTF-8") from error
        text, blank, lines = decoded.rpartition("\n\n")
        if not blank or not lines.endswith("\n") or any(char < " " and char != "\n" for char in decoded):
            raise NotVerifiedError("not a signed note: no signatures below an empty line")
        signatures = [_read_signature(line) for line in lines[:-1].split("\n")]
        if len(signatures) > _MOST_SIGNATURES:
            raise NotVerifiedError("not a signed note: too many signatures")
        return cls((text + "\n").encode(), tuple(signatures))

    def write(self) -> bytes:
        """The note as bytes."""
        return self.text + b"\n" + b"".join(signature_line(*each) for each in self.signatures)

    def verify(self, keys: Iterable[Key]) -> dict[Key, int]:
        """The keys, of those given, that signed the note, with the time they state.

        Signatures of other keys are ignored, as the specification wants it; NotVerifiedError when one of a
        known key is wrong.
        """
        known = {(key.name, key.id): key for key in keys if key.usable}
        found: dict[Key, int] = {}
        for name, identity, signature in self.signatures:
            if key := known.get((name, identity)):
                found[key] = key.verify(self.text, signature)
        return found


def signature_line(name: str, identity: bytes, signature: bytes) -> bytes:
    """A line below a note."""
    return f"— {name} {base64.b64encode(identity + signature).decode()}\n".encode()


def _read_signature(line: str) -> tuple[str, bytes, bytes]:
    dash, _, rest = line.partition(" ")
    name, _, encoded = rest.partition(" ")
    signature = _unbase64(encoded)
    if dash != "—" or not _is_name(name) or len(signature) <= 4:  # noqa: PLR2004 - the key id
        raise NotVerifiedError("not a signed note: a line below it is not a signature")
    return name, signature[:4], signature[4:]


def _is_name(name: str) -> bool:
    return bool(name) and "+" not in name and not any(char.isspace() for char in name)


def _unbase64(text: str) -> bytes:
    """Decode canonical base64; empty for any other text.

    Only the one way to write those bytes counts: else a proof could be altered and still verify.
    """
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError:
        return b""
    return data if base64.b64encode(data).decode() == text else b""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The state of a log at one moment."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    @classmethod
    def read(cls, text: bytes) -> Checkpoint:
        """Read a checkpoint from a note's text; NotVerifiedError when it is none."""
        origin, *lines = text.decode(errors="replace").split("\n")
        if len(lines) < 3 or lines[-1] or not all([origin, *lines[:-1]]):  # noqa: PLR2004 - size, root, end
            raise NotVerifiedError("not a checkpoint: origin, size and root are not there")
        size, root = read_number(lines[0]), read_hash(lines[1])
        return cls(origin, size, root, tuple(lines[2:-1]))

    def write(self) -> bytes:
        """The text of its note."""
        lines = [self.origin, str(self.size), base64.b64encode(self.root).decode(), *self.extensions]
        return "".join(f"{line}\n" for line in lines).encode()


def read_number(text: str) -> int:
    """A whole number in its one way of writing; NotVerifiedError otherwise."""
    if not (text.isascii() and text.isdigit()) or len(text) > 19 or (text[0] == "0" != text):  # noqa: PLR2004 - 2^63
        raise NotVerifiedError(f"not a number: {text[:40]!r}")
    if int(text) > _LARGEST:
        raise NotVerifiedError(f"too large a number: {text}")
    return int(text)


def read_hash(text: str) -> bytes:
    """A SHA-256 hash in base64; NotVerifiedError otherwise."""
    if len(found := _unbase64(text)) != len(EMPTY_ROOT):
        raise NotVerifiedError(f"not a hash: {text[:60]!r}")
    return found


# --- Proofs that travel: c2sp.org/tlog-proof, and the same for consistency -------------------------------------------


@dataclass(frozen=True, slots=True)
class Proof:
    """A checkpoint, with the proof that an earlier tree or an entry is in its tree.

    The earlier tree is `old N`, the entry `index N`.
    """

    number: int
    hashes: tuple[bytes, ...]
    note: SignedNote

    @property
    def checkpoint(self) -> Checkpoint:
        """The checkpoint that the proof leads to."""
        return Checkpoint.read(self.note.text)

    @classmethod
    def read(cls, data: bytes, *, head: str = "c2sp.org/tlog-proof@v1\nindex ") -> Proof:
        """Read a proof; NotVerifiedError when it is none.

        Extra data is ignored: nothing authenticates it.
        """
        upper, blank, note = data.partition(b"\n\n")
        lines = upper.decode(errors="replace").split("\n")
        if len(lines) > 1 and lines[1].startswith("extra ") and _unbase64(lines[1][6:]):
            del lines[1]
        heads = head.split("\n")
        depth = len(heads)
        if not blank or lines[: depth - 1] != heads[:-1] or not lines[depth - 1 :]:
            raise NotVerifiedError("not a proof")
        if not lines[depth - 1].startswith(heads[-1]) or len(lines) > depth + _MOST_HASHES:
            raise NotVerifiedError("not a proof")
        number = read_number(lines[depth - 1].removeprefix(heads[-1]))
        return cls(number, tuple(read_hash(line) for line in lines[depth:]), SignedNote.read(note))

    def write(self, *, head: str = "c2sp.org/tlog-proof@v1\nindex ") -> bytes:
        """The proof as bytes."""
        hashes = "".join(f"{base64.b64encode(each).decode()}\n" for each in self.hashes)
        return f"{head}{self.number}\n{hashes}\n".encode() + self.note.write()


# --- Whom to trust: c2sp.org/tlog-policy -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Policy:
    """The logs that are accepted, and the witnesses that must have cosigned."""

    logs: tuple[Key, ...]
    witnesses: Mapping[str, Key] = field(default_factory=dict)
    groups: Mapping[str, tuple[int, tuple[str, ...]]] = field(default_factory=dict)
    quorum: str = "none"
    urls: Mapping[str, str] = field(default_factory=dict)
    """Of witnesses, by their vkey."""

    @classmethod
    def read(cls, data: bytes) -> Policy:
        """Read a policy; NotVerifiedError when a line is not as the specification has it."""
        reading = _PolicyReading()
        if any((byte < 32 and byte not in b"\t\n") or byte == 127 for byte in data):  # noqa: PLR2004 - control characters
            raise NotVerifiedError("the policy holds control characters")
        for number, raw in enumerate(data.decode("latin-1").split("\n"), 1):
            words = [word for word in raw.replace("\t", " ").split(" ") if word]
            if words and not words[0].startswith("#"):
                try:
                    reading.take(words)
                except NotVerifiedError as error:
                    raise NotVerifiedError(f"line {number} of the policy: {error}") from error
        if reading.quorum is None:
            raise NotVerifiedError("the policy has no quorum line")
        return cls(tuple(reading.logs), reading.witnesses, reading.groups, reading.quorum, reading.urls)

    def write(self) -> bytes:
        """The policy as a file."""
        lines = [f"log {key.vkey}" for key in self.logs]
        for name, key in self.witnesses.items():
            lines.append(f"witness {name} {key.vkey} {self.urls.get(key.vkey, '')}".rstrip())
        lines += [f"group {name} {least} {' '.join(members)}" for name, (least, members) in self.groups.items()]
        return "".join(f"{line}\n" for line in (*lines, f"quorum {self.quorum}")).encode("latin-1")

    def verify(self, note: SignedNote) -> Checkpoint:
        """The checkpoint, signed by a log and cosigned by the quorum; NotVerifiedError otherwise."""
        checkpoint = Checkpoint.read(note.text)
        mine = [key for key in self.logs if key.name == checkpoint.origin]
        if not note.verify(mine):
            raise NotVerifiedError(f"no log key that is trusted signed the checkpoint of {checkpoint.origin!r}")
        signed = note.verify(self.witnesses.values())
        present = {name for name, key in self.witnesses.items() if key in signed}
        if not self._reached(self.quorum, present):
            raise NotVerifiedError(f"the quorum {self.quorum!r} of witnesses did not cosign the checkpoint")
        return checkpoint

    def _reached(self, name: str, present: set[str]) -> bool:
        if name not in self.groups:
            return name == "none" or name in present
        least, members = self.groups[name]
        return sum(self._reached(member, present) for member in members) >= least


class _PolicyReading:
    """A policy of which some lines were read."""

    def __init__(self) -> None:
        self.logs: list[Key] = []
        self.witnesses: dict[str, Key] = {}
        self.groups: dict[str, tuple[int, tuple[str, ...]]] = {}
        self.urls: dict[str, str] = {}
        self.quorum: str | None = None
        self._grouped: set[str] = set()

    def take(self, words: list[str]) -> None:
        """Read one more line."""
        match words:
            case ["log", vkey] | ["log", vkey, _]:
                self._expect_new_key(key := _policy_key(vkey, {ED25519, ML_DSA_44}), self.logs)
                self.logs.append(key)
            case ["witness", name, vkey, *url] if len(url) <= 1:
                self._expect_new_name(name)
                self._expect_new_key(key := _policy_key(vkey, {COSIGNATURE, ML_DSA_44}), self.witnesses.values())
                self.witnesses[name] = key
                self.urls.update((key.vkey, each) for each in url)
            case ["group", name, least, *members] if members:
                self._group(name, least, members)
            case ["quorum", name] if self.quorum is None:
                self._expect_known(name, none=True)
                self.quorum = name
            case _:
                raise NotVerifiedError(f"not understood: {' '.join(words)[:80]!r}")

    def _group(self, name: str, least: str, members: list[str]) -> None:
        for member in members:
            self._expect_known(member, none=False)
            if member in self._grouped:
                raise NotVerifiedError(f"{member!r} is in a group twice")
            self._grouped.add(member)
        self._expect_new_name(name)
        wanted = {"any": 1, "all": len(members)}.get(least) or read_number(least)
        if not 1 <= wanted <= len(members):
            raise NotVerifiedError(f"{wanted} of {len(members)} members cannot be")
        self.groups[name] = (wanted, tuple(members))

    def _expect_known(self, name: str, *, none: bool) -> None:
        if not (name in self.witnesses or name in self.groups or (none and name == "none")):
            raise NotVerifiedError(f"{name!r} is not defined above")

    def _expect_new_name(self, name: str) -> None:
        if name == "none" or name in self.witnesses or name in self.groups:
            raise NotVerifiedError(f"the name {name!r} is taken")

    def _expect_new_key(self, key: Key, others: Iterable[Key]) -> None:
        if any(key.material == other.material for other in others):
            raise NotVerifiedError(f"the key of {key.name} stands there twice")


def _policy_key(vkey: str, kinds: set[int]) -> Key:
    key = Key.read(vkey.encode("latin-1").decode(errors="replace"))
    if key.kind not in kinds:
        raise NotVerifiedError(f"a key of type {key.kind} is not for this")
    return key


# --- An export, or a whole log ---------------------------------------------------------------------------------------

CONSISTENCY = "old "
"""How the proof begins that an earlier tree is in a later one; the same bytes ask a witness for its cosignature."""


def follow_key_changes(policy: Policy, changes: Iterable[tuple[bytes, bytes]]) -> Policy:
    """The policy with the keys that its keys were replaced by.

    Given are (line of the entry, its proof), oldest first. The signature of the old key is enough for a change;
    those of the witnesses count for what the new one signs.
    """
    logs = policy.logs
    for line, proof in changes:
        with suppress(NotVerifiedError):  # a change before the keys that are trusted: they did not sign it
            verify_entry(Policy(logs), line, Proof.read(proof))
            event = json.loads(line)
            if event["kind"] == "log.key-changed":
                kept = tuple(key for key in logs if key.vkey not in event["data"]["old"])
                logs = kept + tuple(Key.read(vkey) for vkey in event["data"]["new"])
    return replace(policy, logs=logs)


def verify_entry(policy: Policy, line: bytes, proof: Proof) -> Checkpoint:
    """The checkpoint that the entry is proven to be in; NotVerifiedError otherwise."""
    checkpoint = policy.verify(proof.note)
    verify_inclusion(checkpoint, proof.number, leaf_hash(line), proof.hashes)
    try:
        number = json.loads(line)["n"]
    except (ValueError, KeyError, TypeError) as error:
        raise NotVerifiedError(f"entry {proof.number} is not an entry of an audit log") from error
    if number != proof.number:
        raise NotVerifiedError(f"entry {proof.number} says that it is entry {number}")
    return checkpoint


def verify_export(directory: Path, policy: Policy, earlier: Sequence[SignedNote]) -> Iterator[str]:
    """Verify an export, and return what was verified, in words.

    NotVerifiedError at the first thing that is not as it was.
    """
    policy = follow_key_changes(policy, _pairs(directory / "key-changes"))
    now = policy.verify(SignedNote.read((directory / "checkpoint").read_bytes()))
    yield f"{now.origin}: signed checkpoint of {now.size} entries, root {now.root.hex()}"
    proven = 0
    for line, proof in _pairs(directory / "entries"):
        if verify_entry(policy, line, Proof.read(proof)) != now:
            raise NotVerifiedError("an entry is proven to be in another checkpoint than the export's")
        proven += 1
    manifest = json.loads((directory / "manifest.json").read_bytes())
    if (manifest["origin"], manifest["size"], manifest["root"]) != (now.origin, now.size, now.root.hex()):
        raise NotVerifiedError("the manifest is of another export")
    if proven != manifest["entries"]:
        raise NotVerifiedError(f"{manifest['entries']} entries were exported, {proven} are here")
    yield f"{proven} entries are in it, unchanged"
    for note in earlier:
        old = Checkpoint.read(note.text)
        yield _compare(directory, policy, old, now)


def _compare(directory: Path, policy: Policy, old: Checkpoint, now: Checkpoint) -> str:
    hashes: tuple[bytes, ...] = ()
    if old.origin != now.origin:
        raise NotVerifiedError(f"the earlier checkpoint is of another log, {old.origin!r}")
    if 0 < old.size < now.size:
        file = directory / "consistency" / f"{old.size}.proof"
        if not file.exists():
            raise NotCheckedError(f"the export has no proof from {old.size} entries on: ask for one made with --since")
        proof = Proof.read(file.read_bytes(), head=CONSISTENCY)
        if proof.number != old.size or policy.verify(proof.note) != now:
            raise NotVerifiedError("the consistency proof is of other checkpoints")
        hashes = proof.hashes
    verify_consistency(old, now, hashes)
    return f"it begins with the {old.size} entries of the earlier checkpoint"


class NotCheckedError(Exception):
    """Something that the check needs is missing."""


def _pairs(directory: Path) -> Iterator[tuple[bytes, bytes]]:
    """Entries with their proofs, in order."""
    if directory.is_dir():
        for proof in sorted(directory.glob("*.tlog-proof")):
            yield proof.with_suffix(".json").read_bytes(), proof.read_bytes()


def verify_log(file: Path, earlier: Sequence[SignedNote]) -> Iterator[str]:
    """Verify that each earlier checkpoint is that of a beginning of this log."""
    olds = [Checkpoint.read(note.text) for note in earlier]
    roots, tree, previous = {0: EMPTY_ROOT}, MerkleTree(), bytes(32)
    sizes = {old.size for old in olds}
    with file.open("rb") as opened:
        for line in opened:
            if not line.endswith(b"\n"):
                break  # half an entry that was never acknowledged
            tail = b',"n":%d,"previous":"%s"}\n' % (tree.size, previous.hex().encode())
            if not line.endswith(tail):
                raise NotVerifiedError(f"entry {tree.size} is not bound to the one before it")
            tree.add(line[:-1])
            previous = hashlib.sha256(line[:-1]).digest()
            if tree.size in sizes:
                roots[tree.size] = tree.root()
    yield f"{tree.size} entries, each bound to the one before it, root {tree.root().hex()}"
    for old in olds:
        if old.size > tree.size:
            raise NotVerifiedError(f"rolled back: {old.size} entries were there, {tree.size} are")
        if roots[old.size] != old.root:
            raise NotVerifiedError(f"rewritten: the log does not begin with the {old.size} entries that were there")
        yield f"it begins with the {old.size} entries of the earlier checkpoint"


def main(arguments: Sequence[str] | None = None) -> int:
    """The program."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("what", type=Path, help="a directory of `goodhoster audit export`, or a whole audit.log")
    parser.add_argument("--key", action="append", default=[], metavar="VKEY", help="the log's key, from elsewhere")
    parser.add_argument("--policy", type=Path, help="a tlog-policy: logs and witnesses that you trust")
    parser.add_argument("--earlier", type=Path, action="append", default=[], help="a checkpoint that you kept")
    given = parser.parse_args(arguments)
    try:
        policy, ours = _trusted(given) if given.what.is_dir() else (Policy(()), True)
        earlier = [SignedNote.read(file.read_bytes()) for file in given.earlier]
    except (OSError, NotVerifiedError) as error:
        parser.error(str(error))
    try:
        if given.what.is_dir():
            for words in verify_export(given.what, policy, earlier):
                print(words)
            if not ours:
                print("The keys were the export's own. Compare them with what the hoster published:")
                print("\n".join(f"    {key.vkey}" for key in policy.logs))
        else:
            for words in verify_log(given.what, earlier):
                print(words)
    except NotVerifiedError as error:
        print(f"NOT VERIFIED: {error}", file=sys.stderr)
        return 1
    except (OSError, KeyError, TypeError, ValueError, NotCheckedError) as error:
        print(f"could not be checked: {error}", file=sys.stderr)
        return 3
    print("verified")
    return 0


def _trusted(given: argparse.Namespace) -> tuple[Policy, bool]:
    """The policy to trust, and whether it was given on the command line."""
    policy = Policy.read(given.policy.read_bytes()) if given.policy else Policy(())
    keys = tuple(Key.read(vkey) for vkey in given.key)
    if given.policy or keys:
        return replace(policy, logs=policy.logs + keys), True
    return Policy.read((given.what / "policy").read_bytes()), False


if __name__ == "__main__":
    sys.exit(main())
