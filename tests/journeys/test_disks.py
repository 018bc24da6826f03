"""Disks as they are: numbered anew, full, over a quota, read-only; and an index that is damaged or gone. Real daemons,
real file systems, counted from outside.
"""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from goodhoster.testing.pictures import made_up_picture
from tests.journeys.host import Host, sha1_of, wait_until

Disk = Callable[..., Path]
COMPARED = "with the index: "


@pytest.mark.debian("e2fsprogs", program="mkfs.ext4")
def test_a_disk_with_another_number_after_a_reboot_costs_nothing(
    host: Host, disk: Disk, renumber: Callable[[Path], None]
) -> None:
    """Nothing is read or asked again; what was taken offline comes back, and what was held can be confirmed."""
    disk("ext4", at=host.customers)
    pictures = [made_up_picture(number, blocks=2) for number in range(20)]
    host.service.known = {sha1_of(pictures[0]), sha1_of(pictures[1])}
    host.configure(policy="measures_per_hour = 1")
    paths = [host.upload(f"customer-{number}/{number}.png", content) for number, content in enumerate(pictures)]
    host.start()
    assert host.settled()["held"] == 1
    host.stop()
    renumber(host.customers)
    asked, compared = len(host.service.requests), host.journal().count(COMPARED)

    host.start()
    assert wait_until(lambda: host.journal().count(COMPARED) > compared)
    host.settled()
    assert len(host.service.requests) == asked
    states = {case["state"]: case["id"] for case in host.cases()}
    assert states.keys() == {"offline", "held"}
    host.run("cases", "confirm", states["held"], "--reason", "test")
    assert not any(path.exists() for path in paths[:2])
    done = json.loads(host.run("cases", "restore", *states.values(), "--reason", "test", "--json"))
    assert sorted(done["restored"]) == sorted(states.values())
    assert [path.read_bytes() for path in paths] == pictures
