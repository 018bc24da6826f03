"""The form behind the link in a statement of reasons, over real sockets."""

import http.client
import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import pytest
from aiohttp import web

from goodhoster.customers.standing.appeals import AppealDecision
from goodhoster.letters.customer_letters import CustomerLetters
from goodhoster.model.cases import CaseState
from goodhoster.model.customers.house_rules import CustomerRules
from goodhoster.model.customers.standing import AppealChannel, AppealState
from goodhoster.model.letters import Letter, LetterKind
from goodhoster.takedowns.form_appeals import FormAppeals
from goodhoster.takedowns.letter_appeals import LetterAppeals
from goodhoster_agent.doors.appeal_pages import AppealPages
from goodhoster_agent.doors.http_server import HttpThread
from goodhoster_agent.doors.rate_limit import RateLimit
from tests.standing_house import ANNA, House, customer
from tests.unit.takedowns.test_mailed_appeals import Mailroom

BELOW = "https://abuse.hoster.example"
WHY = "Ik ben het er niet mee eens: het is een strand.\nKijk maar."


class Pages:
    """The form at a hoster, who writes letters with links."""

    def __init__(self, folder: Path) -> None:
        self.house = House(
            folder,
            CustomerRules(enforce=True),
            [customer("bob"), customer("eve", language="de"), customer("x", language="")],
        )
        parts = self.house.letters._parts
        self.letters = CustomerLetters(replace(parts, head=replace(parts.head, link=BELOW)))
        # No notices here: see test_a_statement_about_a_notice_has_the_form_too.
        letters = LetterAppeals(self.house.appeals, self.house.cases, None)  # type: ignore[arg-type]
        self.forms: FormAppeals | None = FormAppeals(letters, self.house.outbox.codes, self.house._language)
        self.seconds = 0.0
        self.pages = AppealPages(lambda: self.forms, RateLimit(lambda: self.seconds), lambda _: "192.0.2.1")
        self.thread = HttpThread(self._app, ("127.0.0.1", 0))

    def _app(self) -> web.Application:
        app = web.Application()
        self.pages.add_to(app)
        return app

    def link(self, name: str = "bob") -> str:
        """The path of the link in a letter about a new case."""
        self.house.offline(name)
        self.letters.tell_of_cases(self.house.cases)
        self.house.deliver()
        return path_in(self.house.mailer.sent[-1])

    def ask(
        self, method: str, path: str, text: str | None = None, *, language: str = "", wait: float = 2
    ) -> tuple[int, str]:
        self.seconds += wait
        body = urlencode({"text": text}) if text is not None else None
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept-Language": language}
        with closing(http.client.HTTPConnection("127.0.0.1", self.thread.port, timeout=60)) as connection:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            self.headers = dict(response.getheaders())
            return response.status, response.read().decode()


def path_in(letter: Letter) -> str:
    found = re.search(rf"{BELOW}(/appeal/\S+)", letter.text)
    assert found, letter.text
    return found[1]


@pytest.fixture
def pages(tmp_path: Path) -> Iterator[Pages]:
    made = Pages(tmp_path)
    made.thread.start()
    yield made
    made.thread.stop()
    made.house.close()


def test_a_customer_objects_by_the_link_of_the_letter(pages: Pages) -> None:
    path = pages.link()
    status, form = pages.ask("GET", path)
    assert status == 200
    assert 'lang="nl"' in form
    assert "<textarea" in form
    assert pages.house.store.appeals() == []  # a scanner that opens links objects to nothing
    assert pages.ask("POST", path, WHY.replace("\n", "\r\n"))[0] == 201
    (appeal,) = pages.house.store.appeals()
    assert (appeal.customer, appeal.subject, appeal.channel) == ("bob", "case:k1", AppealChannel.FORM)
    assert (appeal.text, appeal.state) == (WHY, AppealState.OPEN)
    status, page = pages.ask("GET", path)
    assert (status, appeal.id in page, f"{appeal.deadline:%Y-%m-%d %H:%M}" in page) == (200, True, True)
    pages.house.deliver()
    assert "Wij hebben uw bezwaar ontvangen" in pages.house.mailer.sent[-1].subject


