"""Every runbook of docs/, carried out as it is written, at a host that has that trouble."""

import re
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from goodhoster.testing import http_answers
from goodhoster.testing.pictures import made_up_picture
from tests.disks import fill_disk
from tests.journeys.host import Host, sha1_of, wait_until
from tests.journeys.noticehost import NoticeHost
from tests.journeys.walkthrough import DOCS, Walkthrough, steps

pytestmark = pytest.mark.timeout(600)
"""A page has up to twenty commands, each a process of its own, and several starts of the daemon."""
KNOWN = made_up_picture(1, blocks=2)
NIGHTS = {
    "runbook-customer-hit-wrongly.md",
    "runbook-disk-full.md",
    "runbook-does-not-start.md",
    "runbook-hash-service-away.md",
    "runbook-keys-and-secrets.md",
    "runbook-new-host.md",
    "runbook-order-at-night.md",
    "runbook-state-lost.md",
    "runbook-storm.md",
    "runbook-upgrade.md",
}


def taken_offline(host: Host) -> str:
    """One file of anna's is offline, by the daemon; the id of its case."""
    host.service.known = {sha1_of(KNOWN)}
    file = host.upload("anna/known.png", KNOWN)
    if not host.daemon:
        host.start()
    assert wait_until(lambda: not file.exists()), host.journal()
    assert wait_until(lambda: [case["state"] for case in host.cases()] == ["offline"]), host.cases()
    return str(host.cases()[0]["id"])


def test_every_runbook_is_carried_out_here() -> None:
    assert {page.name for page in DOCS.glob("runbook-*.md")} == NIGHTS


@pytest.mark.parametrize("name", sorted(NIGHTS))
def test_a_runbook_says_what_one_sees_what_to_do_and_when_to_call(name: str) -> None:
    text = (DOCS / name).read_text()
    assert text.startswith("# Runbook: ")
    assert text.rpartition("\n## ")[2].startswith("Stop and call\n")
    assert steps(DOCS / name)


@pytest.mark.debian("e2fsprogs", program="mkfs.ext4")
def test_the_disk_is_full(host: Host, disk: Callable[..., Path]) -> None:
    state = disk("ext4", at=host.folder / "state", size=24)
    state.chmod(0o700)
    host.service.known = {sha1_of(KNOWN)}
    host.start()
    host.settled()
    ballast = state / "ballast"
    fill_disk(ballast)
    host.upload("anna/known.png", KNOWN)
    page = Walkthrough(host, "runbook-disk-full.md")
    page.follow("What you see")
    page.follow("What to do")
    ballast.unlink()
    page.follow("Afterwards")
    page.all_done()


class TestStateLost:
    PAGE = "runbook-state-lost.md"

    @pytest.fixture
    def page(self, host: Host) -> Walkthrough:
        taken_offline(host)
        host.run("audit", "checkpoint")
        host.run("state", "backup", str(host.folder / "backup/goodhoster"), "--with-keys")
        return Walkthrough(host, self.PAGE)

    @pytest.fixture(autouse=True)
    def _backups(self, host: Host) -> None:
        (host.folder / "backup").mkdir()

    def test_all_of_it(self, host: Host, page: Walkthrough) -> None:
        (host.folder / "state").rename(host.folder / "gone")  # at once: the daemon still writes there
        page.follow("What you see: all of it is gone")
        page.follow("Restore the backup")

    def test_a_database_and_a_key(self, host: Host, page: Walkthrough) -> None:
        host.stop()
        for lost in ("notices.sqlite", "audit.key"):
            for file in (host.folder / "state").glob(f"{lost}*"):
                file.unlink()
        host.start()
        page.follow("One database is gone")
        page.follow("The keys of the audit log are gone")

    def test_no_backup(self, host: Host, page: Walkthrough) -> None:
        host.stop()
        shutil.rmtree(host.folder / "state")
        host.start()
        page.follow("Without any backup")

    def test_no_section_is_left_out(self) -> None:
        tried = {
            "What you see: all of it is gone", "Restore the backup", "One database is gone",
            "The keys of the audit log are gone", "Without any backup",
        }  # fmt: skip
        assert {step.section for step in steps(DOCS / self.PAGE)} == tried


def test_the_hash_service_is_away(host: Host) -> None:
    host.service.known = {sha1_of(KNOWN)}
    host.service.behave = lambda _: http_answers.reply(503)
    host.start()
    host.upload("anna/known.png", KNOWN)
    page = Walkthrough(host, "runbook-hash-service-away.md")
    page.follow("What you see")
    page.follow("What to do")
    host.service.behave = lambda _: None
    page.follow("Afterwards")
    page.all_done()


