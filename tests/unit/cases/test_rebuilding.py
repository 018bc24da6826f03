"""The record is lost, or older than the disk: what lies in quarantine can be put back all the same."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from goodhoster.adapters.stores.cases import SqliteCaseStore
from goodhoster.cases.rebuilding import rebuild, unknown
from goodhoster.evidence.quarantine.survey import label_of, quarantined
from goodhoster.model.cases import Case, CaseState, Order
from tests.unit.cases.test_desk import Services

pytestmark = pytest.mark.usefixtures("unlocked")


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    services = Services(tmp_path)
    yield services
    services.store.close()


def rebuilt(services: Services) -> list[Case]:
    tree = os.fsencode(services.tree)
    return rebuild(services.desk(), quarantined(tree), partial(label_of, tree))


def lose_the_record(services: Services) -> None:
    services.store.close()
    services.store = SqliteCaseStore(services.folder / "record-new.sqlite")


def test_a_lost_record_is_made_anew_and_the_undo_is_exact(services: Services) -> None:
    upload = services.upload("anna/a.jpg")
    path = services.tree / "anna/a.jpg"
    path.chmod(0o640)
    before = path.stat()
    case = services.receive(services.seen("anna/a.jpg"))
    assert case.state is CaseState.OFFLINE
    lose_the_record(services)
    (again,) = rebuilt(services)
    assert (again.id, again.state, again.upload.place) == (case.id, CaseState.OFFLINE, upload.place)
    assert services.desk().restore(again.id, Order("eve", "mine")).state is CaseState.RESTORED
    after = path.stat()
    assert (after.st_ino, after.st_mode, after.st_mtime_ns) == (before.st_ino, before.st_mode, before.st_mtime_ns)
    assert path.read_text() == "known"
    assert "case.rebuilt" in services.events()


def test_what_the_record_knows_is_left_as_it_is(services: Services) -> None:
    services.receive(services.upload("anna/a.jpg"))
    assert rebuilt(services) == []
    lose_the_record(services)
    assert len(rebuilt(services)) == 1
    assert rebuilt(services) == []


def test_a_file_without_its_label_is_named_and_not_guessed_at(services: Services) -> None:
    case = services.receive(services.upload("anna/a.jpg"))
    label = services.tree / ".goodhoster/quarantine" / f"{case.id}.label"
    subprocess.run(["chattr", "-i", label], check=False)
    label.unlink()
    lose_the_record(services)
    assert rebuilt(services) == []
    assert unknown(quarantined(os.fsencode(services.tree)), services.store) == [case.id]