def test_the_link_of_a_letter_is_good_also_after_the_letter_was_sent_again(pages: Pages) -> None:
    paths = [pages.link()]
    case = pages.house.cases.get("k1")
    for _ in range(3):
        pages.letters.resend_case(case)
        pages.house.deliver()
        paths.append(path_in(pages.house.mailer.sent[-1]))
    assert len(set(paths)) == 4
    assert [pages.ask("GET", path)[0] for path in paths] == [200, 200, 200, 200]
    assert [one.id for one in pages.house.store.statements("case:k1")] == [
        *("case:k1 offline", "case:k1 offline 2", "case:k1 offline 3", "case:k1 offline 4")
    ]
    assert pages.ask("POST", paths[1], WHY)[0] == 201
    assert len(pages.house.store.appeals()) == 1  # one for the measure, whichever letter it came by
    pages.letters.tell_of_cases(pages.house.cases)
    assert len(pages.house.store.statements("case:k1")) == 4


@pytest.mark.parametrize(
    ("name", "accepts", "language", "words"),
    [
        ("bob", "de", "nl", "Bezwaar maken"),
        ("eve", "nl", "de", "Widerspruch gegen"),
        ("x", "de-AT,en", "de", "Widerspruch gegen"),
        ("x", "fr", "en", "Object to our decision"),
    ],
)
def test_the_page_has_the_customers_language_else_the_browsers(
    pages: Pages, name: str, accepts: str, language: str, words: str
) -> None:
    status, page = pages.ask("GET", pages.link(name), language=accepts)
    assert (status, f'lang="{language}"' in page, words in page) == (200, True, True)


def test_without_the_right_link_nothing_is_told(pages: Pages) -> None:
    path = pages.link()
    _, letter, code = path.strip("/").split("/")
    wrong = code[:-1] + ("2" if code[-1] != "2" else "3")
    other = path_in_of_another(pages)
    never = {
        pages.ask(method, where, text)
        for method, text in (("GET", None), ("POST", WHY))
        for where in (
            f"/appeal/{letter}/{wrong}",
            f"/appeal/{letter}x/{code}",
            f"/appeal/20260101-222222222222/{wrong}",
            f"/appeal/N20260101-abcdefg-statement-bob/{wrong}",
            f"/appeal/{letter}/{other}",
            f"/appeal/{'x' * 5000}/{code}",
        )
    }
    assert len(never) == 1, "each is answered alike"
    ((status, page),) = never
    assert status == 404
    assert letter not in page
    assert pages.house.store.appeals() == []


def path_in_of_another(pages: Pages) -> str:
    """The code of another letter."""
    return pages.link("eve").rpartition("/")[2]


def test_the_page_has_no_script_and_nothing_from_elsewhere(pages: Pages) -> None:
    path = pages.link()
    for method, text in (("GET", None), ("POST", ""), ("POST", WHY), ("GET", None)):
        _, page = pages.ask(method, path, text)
        assert not re.search(r"(?i)<script|<link|<img|<style|src=|href=|https?:|\son\w+=", page), page
        assert pages.headers["Content-Security-Policy"].startswith("default-src 'none'")
        assert pages.headers["Referrer-Policy"] == "no-referrer"
        assert pages.headers["Cache-Control"] == "no-store"
        assert pages.headers["X-Robots-Tag"] == "noindex"
        assert "bob" not in page
        assert "1.jpg" not in page


def test_it_says_what_is_wrong_and_takes_nothing(pages: Pages) -> None:
    path = pages.link()
    assert pages.ask("POST", path, " \n")[0] == 422
    status, page = pages.ask("POST", path, "<b>" + "x" * 20_001)
    assert (status, "20.000" in page, "<b>" in page, "&lt;b&gt;xxx" in page) == (413, True, False, True)
    assert pages.ask("POST", path, "x" * 300_000)[0] == 413
    assert pages.ask("POST", path)[0] == 422
    assert pages.house.store.appeals() == []


