"""The crawler in a real daemon, on a real site that is looked at over the network."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from goodhoster.testing.hash_check_service import FakeHashService
from goodhoster.testing.pictures import made_up_picture
from tests.journeys.host import GOODHOSTER, Host, wait_until
from tests.journeys.noticehost import NoticeHost

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, for a network of its own")
LISTED = '[agent]\nstate_dir = "state"\n[[watch]]\npath = "customers"\n[[hash_source]]\nkind = "list"\n'
CRAWL = '[crawl]\nevery = "3s"\npause = "10ms"\n'


class Networked(Host):
    """A host whose daemon has a network of its own, with anna's site in it."""

    def configure(self, **_options: str) -> None:
        self.config.write_text(LISTED + '[policy]\nmode = "enforce"\n')

    def start(self, **_environment: str) -> None:
        site = self.customers / "anna" / "www"
        (self.folder / "hosts").write_text("127.0.0.1 localhost anna.example www.anna.example\n")
        alone = ("unshare", "--mount", "--propagation", "private", "--net")
        wrapped = (sys.executable, "-m", "tests.journeys.own_network", str(site), str(self.folder / "hosts"))
        command = (*alone, *wrapped, *GOODHOSTER, "run", "--config", str(self.config))
        with (self.folder / "journal").open("a") as journal:
            self.daemon = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=journal, text=True)
        assert self.daemon.stdout
        assert self.daemon.stdout.readline() == "ready\n", self.journal()


@pytest.fixture
def networked(tmp_path: Path, service: FakeHashService, unlocked: None) -> Iterator[Networked]:
    host = Networked(tmp_path, service)
    host.customers.mkdir()
    host.configure()
    yield host
    if host.daemon:
        host.kill()


def test_what_comes_back_at_another_address_is_found_by_a_round_of_the_daemon(networked: Networked) -> None:
    noticed = NoticeHost(networked)
    pager = noticed.page_to("paged")
    noticed.configure('own_networks = ["127.0.0.0/8"]', more=pager, customers=("anna",))
    picture = made_up_picture(1)
    networked.upload("anna/www/p.png", picture)
    networked.upload("anna/www/index.html", b'<a href="/show?id=again.png">more</a>')
    networked.start()
    notice = noticed.receive(noticed.mail("http://anna.example/p.png"))["id"]
    assert not (networked.customers / "anna/www/p.png").exists()

    def item() -> dict[str, Any]:
        (shown,) = [each for each in noticed.notices() if each["id"] == notice]
        found: dict[str, Any] = shown["items"][0]
        return found

    assert wait_until(lambda: item()["state"] == "inaccessible"), item()
    networked.stop()
    networked.upload("anna/store/again.png", picture)
    profile = networked.folder / "conf.d" / "notices.toml"
    profile.write_text(profile.read_text() + CRAWL)
    networked.start()
    assert wait_until(lambda: bool((networked.status()["crawl"] or {}).get("ended_at"))), networked.journal()
    assert item()["state"] == "reopened", (item(), networked.status()["crawl"])
    assert item()["found_at"] == ["http://anna.example/show?id=again.png"]
    assert wait_until(lambda: any(notice in subject for subject in noticed.paged("paged")))
