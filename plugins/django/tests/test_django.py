"""A Django site asks before it stores: every way a file can come, with goodhoster there and away."""

import json
import struct
import subprocess
import sys
from collections.abc import Iterator
from gettext import GNUTranslations
from pathlib import Path

import httpx
import pytest

from goodhoster.model.cases import CaseState
from tests.apidoor import ApiHost, opened
from tests.webprojects import environment, picture, serving

PROJECT = Path(__file__).parent / "project"
LOCALE = Path(__file__).parents[1] / "goodhoster_django" / "locale"
KNOWN, CLEAR = picture("red"), picture("green")
LARGE = KNOWN + b"\0" * 300_000
WAYS = ("file-form", "image-form", "own-handlers", "view", "chunks")


def site(folder: Path, address: str, **goodhoster: object) -> dict[str, str]:
    (folder / "media").mkdir(parents=True, exist_ok=True)
    setting = {"ADDRESS": address, "ON_UNCHECKED": "closed", "CUSTOMER": "urls.customer_of", **goodhoster}
    return {"SITE_FOLDER": str(folder), "SITE_GOODHOSTER": json.dumps(setting)}


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiHost]:
    with opened(tmp_path_factory.mktemp("host"), known=[KNOWN, LARGE]) as host:
        yield host


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("site")


@pytest.fixture(scope="module")
def url(host: ApiHost, folder: Path) -> Iterator[str]:
    with serving(PROJECT, site(folder, host.address, TOKEN=host.secret), folder / "log") as url:
        yield url


def stored(folder: Path) -> set[bytes]:
    return {path.read_bytes() for path in (folder / "media").iterdir()}


def post(url: str, content: bytes, **headers: str) -> httpx.Response:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.post(url, files={"file": ("me.png", content, "image/png")}, headers=sent, timeout=60)


@pytest.mark.parametrize("way", WAYS)
def test_known_material_is_not_stored_whatever_the_way(way: str, url: str, host: ApiHost, folder: Path) -> None:
    number = len(host.cases())
    got = post(f"{url}/{way}", KNOWN, X_Customer="anna")
    assert got.status_code == (400 if "form" in way or "own" in way else 403)
    assert KNOWN not in stored(folder)
    cases = host.cases()[number:]
    assert [(case.state, case.upload.customer, str(case.upload.place)) for case in cases] == [
        (CaseState.REFUSED, "anna" if way != "own-handlers" else "everything", "me.png")
    ]
    assert cases[0].measures[0].detail.endswith("the application says: refused")


@pytest.mark.parametrize("way", WAYS)
def test_clear_material_is_stored_as_it_came(way: str, url: str, folder: Path) -> None:
    for path in (folder / "media").iterdir():
        path.unlink()
    assert post(f"{url}/{way}", CLEAR).status_code == 200
    assert stored(folder) == {CLEAR}


@pytest.mark.parametrize("way", ["file-form", "view", "own-handlers"])
def test_a_large_file_is_checked_from_its_place_on_disk(way: str, url: str, folder: Path) -> None:
    assert post(f"{url}/{way}", LARGE).status_code in {400, 403}
    assert LARGE not in stored(folder)
    assert post(f"{url}/{way}", LARGE + b"another").status_code == 200
    assert LARGE + b"another" in stored(folder)


def test_what_a_program_saves_is_checked(url: str, folder: Path) -> None:
    for content in (KNOWN, LARGE):
        assert httpx.post(f"{url}/program", content=content).status_code == 403
    assert not stored(folder) & {KNOWN, LARGE}
    assert httpx.post(f"{url}/program", content=CLEAR + b"by a program").status_code == 200
    assert CLEAR + b"by a program" in stored(folder)


@pytest.mark.parametrize(
    ("language", "words"),
    [("en", "cannot be accepted"), ("nl", "niet worden geaccepteerd"), ("de", "nicht angenommen")],
)
def test_the_refusal_is_polite_and_in_the_users_language(language: str, words: str, url: str, host: ApiHost) -> None:
    errors = post(f"{url}/image-form", KNOWN, Accept_Language=language).json()
    assert words in errors["file"][0]["message"]
    assert errors["file"][0]["code"] == "refused"
    assert host.cases()[-1].id in errors["file"][0]["message"]


def test_each_retry_is_a_case_of_its_own(url: str, host: ApiHost) -> None:
    number = len(host.cases())
    for _ in range(3):
        post(f"{url}/file-form", KNOWN)
    assert len({case.id for case in host.cases()[number:]}) == 3


@pytest.mark.parametrize(("on_unchecked", "status"), [("open", 200), ("closed", 400)])
def test_while_goodhoster_is_away(on_unchecked: str, status: int, tmp_path: Path) -> None:
    environ = site(tmp_path, f"unix:{tmp_path}/nobody.sock", ON_UNCHECKED=on_unchecked)
    with serving(PROJECT, environ, tmp_path / "log") as url:
        got = post(f"{url}/file-form", CLEAR)
        assert got.status_code == status
        assert (CLEAR in stored(tmp_path)) == (on_unchecked == "open")
        if on_unchecked == "closed":
            assert got.json()["file"][0]["code"] == "unchecked"
            assert "try again later" in got.json()["file"][0]["message"]


@pytest.mark.parametrize(
    ("goodhoster", "handlers", "words"),
    [
        ({"ON_UNCHECKED": "maybe"}, None, "E001"),
        ({"ADDRESS": "http://example.org:80"}, None, "E001"),
        ({"ADRESS": "x"}, None, "E001"),
        ({"TOKEN_FILE": "/nowhere/token"}, None, "E001"),
        ({}, None, "no issues"),
    ],
)
def test_manage_check_tells_what_is_wrong(
    goodhoster: dict[str, object], handlers: None, words: str, tmp_path: Path
) -> None:
    more = site(tmp_path, "unix:/nowhere.sock", **goodhoster)
    ended = subprocess.run(
        [sys.executable, "manage.py", "check"],
        cwd=PROJECT,
        env=environment(**more),
        capture_output=True,
        text=True,
        check=False,
    )
    assert words in ended.stdout + ended.stderr


@pytest.mark.parametrize("language", ["en", "nl", "de"])
def test_a_catalogue_is_compiled_from_its_texts(language: str) -> None:
    folder = LOCALE / language / "LC_MESSAGES"
    with (folder / "django.mo").open("rb") as file:
        compiled = GNUTranslations(file)._catalog  # type: ignore[attr-defined]
    texts = {text for text in compiled if text}
    assert len(texts) == 2
    source = (folder / "django.po").read_text()
    for text in texts:
        assert f'msgid "{text}"\nmsgstr "{compiled[text]}"' in source
    assert struct.unpack("<I", (folder / "django.mo").read_bytes()[:4])[0] == 0x950412DE
