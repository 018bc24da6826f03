"""What is signed about a log is never contradicted, and shows a rollback that the machine itself cannot."""

import json
import os
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from goodhoster.audit.checkpoints import Checkpoints, mark_of
from goodhoster.audit.export import Wanted, export_case
from goodhoster.audit.log import FileAuditLog
from goodhoster.audit.verify import CONSISTENCY, Checkpoint, Policy, Proof, SignedNote, verify_consistency
from goodhoster.audit.verify import main as verify_program
from goodhoster.errors import AuditError, ConfigurationError, RefusedError
from goodhoster.linux.state_manifest import COPY, accept_loss, lost
from goodhoster.linux.state_manifest import FILE as MANIFEST
from goodhoster.model.audit import AuditEvent
from tests.killed_at_steps import killed_at_steps

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)


class World:
    """A log, its checkpoints, and a clock."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.now = NOON
        self.log = FileAuditLog(folder / "audit.log", lambda: self.now)
        self.checkpoints = Checkpoints(self.log, folder, lambda: self.now)

    def fill(self, entries: int) -> None:
        events = (AuditEvent("made.up", {"case": f"case-{number % 3}", "of": ["x"]}) for number in range(entries))
        self.log.append_all(list(events))

    def issue(self) -> SignedNote:
        return self.checkpoints.issue("log.example/one")

    def keep(self, name: str) -> Path:
        file = self.folder / name
        file.write_bytes(self.issue().write())
        return file

    def forget(self) -> None:
        """As somebody does who may write everything here."""
        for file in self.folder.glob("audit*"):
            if file.name != "audit.key":
                shutil.rmtree(file) if file.is_dir() else file.unlink()
        for name in (MANIFEST, COPY):
            (self.folder / name).unlink()
        self.log = FileAuditLog(self.folder / "audit.log", lambda: self.now)
        self.checkpoints = Checkpoints(self.log, self.folder, lambda: self.now)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_a_checkpoint_is_of_the_log_as_it_stands_signed_with_both_keys(world: World) -> None:
    world.fill(5)
    note = world.issue()
    finding = world.log.verify()
    assert Checkpoint.read(note.text) == Checkpoint("log.example/one", 5, bytes.fromhex(finding.root))
    assert [key.kind for key in note.verify(world.checkpoints.policy().logs)] == [1, 6]
    assert world.checkpoints.newest() == note
    assert world.issue() == note, "nothing was added: nothing to sign"
    assert (world.folder / "audit.key").stat().st_mode & 0o777 == 0o600
    world.fill(1)
    assert Checkpoint.read(world.issue().text).size == 6


def test_an_empty_log_has_a_checkpoint_too(world: World) -> None:
    assert Checkpoint.read(world.issue().text).size == 0
    world.fill(3)
    assert Checkpoint.read(world.issue().text).size == 3


def test_a_name_that_no_key_can_have_is_refused(world: World) -> None:
    with pytest.raises(AuditError, match="cannot name a key"):
        world.checkpoints.issue("two words")
    assert not (world.folder / "audit.key").exists()


def test_entries_that_may_still_be_taken_back_are_not_signed(world: World) -> None:
    world.fill(3)
    with (world.folder / "audit.log").open("ab") as log:
        log.write(b'{"at":"2026-01-02T12:00:00.000000Z","data":{},"kind":"not.synced","n":3,"previous":""}\n')
    assert Checkpoint.read(world.issue().text).size == 3


def test_a_rollback_is_found_with_an_earlier_checkpoint_and_nothing_more_is_signed(world: World) -> None:
    world.fill(3)
    kept = {file: file.read_bytes() for file in world.folder.glob("audit.log*")}
    world.fill(2)
    mark = mark_of(world.issue(), "the one in the safe")
    for file, content in kept.items():
        file.write_bytes(content)  # an old backup, tail and all: whole, as far as this machine can tell
    back = FileAuditLog(world.folder / "audit.log")
    assert back.verify().ok
    assert back.verify([mark]).problem == "rolled back: by the one in the safe there were 5 entries, 3 are there"
    assert back.verify([mark]).first_bad == 3
    back.append(AuditEvent("made.up"))
    with pytest.raises(AuditError, match="not what it was when its last checkpoint was signed"):
        Checkpoints(back, world.folder, lambda: NOON).issue("log.example/one")


def test_a_rewrite_with_the_stolen_key_is_found_with_an_earlier_checkpoint(world: World) -> None:
    world.fill(5)
    earlier = world.keep("kept")
    world.forget()
    world.now += timedelta(seconds=1)
    world.fill(7)
    now = world.issue()
    assert now.verify(world.checkpoints.policy().logs), "the thief signs as we do"
    assert world.log.verify(world.checkpoints.marks()).ok
    found = world.log.verify([mark_of(SignedNote.read(earlier.read_bytes()), "the one in the safe")])
    assert (found.ok, found.problem) == (False, "rewritten: its first 5 entries are not those of the one in the safe")


def test_its_own_newest_checkpoint_is_compared_too(world: World) -> None:
    world.fill(5)
    world.issue()
    for file in world.folder.glob("audit.log*"):
        file.unlink()
    gone = FileAuditLog(world.folder / "audit.log").verify(world.checkpoints.marks())
    assert gone.problem.startswith("rolled back: by its own checkpoint")


def test_a_log_of_which_only_the_checkpoint_is_left_is_not_begun_anew(world: World) -> None:
    world.fill(5)
    world.issue()
    for file in world.folder.glob("audit.log*"):
        file.unlink()
    with pytest.raises(AuditError, match="is gone, with 5 entries") as caught:
        FileAuditLog(world.folder / "audit.log").append(AuditEvent("made.up"))
    assert "goodhoster state accept-loss audit.log" in caught.value.hint
    (world.folder / "audit.log").touch()
    with pytest.raises(AuditError, match="is empty, with 5 entries gone"):
        FileAuditLog(world.folder / "audit.log").append(AuditEvent("made.up"))
    (world.folder / "audit.checkpoint").unlink()
    for _ in range(2):
        with pytest.raises(AuditError, match=r"is empty, and was not|is gone"):
            FileAuditLog(world.folder / "audit.log").append(AuditEvent("made.up"))
        (world.folder / "audit.log").unlink(missing_ok=True)
    accept_loss(world.folder, "audit.log")
    assert FileAuditLog(world.folder / "audit.log").append(AuditEvent("made.up")).number == 0


def test_a_checkpoint_that_somebody_else_put_there_is_not_ours(world: World, tmp_path: Path) -> None:
    world.fill(2)
    world.issue()
    other = World(tmp_path / "other")
    other.folder.mkdir()
    (world.folder / "audit.checkpoint").write_bytes(other.issue().write())
    with pytest.raises(AuditError, match="is not ours"):
        world.checkpoints.marks()
    (world.folder / "audit.checkpoint").write_text("half a checkp")
    with pytest.raises(AuditError, match="cannot be read"):
        world.issue()


def test_who_trusts_the_old_key_can_follow_to_the_new_one(world: World) -> None:
    world.fill(4)
    world.issue()
    old = world.checkpoints.policy()
    both = world.checkpoints.change_keys("the administrator left", "anna")
    assert len(both.verify([*old.logs, *world.checkpoints.policy().logs])) == 4
    assert not {key.vkey for key in old.logs} & {key.vkey for key in world.checkpoints.policy().logs}
    assert [entry.event.kind for entry in world.log.entries()][-1] == "log.key-changed"
    world.fill(4)
    after = world.issue()
    assert not after.verify(old.logs)
    export_case(world.checkpoints, Wanted("case-0", after, world.checkpoints.policy()), world.folder / "out")
    assert verify_program([str(world.folder / "out"), "--key", old.logs[0].vkey]) == 0
    world.checkpoints.change_keys("once more", "anna")
    world.fill(4)
    export_case(world.checkpoints, Wanted("case-0", world.issue(), world.checkpoints.policy()), world.folder / "again")
    for key in (old.logs[0], old.logs[1], world.checkpoints.policy().logs[0]):
        assert verify_program([str(world.folder / "again"), "--key", key.vkey]) == 0
    stranger = World(world.folder / "stranger")
    stranger.folder.mkdir()
    stranger.issue()
    assert verify_program([str(world.folder / "again"), "--key", stranger.checkpoints.policy().logs[0].vkey]) == 1


def test_a_change_of_keys_that_a_crash_cut_off_leads_nowhere(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.fill(3)
    world.issue()
    old = world.checkpoints.policy().logs

    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("goodhoster.audit.checkpoints.save_signers", crash)
        with pytest.raises(KeyboardInterrupt):
            world.checkpoints.change_keys("cut off", "anna")
    assert world.checkpoints.policy().logs == old
    assert world.checkpoints.key_changes() == []
    world.fill(1)
    world.checkpoints.change_keys("again", "anna")
    world.fill(3)
    export_case(world.checkpoints, Wanted("case-0", world.issue(), world.checkpoints.policy()), world.folder / "out")
    assert verify_program([str(world.folder / "out"), "--key", old[0].vkey]) == 0
    assert world.checkpoints.known_keys() == [*world.checkpoints.policy().logs, *old]


def test_keys_that_are_not_there_cannot_be_changed(world: World) -> None:
    with pytest.raises(AuditError, match="no keys yet"):
        world.checkpoints.change_keys("why not", "anna")
    with pytest.raises(AuditError, match="no keys yet"):
        world.checkpoints.policy()


@pytest.mark.parametrize("shown_by", ["manifest", "audit.checkpoint", "audit.vkeys", "audit-key-changes", "log", ""])
def test_lost_keys_are_told_whatever_still_shows_them_and_new_ones_are_an_order(world: World, shown_by: str) -> None:
    world.fill(3)
    world.issue()
    world.checkpoints.change_keys("as every year", "anna")
    old = world.checkpoints.policy().logs
    (world.folder / "audit.key").unlink()
    manifests = [] if shown_by == "manifest" else [MANIFEST, COPY]
    traces = [*manifests, "audit.checkpoint", "audit.vkeys", "audit-key-changes"]
    for trace in (each for each in traces if shown_by and each != shown_by):
        file = world.folder / trace
        shutil.rmtree(file) if file.is_dir() else file.unlink()
    before = world.log.durable_entries()
    for order in (
        world.issue,
        lambda: world.checkpoints.sign_text("a text", "log.example/one"),
        lambda: world.checkpoints.change_keys("why", "anna"),
        world.checkpoints.policy,
    ):
        with pytest.raises(AuditError, match=r"are lost: there is no .*audit.key, and .*; nothing is signed") as caught:
            order()
        assert "goodhoster state accept-loss audit.key" in caught.value.hint
    assert not (world.folder / "audit.key").exists()
    assert world.log.durable_entries() == before
    note = world.checkpoints.begin_new_keys("log.example/one", "the disk broke", "anna")
    entry = list(world.log.entries())[-1]
    assert (entry.event.kind, entry.event.data["reason"], entry.event.data["actor"]) == (
        "log.key-begun",
        "the disk broke",
        "anna",
    )
    assert entry.event.data["new"] == [key.vkey for key in world.checkpoints.policy().logs]
    assert note.verify(world.checkpoints.policy().logs)
    assert not note.verify(old)
    if not shown_by:
        assert entry.event.data["lost"] == [key.vkey for key in world.checkpoints.known_keys()[2:]]
        assert set(old) <= set(world.checkpoints.known_keys())
    with pytest.raises(RefusedError, match="not lost"):
        world.checkpoints.begin_new_keys("log.example/one", "again", "anna")


def test_no_new_keys_are_begun_for_a_log_that_is_not_what_the_lost_ones_signed(world: World) -> None:
    world.fill(3)
    world.issue()
    for name in ("audit.key", "audit.log", "audit.log.tail", MANIFEST, COPY):
        (world.folder / name).unlink()
    (world.folder / "audit.checkpoint").rename(world.folder / "kept")
    other = World(world.folder)
    other.now += timedelta(seconds=1)
    other.fill(4)
    (world.folder / "kept").rename(world.folder / "audit.checkpoint")
    with pytest.raises(AuditError, match="not what it was when its last checkpoint was signed"):
        other.checkpoints.begin_new_keys("log.example/one", "why", "anna")
    assert not (world.folder / "audit.key").exists()


def test_keys_that_were_made_before_they_were_noted_are_missed_from_their_next_use_on(world: World) -> None:
    world.issue()
    for name in ("audit.vkeys", MANIFEST, COPY, "audit.checkpoint"):
        (world.folder / name).unlink()
    world.issue()
    (world.folder / "audit.key").unlink()
    assert list(lost(world.folder)) == ["audit.key"]


def test_a_damaged_key_file_is_an_error_and_makes_no_new_keys(world: World) -> None:
    world.issue()
    for damage in ("", "half a line", "PRIVATE+KEY+x+00000000+AQ==", "\x00\xff"):
        (world.folder / "audit.key").write_text(damage or "\n")
        with pytest.raises(AuditError, match="cannot be read"):
            world.issue()


def test_an_export_verifies_and_everything_in_it_is_bound(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.fill(30)
    earlier = world.keep("kept")
    world.fill(31)
    wanted = Wanted("case-1", world.issue(), world.checkpoints.policy(), (SignedNote.read(earlier.read_bytes()),))
    out = world.folder / "out"
    assert export_case(world.checkpoints, wanted, out).entries == 20
    keys = [part for key in world.checkpoints.policy().logs for part in ("--key", key.vkey)]
    arguments = [str(out), *keys, "--earlier", str(earlier)]
    assert verify_program(arguments) == 0
    assert "20 entries are in it, unchanged" in capsys.readouterr().out
    for file in sorted(out.rglob("*")):
        if file.is_dir() or file.name in {"verify.py", "README.txt", "policy"} or "000000000034" in str(file):
            continue
        content = file.read_bytes()
        file.write_bytes(content[:-9] + bytes([content[-9] ^ 1]) + content[-8:])
        assert verify_program(arguments) in ({1, 3} if file.name == "manifest.json" else {1}), file
        file.write_bytes(content)
    assert verify_program(arguments) == 0
    capsys.readouterr()
    assert verify_program([str(out)]) == 0
    assert "The keys were the export's own" in capsys.readouterr().out
    next(out.glob("entries/*.tlog-proof")).unlink()
    assert verify_program(arguments) == 1


def test_an_export_says_what_it_cannot_show(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.fill(3)
    earlier = world.keep("kept")
    world.fill(3)
    out = world.folder / "out"
    export_case(world.checkpoints, Wanted("case-0", world.issue(), world.checkpoints.policy()), out)
    assert verify_program([str(out), "--earlier", str(earlier)]) == 3
    assert "ask for one made with --since" in capsys.readouterr().err
    policy = world.folder / "policy"
    with pytest.raises(SystemExit) as wrong:
        verify_program([str(out), "--policy", str(policy)])
    assert wrong.value.code == 2


def test_an_export_of_nothing_or_into_something_is_refused(world: World) -> None:
    world.fill(3)
    wanted = Wanted("case-9", world.issue(), world.checkpoints.policy())
    with pytest.raises(AuditError, match="no entry about case case-9"):
        export_case(world.checkpoints, wanted, world.folder / "out")
    with pytest.raises(ConfigurationError, match="exists already"):
        export_case(world.checkpoints, Wanted("case-1", wanted.note, wanted.policy), world.folder)


def test_an_export_of_a_log_that_does_not_begin_as_an_earlier_checkpoint_is_refused(world: World) -> None:
    world.fill(5)
    rewritten = SignedNote.read(world.keep("kept").read_bytes())
    world.forget()
    world.now += timedelta(seconds=1)
    world.fill(4)
    note = world.issue()
    with pytest.raises(AuditError, match="rolled back"):
        export_case(world.checkpoints, Wanted("case-1", note, Policy(()), (rewritten,)), world.folder / "a")
    world.fill(4)
    with pytest.raises(AuditError, match="rewritten"):
        export_case(world.checkpoints, Wanted("case-1", world.issue(), Policy(()), (rewritten,)), world.folder / "b")


def test_the_program_verifies_a_whole_log(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.fill(8)
    earlier = world.keep("kept")
    world.fill(8)
    log = world.folder / "audit.log"
    assert verify_program([str(log), "--earlier", str(earlier)]) == 0
    assert "it begins with the 8 entries" in capsys.readouterr().out
    content = log.read_bytes()
    lines = content.splitlines(keepends=True)
    for altered in (
        content.replace(b"case-1", b"case-2", 1),
        b"".join(lines[:3] + lines[4:]),
        b"".join([*lines[:3], lines[4], lines[3], *lines[5:]]),
        b"".join(lines[:7]),
        b"",
    ):
        log.write_bytes(altered)
        assert verify_program([str(log), "--earlier", str(earlier)]) == 1
    assert verify_program([str(world.folder / "nothing")]) == 3


def test_a_consistency_proof_leads_from_any_earlier_checkpoint(world: World) -> None:
    world.fill(6)
    old = Checkpoint.read(world.issue().text)
    world.fill(7)
    note = world.issue()
    proof = Proof.read(world.checkpoints.consistency(6, note).write(head=CONSISTENCY), head=CONSISTENCY)
    verify_consistency(old, Checkpoint.read(note.text), proof.hashes)
    (world.folder / "audit.log").write_bytes(b"")
    with pytest.raises(AuditError, match="has 0 entries where a checkpoint has 13"):
        world.checkpoints.consistency(6, note)


def test_cosignatures_are_kept_with_the_newest_checkpoint(world: World) -> None:
    world.fill(2)
    note = world.issue()
    cosigned = world.checkpoints.add_signatures(note, [("w", b"1234", b"signature")])
    assert world.checkpoints.newest() == cosigned
    assert world.checkpoints.add_signatures(note, [("w", b"1234", b"signature")]) == cosigned
    world.fill(2)
    newer = world.issue()
    world.checkpoints.add_signatures(note, [("v", b"1234", b"late")])
    assert world.checkpoints.newest() == newer
    manifest = json.dumps([name for name, _, _ in cosigned.signatures])
    assert manifest.count("w") == 1


def test_of_old_timestamps_the_last_of_each_day_stays(tmp_path: Path) -> None:
    world = World(tmp_path)
    folder = world.checkpoints.timestamps
    folder.mkdir()
    for hour in range(30):
        for authority in ("a.tsa", "b"):
            for suffix in ("tsr", "text"):
                file = folder / f"{hour:012}.{authority}.{suffix}"
                file.touch()
                os.utime(file, (NOON.timestamp() + hour * 3600,) * 2)
    assert world.checkpoints.thin_timestamps(NOON + timedelta(hours=29)) == 2 * 27
    left = sorted(file.name for file in folder.iterdir())
    assert left == sorted(
        f"{hour:012}.{name}.{kind}" for hour in (11, 28, 29) for name in ("a.tsa", "b") for kind in ("tsr", "text")
    )


@pytest.mark.slow
def test_an_export_that_was_killed_is_no_directory_or_a_whole_one(tmp_path: Path) -> None:
    """Half of it lay there under its name, and could be handed on."""
    world, to = World(tmp_path), tmp_path / "out"
    world.fill(6)
    wanted = Wanted("case-1", world.issue(), world.checkpoints.policy())

    def export() -> None:
        export_case(world.checkpoints, wanted, to)

    for step in killed_at_steps(lambda: shutil.rmtree(to, ignore_errors=True), export):
        if not to.exists():
            export()
        assert (to / "README.txt").exists(), step
        assert verify_program([str(to)]) == 0
