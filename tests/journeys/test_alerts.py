"""Alerts of a real daemon: a real HTTP receiver that is away at first, a real SMTP server, a kill -9."""

import json
from collections.abc import Iterator
from datetime import timedelta
from email import message_from_bytes
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.alertreceiver import alert_receiver
from tests.journeys.host import Host, wait_until
from tests.journeys.noticehost import NoticeHost
from tests.ports import free_port


class Mailbox:
    def __init__(self) -> None:
        self.mails: list[bytes] = []

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's
        self.mails.append(bytes(envelope.original_content or b""))
        return "250 taken"


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox()


@pytest.fixture
def smtp(mailbox: Mailbox) -> Iterator[int]:
    controller = Controller(mailbox, hostname="127.0.0.1", port=free_port())
    controller.start()
    yield controller.port
    controller.stop()


def rules(folder: Path, smtp: int, hook: int) -> str:
    secret = folder / "webhook.secret"
    secret.touch(0o600)
    secret.write_text("made-up-secret")
    return f"""
[smtp]
host = "127.0.0.1"
port = {smtp}
sender = "abuse@hoster.example"
[[alert]]
name = "duty"
on = ["alarm", "deadline", "overdue"]
webhook = "http://127.0.0.1:{hook}/hook"
secret_file = "webhook.secret"
[[alert]]
name = "night"
on = ["overdue"]
mail = "night@hoster.example"
quiet = "00:00-23:59"
"""


def subjects(mailbox: Mailbox) -> list[str]:
    return [str(message_from_bytes(mail)["Subject"]) for mail in mailbox.mails]


def test_a_deadline_arrives_once_by_each_rule_although_the_receiver_was_away_and_the_daemon_was_killed(
    host: Host, smtp: int, mailbox: Mailbox
) -> None:
    noticed, hook = NoticeHost(host), free_port()
    noticed.configure('hoster = "Made-up hoster"', more=rules(host.folder, smtp, hook))
    host.configure(mode="observe")
    host.start()
    mail = host.folder / "notice.eml"
    mail.write_bytes(noticed.mail(noticed.upload("anna", "p.jpg")))
    host.run("notices", "receive", str(mail))
    assert wait_until(lambda: "notices" in str(host.status()) and host.status()["open_notices"] == 1)
    host.stop()
    noticed.later(timedelta(hours=30))
    host.start()
    assert wait_until(lambda: any(each["error"] for each in listed(host)))
    host.kill()
    with alert_receiver(hook) as receiver:
        host.start()
        assert wait_until(lambda: bool(receiver.received))
        assert wait_until(lambda: bool(mailbox.mails))
        host.stop()
        host.start()
        assert wait_until(lambda: all(each["state"] == "accepted" for each in listed(host)))
        host.stop()
    overdue = [got for got in receiver.received if "the deadline has passed" in got.content["subject"]]
    assert len(overdue) == 1
    assert len([subject for subject in subjects(mailbox) if "the deadline has passed" in subject]) == 1


def listed(host: Host) -> list[dict[str, str]]:
    return [json.loads(line) for line in host.run("alerts", "list", "--json").splitlines()]


def test_the_test_says_what_was_accepted(host: Host, smtp: int, mailbox: Mailbox) -> None:
    hook = free_port()
    host.configure(policy=rules(host.folder, smtp, hook))
    some = host.run("alerts", "test", code=1)
    assert some.startswith("duty: not accepted: 127.0.0.1 cannot be reached")
    assert "night: accepted" in some
    assert wait_until(lambda: subjects(mailbox) == ["goodhoster: test of night"])
    assert host.run("alerts", "test", "--rule", "duty", code=3).startswith("duty: not accepted")
    with alert_receiver(hook) as receiver:
        assert host.run("alerts", "test") == "duty: accepted\nnight: accepted\n"
        assert receiver.received[0].content["kind"] == "test"
    assert "there is no alert rule nobody" in host.run("alerts", "test", "--rule", "nobody", code=2)


def test_without_a_rule_the_test_says_that_nobody_is_told(host: Host) -> None:
    assert "no alert rule is set" in host.run("alerts", "test", code=2)


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ('name = "a"\non = ["alarm"]', "exactly one receiver"),
        ('name = "a"\non = ["alarm"]\nmail = "a@b.example"\ncommand = ["x"]', "exactly one receiver"),
        ('name = "a"\non = ["alarm"]\nmail = "a@b.example"', "no mail server is set"),
        ('name = "paging"\non = ["alarm"]\ncommand = ["x"]', "the name is taken"),
        ('name = "a"\non = ["alarm"]\ncommand = ["x"]\ndetails = true', "settings of a webhook"),
        ('name = "a"\non = ["alrm"]\ncommand = ["x"]', "cannot be used"),
        ('name = "a"\non = ["alarm"]\nwebhook = "http://elsewhere.example/"', "cannot be used"),
        ('name = "a"\non = ["alarm"]\ncommand = ["x"]\nquiet = "22-7"', "cannot be used"),
        ('name = "a"\non = ["alarm"]\nwebhook = "https://x.example/"\nsecret_file = "none"', "cannot read the secret"),
    ],
)
def test_a_rule_that_cannot_work_is_refused(host: Host, rule: str, said: str) -> None:
    host.configure(policy=f"[[alert]]\n{rule}\n")
    assert said in host.run("config", "check", code=2)
