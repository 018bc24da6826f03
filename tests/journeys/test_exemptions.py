"""The storm of 2021 again, at a hoster who built exemptions: nothing is touched, one report a picture, one alert."""

import hashlib
import io
import json
import zipfile
from collections.abc import Iterator
from email import message_from_bytes

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from goodhoster.testing.pictures import made_up_picture
from tests.journeys.host import Host, look_at_all, sha1_of, wait_until
from tests.journeys.test_storm import CUSTOMERS, LIMIT, STANDARD, install_wordpress
from tests.ports import free_port

OWNER = "lists@police.example"


class Letterbox:
    """What a mail server took."""

    def __init__(self) -> None:
        self.taken: list[Envelope] = []
        self.port = free_port()

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - its name
        self.taken.append(envelope)
        return "250 taken"

    def texts(self) -> list[str]:
        mails = [message_from_bytes(bytes(envelope.original_content or b"")) for envelope in self.taken]
        return [bytes(mail.get_payload(decode=True)).decode() for mail in mails]


@pytest.fixture
def letterbox() -> Iterator[Letterbox]:
    letterbox = Letterbox()
    controller = Controller(letterbox, hostname="127.0.0.1", port=letterbox.port)
    controller.start()
    yield letterbox
    controller.stop()


def configure(host: Host, *, owner: str = OWNER, port: int = 9) -> None:
    host.configure(
        source="remember_no = 0\n" + (f'owner = "{owner}"' if owner else ""),  # its list changes at once
        policy=f'storm_customers = {LIMIT}\n[smtp]\nhost = "127.0.0.1"\nport = {port}\nsender = "abuse@hoster.example"',
    )


def build(host: Host, name: str = "wordpress-6.4.3") -> None:
    """By the command an administrator types, from a release archive."""
    archive = host.folder / f"{name}.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("wordpress/index.php", "<?php")
        for picture, content in STANDARD.items():
            packed.writestr(f"wordpress/wp-includes/images/{picture}.png", content)
    host.run("exemptions", "build", str(archive), "--version", "6.4.3")


def test_with_exemptions_a_wrong_list_costs_nothing_and_its_owner_is_told(host: Host, letterbox: Letterbox) -> None:
    configure(host, port=letterbox.port)
    build(host)
    files = install_wordpress(host)
    before = look_at_all(host.customers)
    host.start()
    host.settled({"clear": len(files)})
    host.service.known = {sha1_of(content) for content in STANDARD.values()}  # noon
    for number in range(CUSTOMERS):
        for name, content in STANDARD.items():  # an update of every site
            host.upload(f"customer-{number:02}/wp-includes/images/{name}.png", content)
    expected = look_at_all(host.customers)
    assert wait_until(lambda: host.status()["held"] == len(files)), host.status()
    host.settled()
    assert look_at_all(host.customers) == expected
    assert {path: look.content for path, look in expected.items()} == {p: look.content for p, look in before.items()}

    assert wait_until(lambda: len(host.audit("storm.alerted")) == 1)
    assert host.audit("measure.intended") == []
    assert wait_until(lambda: len(letterbox.taken) == len(STANDARD))
    assert {envelope.rcpt_tos[0] for envelope in letterbox.taken} == {OWNER}
    for content in STANDARD.values():
        assert sum(hashlib.sha1(content, usedforsecurity=False).hexdigest() in text for text in letterbox.texts()) == 1
    assert not any("customer-" in text or "wp-includes" in text for text in letterbox.texts())

    case = json.loads(host.run("cases", "show", host.cases()[0]["id"], "--json"))
    assert (case["state"], case["verdict"]) == ("held", "exempt")
    assert case["reason"] == "exempt (wordpress-6.4.3), and yet known to hashcheckservice"
    owners_notified = {"hashcheckservice": True}
    assert wait_until(
        lambda: json.loads(host.run("cases", "show", case["id"], "--json"))["owners_notified"] == owners_notified
    )
    (storm,) = map(json.loads, host.run("storms", "list", "--json").splitlines())
    assert storm["cause"]["kind"] == "exemption"
    done = json.loads(host.run("storms", "undo", storm["id"], "--reason", "images of WordPress", "--json"))
    assert len(done["restored"]) == len(files)
    assert look_at_all(host.customers) == expected

    host.upload("newcomer/logo.png", STANDARD["logo"])
    assert wait_until(lambda: host.status()["held"] == 1)
    assert len(host.audit("storm.alerted")) == 1
    assert len(letterbox.taken) == len(STANDARD)


