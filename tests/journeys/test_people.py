"""People who are not root: real accounts, real groups, the command that they type, and the service that runs it.

The accounts exist in a mount namespace of the test alone.
"""

import json
import os
import signal
import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.journeys.host import GOODHOSTER, PATIENCE, Host, sha1_of, wait_until

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to be several people")
KNOWN = b"a made-up known file"
ROLES = """
[roles]
see = ["auditors"]
decide = ["abuse-desk"]
export = ["auditors"]
socket = "people.sock"
"""
PASSWD = """root:x:0:0:root:/root:/bin/sh
alice:x:61001:61001::/nonexistent:/bin/sh
bob:x:61002:61002::/nonexistent:/bin/sh
mallory:x:61003:61003::/nonexistent:/bin/sh
nobody:x:65534:65534::/nonexistent:/bin/sh
"""
GROUP = """root:x:0:
alice:x:61001:
bob:x:61002:
mallory:x:61003:
abuse-desk:x:61010:alice
auditors:x:61011:bob
nogroup:x:65534:
"""
GROUPS = {"alice": (61001, "61001,61010"), "bob": (61002, "61002,61011"), "mallory": (61003, "61003")}


@dataclass
class Office:
    """A host with the service, and people with accounts."""

    host: Host

    @property
    def folder(self) -> Path:
        return self.host.folder

    def namespace(self, *command: str) -> tuple[str, ...]:
        """That command where this host's accounts are those of the test."""
        binds = "".join(f"mount --bind {self.folder}/{name} /etc/{name} && " for name in ("passwd", "group"))
        return ("unshare", "--mount", "--propagation", "private", "sh", "-c", f'{binds}exec "$@"', "sh", *command)

    def typed(self, person: str, *words: str) -> tuple[str, ...]:
        uid, groups = GROUPS[person]
        drop = ("setpriv", f"--reuid={uid}", f"--regid={uid}", f"--groups={groups}", "--no-new-privs")
        return self.namespace(*drop, *GOODHOSTER, *words)

    def run(self, person: str, *words: str, given: bytes = b"", cwd: Path | None = None) -> tuple[int, str, str]:
        """Exit code, standard output and standard error of a command that a person types."""
        env = os.environ | {"GOODHOSTER_PEOPLE_SOCKET": str(self.folder / "people.sock")}
        command = self.typed(person, *words)
        where = cwd or self.folder
        done = subprocess.run(
            command, input=given, capture_output=True, timeout=PATIENCE, check=False, env=env, cwd=where
        )
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    def home(self, person: str) -> Path:
        """A directory of that person's own."""
        home = self.folder / f"home-{person}"
        home.mkdir(mode=0o700, exist_ok=True)
        os.chown(home, GROUPS[person][0], GROUPS[person][0])
        return home


@contextmanager
def serving(office: Office) -> Iterator[subprocess.Popen[str]]:
    command = office.namespace(*GOODHOSTER, "people", "serve", "--config", str(office.host.config))
    with (office.folder / "people-journal").open("a") as journal:
        service = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=journal, text=True)
    try:
        assert service.stdout
        assert service.stdout.readline().startswith("ready "), (office.folder / "people-journal").read_text()
        yield service
    finally:
        service.terminate()
        service.communicate(timeout=PATIENCE)


def furnished(host: Host) -> Office:
    """A host with roles and accounts, where nobody serves yet."""
    (host.folder / "conf.d").mkdir()
    (host.folder / "conf.d/roles.toml").write_text(ROLES)
    (host.folder / "passwd").write_text(PASSWD)
    (host.folder / "group").write_text(GROUP)
    host.config.chmod(0o600)
    for folder in (host.folder, *host.folder.parents):  # people may come by, as on a real host
        if folder.stat().st_uid == 0 and folder != Path("/"):
            folder.chmod(folder.stat().st_mode | 0o055)
    return Office(host)


@pytest.fixture
def office(host: Host) -> Iterator[Office]:
    office = furnished(host)
    with serving(office):
        yield office


def held_case(host: Host) -> str:
    host.configure(mode="observe")
    host.config.chmod(0o600)
    host.service.known = {sha1_of(KNOWN)}
    host.upload("anna/known.png", KNOWN)
    host.run("scan", str(host.customers), code=1)
    return str(host.cases()[0]["id"])


