"""What a CMS made of a picture that a source knows: the service has never seen it, and pages show it."""

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
    knowing.settled({"clear": 3})
    assert knowing.cases() == []
    picture = knowing.upload("anna/uploads/p.jpg", PICTURE)
    assert wait_until(lambda: waiting(knowing) == {"p-150x150.jpg"}), knowing.cases()
    knowing.upload("anna/uploads/p-300x200.jpg", LARGER)
    assert wait_until(lambda: waiting(knowing) == {"p-150x150.jpg", "p-300x200.jpg"}), knowing.cases()
    knowing.offline(picture)
    knowing.settled()
    assert all(path.exists() for path in (small, *others))
    held = next(case for case in knowing.cases() if case["path"].endswith("p-150x150.jpg"))
    assert (held["verdict"], held["path"]) == ("near", str(small))
    assert "by its name another size of a picture that is offline" in held["reason"]
    knowing.run("cases", "confirm", held["id"], "--reason", "of the same picture")
    assert not small.exists()


def test_when_the_picture_is_put_back_its_other_sizes_wait_no_longer(knowing: Host) -> None:
    small = knowing.upload("anna/p-150x150.jpg", SMALL)
    for path in ("anna/q-150x150.jpg", "bert/p-150x150.jpg"):
        knowing.upload(path, LARGER)
    knowing.settled({"clear": 3})
    for path in ("anna/p.jpg", "anna/q.jpg"):
        knowing.upload(path, PICTURE)
    assert wait_until(lambda: waiting(knowing) == {"p-150x150.jpg", "q-150x150.jpg"})
    pictures = [knowing.customers / path for path in ("anna/p.jpg", "anna/q.jpg")]
    (case,) = (case for case in knowing.offline(*pictures) if case["path"].endswith("/p.jpg"))
    knowing.run("cases", "restore", case["id"], "--reason", "a cake")
    assert waiting(knowing) == {"q-150x150.jpg"}
    assert small.exists()
    assert knowing.run("check", str(small)).startswith("clear ")
