"""What was taken offline is sealed once, for those whose keys are elsewhere, and a failure keeps nothing online."""

import hashlib
import os
import resource
import subprocess
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest

from goodhoster.adapters.hash_sources.memory import MemorySource
from goodhoster.adapters.pagers.memory import MemoryPager
from goodhoster.cases.sealing import AttemptSealing
from goodhoster.checking.hasher import DirectHasher
from goodhoster.errors import ConfigurationError, EvidenceError, RefusedError
from goodhoster.evidence.sealing.encryption import Hashed, check_recipients, encrypt
from goodhoster.examination import Examiner
from goodhoster.model.attempts import Attempt
from goodhoster.model.cases import CaseState, Order
from goodhoster.model.digests import Algorithm, Digest
from goodhoster.model.fingerprints import FingerprintKind
from goodhoster.model.limits import ReadingLimits
from goodhoster.model.sealed_evidence import EvidenceState, SealedEvidence, SealedEvidenceKind
from goodhoster.model.verdicts import Category, Match, Verdict, VerdictKind
from goodhoster.upload_attempts import AttemptAnswer, AttemptDecision, UploadAttempts
from tests.conftest import Disk
from tests.unit.evidence.sealing.conftest import DAY, Sealing


@pytest.mark.debian("age")
def test_each_recipient_opens_it_with_debians_age_and_nobody_else(sealing: Sealing) -> None:
    manifest = sealing.sealed(text="known bytes")
    ciphertext = sealing.store.ciphertext(manifest.id)
    assert b"known bytes" not in ciphertext.read_bytes()
    assert [sealing.opened(ciphertext, number).stdout for number in (0, 1)] == [b"known bytes"] * 2
    stranger = sealing.opened(ciphertext, 2)
    assert (stranger.returncode, stranger.stdout) == (1, b"")


def test_the_manifest_tells_what_was_sealed_and_the_log_has_it(sealing: Sealing) -> None:
    manifest = sealing.sealed(text="known bytes")
    ciphertext = sealing.store.ciphertext(manifest.id).read_bytes()
    assert manifest.sha256 == hashlib.sha256(b"known bytes").hexdigest()
    assert (manifest.size, manifest.ciphertext_size) == (11, len(ciphertext))
    assert manifest.ciphertext_sha256 == hashlib.sha256(ciphertext).hexdigest()
    assert (manifest.kind, manifest.keep_until - manifest.sealed_at) == (SealedEvidenceKind.KNOWN, 365 * DAY)
    assert manifest.recipients == sealing.recipients
    assert sealing.events() == ["evidence.recipients-set", "evidence.sealed"]
    data = [entry.event.data for entry in sealing.services.audit.entries()][-1]
    assert (data["sha256"], data["ciphertext_sha256"]) == (manifest.sha256, manifest.ciphertext_sha256)
    assert b"anna" not in sealing.store.manifest_text(manifest.id)
    assert [oct(path.stat().st_mode & 0o777) for path in sealing.folder.iterdir() if path.is_file()] == ["0o600"] * 5


def test_a_picture_that_only_looks_the_same_is_kept_shorter(sealing: Sealing) -> None:
    services = sealing.services
    near = Verdict(VerdictKind.NEAR, (Match("police", FingerprintKind.PDQ, distance=3),))
    case = services.receive(services.upload("anna/a.jpg"), verdict=near)
    services.desk().confirm(case.id, Order("eve", "I compared the digests"))
    assert sealing.seal() == []
    manifest = sealing.store.get(case.id).manifest
    assert (manifest.kind, manifest.keep_until - manifest.sealed_at) == (SealedEvidenceKind.NEAR, 90 * DAY)


def test_it_is_sealed_once_however_often_it_is_looked_at(sealing: Sealing) -> None:
    manifest = sealing.sealed()
    assert sealing.seal() == []
    assert sealing.rounds().run_once(None, lambda: False) == []
    assert sealing.store.get(manifest.id).manifest == manifest
    assert sealing.events().count("evidence.sealed") == 1


@pytest.mark.slow
def test_after_a_crash_at_any_step_it_is_sealed_exactly_once(tmp_path: Path, unlocked: None) -> None:
    """`kill -9` before each call that makes something durable, and then a new process."""
    for step in count():
        folder = tmp_path / f"step-{step}"
        folder.mkdir()
        sealing = Sealing(folder)
        case = sealing.taken()
        survived = _dies_before(step, sealing)
        assert sealing.seal() == []
        assert sealing.store.get(case.id).state is EvidenceState.SEALED
        assert sealing.events().count("evidence.sealed") == 1, step
        ciphertext = sealing.store.ciphertext(case.id)
        manifest = sealing.store.get(case.id).manifest
        assert hashlib.sha256(ciphertext.read_bytes()).hexdigest() == manifest.ciphertext_sha256
        assert sorted(path.suffix for path in sealing.folder.glob("2*")) == [".age", ".custody", ".json"]
        sealing.services.store.close()
        if survived:
            assert step > 10
            break


