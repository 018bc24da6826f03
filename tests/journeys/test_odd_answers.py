"""Whatever the hash service answers: never *clear* and never *known* where it should be *unchecked* (promise G2)."""

import json
import time

from goodhoster.testing import http_answers
from goodhoster.testing.hash_check_service import FakeHashService
from goodhoster.testing.http_answers import CannedResponse
from goodhoster.testing.http_server import ReceivedRequest
from goodhoster.testing.pictures import made_up_picture
from tests.journeys.host import Host, sha1_of, wait_until

KNOWN = made_up_picture(0)
ODD = {name: answer for name, answer in http_answers.ODD.items() if name != "rate limited, with a date"}
"""That one asks to be left alone until the year 2099: the source is paused for an hour, as unit tests show."""


def _answers_by_digest() -> dict[bytes, CannedResponse]:
    return {
        sha1_of(made_up_picture(number)).hex.encode(): answer for number, answer in enumerate(ODD.values(), start=1)
    }


def test_odd_answers_leave_everything_unchecked_until_the_service_is_well(host: Host) -> None:
    odd = _answers_by_digest()
    host.configure(agent="workers = 64", source='deadline = "2s"')
    host.service.known = {sha1_of(KNOWN)}
    host.service.behave = lambda request: odd.get(request.body, http_answers.RESETS)
    paths = [host.upload(f"anna/{number}.png", made_up_picture(number)) for number in range(1, len(ODD) + 1)]
    known = host.upload("bram/known.png", KNOWN)
    host.start()
    assert wait_until(lambda: host.status()["unchecked"] == len(paths) + 1)
    assert wait_until(lambda: len({request.body for request in host.service.requests}) >= 5)
    assert wait_until(lambda: host.status()["degraded"])  # the daemon reports it within a second
    status = host.status()
    assert status["verdicts"] == {"unchecked": len(paths) + 1}
    assert status["queue"] == len(paths) + 1
    assert known.exists()
    assert host.cases() == []

    host.service.behave = lambda _: None
    assert wait_until(lambda: not known.exists())
    host.settled({"clear": len(paths), "known": 1})


ALONE = (
    "capitalised true",
    "false and a newline",
    "empty",
    "HTML with status 200",
    "redirect",
    "rate limited, in seconds",
    "server error",
    "reset",
    "drip of the body",
)


def test_each_odd_answer_alone(host: Host) -> None:
    """`goodhoster check` asks once and says unchecked, with exit code 3."""
    picture = host.upload("anna/picture.png", made_up_picture(1))
    host.configure(source='deadline = "1s"')
    for name in ALONE:
        answer = http_answers.ODD[name]
        host.service.behave = lambda _, answer=answer: answer  # type: ignore[misc]
        shown = host.run("check", str(picture), "--json", code=3)
        assert '"verdict": "unchecked"' in shown, name


def test_a_refused_account_raises_an_alarm(host: Host) -> None:
    host.start()
    for name, answer in http_answers.REFUSALS.items():
        host.service.behave = lambda _, answer=answer: answer  # type: ignore[misc]
        host.upload(f"anna/{name}.png", made_up_picture(len(name)))
        assert wait_until(lambda: any(problem.startswith("ALARM") for problem in host.status()["degraded"])), name


def test_retry_after_is_obeyed(host: Host) -> None:
    asked: list[float] = []

    def limited(_: ReceivedRequest) -> CannedResponse | None:
        asked.append(time.monotonic())
        return http_answers.reply(429, b"false", {"Retry-After": "3"}) if len(asked) == 1 else None

    host.service.behave = limited
    host.start()
    host.upload("anna/picture.png", made_up_picture(1))
    assert wait_until(lambda: len(asked) == 2)
    assert asked[1] - asked[0] >= 3.0
    host.settled({"clear": 1})


def test_a_wrong_certificate_is_no_answer(host: Host) -> None:
    picture = host.upload("anna/picture.png", made_up_picture(1))
    with FakeHashService(tls=True) as unknown_issuer:
        host.config.write_text(host.config.read_text().replace(host.service.url, unknown_issuer.url))
        assert json.loads(host.run("check", str(picture), "--json", code=3))["reason"] == "tls"
        assert unknown_issuer.requests == [], "nothing was asked, and no password sent"