def test_a_second_objection_is_not_taken_for_the_first(pages: Pages) -> None:
    path = pages.link()
    pages.ask("POST", path, WHY)
    assert pages.ask("POST", path, WHY)[0] == 201  # pressed twice
    status, page = pages.ask("POST", path, "And another thing.")
    assert (status, "niet aan toegevoegd" in page) == (409, True)
    (appeal,) = pages.house.store.appeals()
    assert appeal.text == WHY


def test_what_was_decided_is_told_with_the_link(pages: Pages) -> None:
    path = pages.link()
    pages.ask("POST", path, WHY)
    (appeal,) = pages.house.store.appeals()
    pages.house.appeals.decide(appeal.id, AppealDecision(AppealState.UPHELD, ANNA))
    status, page = pages.ask("GET", path)
    assert (status, "er is beslist" in page) == (200, True)
    assert "looked into it" not in page
    assert pages.house.cases.get("k1").state is CaseState.RESTORED


def test_an_address_that_asks_too_fast_waits(pages: Pages) -> None:
    path = pages.link()
    assert pages.ask("GET", path)[0] == 200
    assert pages.ask("GET", path, wait=0.1)[0] == 429
    assert pages.headers["Retry-After"] == "1"
    assert pages.ask("POST", path, WHY, wait=0.1)[0] == 429
    assert pages.house.store.appeals() == []
    assert pages.ask("POST", path, WHY)[0] == 201


def test_without_a_register_there_is_no_such_page(pages: Pages) -> None:
    path = pages.link()
    pages.forms = None
    assert {pages.ask("GET", path)[0], pages.ask("POST", path, WHY)[0]} == {404}


def test_an_objection_to_a_letter_about_many_files_is_confirmed_in_one_letter(pages: Pages) -> None:
    for _ in range(40):
        pages.house.offline("bob")
    path = pages.link()
    before = len(pages.house.mailer.sent)
    assert pages.ask("POST", path, WHY)[0] == 201
    assert len(pages.house.store.appeals()) == 41
    pages.house.deliver()
    (received,) = pages.house.mailer.sent[before:]
    assert "41 maatregelen" in " ".join(received.text.split())


def test_a_statement_about_a_notice_has_the_form_too(tmp_path: Path) -> None:
    room = Mailroom(tmp_path)
    answers = room.services.desk._parts.letters
    object.__setattr__(answers, "head", replace(answers.head, link=BELOW))
    notice, letter = room.statement()
    assert letter.kind is LetterKind.STATEMENT
    _, name, code = path_in(letter).strip("/").split("/")
    letters = LetterAppeals(room.house.appeals, room.services.cases, room.services.store)
    forms = FormAppeals(letters, room.services.outbox.codes, lambda _: "en")
    state = forms.take(name, code, "It is a beach.")
    assert state
    (appeal,) = state.appeals
    assert (state.name, appeal.customer, appeal.subject) == (notice.id, "anna", f"case:{notice.items[0].cases[0]}")
    assert forms.link_state(name.replace("anna", "bert"), code) is None
    room.close()


def test_where_only_an_address_is_blocked_a_person_reads_the_answer_and_there_is_no_form(tmp_path: Path) -> None:
    room = Mailroom(tmp_path)
    answers = room.services.desk._parts.letters
    object.__setattr__(answers, "head", replace(answers.head, link=BELOW))
    room.services.scart("http://anna.example/app/1")
    room.services.letters()
    (letter,) = [one for one in room.services.mailer.sent if one.kind is LetterKind.STATEMENT]
    assert "/appeal/" not in letter.text
    room.close()


def test_what_is_no_form_is_taken_for_an_empty_one(pages: Pages) -> None:
    path = pages.link()
    with closing(http.client.HTTPConnection("127.0.0.1", pages.thread.port, timeout=60)) as connection:
        for body in (b"\xff\x00", b"&".join([b"text=x"] * 50), b'{"text": "x"}'):
            pages.seconds += 2
            connection.request("POST", path, body)
            response = connection.getresponse()
            response.read()
            assert response.status in {413, 422}
    assert urlsplit(path).path == path
    assert pages.house.store.appeals() == []
