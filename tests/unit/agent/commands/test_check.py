"""`check` and `scan` tell what was found, and never that a file must wait for others."""

from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import pytest

from goodhoster.assembly.services import Services
from goodhoster.assembly.state import lists_directory
from goodhoster.checking.hasher import DirectHasher
from goodhoster.hashlists.importing import import_entries
from goodhoster.model.uploads import POSTPONED, Content, Fault
from goodhoster.model.verdicts import Category, VerdictKind
from goodhoster.settings import load
from goodhoster.testing.drawn import jpeg
from goodhoster.testing.suites.hash_source import made_up
from goodhoster_agent.commands.check import answers
from goodhoster_agent.ordered_scan import region_of, scan


class Busy(DirectHasher):
    """Opens a file when it comes for the third time: before, others take long."""

    came: ClassVar[Counter[int]] = Counter()

    def read(self, fd: int) -> Content:
        content = super().read(fd)
        self.came[content.size] += 1
        if self.came[content.size] <= 2:
            return replace(content, fingerprints=(), fault=Fault(POSTPONED, "others are slow"))
        return content


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    Busy.came.clear()
    (tmp_path / "files").mkdir()
    (tmp_path / "goodhoster.toml").write_text(
        f"""
[agent]
state_dir = "{tmp_path}/state"
settle = "100ms"
[[watch]]
path = "{tmp_path}/files"
[[hash_source]]
kind = "list"
"""
    )
    settings = load(tmp_path / "goodhoster.toml")
    with Services(settings, Busy) as services:
        import_entries(lists_directory(settings), "other", [(made_up("other").digests.md5, Category.OTHER)])
        yield services


def test_check_asks_again_until_there_is_an_answer(services: Services, tmp_path: Path) -> None:
    (tmp_path / "files/a.jpg").write_bytes(jpeg(1))
    with closing(answers(services, [tmp_path / "files"])) as found:
        assert [answer.verdict.kind for answer in found] == [VerdictKind.CLEAR]
    assert Busy.came.total() == 3


def test_check_that_is_broken_off_waits_for_nothing(services: Services, tmp_path: Path) -> None:
    (tmp_path / "files/a.jpg").write_bytes(jpeg(1))
    (tmp_path / "files/b.jpg").write_bytes(jpeg(2, (200, 200)))
    for size in ((tmp_path / f"files/{name}.jpg").stat().st_size for name in "ab"):
        Busy.came[size] = 1
    Busy.came[(tmp_path / "files/b.jpg").stat().st_size] = -1_000_000
    with closing(answers(services, [tmp_path / "files/a.jpg", tmp_path / "files/b.jpg"])) as found:
        assert next(found).verdict.kind is VerdictKind.CLEAR


def test_scan_waits_for_what_must_wait(services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("goodhoster.uploads.check_scheduling._POSTPONED_SECONDS", 0.1)
    (tmp_path / "files/a.jpg").write_bytes(jpeg(1))
    *_, result = scan(services, [region_of(services, bytes(tmp_path / "files"))])
    assert result.verdicts == {VerdictKind.CLEAR: 1}
