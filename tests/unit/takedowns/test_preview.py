"""A preview of a confirmation names what the confirmation then takes, and changes nothing."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from goodhoster.model.cases import CaseState
from goodhoster.model.notice_status import ItemState, Sight
from goodhoster.model.notices import TrustLevel
from goodhoster.takedowns.preview import PreviewEffect
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
    return {line.place.path.decode() for line in lines if line.effect is PreviewEffect.TAKE and line.place}


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
    assert {line.customer for line in lines if line.effect is PreviewEffect.TAKE} == {"anna", "bert", "cas"}
    assert [line.url for line in lines if line.effect is PreviewEffect.BLOCK] == [urls[2]]
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
    assert (line.effect, "cannot be located" in line.reason) == (PreviewEffect.LEAVE, True)
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
    stays = {line.customer for line in services.desk.preview(notice.id) if line.effect is PreviewEffect.LEAVE}
    assert stays == {"bert", "cas", "dora", "emil"}
    assert taken_by_preview(services, notice.id) == {"anna/p.gif"}
    services.desk.confirm(notice.id, EVA)
    assert all((services.tree / name).exists() for name in names)


def test_a_preview_of_a_dismissal_names_what_it_then_closes_and_changes_nothing(services: Services) -> None:
    services.copies = {"http://anna.example/p.jpg": ["bert/same.jpg"]}
    services.file("bert/same.jpg", "the same")
    url = services.file("anna/p.jpg", "the same")
    notice = services.scart(url, "http://anna.example/app/view", "http://elsewhere.invalid/x.jpg")
    before = services.store.get(notice.id)
    lines = services.desk.preview_dismissal(notice.id)
    closed = {line.case for line in lines if line.effect is PreviewEffect.CLOSE}
    at = {case.upload.customer for case in services.cases.get_all(before.items[0].cases)}
    assert {(line.effect, line.customer) for line in lines if line.url == url} == {
        (PreviewEffect.CLOSE, one) for one in at
    }
    assert at == {"anna", "bert"}
    assert services.store.get(notice.id) == before
    assert {case.state for case in services.cases.get_all(before.items[0].cases)} == {CaseState.HELD}
    services.desk.dismiss(notice.id, EVA)
    assert {case.state for case in services.cases.get_all(sorted(closed))} == {CaseState.RESTORED}


def test_it_names_a_block_that_is_lifted_and_what_stays_offline(services: Services) -> None:
    services.level = TrustLevel.PINNED
    gone, url = services.file("anna/p.jpg"), "http://anna.example/app/view"
    for seen in (gone, url):
        services.outside.sights[seen] = Sight.THERE
    notice = services.scart(url, gone, "http://anna.example/none.jpg")
    services.later(hours=1)
    held = services.store.get(notice.id)
    assert held.items[0].blocked
    effects = {line.url: (line.effect, line.reason) for line in services.desk.preview_dismissal(notice.id)}
    assert effects[url] == (PreviewEffect.LIFT, "")
    assert effects[gone][0] is PreviewEffect.LEAVE
    assert "cases show" in effects[gone][1]
    services.desk.dismiss(notice.id, EVA)
    assert services.blocks.all == []
    assert not (services.tree / "anna/p.jpg").exists()
