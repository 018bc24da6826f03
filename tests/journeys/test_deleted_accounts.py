"""Accounts that are deleted while a case of theirs is open: what is said of it is what is there."""

import csv
import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from goodhoster.testing.pictures import made_up_picture
from tests.journeys.host import Host, Look, sha1_of, wait_until

KNOWN = made_up_picture(1, blocks=2)
NOBODY = 61_001
"""A user id without an account."""


@pytest.fixture
def knowing(host: Host) -> Host:
    host.service.known = {sha1_of(KNOWN)}
    return host


def register(host: Host, *customers: str) -> None:
    """Import a register of exactly these: whoever is missing has ended."""
    file = host.folder / "customers.csv"
    with file.open("w", newline="") as written:
        csv.writer(written).writerows([("id", "name"), *((each, f"Made-up {each}") for each in customers)])
    host.run("customers", "import", str(file), "--replace", "--allow-ended", "1")


def delete(host: Host, customer: str) -> None:
    """As a panel does: the home goes, and the register has the customer no longer."""
    shutil.rmtree(host.customers / customer)
    register(host, "bert")


def order(host: Host, *words: str) -> dict[str, Any]:
    _, told = host.ended_with("cases", *words, "--reason", "test", "--json")
    return json.loads(told)


def why(answer: dict[str, Any]) -> str:
    """Why the one order was refused."""
    assert not any(answer[verb] for verb in answer if verb != "refused"), answer
    (refused,) = answer["refused"]
    return refused["why"]


def taken(host: Host) -> tuple[Path, Look, str]:
    """A file of anna's that is offline, how it was, and its case."""
    register(host, "anna", "bert")
    path = host.upload("anna/site/a.png", KNOWN)
    if os.geteuid() == 0:
        os.chown(path, NOBODY, NOBODY)
    before = Look.at(path)
    host.start()
    (case,) = host.offline(path)
    return path, before, case["id"]


def test_what_is_offline_stays_so_and_comes_back_only_where_a_person_says(knowing: Host) -> None:
    path, before, case = taken(knowing)
    delete(knowing, "anna")
    assert "is gone" in why(order(knowing, "restore", case))
    assert "there is no measure to cancel" in why(order(knowing, "cancel", case))
    shown = knowing.run("cases", "show", case)
    assert "offline" in shown
    assert "restore refused" in shown
    assert knowing.run("audit", "outcomes").startswith("1 matches: 1 offline")
    assert "1 files, as the record says" in knowing.ended_with("doctor")[1]
    assert not path.exists()

    path.parent.mkdir(parents=True)
    assert "is not the one the file was taken from" in why(order(knowing, "restore", case))
    assert not path.exists()
    assert order(knowing, "restore", case, "--moved")["restored"] == [case]
    assert Look.at(path) == before


def test_an_appeal_of_a_former_customer_is_taken_in_and_undoes_nothing_that_cannot_be(knowing: Host) -> None:
    path, _, case = taken(knowing)
    delete(knowing, "anna")
    text = knowing.folder / "appeal.txt"
    text.write_text("It is a made-up picture.")
    code, told = knowing.ended_with("customers", "appeal", "anna", "--about", f"case:{case}", "--text", str(text))
    assert code == 0, told
    (appeal,) = map(json.loads, knowing.run("customers", "appeals", "--json").splitlines())
    code, told = knowing.ended_with("customers", "decide", appeal["id"], "upheld", "--reason", "it is made up")
    assert "is gone" in told, told
    assert not path.exists()
    assert [each["state"] for each in knowing.cases()] == ["offline"]


def test_what_was_held_is_not_said_to_be_offline(knowing: Host) -> None:
    knowing.configure(policy="measures_per_hour = 0")
    register(knowing, "anna", "bert")
    knowing.upload("anna/site/a.png", KNOWN)
    knowing.start()
    assert wait_until(lambda: [case["state"] for case in knowing.cases()] == ["held"]), knowing.cases()
    (case,) = (case["id"] for case in knowing.cases())
    delete(knowing, "anna")
    assert "the case is gone now" in why(order(knowing, "confirm", case))
    (after,) = knowing.cases()
    assert (after["state"], [measure["state"] for measure in after["measures"]]) == ("gone", ["refused"])
    assert "there is nothing to restore" in why(order(knowing, "restore", case))
    assert knowing.run("audit", "outcomes").startswith("1 matches: 1 gone")
