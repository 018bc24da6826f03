"""A witness cosigns what follows from what it cosigned before, and remembers it, whatever it is sent."""

import base64
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import pytest

from goodhoster.audit.anchoring import Anchors, anchor
from goodhoster.audit.checkpoints import Checkpoints
from goodhoster.audit.log import FileAuditLog
from goodhoster.audit.signing import LOG_KINDS, CheckpointSigner, new_signers, sign
from goodhoster.audit.verify import CONSISTENCY, EMPTY_ROOT, Checkpoint, Key, Policy, Proof, SignedNote
from goodhoster.audit.witness import Witness, begin_new_keys
from goodhoster.errors import AuditError, PassingError, RefusedError
from goodhoster.linux.state_manifest import COPY
from goodhoster.linux.state_manifest import FILE as MANIFEST
from goodhoster.model.audit import AuditEvent

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)


class Log:
    """A hoster's log with its checkpoints."""

    def __init__(self, folder: Path, origin: str = "log.example/one") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.origin = origin
        self.checkpoints = self.opened()
        self.issue()

    def opened(self) -> Checkpoints:
        return Checkpoints(FileAuditLog(self.folder / "audit.log"), self.folder, lambda: NOON)

    @property
    def keys(self) -> tuple[Key, ...]:
        return self.checkpoints.policy().logs

    def fill(self, entries: int) -> SignedNote:
        self.checkpoints.log.append_all([AuditEvent("made.up", {"n": number}) for number in range(entries)])
        return self.issue()

    def issue(self) -> SignedNote:
        return self.checkpoints.issue(self.origin)

    def request(self, old: int) -> bytes:
        note = self.issue()
        return self.checkpoints.consistency(old, note).write(head=CONSISTENCY)

    def begin_anew(self) -> None:
        """As a thief of the key does."""
        for file in self.folder.glob("audit.*"):
            if file.name != "audit.key":
                file.unlink()
        for name in (MANIFEST, COPY):
            (self.folder / name).unlink()
        self.checkpoints = self.opened()


@pytest.fixture
def log(tmp_path: Path) -> Log:
    return Log(tmp_path / "log")


@pytest.fixture
def witness(log: Log, tmp_path: Path) -> Witness:
    return Witness("witness.example/w1", log.keys, tmp_path / "witness", lambda: NOON)


def refused(witness: Witness, request: bytes) -> int:
    before = {file: file.read_bytes() for file in witness._directory.iterdir()}
    answer = witness.add_checkpoint(request)
    assert {file: file.read_bytes() for file in witness._directory.iterdir()} == before
    assert "—".encode() not in answer.body
    return int(answer.status)


def test_it_cosigns_one_checkpoint_after_the_other(log: Log, witness: Witness, tmp_path: Path) -> None:
    log.fill(3)
    answer = witness.add_checkpoint(log.request(0))
    assert answer.status == 200
    cosigned = SignedNote.read(log.issue().text + b"\n" + answer.body)
    assert set(cosigned.verify(witness.keys)) == set(witness.keys)
    assert set(cosigned.verify(witness.keys).values()) == {int(NOON.timestamp())}
    log.fill(4)
    again = Witness("another name", log.keys, tmp_path / "witness", lambda: NOON)
    assert again.keys == witness.keys, "the keys have their name already"
    assert again.add_checkpoint(log.request(3)).status == 200
    assert again.add_checkpoint(log.request(7)).status == 200, "the same once more"
    served = SignedNote.read(witness.checkpoint(sha256(b"log.example/one").hexdigest()) or b"")
    assert Checkpoint.read(served.text).size == 7
    assert served.verify([*witness.keys, *log.keys]).keys() == {*witness.keys, *log.keys}


def test_it_tells_where_it_stands_to_who_does_not_know(log: Log, witness: Witness) -> None:
    log.fill(5)
    witness.add_checkpoint(log.request(0))
    log.fill(1)
    for old in (0, 4, 6):
        answer = witness.add_checkpoint(log.request(old))
        assert (answer.status, answer.body, answer.content_type) == (409, b"5\n", "text/x.tlog.size")


