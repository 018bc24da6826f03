"""A Wagtail site asks before it stores an image or a document, one by one and several at once."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.apidoor import ApiHost, opened
from tests.webprojects import environment, picture, serving

pytestmark = pytest.mark.timeout(600)  # a site with its database is made twice
PROJECT = Path(__file__).parent / "project"
KNOWN, CLEAR = picture("red"), picture("green")
HANDLERS = {
    "with the upload handler": ["goodhoster_django.uploadhandler.CheckedUploadHandler"],
    "with the validator alone": [
        "django.core.files.uploadhandler.MemoryFileUploadHandler",
        "django.core.files.uploadhandler.TemporaryFileUploadHandler",
    ],
}
WAYS = {
    "image": ("images/add/", "file"),
    "document": ("documents/add/", "file"),
    "several images": ("images/multiple/add/", "files[]"),
    "several documents": ("documents/multiple/add/", "files[]"),
    "image of a page": ("images/chooser/create/", "image-chooser-upload-file"),
    "document of a page": ("documents/chooser/create/", "document-chooser-upload-file"),
}


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiHost]:
    with opened(tmp_path_factory.mktemp("host"), known=[KNOWN]) as host:
        yield host


class Site:
    """The site with somebody logged in."""

    def __init__(self, url: str, folder: Path) -> None:
        self.folder = folder
        self.http = httpx.Client(base_url=f"{url}/admin/", timeout=60, follow_redirects=True)
        self.http.post("login/", data={"username": "editor", "password": "made up", **self._token("login/")})

    def _token(self, page: str) -> dict[str, str]:
        found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', self.http.get(page).text)
        assert found
        return {"csrfmiddlewaretoken": found[1]}

    def upload(self, way: str, content: bytes) -> httpx.Response:
        target, field = WAYS[way]
        prefix = field.removesuffix("file") if "chooser" in field else ""
        data = {f"{prefix}title": "me", f"{prefix}collection": "1", **self._token("images/add/")}
        headers = {"X-Requested-With": "XMLHttpRequest"} if "several" in way or "page" in way else {}
        return self.http.post(target, data=data, files={field: ("me.png", content, "image/png")}, headers=headers)

    def stored(self) -> set[bytes]:
        return {path.read_bytes() for path in (self.folder / "media").rglob("*") if path.is_file()}


@pytest.fixture(scope="module", params=HANDLERS.values(), ids=HANDLERS.keys())
def site(request: pytest.FixtureRequest, host: ApiHost, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("site")
    (folder / "media").mkdir()
    setting = {"ADDRESS": host.address, "TOKEN": host.secret, "ON_UNCHECKED": "closed"}
    more = {
        "SITE_FOLDER": str(folder),
        "SITE_GOODHOSTER": json.dumps(setting),
        "SITE_HANDLERS": json.dumps(request.param),
    }
    admin = {"DJANGO_SUPERUSER_PASSWORD": "made up"}
    for command in (
        ["migrate", "-v0"],
        ["createsuperuser", "--no-input", "--username=editor", "--email=e@example.org"],
    ):
        subprocess.run(
            [sys.executable, "manage.py", *command], cwd=PROJECT, env=environment(**more, **admin), check=True
        )
    with serving(PROJECT, more, folder / "log") as url:
        yield Site(url, folder)


@pytest.mark.parametrize("way", WAYS)
def test_known_material_is_not_stored_and_the_editor_is_told(way: str, site: Site, host: ApiHost) -> None:
    number = len(host.cases())
    got = site.upload(way, KNOWN)
    assert got.status_code == 200
    assert "cannot be accepted here" in got.text
    assert KNOWN not in site.stored()
    assert len(host.cases()) == number + 1


@pytest.mark.parametrize("way", WAYS)
def test_clear_material_is_stored(way: str, site: Site) -> None:
    content = CLEAR + way.encode()
    got = site.upload(way, content)
    assert got.status_code == 200
    assert content in site.stored()


def test_of_several_files_only_the_known_one_is_refused(site: Site) -> None:
    for content, success in ((CLEAR + b"first", True), (KNOWN, False), (CLEAR + b"last", True)):
        assert site.upload("several images", content).json()["success"] is success
