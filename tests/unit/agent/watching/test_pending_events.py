"""Events of the kernel are told in turn by directory, each name once."""

from goodhoster_agent.watching import fanotify_kernel as kernel
from goodhoster_agent.watching.fanotify_kernel import Event
from goodhoster_agent.watching.pending_events import PendingEvents

EVIL, ANNA = b"handle 1", b"handle 2"


def event(handle: bytes, name: bytes, mask: int = kernel.CREATE) -> Event:
    return Event(mask, b"fsid", handle, name)


def test_a_busy_directory_holds_up_no_other() -> None:
    pending = PendingEvents()
    pending.add(event(EVIL, b"f%d" % number) for number in range(5000))
    pending.add([event(ANNA, b"a.jpg")])
    assert event(ANNA, b"a.jpg") in [pending.next() for _ in range(2)]


def test_events_of_one_name_are_one() -> None:
    pending = PendingEvents()
    pending.add([event(ANNA, b"a"), event(ANNA, b"a", kernel.CLOSE_WRITE), event(ANNA, b"a", kernel.ONDIR)])
    assert pending.next() == event(ANNA, b"a", kernel.CREATE | kernel.CLOSE_WRITE)
    assert pending.next() == event(ANNA, b"a", kernel.ONDIR)
    assert not pending


def test_too_many_of_one_directory_are_one_event_that_says_so() -> None:
    pending = PendingEvents()
    pending.add(event(EVIL, b"f%d" % number) for number in range(70_000))
    pending.add([event(ANNA, b"a")])
    assert [pending.next() for _ in range(2)] == [event(EVIL, b"", kernel.Q_OVERFLOW), event(ANNA, b"a")]
    assert not pending
    pending.add([event(EVIL, b"f")])
    assert pending.next() == event(EVIL, b"f")


def test_what_says_nothing_of_a_directory_comes_first() -> None:
    pending = PendingEvents()
    pending.add([event(ANNA, b"a"), Event(kernel.Q_OVERFLOW)])
    assert [pending.next().mask, pending.next().mask] == [kernel.Q_OVERFLOW, kernel.CREATE]
