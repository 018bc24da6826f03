"""A tree that is not there, such as a disk that is not mounted, keeps no other from being watched."""

import os

import pytest

from goodhoster.testing.pictures import made_up_picture
from tests.journeys.host import Host, sha1_of, wait_until


def test_others_go_on_and_what_it_holds_is_checked_when_it_comes(host: Host) -> None:
    known = made_up_picture(1)
    host.service.known = {sha1_of(known)}
    disk = host.folder / "disk"
    with host.config.open("a") as file:
        file.write(f'[[watch]]\npath = "{disk}"\n')
    host.run("config", "check", code=2)
    host.start()
    first = host.upload("anna/known.png", known)
    assert len(host.offline(first)) == 1
    assert wait_until(
        lambda: any("ALARM" in problem and str(disk) in problem for problem in host.status()["degraded"])
    ), host.status()

    (away := host.folder / "away").mkdir()
    (away / "bert").mkdir()
    (away / "bert" / "known.png").write_bytes(known)
    away.rename(disk)
    assert wait_until(lambda: not (disk / "bert" / "known.png").exists())
    (disk / "bert" / "later.png").write_bytes(known)
    assert wait_until(lambda: not (disk / "bert" / "later.png").exists())
    assert wait_until(lambda: host.status()["degraded"] == [])

    disk.rename(away)
    assert wait_until(lambda: any("ALARM" in problem for problem in host.status()["degraded"]))
    disk = away.rename(disk)
    assert wait_until(lambda: host.status()["degraded"] == [])
    host.run("cases", "restore", *(case["id"] for case in host.offline()), "--reason", "test")
    assert (disk / "bert" / "later.png").read_bytes() == known
    host.stop()


@pytest.mark.skipif(os.geteuid() != 0, reason="root, whose links are followed")
def test_a_watched_link_that_root_switches_is_followed_to_the_other_disk(host: Host) -> None:
    known = made_up_picture(1)
    host.service.known = {sha1_of(known)}
    for disk in ("one", "two"):
        (host.folder / disk / "bert").mkdir(parents=True)
    (link := host.folder / "served").symlink_to(host.folder / "one")
    with host.config.open("a") as file:
        file.write(f'[[watch]]\npath = "{link}"\n')
    host.start()
    (there := host.folder / "one/bert/known.png").write_bytes(known)
    assert wait_until(lambda: not there.exists())
    (lying := host.folder / "two/bert/known.png").write_bytes(known)

    (new := host.folder / "new").symlink_to(host.folder / "two")
    new.rename(link)
    assert wait_until(lambda: not lying.exists())
    assert wait_until(lambda: str(host.folder / "two") in host.status()["trees"]), host.status()
    later = host.folder / "two/bert/later.png"
    later.write_bytes(known)
    assert wait_until(lambda: not later.exists())

    (linked := host.folder / "two/carl").symlink_to(host.folder / "nowhere")
    host.stop()
    host.start()
    assert wait_until(lambda: any(f"{linked} to" in problem for problem in host.status()["degraded"]))
    host.stop()


@pytest.mark.skipif(os.geteuid() != 0, reason="root, whose links are followed")
def test_a_home_that_root_linked_to_another_disk_is_its_customers_and_watched(host: Host) -> None:
    known, other = made_up_picture(1), made_up_picture(2)
    host.service.known = {sha1_of(known), sha1_of(other)}
    for name in ("u1001", "u1002"):
        (host.folder / "disk" / name).mkdir(parents=True)
    host.customers.mkdir(exist_ok=True)
    (host.customers / "bert").symlink_to(host.folder / "disk/u1001")
    host.start()
    (there := host.folder / "disk/u1001/known.png").write_bytes(known)
    (case,) = host.offline(there)
    assert case["customer"] == "bert"
    assert wait_until(lambda: host.status()["degraded"] == []), host.status()
    host.run("cases", "restore", case["id"], "--reason", "test")
    assert there.read_bytes() == known

    (lying := host.folder / "disk/u1002/known.png").write_bytes(other)
    (new := host.folder / "new").symlink_to(host.folder / "disk/u1002")
    new.rename(host.customers / "bert")
    assert wait_until(lambda: not lying.exists())
    assert f"the link {host.customers}/bert leads to {host.folder}/disk/u1002 now" in host.journal()
    host.stop()
