"""The clock of a notice over restarts, with a real daemon; pure reckoning is in unit/notices/test_deadlines.py."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from tests.journeys.host import Host, wait_until
from tests.journeys.noticehost import NoticeHost

TWO_DAYS = timedelta(days=2)


def test_after_two_days_down_and_a_clock_set_back_what_is_overdue_is_counted_and_paged_once(host: Host) -> None:
    noticed = NoticeHost(host)
    noticed.configure(more=noticed.page_to("pages"))
    held = noticed.receive(noticed.mail(noticed.upload("anna", "p.jpg"), signed=False))
    assert held["state"] == "needs-person"
    assert datetime.fromisoformat(held["deadline"]) - datetime.fromisoformat(held["received_at"]) == timedelta(days=1)
    noticed.later(TWO_DAYS)
    for _ in range(2):  # what was told is told once, over restarts too
        host.start()
        assert wait_until(lambda: host.status()["overdue_notices"] == 1)
        assert wait_until(lambda: len(noticed.paged("pages")) == 1)
        host.stop()
    (page,) = noticed.paged("pages")
    assert (held["id"] in page, "the deadline has passed" in page) == (True, True)
    (notice,) = noticed.notices()
    assert (notice["deadline"], notice["state"]) == (held["deadline"], "needs-person")
    assert "the system's clock is" in host.journal(), "set back by two days"


def test_while_the_systems_clock_is_behind_a_new_notice_has_a_whole_day(host: Host) -> None:
    noticed = NoticeHost(host)
    noticed.configure()
    first = noticed.receive(noticed.mail(noticed.upload("anna", "p.jpg"), signed=False))
    noticed.later(TWO_DAYS)
    second = noticed.receive(noticed.mail(noticed.upload("bert", "p.jpg"), signed=False))
    received = datetime.fromisoformat(second["received_at"])
    assert received - datetime.fromisoformat(first["received_at"]) >= TWO_DAYS
    assert datetime.fromisoformat(second["deadline"]) - received == timedelta(days=1)


@pytest.mark.parametrize(
    ("switch", "hours"),
    [(datetime(2027, 3, 28, 1, tzinfo=UTC), 25), (datetime(2027, 10, 31, 1, tzinfo=UTC), 23)],
    ids=["to-summer-time", "to-winter-time"],
)
def test_a_day_is_24_hours_where_the_clocks_on_the_wall_say_otherwise(
    host: Host, monkeypatch: pytest.MonkeyPatch, switch: datetime, hours: int
) -> None:
    monkeypatch.setenv("TZ", "Europe/Amsterdam")
    noticed = NoticeHost(host)
    noticed.configure(more=noticed.page_to("pages"))
    noticed.at(switch - timedelta(hours=12))
    held = noticed.receive(noticed.mail(noticed.upload("anna", "p.jpg"), signed=False))
    received, deadline = (datetime.fromisoformat(held[key]) for key in ("received_at", "deadline"))
    assert timedelta(0) <= received - (switch - timedelta(hours=12)) < timedelta(minutes=10)
    assert deadline - received == timedelta(hours=24)
    assert wall(deadline) - wall(received) == timedelta(hours=hours)
    noticed.later(deadline - received - timedelta(minutes=10))
    assert host.status()["overdue_notices"] == 0
    noticed.later(timedelta(minutes=11))
    host.start()
    assert wait_until(lambda: host.status()["overdue_notices"] == 1)
    assert wait_until(lambda: any("the deadline has passed" in subject for subject in noticed.paged("pages")))
    host.stop()
    assert noticed.notices()[0]["deadline"] == held["deadline"]


def wall(moment: datetime) -> datetime:
    """What a clock on the wall shows."""
    return moment.astimezone(ZoneInfo("Europe/Amsterdam")).replace(tzinfo=None)
