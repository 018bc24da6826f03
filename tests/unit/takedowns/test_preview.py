"""A preview of a confirmation names what the confirmation then takes, and changes nothing."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from goodhoster.model.notice_status import ItemState
from goodhoster.model.notices import TrustLevel
from goodhoster.takedowns.preview import Effect
from tests.unit.takedowns.test_desk import EVA, Services


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    services = Services(tmp_path)
    services.level = TrustLevel.UNAUTHENTICATED
    yield services
    services.close()


def files(services: Services) -> set[str]:
    return {str(file.relative_to(services.tree)) for file in services.tree.rglob("*.*") if file.is_file()}


def taken_by_preview(services: Services, notice_id: str) -> set[str]:
    lines = services.desk.preview(notice_id)
    return {line.place.path.decode() for line in lines if line.effect is Effect.TAKE and line.place}


def test_the_preview_names_the_files_and_addresses_that_confirm_takes(services: Services) -> None:
    picture = "GIF89a the same"
    urls = [services.file("anna/p.gif", picture), services.file("bert/other.gif"), "http://anna.example/app/1"]
    services.copies[urls[0]] = ["cas/p.gif"]
    services.file("cas/p.gif", picture)
    services.file("dora/keep.gif", "GIF89a another")
    notice = services.scart(*urls)
    before = files(services)
    lines = services.desk.preview(notice.id)
    assert (files(services), services.blocks.all) == (before, [])
    assert services.store.get(notice.id) == notice
    previewed = taken_by_preview(services, notice.id)
    assert {line.customer for line in lines if line.effect is Effect.TAKE} == {"anna", "bert", "cas"}
    assert [line.url for line in lines if line.effect is Effect.BLOCK] == [urls[2]]
    services.desk.confirm(notice.id, EVA)
    assert {name for name in before - files(services) if ".goodhoster" not in name} == previewed
    assert [block.url for block in services.blocks.all] == [urls[2]]
    assert services.desk.preview(notice.id) == []


def test_an_item_without_a_case_is_looked_for(services: Services) -> None:
    services.map_down = True
    notice = services.scart(services.file("anna/p.gif", "GIF89a"))
    held = replace(notice, items=tuple(replace(item, state=ItemState.HELD) for item in notice.items))
    services.store.replace(held, expected=notice.state)
    (line,) = services.desk.preview(notice.id)
    assert (line.effect, "cannot be told" in line.reason) == (Effect.LEAVE, True)
    services.map_down = False
    assert taken_by_preview(services, notice.id) == {"anna/p.gif"}
    services.desk.confirm(notice.id, EVA)
    assert not (services.tree / "anna/p.gif").exists()


def test_held_copies_are_said_to_stay(services: Services) -> None:
    picture = "GIF89a the same"
    url = services.file("anna/p.gif", picture)
    names = [f"{customer}/p.gif" for customer in ("bert", "cas", "dora", "emil")]
    for name in names:
        services.file(name, picture)
    services.copies[url] = names
    notice = services.scart(url)
    stays = {line.customer for line in services.desk.preview(notice.id) if line.effect is Effect.LEAVE}
    assert stays == {"bert", "cas", "dora", "emil"}
    assert taken_by_preview(services, notice.id) == {"anna/p.gif"}
    services.desk.confirm(notice.id, EVA)
    assert all((services.tree / name).exists() for name in names)