def test_the_desk_decides_in_its_own_name_and_the_auditor_only_looks(office: Office) -> None:
    case = held_case(office.host)
    code, out, err = office.run("alice", "cases", "list", "--json")
    assert (code, [json.loads(line)["id"] for line in out.splitlines()]) == (0, [case]), err
    office.host.configure(mode="enforce")
    code, _, err = office.run("alice", "cases", "confirm", case, "--reason", "known to the police")
    assert code == 0, err
    assert not (office.host.customers / "anna/known.png").exists()
    code, out, _ = office.run("bob", "cases", "show", case, "--json")
    assert (code, json.loads(out)["actor"]) == (0, "alice")
    code, _, err = office.run("bob", "cases", "restore", case, "--reason", "x")
    assert (code, "needs the right to decide" in err) == (2, True)
    assert not (office.host.customers / "anna/known.png").exists()
    ordered = [each for each in office.host.audit("person.ordered") if each["actor"] != "root"]
    assert ordered == [{"actor": "alice", "uid": 61001, "command": "cases confirm", "right": "decide"}]
    assert office.host.audit("measure.done")


def test_whoever_has_no_role_cannot_even_connect(office: Office) -> None:
    code, out, err = office.run("mallory", "cases", "list")
    assert (code, out) == (2, "")
    assert "you have no role here" in err
    assert "[roles]" in err
    script = (
        f"import socket\ns = socket.socket(socket.AF_UNIX)\n"
        f"try:\n    s.connect({str(office.folder / 'people.sock')!r})\nexcept PermissionError:\n    print('closed')\n"
    )
    done = subprocess.run(
        (*office.typed("mallory")[: -len(GOODHOSTER)], GOODHOSTER[0], "-c", script),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stdout == "closed\n", done.stderr


def test_whoever_leaves_the_group_loses_the_right_with_the_next_command(office: Office) -> None:
    assert office.run("alice", "cases", "list")[0] == 0
    with (office.folder / "group").open("r+") as group:  # the same inode: it is bound over /etc/group
        text = group.read().replace("abuse-desk:x:61010:alice", "abuse-desk:x:61010:     ")
        group.seek(0)
        group.write(text)
    code, _, err = office.run("alice", "cases", "list")
    assert (code, "alice has no role here" in err) == (2, True), err


def test_files_are_read_and_written_with_the_person_s_rights(office: Office) -> None:
    case = held_case(office.host)
    home = office.home("bob")
    code, _, err = office.run("bob", "audit", "export", "--case", case, "--to", f"{home}/case", cwd=home)
    assert code == 0, err
    assert (home / "case").stat().st_uid == 61002
    verified = subprocess.run(["python3", "case/verify.py", "case"], cwd=home, capture_output=True, check=False)
    assert verified.returncode == 0, verified.stdout + verified.stderr
    code, _, err = office.run("bob", "audit", "export", "--case", case, "--to", f"{home}/case", cwd=home)
    assert (code, "exists already" in err) == (2, True)
    code, _, err = office.run("bob", "audit", "export", "--case", case, "--to", "/etc/goodhoster-x", cwd=home)
    assert code == 2, err
    assert not Path("/etc/goodhoster-x").exists()
    secret = office.folder / "secret.eml"
    secret.write_bytes(b"From: a@b.example\n\nroot's own words\n")
    secret.chmod(0o600)
    code, _, err = office.run("alice", "notices", "receive", str(secret))
    assert (code, "cannot read" in err) == (2, True), err
    mail = office.home("alice") / "mail.eml"
    mail.write_bytes(b"From: a@b.example\nSubject: x\n\nhttp://anna.example/a.jpg\n")
    os.chown(mail, 61001, 61001)
    assert office.run("alice", "notices", "receive", str(mail))[0] == 0
    assert office.run("alice", "notices", "receive", given=mail.read_bytes())[0] == 0
    assert wait_until(lambda: not list((office.folder / "state/tmp").glob("people-*")))


def test_links_of_the_person_s_lead_nowhere(office: Office) -> None:
    """Also one that is put in place of a directory while it is unpacked: it is unpacked as that person."""
    case, home = held_case(office.host), office.home("bob")
    roots = office.folder / "roots"
    roots.mkdir()
    (home / "out").symlink_to(roots)
    os.chown(home / "out", 61002, 61002, follow_symlinks=False)
    code, _, err = office.run("bob", "audit", "export", "--case", case, "--to", f"{home}/out/x", cwd=home)
    assert code != 0, err
    code, _, err = office.run("bob", "audit", "export", "--case", case, "--to", f"{home}/out", cwd=home)
    assert code != 0, err
    assert list(roots.iterdir()) == []


def test_another_configuration_and_the_environment_are_not_taken(office: Office) -> None:
    home = office.home("alice")
    (home / "mine.toml").write_text("[agent]\nstate_dir = 'mine'\n")
    os.chown(home / "mine.toml", 61001, 61001)
    code, _, err = office.run("alice", "cases", "list", "--config", f"{home}/mine.toml")
    assert (code, "--config" in err) == (2, True), err
    os.environ["GOODHOSTER_CONFIG"] = f"{home}/mine.toml"
    try:
        code, out, _ = office.run("alice", "config", "check", "--json")
    finally:
        del os.environ["GOODHOSTER_CONFIG"]
    assert (code, json.loads(out)["file"]) == (0, str(office.host.config))


def test_notes_and_who_works_on_what(office: Office) -> None:
    case = held_case(office.host)
    assert (taken := office.run("alice", "cases", "take", case))[0] == 0, taken
    assert (noted := office.run("alice", "cases", "note", case, "called the source"))[0] == 0, noted
    code, out, _ = office.run("bob", "cases", "show", case)
    assert code == 0
    assert "alice: called the source" in out
    assert "taken by    alice" in out
    assert case in office.run("alice", "cases", "list", "--mine")[1]
    assert case not in office.run("bob", "cases", "list", "--mine")[1]
    assert office.run("alice", "cases", "hand-over", case, "--to", "bob")[0] == 0
    assert case in office.run("bob", "cases", "list", "--mine")[1]
    code, _, err = office.run("alice", "cases", "take", case)
    assert (code, "--from bob" in err) == (2, True), err
    assert office.run("alice", "cases", "take", case, "--from", "bob")[0] == 0
    code, _, err = office.run("alice", "cases", "hand-over", case, "--to", "carol")
    assert (code, "no account carol" in err) == (2, True)
    assert [entry["to"] for entry in office.host.audit("casework.assigned")] == ["alice", "bob", "alice"]
    assert "called the source" not in (office.folder / "state/audit.log").read_text()


def test_two_persons_are_two_persons(office: Office) -> None:
    """What needs two persons of root's accounts needs two accounts here as well."""
    first = office.run("alice", "evidence", "hold", "E1", "--reason", "x")
    assert first[0] == 2
    assert "root is a shared account" not in first[2]


def test_ctrl_c_ends_the_command_here_and_there(office: Office) -> None:
    office.run("alice", "cases", "list")
    env = os.environ | {"GOODHOSTER_PEOPLE_SOCKET": str(office.folder / "people.sock")}
    held = subprocess.Popen(
        office.typed("alice", "notices", "receive"), stdin=subprocess.PIPE, env=env, stderr=subprocess.PIPE
    )
    assert held.stdin
    held.stdin.write(bytes(1 << 20))  # more than a pipe holds: the command is reading it
    held.send_signal(signal.SIGINT)
    held.communicate(timeout=PATIENCE)
    assert held.returncode != 0
    assert wait_until(lambda: not list((office.folder / "state/tmp").glob("people-*")))
    assert office.run("alice", "cases", "list")[0] == 0


def test_a_second_service_does_not_start_beside_the_first(office: Office) -> None:
    command = office.namespace(*GOODHOSTER, "people", "serve", "--config", str(office.host.config))
    second = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert (second.returncode, "another service" in second.stderr) == (2, True), second.stderr
    assert office.run("alice", "cases", "list")[0] == 0


def test_a_service_that_was_killed_leaves_nothing_in_the_way_of_the_next(host: Host) -> None:
    office = furnished(host)
    with serving(office) as service:
        service.kill()
        service.communicate(timeout=PATIENCE)
        code, _, err = office.run("alice", "cases", "list")
        assert (code, "systemctl start goodhoster-people" in err) == (2, True), err
        (office.folder / "state/tmp/people-left").mkdir()
    with serving(office):
        assert office.run("alice", "cases", "list")[0] == 0
        assert not (office.folder / "state/tmp/people-left").exists()


def test_what_comes_back_holds_files_and_directories_alone(tmp_path: Path) -> None:
    """Whatever a command leaves, no link and no owner travels."""
    from goodhoster_agent.people.workspace import Workspace  # noqa: PLC0415 - of this test alone

    (tmp_path / "out").mkdir()
    (tmp_path / "out/file").write_text("x")
    (tmp_path / "out/link").symlink_to("/etc/passwd")
    os.mkfifo(tmp_path / "out/pipe")
    packed = Workspace(tmp_path).archive("out")
    assert packed
    with tarfile.open(packed) as archive:
        assert {(each.name, each.uid, each.uname) for each in archive} == {("out", 0, ""), ("out/file", 0, "")}
