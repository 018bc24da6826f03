"""What a CMS made of a picture that a source knows: the service has never seen it, and pages show it."""

import json

import pytest

from goodhoster.testing.pictures import made_up_picture
from tests.journeys.host import Host, sha1_of, wait_until

PICTURE, SMALL, LARGER, SQUARE = (made_up_picture(number) for number in range(4))


@pytest.fixture
def knowing(host: Host) -> Host:
    host.configure(source="remember_no = 0")
    host.service.known = {sha1_of(PICTURE)}
    host.start()
    return host


def waiting(host: Host) -> set[str]:
    return {case["path"].rpartition("/")[2] for case in host.cases() if case["state"] == "held"}


def test_other_sizes_wait_for_a_person_whether_they_were_there_before_or_come_later(knowing: Host) -> None:
    small = knowing.upload("anna/uploads/p-150x150.jpg", SMALL)
    others = [knowing.upload(f"anna/{name}", SQUARE) for name in ("uploads/pp-150x150.jpg", "p-150x150.jpg")]
    knowing.settled()
    assert knowing.cases() == []
    picture = knowing.upload("anna/uploads/p.jpg", PICTURE)
    assert wait_until(lambda: waiting(knowing) == {"p-150x150.jpg"}), knowing.cases()
    knowing.upload("anna/uploads/p-300x200.jpg", LARGER)
    assert wait_until(lambda: waiting(knowing) == {"p-150x150.jpg", "p-300x200.jpg"}), knowing.cases()
    knowing.settled()
    assert not picture.exists()
    assert all(path.exists() for path in (small, *others))
    held = next(case for case in knowing.cases() if case["path"].endswith("p-150x150.jpg"))
    assert (held["verdict"], held["path"]) == ("near", str(small))
    assert "by its name another size of a picture that is offline" in held["reason"]
    knowing.run("cases", "confirm", held["id"], "--reason", "of the same picture")
    assert not small.exists()


def test_when_the_picture_is_put_back_nothing_is_left_to_confirm(knowing: Host) -> None:
    small = knowing.upload("anna/p-150x150.jpg", SMALL)
    knowing.settled()
    knowing.upload("anna/p.jpg", PICTURE)
    assert wait_until(lambda: waiting(knowing) == {"p-150x150.jpg"})
    by_name = {case["path"].rpartition("/")[2]: case["id"] for case in knowing.cases()}
    knowing.run("cases", "restore", by_name["p.jpg"], "--reason", "a cake")
    knowing.run("cases", "confirm", by_name["p-150x150.jpg"], "--reason", "too fast", code=1)
    assert json.loads(knowing.run("cases", "show", by_name["p-150x150.jpg"], "--json"))["state"] == "withdrawn"
    assert small.exists()
    assert wait_until(lambda: "clear" in knowing.run("check", str(small)))
