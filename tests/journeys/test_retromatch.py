"""A list grows: an old, cleared file goes offline, and no other file is so much as opened for it."""

import threading
import time
from collections.abc import Iterator

import pytest
from watchdog.events import FileOpenedEvent, FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer

from goodhoster.checking.hasher import DirectHasher
from goodhoster.model.limits import ReadingLimits
from goodhoster.testing.drawn import jpeg
from goodhoster.testing.pictures import made_up_picture
from goodhoster.testing.suites.hasher import read
from tests.journeys.host import Host, look_at_all, sha1_of, wait_until

FILES = 60


class Opened(FileSystemEventHandler):
    """Every regular file that anybody opens, as the kernel tells it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._names: set[str] = set()

    def on_any_event(self, event: FileSystemEvent) -> None:
        with self._lock:
            self._names.add(str(event.src_path).rpartition("/")[2])

    def names(self) -> set[str]:
        with self._lock:
            return set(self._names)


@pytest.fixture
def opened(host: Host) -> Iterator[Opened]:
    """Watches from its first use on."""
    opened, observer = Opened(), Observer()
    for customer in host.customers.iterdir():  # each for itself: the quarantine that comes beside them is ours
        observer.schedule(opened, str(customer), event_filter=[FileOpenedEvent])
    observer.start()
    yield opened
    observer.stop()
    observer.join()


def old_files(host: Host) -> list[bytes]:
    """Files that were checked when nobody knew them."""
    host.configure(mode="enforce", source='[[hash_source]]\nkind = "list"')
    contents = [made_up_picture(number) for number in range(FILES)]
    for number, content in enumerate(contents):
        host.upload(f"customer-{number % 5}/{number}.png", content)
    host.start()
    assert wait_until(lambda: host.status()["verdicts"] == {"clear": FILES})
    return contents


def old_pictures(host: Host) -> list[bytes]:
    """Photos that were checked when nobody knew anything like them."""
    host.configure(mode="enforce", source='[[hash_source]]\nkind = "list"\npdq_within = 20')
    contents = [jpeg(number, (320, 240)) for number in range(12)]
    for number, content in enumerate(contents):
        host.upload(f"customer-{number % 3}/{number}.jpg", content)
    host.start()
    assert wait_until(lambda: host.status()["verdicts"] == {"clear": len(contents)})
    return contents


def add_alike(host: Host, *contents: bytes) -> None:
    """What looks like these becomes known: their PDQ with some bits changed."""
    limits = ReadingLimits()
    listed = host.folder / "alike.csv"
    values = [read(DirectHasher(limits), content).fingerprints[0].value for content in contents]
    listed.write_text("pdq\n" + "".join(f"{bytes((value[0] ^ 0xFF, *value[1:])).hex()}\n" for value in values))
    host.run("hashlist", "import", str(listed), "--source", "hotline", "--category", "illegal")


def add_to_list(host: Host, *contents: bytes) -> None:
    listed = host.folder / "listed.txt"
    listed.write_text("".join(f"{sha1_of(content).hex}\n" for content in contents))
    host.run("hashlist", "import", str(listed), "--source", "police", "--category", "baseline")


def test_an_old_cleared_file_goes_offline_when_a_list_grows(host: Host, request: pytest.FixtureRequest) -> None:
    contents = old_files(host)
    before = look_at_all(host.customers)
    opened: Opened = request.getfixturevalue("opened")
    add_to_list(host, contents[7], made_up_picture(9999))
    gone = host.customers / "customer-2/7.png"
    assert wait_until(lambda: not gone.exists())
    assert wait_until(lambda: [case["state"] for case in host.cases()] == ["offline"])
    assert wait_until(lambda: "7.png" in opened.names()), "events come a moment later"
    assert {name for name in opened.names() if name.endswith(".png")} == {"7.png"}
    del before["customer-2/7.png"]
    after = look_at_all(host.customers)
    assert {path: look for path, look in after.items() if not path.startswith(".goodhoster")} == before
    assert wait_until(lambda: "police.sha1 changed: 1 files checked earlier are checked again" in host.journal())


def test_an_old_cleared_picture_is_held_when_a_near_list_grows(host: Host, request: pytest.FixtureRequest) -> None:
    contents = old_pictures(host)
    add_alike(host, jpeg(77, (320, 240)))
    assert wait_until(lambda: "changed: 0 files checked earlier" in host.journal())
    before = look_at_all(host.customers)
    opened: Opened = request.getfixturevalue("opened")
    add_alike(host, contents[7], jpeg(78, (320, 240)))
    assert wait_until(lambda: [case["state"] for case in host.cases()] == ["held"])
    [case] = host.cases()
    assert case["path"] == str(host.customers / "customer-1/7.jpg")
    assert case["verdict"] == "near"
    assert wait_until(lambda: "7.jpg" in opened.names()), "events come a moment later"
    assert {name for name in opened.names() if name.endswith(".jpg")} == {"7.jpg"}
    assert look_at_all(host.customers) == before, "near acts on nothing"


def test_a_service_is_asked_again_about_what_it_did_not_know_long_ago(host: Host) -> None:
    host.configure(mode="enforce", agent='ask_again_after = "1s"\nask_again_per_hour = 36000')
    contents = [made_up_picture(number) for number in range(5)]
    for number, content in enumerate(contents):
        host.upload(f"customer-{number}/{number}.png", content)
    host.start()
    assert wait_until(lambda: host.status()["verdicts"] == {"clear": len(contents)})
    host.stop()
    host.service.known.add(sha1_of(contents[3]))
    time.sleep(1)
    host.start()
    gone = host.customers / "customer-3/3.png"
    assert wait_until(lambda: not gone.exists())
    assert wait_until(lambda: [case["state"] for case in host.cases()] == ["offline"])
    assert len(look_at_all(host.customers / "customer-0")) == 1


def test_a_list_that_grew_while_the_daemon_was_down_is_compared_at_its_start(host: Host) -> None:
    contents = old_files(host)
    host.stop()
    (host.customers / "customer-0/0.png").write_bytes(made_up_picture(1000))
    add_to_list(host, contents[0], contents[33])
    host.start()
    assert wait_until(lambda: [case["path"] for case in host.cases()] == [str(host.customers / "customer-3/33.png")])
    assert (host.customers / "customer-0/0.png").read_bytes() == made_up_picture(1000)
    assert wait_until(lambda: "police.sha1 changed: " in host.journal())


def test_a_source_that_leaves_shadow_is_asked_about_all_it_had_no_say_about(host: Host) -> None:
    host.configure(mode="enforce", source='shadow = true\n[[hash_source]]\nkind = "list"')
    contents = [made_up_picture(number) for number in range(4)]
    for number, content in enumerate(contents):
        host.upload(f"customer-{number}/{number}.png", content)
    host.service.known.add(sha1_of(contents[2]))
    add_to_list(host, made_up_picture(9999))  # a list of nothing answers nothing
    host.start()
    assert wait_until(lambda: host.status()["verdicts"] == {"clear": len(contents)})
    assert wait_until(lambda: host.run("audit", "show").count("match.shadow") == 1)
    host.configure(source='[[hash_source]]\nkind = "list"')
    host.reload()
    gone = host.customers / "customer-2/2.png"
    assert wait_until(lambda: not gone.exists())
    assert wait_until(lambda: [case["state"] for case in host.cases()] == ["offline"])
    (case,) = host.cases()
    assert [each["source"] for each in case["answered"]] == ["police", "hashcheckservice"]


def test_a_scan_asks_a_source_that_came_after_the_files(host: Host) -> None:
    host.configure(mode="enforce", source="shadow = true")
    content = made_up_picture(1)
    host.upload("customer-1/1.png", content)
    host.service.known.add(sha1_of(content))
    host.start()
    assert wait_until(lambda: host.status()["unchecked_reasons"] == {"not-asked": 1})
    host.stop()
    host.configure(source="")
    host.run("scan", str(host.customers), code=1)
    assert [case["state"] for case in host.cases()] == ["offline"]
