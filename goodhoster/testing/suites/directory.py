"""The conformance suite of `Directory`: its promises, as tests.

Subclass, give the fixture, run by pytest.

class TestMyPanel(DirectorySuite):
    @pytest.fixture
    def directory(self, tmp_path: Path) -> Directory:
        self.lay_out(tmp_path)
        return MyPanel(that serves self.DOCROOTS below tmp_path)
"""

# ruff: noqa: D102, S101 - a test's name is its docstring, and assert is its point

from __future__ import annotations

import os
from pathlib import Path

import pytest

from goodhoster.locating.disk import Disk
from goodhoster.locating.routes import choose, served_from
from goodhoster.locating.site_map import Answering, SiteMap
from goodhoster.model.site_rules import ServedFrom, SiteRequest
from goodhoster.ports import Directory


class DirectorySuite:
    """Subclass and give a fixture `directory` that serves two customers.

    It serves `anna.example` and `www.anna.example` from `anna/www` below tmp_path, with
    `/media/` from `anna/media`, and `bob.example` from `bob/www`.
    """

    def lay_out(self, folder: Path) -> None:
        """Make the directories that must be there."""
        for name in ("anna/www", "anna/media", "bob/www"):
            (folder / name).mkdir(parents=True)

    def test_has_a_name_for_messages(self, directory: Directory) -> None:
        assert directory.name
        assert directory.name.isprintable()

    @pytest.mark.parametrize(
        ("url", "expected"),
        [
            ("anna.example/a/b.jpg", "anna/www/a/b.jpg"),
            ("www.anna.example/a/b.jpg", "anna/www/a/b.jpg"),
            ("anna.example/media/b.jpg", "anna/media/b.jpg"),
            ("anna.example/mediator.jpg", "anna/www/mediator.jpg"),
            ("bob.example/", "bob/www"),
            ("bob.example/media/b.jpg", "bob/www/media/b.jpg"),
        ],
    )
    def test_tells_where_a_path_is(self, directory: Directory, tmp_path: Path, url: str, expected: str) -> None:
        host, _, rest = url.partition("/")
        path = f"/{rest}"
        (answering,) = SiteMap(directory.sites()).named(host)
        served = _where(answering, host, path)
        assert served is not None
        found = os.path.normpath(os.path.join(served.directory, served.path))
        assert found == os.path.normpath(os.fsencode(tmp_path / expected))

    def test_knows_no_other_host(self, directory: Directory) -> None:
        assert SiteMap(directory.sites()).named("cas.example") == []

    def test_says_the_same_when_asked_again(self, directory: Directory) -> None:
        assert list(directory.sites()) == list(directory.sites())

    def test_names_are_as_the_model_has_them(self, directory: Directory) -> None:
        for site in directory.sites():
            for name in site.names:
                assert name.startswith("~") or name == name.lower().rstrip(".")

    def test_directories_are_absolute(self, directory: Directory) -> None:
        for site in directory.sites():
            for route in site.routes:
                assert route.directory is None or route.directory.startswith(b"/")


def _where(answering: Answering, host: str, path: str) -> ServedFrom | None:
    """The path at which the site would look, whatever is there."""
    site = answering.site
    if site.rules is not None:
        asked = SiteRequest("http", host, 80, path.encode(), raw=path, variables=answering.variables)
        return site.rules.shown(asked, Disk())[0].at
    route = choose(site.routes, path)
    return served_from(route, path.encode(), answering.variables) if route else None
