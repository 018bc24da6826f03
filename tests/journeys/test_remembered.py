"""What a service answered is remembered, counted from outside by what reaches the service; and never acted on."""

import json

from goodhoster.testing import http_answers
from goodhoster.testing.pictures import made_up_picture
from tests.journeys.host import Host, sha1_of, wait_until

COPIES = 40
PICTURE, OTHER = made_up_picture(1), made_up_picture(2)
HOLD = 'unspecified = "hold"'


def asked_about(host: Host, content: bytes) -> int:
    """How many questions about it reached the service."""
    return [request.body.decode() for request in host.service.requests].count(sha1_of(content).hex)


def is_checked(host: Host, verdicts: dict[str, int]) -> bool:
    status = host.status()
    return status["queue"] == 0 and status["verdicts"] == verdicts


def held(host: Host) -> str:
    """The only case, waiting for a person."""
    assert wait_until(lambda: [case["state"] for case in host.cases()] == ["held"])
    return str(host.cases()[0]["id"])


def test_forty_copies_are_one_question_for_all_processes(host: Host) -> None:
    host.service.behave = lambda _: http_answers.NO.after(0.2)
    for number in range(COPIES):
        host.upload(f"customer-{number}/a.png", PICTURE)
    host.start()
    assert wait_until(lambda: is_checked(host, {"clear": COPIES}))
    assert asked_about(host, PICTURE) == 1
    assert wait_until(lambda: host.status()["sources"][0]["remembered"] == COPIES - 1)
    assert f"1 checks, {COPIES - 1} from memory" in host.run("status")

    host.upload("newcomer/a.png", PICTURE)
    assert wait_until(lambda: is_checked(host, {"clear": COPIES + 1}))
    host.run("check", str(host.customers / "newcomer/a.png"))
    assert asked_about(host, PICTURE) == 1

    (host.folder / "state/answers").write_bytes(b"damaged" * 100_000)
    host.run("check", str(host.customers / "newcomer/a.png"))
    assert asked_about(host, PICTURE) == 2
    (host.folder / "state/answers").unlink()
    host.upload("another/a.png", PICTURE)
    assert wait_until(lambda: is_checked(host, {"clear": COPIES + 2}))
    host.upload("another/b.png", OTHER)
    assert wait_until(lambda: is_checked(host, {"clear": COPIES + 3}))
    assert asked_about(host, OTHER) == 1
    assert "Traceback" not in host.journal()


def test_a_failure_is_not_remembered_and_memory_can_be_switched_off(host: Host) -> None:
    host.configure(source="remember_no = 0\nremember_yes = 0")
    host.upload("anna/a.png", PICTURE)
    host.service.behave = lambda _: http_answers.RESETS
    host.run("check", str(host.customers / "anna/a.png"), code=3)
    host.service.behave = lambda _: None
    failed = asked_about(host, PICTURE)
    for _ in range(2):
        host.run("check", str(host.customers / "anna/a.png"))
    assert asked_about(host, PICTURE) == failed + 2
    assert not (host.folder / "state/answers").exists()


def test_an_entry_that_is_withdrawn_costs_the_next_customer_no_file(host: Host) -> None:
    host.service.known = {sha1_of(PICTURE)}
    host.start()
    first = host.upload("anna/a.png", PICTURE)
    host.offline(first)
    assert asked_about(host, PICTURE) == 1, "asked a moment ago, and not again for the measure"
    host.service.known.clear()
    second = host.upload("bob/a.png", PICTURE)
    assert wait_until(lambda: is_checked(host, {"known": 1, "clear": 1}))
    assert asked_about(host, PICTURE) == 2
    assert second.read_bytes() == PICTURE
    assert [case["customer"] for case in host.cases()] == ["anna"]


def test_a_held_case_whose_entry_was_withdrawn_is_not_confirmed(host: Host) -> None:
    host.configure(policy=HOLD)
    host.service.known = {sha1_of(PICTURE)}
    host.start()
    file = host.upload("anna/a.png", PICTURE)
    case_id = held(host)
    host.service.known.clear()
    answer = json.loads(host.run("cases", "confirm", case_id, "--reason", "seen", "--json", code=1))
    assert [refused["id"] for refused in answer["refused"]] == [case_id]
    (case,) = host.cases()
    assert case["state"] == "withdrawn"
    assert case["reason"].startswith("withdrawn by hashcheckservice")
    assert file.read_bytes() == PICTURE
    assert [entry["case"] for entry in host.audit("case.withdrawn")] == [case_id]
    assert wait_until(lambda: is_checked(host, {"clear": 1})), "and the index says so too"


def test_while_the_service_is_away_a_person_confirms_a_case_and_no_storm(host: Host) -> None:
    host.configure(policy="storm_customers = 1")
    host.service.known = {sha1_of(PICTURE)}
    host.start()
    file = host.upload("anna/a.png", PICTURE)
    case_id = held(host)
    host.service.behave = lambda _: http_answers.RESETS
    (storm,) = map(json.loads, host.run("storms", "list", "--json").splitlines())
    released = json.loads(host.run("storms", "release", storm["id"], "--reason", "known", "--json", code=1))
    assert "cannot be asked again now" in released["refused"][0]["reason"]
    assert file.exists()
    host.run("cases", "confirm", case_id, "--reason", "I know it")
    assert not file.exists()
    (confirmed,) = host.audit("case.confirmed")
    assert confirmed["not_asked_again"]


def test_a_measure_that_waited_for_the_mover_asks_again(host: Host) -> None:
    """Nobody took the order while the daemon was down; by its next start one entry is withdrawn."""
    host.configure(policy='answers_count_for = "1s"')
    host.service.known = {sha1_of(PICTURE), sha1_of(OTHER)}
    host.start()
    host.stop()
    leave_measures_open(host, {"anna/a.png": PICTURE, "bob/b.png": OTHER})
    host.service.known = {sha1_of(OTHER)}
    asked = len(host.service.requests)
    host.start()
    assert wait_until(lambda: sorted(case["state"] for case in host.cases()) == ["offline", "withdrawn"])
    states = {case["customer"]: case["state"] for case in host.cases()}
    assert states == {"anna": "withdrawn", "bob": "offline"}
    assert (host.customers / "anna/a.png").read_bytes() == PICTURE
    assert not (host.customers / "bob/b.png").exists()
    assert len(host.service.requests) >= asked + 2
    assert "withdrawn by hashcheckservice" in host.journal()


def leave_measures_open(host: Host, contents: dict[str, bytes]) -> None:
    """As a crash leaves them: decided and recorded, and the mover did not get the order."""
    for path, content in contents.items():
        host.upload(path, content)
    script = f"""
import os, time
from contextlib import suppress
from pathlib import Path
from goodhoster.errors import StaleVerdictError
from goodhoster.assembly.services import Services
from goodhoster.assembly.mover import mover_of
from goodhoster.settings import load
from goodhoster.model.uploads import Place
settings = load(Path({str(host.config)!r}))
services = Services(settings, quarantine=mover_of(settings))
for path in {list(contents)!r}:
    place = Place(os.fsencode({str(host.customers)!r}), os.fsencode(path))
    while True:
        with services.toolkit.examine(place) as checked, suppress(StaleVerdictError):  # a slow machine took a second
            acted = services.toolkit.act(path.partition("/")[0], place, checked)
            assert acted.case.state == "open", acted.case
            break
services.close()
time.sleep(1.1)
"""
    host.python(script)
