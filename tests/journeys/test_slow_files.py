"""One customer's slow files keep nobody else's waiting (promise G10), with real processes."""

import os
import time

from goodhoster.testing.hostile import slow_archive
from goodhoster.testing.pictures import made_up_picture
from tests.journeys.host import PATIENCE, Host, sha1_of, wait_until


def test_archives_that_take_long_delay_no_other_customer(host: Host) -> None:
    known = [made_up_picture(number) for number in range(5)]
    host.service.known = {sha1_of(content) for content in known}
    host.start()
    for number in range(40):
        host.upload(f"anna/{number}.tar.bz2", slow_archive(number))
    assert wait_until(lambda: host.status()["unchecked_reasons"].get("opening-postponed", 0) > 0)
    for number, content in enumerate(known):
        path = host.upload(f"bert/{number}.png", content)
        assert wait_until(lambda path=path: not path.exists(), PATIENCE / 2)  # type: ignore[misc]
    last = host.upload("anna/last.png", known[0])
    assert wait_until(lambda: not last.exists()), "its own pictures come too"
    began = time.monotonic()
    host.stop()
    assert time.monotonic() - began < PATIENCE / 2, "no slow file keeps it from ending"


def test_large_files_of_one_customer_keep_no_other_waiting(host: Host) -> None:
    """Files full of holes: they cost their customer nothing, and minutes to read."""
    host.start()
    for number in range(40):
        large = host.upload(f"eve/large-{number}.jpg", b"\xff\xd8\xff\xe0")
        os.truncate(large, 1 << 31)
    content = made_up_picture(4711, blocks=2)
    host.service.known.add(sha1_of(content))
    known = host.upload("fred/known.png", content)
    assert wait_until(lambda: not known.exists())
    assert host.status()["queue"] > 0
    host.kill()  # nobody waits for the rest
