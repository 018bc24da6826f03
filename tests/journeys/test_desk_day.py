"""30 notices and 20 held matches, worked off by commands alone: each step as docs/how-to-people.md has it, and counted.

A person's time is what a person does: to type, to read, to decide. It is written down there for each step; here the
commands are counted, and the machine's own time is measured: what a person waits for.
"""

import json
import time

import pytest

from goodhoster.testing.pictures import made_up_picture
from tests.journeys.host import Host, sha1_of
from tests.journeys.noticehost import NoticeHost

GOOD, BAD, STORM, SINGLE = 20, 10, 12, 8
PERSON_PER_COMMAND = 45.0
"""Seconds of a person for one command, at the most: to type it from a list, read what it prints and decide."""


class Desk:
    """One person at the desk: what is typed, and how long the machine takes."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.commands: list[str] = []
        self.waited = 0.0

    def type(self, *words: str, code: int = 0) -> str:
        begun = time.monotonic()
        out = self.host.run(*words, code=code)
        self.waited += time.monotonic() - begun
        self.commands.append(" ".join(words[:2]))
        return out


def ids(printed: str) -> list[str]:
    """The ids of a list, as a person copies its first column."""
    return [line.split()[0] for line in printed.splitlines()[1:]]


@pytest.fixture
def desk(host: Host) -> Desk:
    """A host with 30 notices that wait for a person and 20 held matches: 12 of a wrong list, and 8 others."""
    house = NoticeHost(host)
    logo = made_up_picture(1, blocks=2)
    singles = [f"held {number}".encode() for number in range(SINGLE)]
    customers = [f"customer-{number}" for number in range(STORM + 2)]
    host.configure(policy='storm_customers = 3\nmeasures_per_hour = 0\ninvestigative = "hold"')
    house.configure(customers=customers)
    for number in range(STORM):
        host.upload(f"customer-{number}/wp/logo.png", logo)
    for number, content in enumerate(singles):
        host.upload(f"customer-{STORM}/{number}.png", content)
    host.service.known = {sha1_of(logo), *map(sha1_of, singles)}
    host.run("scan", str(host.customers), code=1)
    assert {case["state"] for case in host.cases()} == {"held"}
    assert len(host.cases()) == STORM + SINGLE
    for number in range(GOOD + BAD):
        url = house.upload(f"customer-{STORM + 1}", f"{number}.jpg")
        house.receive(house.mail(url, signed=False))
    return Desk(host)


def test_30_notices_and_20_held_matches_are_worked_off_by_commands_alone(desk: Desk) -> None:
    desk.type("status", code=1)
    waiting = ids(desk.type("notices", "list", "--state", "needs-person"))
    assert len(waiting) == GOOD + BAD
    desk.type("notices", "take", *waiting)
    desk.type("notices", "show", waiting[0])
    good, bad = waiting[:GOOD], waiting[GOOD:]
    desk.type("notices", "confirm", *good, "--preview")
    desk.type("notices", "confirm", *good, "--reason", "called the hotline: all of them are theirs")
    desk.type("notices", "dismiss", *bad, "--reason", "photographs of cakes")
    (storm, *_) = ids(desk.type("storms", "list"))
    desk.type("storms", "show", storm)
    desk.type("storms", "undo", storm, "--reason", "an image of WordPress")
    desk.type("cases", "list", "--state", "held")
    desk.type("cases", "confirm", "--all", "--state", "held", "--preview")
    desk.type("cases", "confirm", "--all", "--state", "held", "--reason", "asked the source: it is right")
    desk.type("notices", "list", "--mine")

    house = desk.host
    states = [json.loads(line)["state"] for line in house.run("notices", "list", "--json").splitlines()]
    assert not [state for state in states if state == "needs-person"]
    assert not [case for case in house.cases() if case["state"] == "held"]
    assert house.audit("notice.confirmed")
    assert house.audit("notice.dismissed")
    person = len(desk.commands) * PERSON_PER_COMMAND
    assert len(desk.commands) == 14, "as the page has it"
    assert person + desk.waited < 15 * 60, (desk.commands, desk.waited)
