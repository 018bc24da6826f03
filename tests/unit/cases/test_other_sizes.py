"""Other sizes of a picture are asked for, and let go, also where its case ended in a recovery."""

import os
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from goodhoster.assembly.services import Services
from goodhoster.errors import UnrecordedError
from goodhoster.model.cases import CaseState, Order
from goodhoster.model.digests import Algorithm
from goodhoster.model.uploads import FileState, Place, Upload
from goodhoster.model.verdicts import OTHER_SIZE, Match, Verdict, VerdictKind
from goodhoster.settings import load
from goodhoster.testing.suites.hash_source import made_up
from goodhoster.uploads.index import Arrival, Priority
from tests.full_log import LogFullAt

KNOWN = Verdict(VerdictKind.KNOWN, (Match("police", Algorithm.SHA1),))
BY_NAME = Verdict(VerdictKind.NEAR, (Match("other-sizes", OTHER_SIZE, distance=1),))
EVE = Order("eve", "a cake")

pytestmark = pytest.mark.usefixtures("unlocked")


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    file = tmp_path / "goodhoster.toml"
    (tmp_path / "customers" / "anna").mkdir(parents=True)
    file.write_text(
        f'[agent]\nstate_dir = "{tmp_path}/state"\n'
        f'[[watch]]\npath = "{tmp_path}/customers"\n[policy]\nmode = "enforce"\n'
    )
    with Services(load(file)) as services:
        yield services


def upload(services: Services, name: str) -> Upload:
    path = services.settings.file.parent / "customers" / "anna" / name
    path.write_text(name)
    place = Place(services.trees[0].root, b"anna/" + os.fsencode(name))
    return Upload(place, "anna", FileState.of(path.stat()))


def waiting(services: Services) -> list[bytes]:
    return [job.place.path for job in services.index.take(time.time(), 10)]


def checked(services: Services, name: str) -> Upload:
    """A file that was checked, and waits for nothing."""
    other, now = upload(services, name), time.time()
    services.index.expect([Arrival(other.place, "anna", now, Priority.FRESH)], now)
    for job in services.index.take(now, 10):
        services.index.settle(job)
    assert waiting(services) == []
    return other


def test_what_went_offline_before_a_crash_has_its_other_sizes_checked(services: Services) -> None:
    checked(services, "p-150x150.jpg")
    picture = upload(services, "p.jpg")
    log = LogFullAt(services.state_dir / "audit.log", "measure.done")
    desk = replace(services.desk, audit=log)
    with pytest.raises(UnrecordedError):
        desk.open(picture, made_up("p.jpg").digests, KNOWN)
    assert waiting(services) == []
    log.room = True
    assert [case.state for case in desk.recover()] == [CaseState.OFFLINE]
    assert waiting(services) == [b"anna/p-150x150.jpg"]


def test_what_came_back_before_a_crash_lets_its_other_sizes_go(services: Services) -> None:
    """They waited for a person for ever."""
    small = upload(services, "p-150x150.jpg")
    case = services.desk.open(upload(services, "p.jpg"), made_up("p.jpg").digests, KNOWN)
    held = services.desk.open(small, made_up("p-150x150.jpg").digests, BY_NAME)
    assert case
    assert held
    assert (case.state, held.state) == (CaseState.OFFLINE, CaseState.HELD)
    log = LogFullAt(services.state_dir / "audit.log", "restore.done")
    desk = replace(services.desk, audit=log)
    with pytest.raises(UnrecordedError):
        desk.restore(case.id, EVE)
    assert services.case_store.get(held.id).state is CaseState.HELD
    log.room = True
    desk.recover()
    assert services.case_store.get(case.id).state is CaseState.RESTORED
    assert services.case_store.get(held.id).state is CaseState.WITHDRAWN