def _dies_before(step: int, sealing: Sealing) -> bool:
    """Seal in a process of its own that ends before its durable call of that number; False when it did so end."""
    child = os.fork()
    if child == 0:
        calls = count()

        def mortal(name: str) -> None:
            real = getattr(os, name)

            def call(*arguments: object, **more: object) -> object:
                if next(calls) == step:
                    os._exit(9)
                return real(*arguments, **more)

            setattr(os, name, call)

        for name in ("fsync", "fdatasync", "rename", "link", "unlink"):
            mortal(name)
        sealing.rounds().run_once(None, lambda: False)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_a_full_disk_is_told_and_it_is_sealed_once_there_is_room(sealing: Sealing, disk: Disk) -> None:
    """Row 20: the file is offline although sealing waits."""
    case = sealing.taken(text="k" * 300_000)
    sealing.folder = disk("tmpfs", size=1)
    filler = sealing.folder / "filler"
    filler.write_bytes(b"x" * 900_000)
    (left,) = sealing.seal()
    assert left.subject.id == case.id
    assert "no room to seal" in left.why
    assert sealing.events() == ["evidence.recipients-set"]
    assert not (sealing.services.tree / "anna/a.jpg").exists()
    filler.unlink()
    assert sealing.seal() == []
    assert sealing.events() == ["evidence.recipients-set", "evidence.sealed"]


def test_a_disk_that_fills_up_meanwhile_leaves_no_half(sealing: Sealing, disk: Disk) -> None:
    case = sealing.taken(text="k" * 300_000)
    sealing.folder = disk("tmpfs", size=1)
    sealer = sealing.sealer()
    full = sealing.folder / "filler"
    full.write_bytes(b"x" * 900_000)
    sealing.leave_free = -(1 << 40)  # as if there had been room when it was looked at
    (left,) = sealing.seal()
    assert "No space left" in left.why
    full.unlink()
    assert not list(sealing.folder.glob(f"*{case.id}*.draft"))
    assert not sealer.is_sealed(case.id)
    assert sealing.seal() == []


def test_room_for_the_audit_log_is_left_and_a_huge_file_is_named(sealing: Sealing) -> None:
    sealing.taken()
    sealing.leave_free = 1 << 60
    (left,) = sealing.seal()
    assert "no room to seal" in left.why
    sealing.leave_free, sealing.largest = 0, 3
    (left,) = sealing.seal()
    assert "5 bytes, more than [evidence] largest" in left.why


def test_other_bytes_in_quarantine_are_not_sealed_as_what_was_checked(sealing: Sealing) -> None:
    case = sealing.taken()
    lying = sealing.services.tree / ".goodhoster/quarantine" / case.id
    subprocess.run(["chattr", "-i", lying], check=False)
    lying.chmod(0o600)
    lying.write_text("other")
    (left,) = sealing.seal()
    assert "other bytes than those that were checked" in left.why
    assert sealing.store.find(case.id) is None


def test_what_a_person_restored_is_not_sealed(sealing: Sealing) -> None:
    case = sealing.taken()
    assert sealing.services.desk().restore(case.id, Order("eve", "a holiday picture")).state is CaseState.RESTORED
    assert sealing.seal() == []
    assert list(sealing.store.ids()) == []


def test_a_file_that_is_not_in_quarantine_is_told(sealing: Sealing) -> None:
    case = sealing.taken()
    lying = sealing.services.tree / ".goodhoster/quarantine" / case.id
    subprocess.run(["chattr", "-i", lying], check=False)
    lying.unlink()
    (left,) = sealing.seal()
    assert "not in quarantine" in left.why


def test_a_change_in_the_configuration_alone_changes_no_recipient(sealing: Sealing) -> None:
    sealing.sealed()
    sealing.recipients = sealing.names(1, 2)
    manifest = sealing.sealed("bob/b.jpg", "known too")
    assert set(manifest.recipients) == set(sealing.names(0, 1))
    assert sealing.sealer().recipients_differ()


