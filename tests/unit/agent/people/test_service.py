"""The service for people: who asks, what is done for whom, and what nobody can do to the others."""

import asyncio
import json
import os
import socket
import struct
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from goodhoster.assembly.state import audit_log
from goodhoster.errors import RefusedError
from goodhoster.model.audit import AuditEvent
from goodhoster.settings import load
from goodhoster_agent.people.messages import LARGEST_REQUEST, Attached, CommandRequest, encode_request
from goodhoster_agent.people.roles import HostAccount
from goodhoster_agent.people.service import PeopleService, ServiceLimits, ServiceParts, serve_until

CONFIG = """
[agent]
state_dir = "state"
[[watch]]
path = "customers"
[[hash_source]]
kind = "list"
[roles]
see = ["auditors"]
decide = ["abuse-desk"]
"""
EVE = HostAccount(61001, "eve", frozenset({"abuse-desk"}))
AUDITOR = HostAccount(61002, "max", frozenset({"auditors"}))
NOBODY = HostAccount(61003, "mallory", frozenset({"users"}))


class House:
    """A host with the service; everybody who connects is the account that is set."""

    def __init__(self, folder: Path) -> None:
        (folder / "customers").mkdir()
        self.file = folder / "goodhoster.toml"
        self.file.write_text(CONFIG)
        self.settings = load(self.file)
        self.audit = audit_log(self.settings)
        self.address = folder / "people.sock"
        self.workspaces = folder / "state" / "tmp"
        self.workspaces.mkdir(mode=0o700)
        self.account: HostAccount | None = EVE
        self.limits = ServiceLimits()

    def find(self, uid: int) -> HostAccount:
        if self.account is None:
            raise RefusedError(f"user {uid} has no account on this host")
        return self.account

    def run(self, *asks: Callable[[], Awaitable[Any]]) -> list[Any]:
        """What each of these gets, asked side by side."""

        async def all_of_them() -> list[Any]:
            stop = asyncio.Event()
            parts = ServiceParts(self.file, self.settings.roles, self.audit, self.workspaces, self.find, self.limits)
            self.address.unlink(missing_ok=True)
            with socket.socket(socket.AF_UNIX) as listener:
                listener.bind(str(self.address))
                listener.listen(64)
                serving = asyncio.ensure_future(serve_until(stop, listener, PeopleService(parts)))
                try:
                    return list(await asyncio.gather(*(ask() for ask in asks)))
                finally:
                    stop.set()
                    await serving

        return asyncio.run(all_of_them())

    def ask(self, *argv: str, files: dict[str, bytes] | None = None) -> Callable[[], Awaitable[tuple[int, str, str]]]:
        given = files or {}
        request = CommandRequest(argv, tuple(Attached(name, len(content)) for name, content in given.items()))
        return self.send(encode_request(request) + b"".join(given.values()))

    def send(self, raw: bytes) -> Callable[[], Awaitable[tuple[int, str, str]]]:
        """Exit code, standard output and standard error; the code is -1 where none came."""

        async def ask() -> tuple[int, str, str]:
            reader, writer = await asyncio.open_unix_connection(str(self.address))
            writer.write(raw)
            printed = {"o": b"", "e": b"", "a": b""}
            code = -1
            try:
                while head := await reader.readexactly(4):
                    content = await reader.readexactly(struct.unpack(">I", head)[0])
                    if content[:1] == b"x":
                        code = int(content[1:])
                        break
                    printed[content[:1].decode()] += content[1:]
            except (asyncio.IncompleteReadError, ConnectionError):
                pass
            writer.close()
            return code, printed["o"].decode(), printed["e"].decode()

        return ask

    def ordered(self) -> list[dict[str, Any]]:
        return [dict(entry.event.data) for entry in self.audit.entries() if entry.event.kind == "person.ordered"]


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path)
    yield house
    house.audit.close()


def test_a_command_is_run_with_the_rights_of_the_service_and_what_it_prints_comes_back(house: House) -> None:
    ((code, out, err),) = house.run(house.ask("config", "check"))
    assert (code, err) == (0, "")
    assert "is valid" in out
    assert house.ordered() == []
    assert list(house.workspaces.iterdir()) == []


def test_the_command_acts_in_the_name_of_the_person_and_the_log_has_it_before(house: House) -> None:
    mail = b"From: a@b.example\nSubject: abuse\n\nhttp://anna.example/a.jpg\n"
    ((code, out, _),) = house.run(house.ask("notices", "receive", "--json", files={"-": mail}))
    assert code == 0
    notice = json.loads(out)["id"]
    ((code, out, _),) = house.run(house.ask("notices", "note", notice, "called them"))
    assert code == 0
    ((_, out, _),) = house.run(house.ask("notices", "show", notice, "--json"))
    assert [each["by"] for each in json.loads(out)["notes"]] == ["eve"]
    expected = {"actor": "eve", "uid": 61001, "right": "decide"}
    of_command = {"actor": "eve", "command": "notices note", "notice": notice, "reason": ""}
    ordered = [expected | {"command": "notices receive"}, expected | {"command": "notices note"}, of_command]
    assert house.ordered() == ordered


def test_a_role_permits_no_more_than_it_says(house: House) -> None:
    house.account = AUDITOR
    answers = house.run(
        house.ask("cases", "list"),
        house.ask("observe", "--now", "--reason", "x"),
        house.ask("hashlist", "remove", "own"),
    )
    assert [code for code, _, _ in answers] == [0, 2, 2]
    assert "needs the right to decide, and max may see" in answers[1][2]
    assert not any(entry.event.kind.startswith("mode.") for entry in house.audit.entries())


