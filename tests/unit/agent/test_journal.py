"""Lines to the journal, read as journald reads them, and the catalog that explains them."""

import ast
import logging
import os
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest
from catalog import catalog

from goodhoster_agent.journal import JournalHandler, fields_of, is_journal, line_of, message_id

CHECKOUT = Path(__file__).parents[3]
LEVELS = {"info", "warning", "error", "critical", "exception"}


class Journal:
    """Journald's end of the socket."""

    def __init__(self, file: Path) -> None:
        self.address = str(file)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(self.address)
        self._socket.settimeout(60)

    def next(self) -> dict[str, str]:
        datagram, fields = self._socket.recv(1 << 20), {}
        while datagram:
            name, _, rest = datagram.partition(b"\n")
            (length,) = struct.unpack_from("<Q", rest)
            fields[name.decode()] = rest[8 : 8 + length].decode()
            assert rest[8 + length : 9 + length] == b"\n"
            datagram = rest[9 + length :]
        return fields

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    journal = Journal(tmp_path / "socket")
    yield journal
    journal.close()


def logger(address: str) -> logging.Logger:
    made = logging.getLogger(f"goodhoster.made.up.{address}")
    made.propagate = False
    made.addHandler(JournalHandler(address))
    return made


def test_a_line_has_its_fields_and_names_whom_it_is_about(journal: Journal) -> None:
    template = "case %s: %s of customer %s is %s: held (%s)"
    logger(journal.address).warning(template, "20260101-abcdefg", "/a.jpg", "anna", "known", "a storm")
    fields = journal.next()
    assert fields["MESSAGE"] == "case 20260101-abcdefg: /a.jpg of customer anna is known: held (a storm)"
    assert (fields["PRIORITY"], fields["SYSLOG_IDENTIFIER"]) == ("4", "goodhoster")
    assert (fields["GOODHOSTER_CASE"], fields["GOODHOSTER_CUSTOMER"]) == ("20260101-abcdefg", "anna")
    assert fields["MESSAGE_ID"] == message_id("case …: … of customer … is …: held (…)")


def test_a_name_that_a_customer_chose_makes_no_field(journal: Journal) -> None:
    logger(journal.address).error("checking %s failed", "a\nPRIORITY=0\nMESSAGE_ID=" + "\udcff")
    fields = journal.next()
    assert fields["MESSAGE"] == "checking a\nPRIORITY=0\nMESSAGE_ID=? failed"
    assert fields["PRIORITY"] == "3"
    assert fields["MESSAGE_ID"] == message_id("checking … failed")


def test_a_trace_is_in_the_message_and_a_long_one_is_cut(journal: Journal) -> None:
    try:
        raise ValueError("x" * 100_000)
    except ValueError:
        logger(journal.address).exception("a request could not be answered")
    message = journal.next()["MESSAGE"]
    assert "Traceback" in message
    assert len(message) == 64 << 10


def test_without_a_journal_the_line_is_on_stderr(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    logger(str(tmp_path / "nobody")).critical("no measures are taken: %s", "two\nlines")
    assert capsys.readouterr().err == "<2>no measures are taken: two\n<2>lines\n"


def test_what_cannot_be_made_a_line_stops_nothing(journal: Journal, capsys: pytest.CaptureFixture[str]) -> None:
    logger(journal.address).error("%d files", "no number")
    assert "TypeError" in capsys.readouterr().err


def test_only_where_stderr_leads_to_the_journal_is_it_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A service whose stderr was sent to a file, and a command typed in a session of systemd's."""
    with (tmp_path / "file").open("w") as file:
        status = os.fstat(file.fileno())
        monkeypatch.setenv("JOURNAL_STREAM", f"{status.st_dev}:{status.st_ino}")
        assert is_journal(file.fileno())
        assert not is_journal()
        monkeypatch.delenv("JOURNAL_STREAM")
        assert not is_journal(file.fileno())


def test_a_line_without_words_of_its_own_has_no_id() -> None:
    record = logging.LogRecord("a", logging.ERROR, "f", 1, "%s; %s", ("what", "next"), None)
    assert "MESSAGE_ID" not in dict(fields_of(record))


def templates() -> Iterator[str]:
    """Every template in the source that has words, whole."""
    for file in [*(CHECKOUT / "goodhoster").rglob("*.py"), *(CHECKOUT / "agent").rglob("*.py")]:
        for node in ast.walk(ast.parse(file.read_text())):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in LEVELS
                and ast.unparse(node.func.value).endswith("log")
                and isinstance(node.args[0], ast.Constant)
            ):
                template = node.args[0].value
                assert isinstance(template, str)
                if "MESSAGE_ID" in dict(fields_of(logging.LogRecord("a", 30, "f", 1, template, (), None))):
                    yield template


def test_the_catalog_explains_every_line() -> None:
    made, lines = catalog(), {line_of(template) for template in templates()}
    assert len(lines) > 100
    assert [line for line in sorted(lines) if f"\n-- {message_id(line)}\n" not in made] == []


def test_an_entry_says_what_the_line_means_and_what_to_do() -> None:
    line = "no measures are taken: …; …"
    entry = catalog().partition(f"-- {message_id(line)}\n")[2].partition("\n-- ")[0]
    assert entry.startswith(f"Subject: {line}\nDefined-By: goodhoster\n")
    assert "\n\nThe audit log cannot be written.\n\nWhat to do: make room, or put the log back.\n" in entry


def test_no_id_is_given_twice() -> None:
    ids = [line for line in catalog().splitlines() if line.startswith("-- ")]
    assert len(ids) == len(set(ids)) > 100