def test_an_exemption_holds_its_pictures_and_nothing_else(host: Host) -> None:
    configure(host)
    build(host)
    known = made_up_picture(50)
    host.service.known = {sha1_of(known), *map(sha1_of, STANDARD.values())}
    host.start()
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("logo.png", STANDARD["logo"])
        archive.writestr("holiday.png", known)
    exempt = [host.upload("anna/logo.png", STANDARD["logo"]), host.upload("bert/theme.txt", STANDARD["smiley"])]
    others = [host.upload("anna/p.png", known), host.upload("bert/both.zip", packed.getvalue())]
    assert wait_until(lambda: not any(path.exists() for path in others)), host.cases()
    assert wait_until(lambda: host.status()["held"] == len(exempt))
    assert all(path.exists() for path in exempt)


def test_a_person_may_think_otherwise_and_a_removed_set_exempts_nothing(host: Host) -> None:
    configure(host)
    build(host)
    host.service.known = {sha1_of(content) for content in STANDARD.values()}
    host.start()
    logo = host.upload("anna/logo.png", STANDARD["logo"])
    assert wait_until(lambda: host.status()["held"] == 1)
    assert host.run("check", str(logo)).startswith("exempt ")
    host.run("cases", "confirm", host.cases()[0]["id"], "--reason", "the police telephoned")
    assert not logo.exists()

    host.run("exemptions", "remove", "wordpress-6.4.3")
    assert host.run("exemptions", "list", "--json") == ""
    arrow = host.folder / "arrow.png"
    arrow.write_bytes(STANDARD["arrow"])
    assert wait_until(lambda: "known" in host.run("check", str(arrow), code=1))
    assert [entry["actor"] != "" for entry in host.audit("exemption.removed")] == [True]


def test_an_owner_who_is_not_set_is_missed_aloud_and_told_once_he_is(host: Host, letterbox: Letterbox) -> None:
    configure(host, owner="", port=letterbox.port)
    build(host)
    host.service.known = {sha1_of(STANDARD["logo"])}
    host.start()
    host.upload("anna/logo.png", STANDARD["logo"])
    assert wait_until(lambda: host.status()["owners_not_notified"] == {"hashcheckservice": 1})
    assert wait_until(lambda: "its owner is not told: no owner is set for it" in host.journal())
    assert "PROBLEM owner of hashcheckservice: nobody is told" in host.run("doctor", code=1)
    assert "owner       of hashcheckservice: not told" in host.run("cases", "show", host.cases()[0]["id"])

    configure(host, port=letterbox.port)
    host.reload()
    assert wait_until(lambda: len(letterbox.taken) == 1)
    assert wait_until(lambda: host.status()["owners_not_notified"] == {})
    assert wait_until(lambda: f"ok      owner of hashcheckservice: {OWNER}" in host.ended_with("doctor")[1])
    host.run("doctor")


def test_a_damaged_set_leaves_matches_unchecked_until_it_is_built_again(host: Host) -> None:
    configure(host)
    build(host)
    (host.folder / "state/exemptions/wordpress-6.4.3.exemptions").write_bytes(b"rubbish")
    host.service.known = {sha1_of(STANDARD["logo"])}
    host.start()
    logo = host.upload("anna/logo.png", STANDARD["logo"])
    clear = host.upload("anna/clear.png", made_up_picture(60))
    assert wait_until(lambda: host.status()["unchecked_reasons"].get("exemptions-damaged") == 1)
    assert wait_until(lambda: host.status()["verdicts"].get("clear") == 1), host.status()
    why = "wordpress-6.4.3.exemptions cannot be used"
    assert wait_until(lambda: any(why in problem for problem in host.status()["degraded"])), host.status()
    assert "damaged" in host.run("exemptions", "list", code=1)
    build(host)
    assert wait_until(lambda: host.status()["held"] == 1), host.status()
    assert logo.exists()
    assert clear.exists()
