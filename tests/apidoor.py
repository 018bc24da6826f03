"""A host with the HTTP door in a process of its own (`goodhoster doors serve`), and a list with made-up contents."""

import hashlib
import json
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from goodhoster.adapters.stores.cases import SqliteCaseStore
from goodhoster.assembly.state import audit_log, lists_directory
from goodhoster.client import Client
from goodhoster.hashlists.audited_changes import RecordedLists
from goodhoster.hashlists.own_lists import ListImportOrder
from goodhoster.model.cases import Case
from goodhoster.model.verdicts import Category
from goodhoster.ports import CaseQuery
from goodhoster.settings import load
from goodhoster_agent.doors.api.tokens import Scope, add_token, tokens_file
from tests.processes import status

KNOWN = b"\x89PNG\r\n\x1a\n made up, and on the list"
CLEAR = b"\x89PNG\r\n\x1a\n made up, and on no list"


@dataclass
class ApiHost:
    """The host, while its door is open."""

    folder: Path
    process: subprocess.Popen[str] | None = None
    url: str = ""
    secret: str = ""
    """Of a token that may do everything."""
    options: dict[str, str] = field(default_factory=dict)

    @property
    def socket(self) -> Path:
        return self.folder / "api.sock"

    @property
    def address(self) -> str:
        return f"unix:{self.socket}"

    @property
    def state_dir(self) -> Path:
        return self.folder / "state"

    def client(self, *, token: str | None = None, timeout: float = 30.0) -> Client:
        return Client(self.address, token=self.secret if token is None else token, timeout=timeout)

    def token(self, name: str, *scopes: Scope, customer: str = "") -> str:
        return add_token(tokens_file(self.state_dir), name, scopes, customer)

    def cases(self) -> Sequence[Case]:
        store = SqliteCaseStore(self.state_dir / "record.sqlite")
        try:
            return store.find(CaseQuery())
        finally:
            store.close()

    def open_descriptors(self) -> int:
        assert self.process
        return len(list(Path(f"/proc/{self.process.pid}/fd").iterdir()))

    def memory(self) -> int:
        """Resident kilobytes."""
        assert self.process
        return int(status(self.process.pid)["VmRSS"].split()[0])

    def start(self) -> None:
        command = [sys.executable, "-m", "goodhoster_agent", "doors", "serve", "--json"]
        self.process = subprocess.Popen(
            [*command, "--config", str(self.folder / "goodhoster.toml")], stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout
        for _ in range(2):
            address: str = json.loads(self.process.stdout.readline())["address"]
            self.url = address if address.startswith("http") else self.url

    def stop(self) -> None:
        if self.process:
            self.process.terminate()
            self.process.wait(120)
            assert self.process.stdout
            self.process.stdout.close()
            self.process = None


def made(folder: Path, *, mode: str = "enforce", known: Sequence[bytes] = (KNOWN,), **api: object) -> ApiHost:
    """A host whose door is not open yet."""
    (folder / "customers").mkdir(parents=True)
    options = {"socket": str(folder / "api.sock"), "listen": "127.0.0.1:0", **api}
    lines = "\n".join(f"{name} = {json.dumps(value)}" for name, value in options.items())
    (folder / "goodhoster.toml").write_text(
        f'[agent]\nstate_dir = "{folder}/state"\n[[watch]]\npath = "{folder}/customers"\n'
        f'[[hash_source]]\nkind = "list"\n[policy]\nmode = "{mode}"\nmeasures_per_hour = 100000\n'
        f"storm_customers = 100000\n[hashing]\nprocesses = 1\n[api]\n{lines}\n"
    )
    settings = load(folder / "goodhoster.toml")
    (folder / "list.txt").write_text("".join(f"{hashlib.sha256(content).hexdigest()}\n" for content in known))
    settings.state_dir.mkdir(mode=0o700, exist_ok=True)
    lists = RecordedLists(lists_directory(settings), audit_log(settings))
    lists.import_files(ListImportOrder([folder / "list.txt"], "demo", Category.ILLEGAL, None, replace=True), "a test")
    host = ApiHost(folder)
    host.secret = host.token("everything", *Scope)
    return host


@contextmanager
def opened(
    folder: Path, *, mode: str = "enforce", known: Sequence[bytes] = (KNOWN,), **api: object
) -> Iterator[ApiHost]:
    """A host whose door is open."""
    host = made(folder, mode=mode, known=known, **api)
    try:
        host.start()
        yield host
    finally:
        host.stop()


def port_of(url: str) -> int:
    found = re.search(r":(\d+)$", url)
    assert found
    return int(found[1])
