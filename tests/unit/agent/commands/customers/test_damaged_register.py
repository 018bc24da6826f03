"""A damaged register answers no question: neither "missing" nor "no", and nothing empty."""

import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from goodhoster.adapters.stores.customers.contacts import SqliteContactStore
from goodhoster.adapters.stores.customers.database import customers_file
from goodhoster.errors import PermanentError
from goodhoster.model.customers.contact_requests import Answered, ContactRequest, RequestKind

PAGE = 4096
LIST = '[{"customer_id": "anna", "name": "Anna", "email": "anna@example.net"}]'


class House:
    """A hoster whose customer anna has a proven mail address."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.file = folder, folder / "state" / "customers.sqlite"
        (folder / "customers.json").write_text(LIST)
        (folder / "goodhoster.toml").write_text(f'[agent]\nstate_dir = "{folder / "state"}"\n')
        assert self.run("import", str(folder / "customers.json")).returncode == 0
        now = datetime.now(UTC)
        request = ContactRequest(
            id="C1",
            kind=next(iter(RequestKind)),
            customer="anna",
            address="anna@example.net",
            asked_at=now,
            deadline=now + timedelta(days=1),
            expires_at=now + timedelta(days=7),
            secret_sha256=b"x" * 32,
            answered_at=now,
            answered_by=next(iter(Answered)),
        )
        with closing(customers_file(self.file)) as record:
            SqliteContactStore(record).add(request)

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "goodhoster_agent", "customers", *words]
        return subprocess.run(
            [*command, "--config", str(self.folder / "goodhoster.toml")], capture_output=True, text=True, check=False
        )

    def damage(self, begin: int, length: int | None = None) -> None:
        """Overwrite a part, whose bytes are no page of a database, and leave no write-ahead log."""
        content = bytearray(self.file.read_bytes())
        end = len(content) if length is None else begin + length
        content[begin:end] = b"\xff" * (end - begin)
        self.file.write_bytes(content)
        for suffix in ("-wal", "-shm"):
            self.file.with_name(self.file.name + suffix).unlink(missing_ok=True)


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("length", [2 * PAGE, None], ids=["two-pages", "all-but-the-first-page"])
def test_each_question_about_a_customer_is_unchecked(house: House, length: int | None) -> None:
    assert "proven" not in house.run("vet", "anna").stdout, "healthy: the address is proven"

    house.damage(PAGE, length)

    asked = [("vet", "anna"), ("may", "anna", "upload"), ("show", "anna"), ("standing", "anna")]
    for words in asked if length else [*asked, ("list",)]:  # what a list still finds on whole pages is true
        ended = house.run(*words)
        assert ended.returncode == 3, (words, ended.stdout, ended.stderr)
        assert not ended.stdout
        assert "customers.sqlite" in ended.stderr
        assert "restore it from a backup" in ended.stderr


def test_a_file_with_a_damaged_page_gives_no_empty_answer(house: House) -> None:
    house.damage(PAGE, 2 * PAGE)

    with closing(customers_file(house.file)) as record:
        for _ in range(2):
            with pytest.raises(PermanentError, match="damaged"):
                SqliteContactStore(record).of_customer("nobody")