def test_a_storm(host: Host) -> None:
    host.service.known = {sha1_of(KNOWN)}
    host.configure(policy="storm_customers = 3")
    files = [host.upload(f"customer-{number}/wp-includes/logo.png", KNOWN) for number in range(4)]
    host.start()
    host.settled()
    page = Walkthrough(host, "runbook-storm.md")
    page.names["STORM"] = host.run("storms", "list").splitlines()[1].split()[0]
    page.follow("What you see")
    page.follow("First, if more than one source or customer is in it")
    page.follow("Decide")
    assert all(file.read_bytes() == KNOWN for file in files)
    page.follow("Afterwards")
    page.all_done()


def test_moving_to_another_host(host: Host) -> None:
    case = taken_offline(host)
    (host.folder / "backup").mkdir()
    new = host.folder / "new"
    (new / "customers").mkdir(parents=True)
    page = Walkthrough(host, "runbook-new-host.md", {"CASE": case}, {"/new/customers": new / "customers"})
    page.follow("On the old host")
    page.follow("Take the customers' files along")
    host.customers.rename(host.folder / "old-customers")
    (new / "customers").rename(host.customers)
    shutil.rmtree(host.folder / "state")
    page.follow("On the new host")
    page.all_done()
    assert (host.customers / "anna/known.png").read_bytes() == KNOWN


def test_keys_and_secrets(host: Host) -> None:
    taken_offline(host)
    host.run("hashservice", "client", "add", "shop")
    host.service.password = "another made-up password"
    page = Walkthrough(host, "runbook-keys-and-secrets.md", {"NEW-PASSWORD": f"'{host.service.password}'"})
    for words in (["keys"], ["change-keys", "--reason", "made up"]):
        assert "this log has no keys yet" in host.run("audit", *words, code=2), "as the page says"
    host.run("audit", "checkpoint")
    before = host.run("audit", "keys")
    page.follow("The password at the hash service")
    page.follow("The keys of the audit log")
    page.follow("Accounts of your own hash service")
    page.all_done()
    assert host.run("audit", "keys") != before


def test_upgrade_and_going_back(host: Host) -> None:
    """What the package does is packaging/try.sh's; here is what a newer program's database does to this one."""
    taken_offline(host)
    (host.folder / "backup").mkdir()
    page = Walkthrough(host, "runbook-upgrade.md")
    page.follow("Before")
    page.follow("Upgrade")
    host.stop()
    with closing(sqlite3.connect(host.folder / "state/record.sqlite")) as database:
        (version,) = database.execute("PRAGMA user_version").fetchone()
        database.execute(f"PRAGMA user_version = {version + 1}")
    told = host.run("run", code=2)
    assert "was written by a newer goodhoster" in told
    (host.folder / "journal").write_text(f"{host.journal()}{told}")
    page.follow("Going back")
    page.all_done()


def test_a_customer_was_hit_wrongly(host: Host) -> None:
    case = taken_offline(host)
    page = Walkthrough(host, "runbook-customer-hit-wrongly.md", {"CASE": case})
    page.follow("What you see")
    page.follow("Decide")
    assert (host.customers / "anna/known.png").read_bytes() == KNOWN
    page.follow("Afterwards")
    page.all_done()


def test_an_order_at_night(host: Host) -> None:
    house = NoticeHost(host)
    house.configure(customers=["anna"])
    url = house.upload("anna", "a.jpg")
    host.start()
    notice = str(house.receive(house.mail(url, signed=False))["id"])
    order = re.search(r"```text\n(.*?)```", (DOCS / "runbook-order-at-night.md").read_text(), re.DOTALL)
    assert order
    (host.folder / "order.txt").write_text(order[1])
    assert house.upload("anna", "b.jpg") in order[1]
    (host.folder / "backup").mkdir()
    page = Walkthrough(host, "runbook-order-at-night.md", {"NOTICE": notice}, {"/root": host.folder})
    for section in ("What you see", "Is it theirs?", "Act"):
        page.follow(section)
    assert not house.there(url)
    assert wait_until(lambda: len(host.cases()) > 0)
    page.names["CASE"] = str(host.cases()[0]["id"])
    page.follow("Afterwards")
    page.all_done()


def test_the_daemon_does_not_start(host: Host) -> None:
    whole = host.config.read_text()
    host.config.write_text(whole.replace("[policy]", "[policy]\nstorm_custmers = 3"))
    (host.folder / "journal").write_text(host.run("run", code=2))
    page = Walkthrough(host, "runbook-does-not-start.md")
    page.follow("What you see")
    host.config.write_text(whole)
    page.follow("What to do")
    page.follow("Afterwards")
    page.all_done()
