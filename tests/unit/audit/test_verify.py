"""The formats that others write and read, by their published examples; and that nothing altered passes for them."""

import base64
import json
import random
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import pairwise

import pytest

from goodhoster.audit.merkle import ProvingTree, consistency_spans, inclusion_spans
from goodhoster.audit.signing import LOG_KINDS, WITNESS_KINDS, CheckpointSigner, new_signers, sign
from goodhoster.audit.verify import (
    CONSISTENCY,
    COSIGNATURE,
    ED25519,
    EMPTY_ROOT,
    ML_DSA_44,
    Checkpoint,
    Key,
    MerkleTree,
    NotVerifiedError,
    Policy,
    Proof,
    SignedNote,
    leaf_hash,
    verify_consistency,
    verify_entry,
    verify_inclusion,
)

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)

# The example in c2sp.org/signed-note.
VKEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
NOTE = (
    "This is an example message.\n\n— example.com/foo "
    "Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
).encode()
# The example in c2sp.org/tlog-checkpoint and tlog-cosignature.
COSIGNED = (
    "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n"
    "— example.com/behind-the-sofa "
    "Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n"
    "— witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+"
    "mbIUBkBIfZ+qnA==\n"
).encode()

# The eight leaves that the Certificate Transparency project tests its implementations with, and the proofs that it
# publishes for them: (leaf, size, proof), (old size, new size, proof).
LEAVES = [bytes.fromhex(leaf) for leaf in (
    "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f",
)]  # fmt: skip
N96 = "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7"
N5F = "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e"
N6B = "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"
NBC = "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"
NCA = "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0"
NF0 = "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a"
N03 = "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"
INCLUSIONS = [(0, 1, []), (0, 8, [N96, N5F, N6B]), (5, 8, [NBC, NCA, N03]), (2, 3, ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"])]  # fmt: skip  # noqa: E501
CONSISTENCIES = [(1, 1, []), (1, 8, [N96, N5F, N6B]), (6, 8, [NF0, NCA, N03]), (2, 5, [N5F, NBC])]


def checkpoint(size: int, leaves: list[bytes] = LEAVES) -> Checkpoint:
    tree = MerkleTree()
    for leaf in leaves[:size]:
        tree.add(leaf)
    return Checkpoint("log.example/one", size, tree.root())


def proving(size: int, spans: list[tuple[int, int]], leaves: list[bytes] = LEAVES) -> tuple[bytes, ...]:
    tree = ProvingTree(spans)
    for leaf in leaves[:size]:
        tree.add(leaf)
    return tree.hashes(spans)


@pytest.mark.parametrize(("index", "size", "proof"), INCLUSIONS)
def test_inclusion_proofs_are_the_published_ones(index: int, size: int, proof: list[str]) -> None:
    assert [each.hex() for each in proving(size, inclusion_spans(index, size))] == proof
    verify_inclusion(checkpoint(size), index, leaf_hash(LEAVES[index]), [bytes.fromhex(each) for each in proof])


@pytest.mark.parametrize(("old", "new", "proof"), CONSISTENCIES)
def test_consistency_proofs_are_the_published_ones(old: int, new: int, proof: list[str]) -> None:
    assert [each.hex() for each in proving(new, consistency_spans(old, new))] == proof
    verify_consistency(checkpoint(old), checkpoint(new), [bytes.fromhex(each) for each in proof])


def test_every_proof_of_every_small_tree_verifies_and_no_other() -> None:
    leaves = [str(number).encode() for number in range(20)]
    states = [checkpoint(size, leaves) for size in range(21)]
    for size, now in enumerate(states):
        for index in range(size):
            proof = proving(size, inclusion_spans(index, size), leaves)
            verify_inclusion(now, index, leaf_hash(leaves[index]), proof)
            for wrong in {*range(size), size} - {index}:
                with pytest.raises(NotVerifiedError):
                    verify_inclusion(now, wrong, leaf_hash(leaves[index]), proof)
        for old in range(size + 1):
            proof = proving(size, consistency_spans(old, size), leaves)
            verify_consistency(states[old], now, proof)
            for wrong in {*range(1, size + 1)} - {old}:  # the empty tree is a beginning of every one
                with pytest.raises(NotVerifiedError):
                    verify_consistency(states[wrong], now, proof) if old else verify_consistency(
                        Checkpoint(now.origin, wrong, EMPTY_ROOT), now, proof
                    )


def test_from_nothing_no_proof_is_needed_and_none_may_be_given() -> None:
    nothing, now = checkpoint(0), checkpoint(5)
    assert nothing.root == EMPTY_ROOT
    verify_consistency(nothing, now, ())
    verify_consistency(nothing, nothing, ())
    for old, proof in [(nothing, [EMPTY_ROOT]), (Checkpoint(now.origin, 0, now.root), [])]:
        with pytest.raises(NotVerifiedError):
            verify_consistency(old, now, proof)
    with pytest.raises(NotVerifiedError, match="rolled back"):
        verify_consistency(now, nothing, ())
    with pytest.raises(NotVerifiedError, match="rewritten"):
        verify_consistency(now, Checkpoint(now.origin, 5, leaf_hash(b"other")), ())


def test_the_published_note_verifies() -> None:
    key = Key.read(VKEY)
    assert SignedNote.read(NOTE).verify([key]) == {key: 0}
    assert SignedNote.read(NOTE).write() == NOTE
    assert key.vkey == VKEY


def test_the_published_checkpoint_is_read() -> None:
    note = SignedNote.read(COSIGNED)
    found = Checkpoint.read(note.text)
    assert (found.origin, found.size) == ("example.com/behind-the-sofa", 20852163)
    assert found.write() == note.text
    assert [name for name, _, _ in note.signatures] == ["example.com/behind-the-sofa", "witness.example.com/w1"]
    stated = int.from_bytes(note.signatures[1][2][:8])
    assert datetime.fromtimestamp(stated, UTC) == datetime(2023, 3, 20, 12, 25, 47, tzinfo=UTC)


@pytest.mark.parametrize(
    "changed",
    [
        NOTE.replace(b"example message", b"exemple message"),
        NOTE.replace(b"yaQM", b"yaQN"),  # the same bytes, written in a second way
        NOTE.replace(b"\n\n", b"\n"),
        NOTE.removesuffix(b"\n"),
        NOTE.replace(b"This", b"\x00This"),
        NOTE.replace(b"This", b"\xffhis"),
        NOTE.replace("— ".encode(), b"- "),
        NOTE + b"\n",
        NOTE + b"x" * (1 << 20),
        NOTE + NOTE.splitlines(keepends=True)[-1] * 200,
        b"",
    ],
)
def test_an_altered_note_does_not_verify(changed: bytes) -> None:
    with pytest.raises(NotVerifiedError):
        SignedNote.read(changed).verify([Key.read(VKEY)])


def test_signatures_of_others_are_ignored_and_none_is_no_proof() -> None:
    other = new_signers("example.com/other", LOG_KINDS)[0].key
    assert SignedNote.read(NOTE).verify([other]) == {}
    same_name = new_signers("example.com/foo", LOG_KINDS)[0]
    note = SignedNote.read(NOTE)
    with_another = SignedNote(note.text, (*note.signatures, same_name.sign(b"something else\n", NOON)))
    assert with_another.verify([Key.read(VKEY)]) == {Key.read(VKEY): 0}
    with pytest.raises(NotVerifiedError):
        with_another.verify([same_name.key])


@pytest.mark.parametrize(
    "vkey", [VKEY[:-4], VKEY.replace("530d", "530e"), "a b+00000000+AAAA", "x", "", VKEY + "+", "é"]
)
def test_what_is_no_verifier_key_is_refused(vkey: str) -> None:
    with pytest.raises(NotVerifiedError):
        Key.read(vkey)


@pytest.mark.parametrize(
    "text",
    [
        b"o\n05\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n",
        b"o\n-5\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n",
        b"o\n99999999999999999999\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n",
        "o\n٣\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n".encode(),
        b"o\n5\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2J=\n",
        b"o\n5\nCsUYapGG\n",
        b"\n5\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n",
        b"o\n5\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n",
        b"o\n5\n",
        b"o",
    ],
)
def test_what_is_no_checkpoint_is_refused(text: bytes) -> None:
    with pytest.raises(NotVerifiedError):
        Checkpoint.read(text)


@pytest.mark.parametrize("kinds", [LOG_KINDS, WITNESS_KINDS])
def test_what_is_signed_verifies_and_keys_survive_their_file(kinds: tuple[int, ...]) -> None:
    signers = [CheckpointSigner.read(signer.write()) for signer in new_signers("log.example/one", kinds)]
    note = SignedNote.read(sign(checkpoint(5).write(), signers, NOON).write())
    times = note.verify([Key.read(signer.key.vkey) for signer in signers])
    assert [key.kind for key in times] == list(kinds)
    assert set(times.values()) == {0 if ED25519 in kinds else int(NOON.timestamp()), int(NOON.timestamp())}
    for text in (checkpoint(6).write(), checkpoint(5).write().replace(b"one", b"two")):
        for signature in note.signatures:
            with pytest.raises(NotVerifiedError):
                SignedNote(text, (signature,)).verify([signer.key for signer in signers])


class Log:
    """A made-up log with two witnesses: everything that a proof is made of."""

    def __init__(self) -> None:
        self.lines = [b'{"data":{},"n":%d}' % number for number in range(11)]
        self.log = new_signers("log.example/one", LOG_KINDS)
        self.witnesses = [new_signers(f"witness.example/{name}", WITNESS_KINDS)[0] for name in "ab"]
        text = checkpoint(11, self.lines).write()
        self.note = sign(text, [*self.log[:1], *self.witnesses], NOON)
        self.policy = Policy.read(self.policy_text("all"))

    def policy_text(self, quorum: str) -> bytes:
        keys = [signer.key.vkey for signer in (self.log[0], *self.witnesses)]
        return (
            f"log {keys[0]}\n# witnesses\nwitness a {keys[1]}\nwitness b\t{keys[2]} https://b.example\n"
            f"group both {quorum} a b\nquorum both\n"
        ).encode()

    def proof(self, index: int) -> bytes:
        return Proof(index, proving(11, inclusion_spans(index, 11), self.lines), self.note).write()


@pytest.fixture(scope="module")
def log() -> Log:
    return Log()


def test_of_3000_altered_proofs_none_is_accepted(log: Log, rounds: Callable[[int, int], int]) -> None:
    chance = random.Random(5)
    for number in range(rounds(300, 3000)):
        index = number % 11
        proof = log.proof(index)
        assert verify_entry(log.policy, log.lines[index], Proof.read(proof)) == checkpoint(11, log.lines)
        altered, line = bytearray(proof), bytearray(log.lines[index])
        match number % 4:
            case 0:
                place = chance.randrange(len(altered))
                altered[place] ^= 1 << chance.randrange(8)
            case 1:
                del altered[chance.randrange(len(altered))]
            case 2:
                rows = proof.splitlines(keepends=True)
                a, b = chance.sample(range(len(rows)), 2)
                rows[a], rows[b] = rows[b], rows[a]
                # Witnesses' signatures may stand in any order; that is no alteration.
                altered = bytearray(b"".join(rows if {a, b} & set(range(len(rows) - 3)) else rows[1:]))
            case 3:
                line[chance.randrange(len(line))] ^= 1 << chance.randrange(8)
        if altered == proof and line == log.lines[index]:
            continue
        with pytest.raises(NotVerifiedError):
            verify_entry(log.policy, bytes(line), Proof.read(bytes(altered)))


def test_a_proof_of_an_entry_that_says_another_number_is_none(log: Log) -> None:
    lines = [b'{"n":7}', *log.lines[1:]]
    note = sign(checkpoint(11, lines).write(), [*log.log, *log.witnesses], NOON)
    proof = Proof(0, proving(11, inclusion_spans(0, 11), lines), note)
    with pytest.raises(NotVerifiedError, match="says that it is entry 7"):
        verify_entry(log.policy, lines[0], proof)


def test_extra_data_is_passed_over(log: Log) -> None:
    head, rest = log.proof(3).split(b"\n", 1)
    extra = head + b"\nextra " + base64.b64encode(b"anything") + b"\n" + rest
    assert Proof.read(extra) == Proof.read(log.proof(3))


def test_a_quorum_needs_its_witnesses(log: Log) -> None:
    log_only = SignedNote(log.note.text, log.note.signatures[:1])
    one = SignedNote(log.note.text, log.note.signatures[:2])
    witness_only = SignedNote(log.note.text, log.note.signatures[1:])
    assert log.policy.verify(log.note).size == 11
    assert Policy.read(log.policy_text("any")).verify(one).size == 11
    assert Policy.read(log.policy_text("1")).verify(one).size == 11
    assert Policy.read(log.policy_text("all")).write() == Policy.read(log.policy.write()).write()
    assert log.policy.urls == {log.witnesses[1].key.vkey: "https://b.example"}
    for policy, note in [(log.policy, one), (log.policy, log_only), (Policy.read(log.policy_text("any")), log_only)]:
        with pytest.raises(NotVerifiedError, match="quorum"):
            policy.verify(note)
    with pytest.raises(NotVerifiedError, match="no log key"):
        log.policy.verify(witness_only)
    assert Policy(log.policy.logs).verify(log_only).size == 11


def test_a_log_is_accepted_under_its_own_name_only(log: Log) -> None:
    text = Checkpoint("log.example/two", 11, checkpoint(11, log.lines).root).write()
    with pytest.raises(NotVerifiedError, match="no log key"):
        Policy(log.policy.logs).verify(sign(text, log.log, NOON))


W = [CheckpointSigner(f"w{number}", COSIGNATURE, bytes([number + 1] * 32)).key.vkey for number in range(3)]
L = CheckpointSigner("log.example", ED25519, bytes(32)).key.vkey


@pytest.mark.parametrize(
    "policy",
    [
        "",
        f"log {L}",
        "quorum none\nquorum none",
        "quorum a",
        f"witness none {W[0]}\nquorum none",
        f"witness a {W[0]}\nwitness a {W[1]}\nquorum a",
        f"witness a {W[0]}\nwitness b {W[0]}\nquorum a",
        f"log {L}\nlog {L}\nquorum none",
        f"log {W[0]}\nquorum none",
        f"witness a {L}\nquorum a",
        f"witness a {W[0]}\ngroup g 2 a\nquorum g",
        f"witness a {W[0]}\ngroup g 0 a\nquorum g",
        f"witness a {W[0]}\ngroup g any\nquorum g",
        f"witness a {W[0]}\ngroup g any b\nquorum g",
        f"witness a {W[0]}\ngroup g any none\nquorum g",
        f"witness a {W[0]}\ngroup g any a a\nquorum g",
        f"witness a {W[0]}\ngroup g any a\ngroup h any a\nquorum g",
        f"group g any g\nwitness a {W[0]}\nquorum g",
        f"witness a {W[0]} https://a https://b\nquorum a",
        f"witness a {W[0]}\rquorum a",
        "quorum none\nsomething else",
    ],
)
def test_a_policy_that_is_none_is_refused(policy: str) -> None:
    with pytest.raises(NotVerifiedError):
        Policy.read(policy.encode())


def test_a_policy_in_layers_is_evaluated() -> None:
    text = f"""
    # two of three, and the log
    log {L} https://log.example
      witness a {W[0]}
    witness b {W[1]}\t
    witness \u212a {W[2]} https://c.example
    group two 2 a b \u212a
    group top all two
    quorum top
    """
    assert Policy.read(text.encode()).quorum == "top"
    assert Policy.read(Policy.read(text.encode()).write()) == Policy.read(text.encode())


def test_a_proof_of_consistency_is_what_a_witness_is_asked_with(log: Log) -> None:
    hashes = proving(11, consistency_spans(6, 11), log.lines)
    body = Proof(6, hashes, log.note).write(head=CONSISTENCY)
    assert body.startswith(b"old 6\n")
    assert body.endswith(b"\n\n" + log.note.write())
    assert Proof.read(body, head=CONSISTENCY) == Proof(6, hashes, log.note)
    for wrong in (body.replace(b"old 6", b"old 06"), body.replace(b"old", b"new"), log.proof(6), b"", b"old 6"):
        with pytest.raises(NotVerifiedError):
            Proof.read(wrong, head=CONSISTENCY)


def test_the_kinds_of_keys_are_told_apart(log: Log) -> None:
    assert {log.log[0].key.kind, log.log[1].key.kind, log.witnesses[0].key.kind} == {ED25519, ML_DSA_44, COSIGNATURE}
    same = CheckpointSigner("log.example/one", COSIGNATURE, log.log[0].seed)
    assert same.key.material == log.log[0].key.material
    assert same.key.id != log.log[0].key.id
    assert all(json.loads(line)["n"] + 1 == json.loads(after)["n"] for line, after in pairwise(log.lines))
