"""The storm of 2021 again: standard images of WordPress get into a hash database, and 40 customers use WordPress."""

import json
from pathlib import Path

from goodhoster.testing.pictures import made_up_picture
from tests.journeys.host import GOODHOSTER, Host, look_at_all, sha1_of, wait_until

CUSTOMERS, LIMIT = 40, 3
STANDARD = {name: made_up_picture(number, blocks=2) for number, name in enumerate(("logo", "smiley", "arrow"))}


def install_wordpress(host: Host) -> list[Path]:
    """At every customer, before anything is checked."""
    return [
        host.upload(f"customer-{number:02}/wp-includes/images/{name}.png", content)
        for number in range(CUSTOMERS)
        for name, content in STANDARD.items()
    ]


def test_a_wrong_list_costs_no_more_than_the_first_measures_one_alert_and_one_command(host: Host) -> None:
    host.service.known = {sha1_of(content) for content in STANDARD.values()}
    host.configure(policy=f"storm_customers = {LIMIT}")
    files = install_wordpress(host)
    before = look_at_all(host.customers)
    host.start()
    status = host.settled({"known": len(files)})
    offline = [path for path in files if not path.exists()]
    assert len(offline) <= (LIMIT - 1) * len(STANDARD)
    assert status["held"] == len(files) - len(offline)
    assert wait_until(lambda: len(host.audit("storm.alerted")) == 1)

    (storm,) = map(json.loads, host.run("storms", "list", "--json").splitlines())
    would = host.run("storms", "undo", storm["id"], "--preview", "--json").splitlines()
    assert "say why" in host.run("storms", "undo", storm["id"], code=2)
    assert [path for path in files if not path.exists()] == offline
    done = json.loads(host.run("storms", "undo", storm["id"], "--reason", "images of WordPress", "--json"))
    assert len(done["restored"]) == len(files)
    assert {json.loads(line)["id"] for line in would} == set(done["restored"])
    assert look_at_all(host.customers) == before
    again = ("storms", "undo", storm["id"], "--reason", "twice", "--config", str(host.config))
    told = host.output("sh", "-c", '"$@" 2>&1', "sh", *GOODHOSTER, *again)
    assert "was undone already" in told

    host.upload("newcomer/wp-includes/images/logo.png", STANDARD["logo"])
    assert wait_until(lambda: host.status()["held"] == 1), host.status()
    assert (host.customers / "newcomer/wp-includes/images/logo.png").exists()

    released = ("storms", "release", storm["id"], "--reason", "known after all", "--config", str(host.config))
    told = host.output("sh", "-c", '"$@" 2>&1', "sh", *GOODHOSTER, *released)
    assert f"{len(files)} cases of it were restored by a person and their files stay online" in told
    assert all(path.exists() for path in files)
    assert not (host.customers / "newcomer/wp-includes/images/logo.png").exists()