def test_an_option_that_acts_is_in_the_log_before_it_runs_and_refused_to_whoever_only_sees(house: House) -> None:
    resend = ("customers", "statement", "case:x", "--resend")
    house.account = AUDITOR
    ((code, out, err),) = house.run(house.ask(*resend))
    assert (code, out) == (2, "")
    assert "customers statement --resend needs the right to decide, and max may see" in err
    assert house.ordered() == []
    house.account = EVE
    house.run(house.ask(*resend))  # there is no such case: what was ordered is written all the same
    expected = {"actor": "eve", "uid": 61001, "command": "customers statement --resend", "right": "decide"}
    assert house.ordered() == [expected]


@pytest.mark.parametrize("account", [NOBODY, None])
def test_whoever_has_no_role_is_refused_whatever_is_asked(house: House, account: HostAccount | None) -> None:
    house.account = account
    ((code, out, err),) = house.run(house.ask("config", "check"))
    assert (code, out) == (2, "")
    assert "has no role here" in err or "has no account" in err


def test_another_configuration_is_refused(house: House, tmp_path: Path) -> None:
    other = tmp_path / "mine.toml"
    other.write_text(CONFIG.replace("state", "stolen"))
    ((code, _, err),) = house.run(house.ask("cases", "list", "--config", str(other)))
    assert code == 2
    assert "--config" in err
    assert not (tmp_path / "stolen").exists()


def test_nothing_of_a_path_of_the_person_s_is_opened(house: House, tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("0123456789abcdef0123456789abcdef01234567\n")
    for name in (str(secret), "../../secret.txt", "secret.txt"):
        ((code, _, err),) = house.run(house.ask("notices", "receive", name))
        assert code == 2
        assert "did not come" in err


@pytest.mark.parametrize(
    "raw",
    [
        struct.pack(">I", LARGEST_REQUEST + 1),
        struct.pack(">I", 2**32 - 1) + b"x" * 1000,
        struct.pack(">I", 2) + b"{}",
        struct.pack(">I", 7) + b"\xff" * 7,
    ],
)
def test_a_request_that_is_none_costs_its_own_connection(house: House, raw: bytes) -> None:
    bad, good = house.run(house.send(raw), house.ask("config", "check"))
    assert (bad[0], good[0]) == (2, 0)


def test_whoever_sends_slowly_is_given_up_and_keeps_nobody_waiting(house: House) -> None:
    house.limits = ServiceLimits(request_within=0.5, files_within=0.5)
    promised = CommandRequest(("notices", "receive", "x.eml"), (Attached("x.eml", 1000),))
    slow, half, good = house.run(
        house.send(b"\0"), house.send(encode_request(promised) + b"half"), house.ask("config", "check")
    )
    assert [slow[0], half[0], good[0]] == [-1, -1, 0]
    assert list(house.workspaces.iterdir()) == []


def test_one_person_has_four_commands_at_once_and_others_are_served_all_the_same(house: House) -> None:
    house.limits = ServiceLimits(request_within=6.0)
    waiting = [house.send(b"\0") for _ in range(4)]

    async def fifth() -> tuple[int, str, str]:
        await asyncio.sleep(1)
        return await house.ask("config", "check")()

    *_, last = house.run(*waiting, fifth)
    assert last[0] == 2
    assert "4 commands of yours run already" in last[2]


def test_two_at_once_get_each_their_own_answer(house: House) -> None:
    answers = house.run(
        house.ask("config", "check"), house.ask("people", "rights"), house.ask("cases", "list", "--csv")
    )
    assert [code for code, _, _ in answers] == [0, 2, 0]
    assert answers[2][1].startswith("ID,STATE")


def test_a_command_whose_reader_goes_away_is_ended(house: House) -> None:
    house.audit.append_all([AuditEvent("daemon.started", {"mode": "observe", "trees": ["x" * 500]})] * 20_000)

    async def leave() -> list[int]:
        _, writer = await asyncio.open_unix_connection(str(house.address))
        writer.write(encode_request(CommandRequest(("audit", "show"))))
        for _ in range(1000):
            await asyncio.sleep(0.1)
            if _children():
                break
        writer.close()
        for _ in range(1000):
            await asyncio.sleep(0.1)
            if not _children():
                return []
        return _children()

    (left,) = house.run(leave)
    assert left == []


def _children() -> list[int]:
    """Commands that run as children of this very process."""
    found = []
    for task in Path("/proc/self/task").iterdir():
        for child in (task / "children").read_text().split():
            try:
                if b"goodhoster_agent" in Path(f"/proc/{child}/cmdline").read_bytes():
                    found.append(int(child))
            except OSError:
                continue
    return found


def test_nothing_of_the_service_s_environment_but_what_is_named_reaches_the_command(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOODHOSTER_CONFIG", "/nonexistent")
    monkeypatch.setenv("SUDO_USER", "root")
    monkeypatch.setenv("PYTHONPATH", "/nonexistent")
    ((code, out, _),) = house.run(house.ask("config", "check", "--json"))
    assert code == 0
    assert json.loads(out)["file"] == str(house.file)


def test_where_the_audit_log_cannot_be_written_nothing_is_run(house: House) -> None:
    log = house.settings.state_dir / "audit.log"
    house.audit.append(AuditEvent("daemon.started", {}))
    log.unlink()
    log.mkdir()
    ((code, out, _),) = house.run(house.ask("observe", "--now", "--reason", "x"))
    assert (code, out) == (2, "")


def test_the_command_line_s_own_start_costs_nothing_for_root() -> None:
    """No module of the client's is loaded where no service is asked."""
    script = (
        "import sys\nsys.argv = ['goodhoster', '--version']\nfrom goodhoster_agent.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "assert 'goodhoster_agent.people.client' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, env=dict(os.environ))