def test_of_an_empty_log_the_root_must_be_that_of_nothing(log: Log, witness: Witness) -> None:
    signers = load(log)
    good = sign(Checkpoint(log.origin, 0, EMPTY_ROOT).write(), signers, NOON)
    bad = sign(Checkpoint(log.origin, 0, bytes(32)).write(), signers, NOON)
    assert refused(witness, Proof(0, (), bad).write(head=CONSISTENCY)) == 422
    assert witness.add_checkpoint(Proof(0, (), good).write(head=CONSISTENCY)).status == 200


def load(log: Log) -> list[CheckpointSigner]:
    return [CheckpointSigner.read(line) for line in (log.folder / "audit.key").read_text().splitlines()]


def test_a_rollback_and_a_rewrite_with_the_stolen_key_are_not_cosigned(log: Log, witness: Witness) -> None:
    log.fill(5)
    witness.add_checkpoint(log.request(0))
    log.begin_anew()
    log.fill(3)
    assert refused(witness, log.request(0)) == 409
    assert refused(witness, Proof(5, (), log.issue()).write(head=CONSISTENCY)) == 400
    log.fill(2)
    assert refused(witness, log.request(5)) == 422
    log.fill(4)
    assert refused(witness, log.request(5)) == 422


def test_what_nobody_known_has_signed_is_refused(log: Log, witness: Witness, tmp_path: Path) -> None:
    log.fill(2)
    request = log.request(0)
    note = log.issue()
    stranger = Log(tmp_path / "stranger", "log.example/two")
    stranger.fill(2)
    assert refused(witness, stranger.request(0)) == 404
    impostor = sign(note.text, new_signers(log.origin, LOG_KINDS), NOON)
    assert refused(witness, Proof(0, (), impostor).write(head=CONSISTENCY)) == 403
    name, identity, signature = note.signatures[0]
    forged = SignedNote(note.text, ((name, identity, bytes(64)), note.signatures[1]))
    assert len(signature) == 64
    assert refused(witness, Proof(0, (), forged).write(head=CONSISTENCY)) == 403, "one good signature is not enough"
    assert witness.add_checkpoint(request).status == 200


@pytest.mark.parametrize(
    "altered",
    [
        lambda _: b"",
        lambda body: body.replace(b"old 0", b"old"),
        lambda body: body.replace(b"old 0", b"old 00"),
        lambda body: body.replace(b"old 0", b"old -1"),
        lambda body: body.replace(b"old 0\n", b"old 0\r\n"),
        lambda body: body.replace(b"old 0\n", b"old 0\nnot base64\n"),
        lambda body: body.replace(b"old 0\n", b"old 0\n" + (base64.b64encode(bytes(32)) + b"\n") * 64),
        lambda body: body.replace(b"old 0\n", b"old 0\n" + (base64.b64encode(bytes(32)) + b"\n") * 5000),
        lambda body: body[:-1],
        lambda body: body + b"x",
        lambda body: b"\xff" + body,
        lambda body: body.replace(b"old 0", b"old 99"),
    ],
)
def test_what_is_no_request_is_refused(log: Log, witness: Witness, altered: object) -> None:
    log.fill(2)
    assert callable(altered)
    assert refused(witness, altered(log.request(0))) == 400


def test_a_proof_where_none_is_needed_is_refused(log: Log, witness: Witness) -> None:
    log.fill(2)
    with_proof = log.request(0).replace(b"old 0\n", b"old 0\n" + base64.b64encode(bytes(32)) + b"\n")
    assert refused(witness, with_proof) == 422


def test_requests_at_once_never_take_it_back(log: Log, witness: Witness) -> None:
    requests = []
    for _ in range(12):
        log.fill(1)
        requests.append(log.request(0))
    start = threading.Barrier(12)

    def ask(request: bytes) -> int:
        start.wait()
        return int(witness.add_checkpoint(request).status)

    with ThreadPoolExecutor(12) as threads:
        assert sorted(threads.map(ask, requests)) == [200] + [409] * 11