@pytest.mark.parametrize(
    ("recipients", "says"),
    [
        (["age1", "age2"], "is not an age recipient"),
        (["AGE-SECRET-KEY-1QQ", "x"], "private key, which must not be on this host"),
        ([], "at least two"),
    ],
)
def test_recipients_that_cannot_be_sealed_to_are_refused(recipients: list[str], says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        check_recipients(recipients)


def test_one_recipient_twice_is_one(sealing: Sealing) -> None:
    with pytest.raises(ConfigurationError, match="at least two"):
        check_recipients(sealing.names(0, 0))


def test_a_large_file_is_sealed_in_bounded_memory(sealing: Sealing, tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    with plain.open("wb") as written:
        written.truncate(200 << 20)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with plain.open("rb") as source, (tmp_path / "sealed").open("wb") as target:
        encrypt(Hashed(source), Hashed(target), sealing.recipients)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 20 << 10, f"{grown} KiB"


class Asking:
    """Applications that ask at a host that seals."""

    def __init__(self, sealing: Sealing) -> None:
        services, self.sealing, self.pager = sealing.services, sealing, MemoryPager()
        self.source = MemorySource({})
        hasher = DirectHasher(ReadingLimits(file_bytes=1000))
        self.seal = AttemptSealing(services.store, sealing.sealer(), self.pager)
        examiner = Examiner((self.source,), hasher, services.clock)
        self.attempts = UploadAttempts(examiner, services.desk(), sealing=self.seal)

    def ask(self, content: bytes, customer: str = "anna") -> AttemptAnswer:
        self.source.known[Digest(Algorithm.SHA256, hashlib.sha256(content).digest())] = Category.ILLEGAL
        return self.attempts.check(content, Attempt(customer, "wordpress", "me.png", "clamd"))


REFUSED = b"\x89PNG\r\n\x1a\n made up and refused"


@pytest.mark.debian("age")
def test_what_an_application_is_told_to_refuse_is_sealed_before_it_is_told(sealing: Sealing) -> None:
    answer = Asking(sealing).ask(REFUSED)
    assert answer.decision is AttemptDecision.REFUSED
    manifest = sealing.store.get(answer.reference).manifest
    assert (manifest.kind, manifest.sha256) == (SealedEvidenceKind.KNOWN, hashlib.sha256(REFUSED).hexdigest())
    opened = sealing.opened(sealing.store.ciphertext(answer.reference), 0)
    assert (opened.returncode, opened.stdout) == (0, REFUSED)
    assert sealing.events("") == ["attempt.decided", "evidence.recipients-set", "evidence.sealed"]


def test_the_same_content_is_sealed_once_for_each_customer(sealing: Sealing) -> None:
    asking = Asking(sealing)
    answers = [asking.ask(REFUSED, customer) for customer in ("anna", "anna", "anna", "bob")]
    assert [answer.decision for answer in answers] == [AttemptDecision.REFUSED] * 4
    assert sorted(sealing.store.ids()) == sorted([answers[0].reference, answers[3].reference])
    assert sealing.seal() == []  # the rounds find nothing to do


def test_what_cannot_be_sealed_is_refused_all_the_same_and_told(sealing: Sealing) -> None:
    sealing.largest = 3
    asking = Asking(sealing)
    assert asking.ask(REFUSED).decision is AttemptDecision.REFUSED
    assert asking.ask(REFUSED).decision is AttemptDecision.REFUSED
    assert list(sealing.store.ids()) == []
    assert ["not sealed" in subject for subject, _ in asking.pager.pages] == [True, True]
    asking.seal.sealer = replace(asking.seal.sealer, largest=1 << 20)
    assert sealing.store.get(asking.ask(REFUSED).reference).present


def test_what_is_clear_or_held_is_not_sealed(sealing: Sealing) -> None:
    asking = Asking(sealing)
    assert asking.attempts.check(b"clear", Attempt("anna")).decision is AttemptDecision.CLEAR
    answers = [asking.ask(REFUSED, customer).decision for customer in ("anna", "bob", "cleo")]
    assert answers[-1] is AttemptDecision.HELD
    assert len(list(sealing.store.ids())) == 2


@pytest.mark.parametrize("suffix", [".json", ".custody"])
@pytest.mark.parametrize("damage", ["", "{", "[]", "gone", "another's"])
def test_one_piece_that_cannot_be_read_is_named_and_hides_no_other(sealing: Sealing, suffix: str, damage: str) -> None:
    names = [sealing.sealed(f"anna/{name}.jpg", "known").id for name in "ab"]
    file, other = (sealing.folder / (name + suffix) for name in names)
    if damage == "gone":
        file.unlink()
    else:
        file.write_bytes(other.read_bytes() if damage == "another's" else damage.encode())
    found = list(sealing.store.each(names))
    whole = [one.manifest.id for one in found if isinstance(one, SealedEvidence)]
    if suffix == ".custody" and damage in {"gone", "another's"}:
        assert whole == sorted(names)  # it names no piece: nothing happened to either yet
        return
    assert whole == [names[1]]
    (error,) = (one for one in found if isinstance(one, EvidenceError))
    assert names[0] in str(error)
    assert "backup" in error.hint


def test_only_the_log_has_a_piece_of_which_every_file_is_gone(sealing: Sealing) -> None:
    name = sealing.sealed().id
    for file in sealing.folder.glob(f"{name}.*"):
        file.unlink()
    assert list(sealing.store.each()) == []
    (error,) = sealing.store.each([name])
    assert name in str(error)


def test_what_lists_evidence_is_named_as_it_is_called(sealing: Sealing) -> None:
    sealing.sealed()
    with pytest.raises(RefusedError) as error:
        sealing.store.complete("20200101-none")
    assert error.value.hint == "see: goodhoster evidence list"
