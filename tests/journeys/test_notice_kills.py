"""Mails by LMTP to a daemon that is killed at random moments: none lost, none done twice, none left open."""

import json
import random
import smtplib
import time
from collections import Counter
from contextlib import suppress
from datetime import timedelta

from tests.conftest import RoundCount
from tests.journeys.host import Host, wait_until
from tests.journeys.noticehost import NoticeHost


def deliver(noticed: NoticeHost, mail: bytes) -> bool:
    """As a mail server does: True when the daemon acknowledged it."""
    with suppress(OSError, smtplib.SMTPException), smtplib.LMTP(str(noticed.host.folder / "lmtp.sock")) as client:
        client.sendmail("bounces@hotline.example", ["abuse@hoster.example"], mail)
        return True
    return False


def test_mails_to_a_daemon_that_is_killed(host: Host, rounds: RoundCount) -> None:
    noticed, chance = NoticeHost(host), random.Random(5)
    noticed.configure(f'lmtp = "unix:{host.folder}/lmtp.sock"', more=noticed.page_to("pages"))
    urls: list[str] = []
    for kill in range(rounds(2, 30)):
        host.start()
        for n in range(4):
            urls.append(noticed.upload("anna", f"{kill}-{n}.jpg"))
            assert deliver(noticed, noticed.mail(urls[-1]))
        many = [noticed.upload("cas", f"{kill}-{n}.jpg") for n in range(rounds(20, 100))]
        assert deliver(noticed, noticed.mail(*many))
        urls += many
        forged = noticed.upload("bert", f"{kill}.jpg")
        assert deliver(noticed, noticed.mail(forged, signed=False))
        time.sleep(chance.random() * 0.5)
        host.kill()
    host.start()
    assert wait_until(lambda: not any(map(noticed.there, urls)), patience=600)  # what thirty kills left
    notices = noticed.settled({"done": 5 * rounds(2, 30), "needs-person": rounds(2, 30)}, patience=600)
    assert wait_until(lambda: host.status()["open_notices"] == rounds(2, 30))
    host.stop()
    assert Counter(item["url"] for notice in notices for item in notice["items"]).most_common(1)[0][1] == 1
    assert Counter(case["state"] for case in host.cases())["offline"] == len(urls)
    ends = [entry["case"] for kind in ("measure.done", "measure.found-done") for entry in host.audit(kind)]
    assert set(ends) == {case["id"] for case in host.cases() if case["state"] == "offline"}
    assert max(Counter(entry["case"] for entry in host.audit("measure.done")).values()) == 1
    assert all(noticed.there(f"http://bert.example/{kill}.jpg") for kill in range(rounds(2, 30)))
    letters = [
        json.loads(file.read_text())["id"] for file in (host.folder / "state/letters/waiting").glob("[!.]*.json")
    ]
    assert sorted(letter for letter in letters if letter.endswith("-result")) == sorted(
        f"{notice['id']}-result" for notice in notices if notice["state"] == "done"
    )
    after_a_day(noticed, {notice["id"] for notice in notices if notice["state"] != "done"})


def after_a_day(noticed: NoticeHost, held: set[str]) -> None:
    """Nothing is open but what waits for a person, who was paged about each: before its deadline or at it, once."""
    noticed.later(timedelta(hours=24, minutes=1))
    noticed.host.start()
    assert wait_until(lambda: noticed.host.status()["overdue_notices"] == len(held))
    assert wait_until(lambda: len(overdue(noticed)) >= len(held)), noticed.paged("pages")
    noticed.host.stop()
    assert {notice["id"] for notice in noticed.notices() if notice["stopped_at"] is None} == held
    assert sorted(overdue(noticed)) == sorted(held)


def overdue(noticed: NoticeHost) -> list[str]:
    """The notices that somebody was paged about when their deadline had passed."""
    subjects = [subject for subject in noticed.paged("pages") if "the deadline has passed" in subject]
    return [subject.split()[2].rstrip(":") for subject in subjects]