def test_a_witness_that_forgot_cosigns_nothing(log: Log, witness: Witness) -> None:
    log.fill(2)
    witness.add_checkpoint(log.request(0))
    (kept,) = witness._directory.glob("*.checkpoint")
    kept.write_bytes(b"")
    with pytest.raises(AuditError, match="cannot be read") as caught:
        witness.add_checkpoint(log.request(0))
    assert "rollback" in caught.value.hint
    kept.unlink()
    with pytest.raises(AuditError, match="is lost: there is no") as caught:
        witness.add_checkpoint(log.request(0))
    assert "accept-loss" in caught.value.hint


@pytest.mark.parametrize("traces", [("manifest",), ("checkpoint",)])
def test_a_witness_whose_keys_are_lost_makes_no_others(log: Log, witness: Witness, traces: tuple[str, ...]) -> None:
    log.fill(2)
    witness.add_checkpoint(log.request(0))
    (witness._directory / "witness.key").unlink()
    if "manifest" not in traces:
        for name in (MANIFEST, COPY):
            (witness._directory.parent / name).unlink()
    if "checkpoint" not in traces:
        next(witness._directory.glob("*.checkpoint")).unlink()
    with pytest.raises(AuditError, match="are lost: there is no") as caught:
        Witness("witness.example/w1", log.keys, witness._directory, lambda: NOON)
    assert "accept-loss witness/witness.key" in caught.value.hint
    begin_new_keys("witness.example/w1", witness._directory)
    assert Witness("witness.example/w1", log.keys, witness._directory, lambda: NOON).keys != witness.keys
    with pytest.raises(RefusedError, match="not lost"):
        begin_new_keys("witness.example/w1", witness._directory)


class Asked:
    """A witness as its log sees it, without a network between."""

    def __init__(self, witness: Witness) -> None:
        self._witness = witness
        self.away = False

    def add_checkpoint(self, request: bytes) -> bytes | int:
        if self.away:
            raise PassingError("it does not answer")
        answer = self._witness.add_checkpoint(request)
        if answer.status == 409:
            return int(answer.body)
        if answer.status != 200:
            raise RefusedError(answer.body.decode())
        return answer.body


def anchors(witness: Witness, service: Asked) -> Anchors:
    policy = Policy.read(f"witness w {witness.keys[0].vkey} https://w.example\nquorum w\n".encode())
    return Anchors(policy, {witness.keys[0]: service})


def test_a_log_has_its_checkpoints_cosigned(log: Log, witness: Witness) -> None:
    service = Asked(witness)
    done = anchor(log.checkpoints, log.fill(2), anchors(witness, service))
    for entries in (3, 1):
        done = anchor(log.checkpoints, log.fill(entries), anchors(witness, service))
        assert (done.alarms, done.troubles) == ((), ())
        assert witness.keys[0] in done.note.verify(witness.keys)
        assert log.checkpoints.newest() == done.note
    service.away = True
    assert anchor(log.checkpoints, done.note, anchors(witness, service)).troubles == (), "it has it already"
    log.fill(1)
    away = anchor(log.checkpoints, log.issue(), anchors(witness, service))
    assert "it does not answer" in away.troubles[0]
    assert "quorum" in away.troubles[1]
    assert away.alarms == ()


def test_a_witness_that_remembers_more_is_an_alarm(log: Log, witness: Witness) -> None:
    asked = anchors(witness, Asked(witness))
    anchor(log.checkpoints, log.fill(5), asked)
    log.begin_anew()
    rolled_back = anchor(log.checkpoints, log.fill(3), asked)
    assert rolled_back.alarms == ("rolled back: witness witness.example/w1 has cosigned 5 entries, the log has 3",)
    rewritten = anchor(log.checkpoints, log.fill(4), asked)
    assert rewritten.alarms[0].startswith("rewritten: witness witness.example/w1 does not find")
    assert json.dumps(rewritten.troubles) == "[]"


def test_an_answer_that_the_witness_did_not_sign_counts_for_nothing(log: Log, witness: Witness, tmp_path: Path) -> None:
    other = Witness("witness.example/w2", log.keys, tmp_path / "other", lambda: NOON)
    note = log.fill(2)
    done = anchor(log.checkpoints, note, anchors(witness, Asked(other)))
    assert "not signed with its key" in done.troubles[0]
    assert done.note == note
