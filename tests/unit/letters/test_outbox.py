"""Letters on disk."""

import dataclasses
import itertools
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from goodhoster.errors import LetterPutOffError, PassingError, PermanentError
from goodhoster.letters.outbox import Outbox
from goodhoster.model.letters import Letter, LetterKind


class Refusing:
    def send(self, letter: Letter) -> None:
        raise PermanentError(f"no such receiver: {letter.to}")

    def close(self) -> None:
        pass


def test_an_address_that_a_stranger_made_up_calls_for_no_help(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path, lambda: datetime.now(UTC), 3)
    for name, limited in (("stranger", True), ("customer", False)):
        outbox.put(Letter(name, LetterKind.RECEIPT, f"{name}@nowhere.example", "x", "x", limited=limited))
    assert outbox.deliver(Refusing()) == 0
    assert sorted(file.stem for file in (tmp_path / "refused").iterdir()) == ["customer", "stranger"]
    assert outbox.refused() == 1


NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)
STRANGER = Letter("N20261130-a-receipt", LetterKind.RECEIPT, "p@x.example", "x", "x", limited=True, unproven=True)
CUSTOMER = Letter("20261130-customer", LetterKind.OFFLINE, "anna@customer.example", "x", "x")


class PostOffice:
    """A mail server that throws something at the letters to some addresses."""

    def __init__(self, thrown: dict[str, Callable[[], Exception]]) -> None:
        self.thrown = thrown
        self.tried: list[str] = []
        self.taken: list[str] = []

    def send(self, letter: Letter) -> None:
        self.tried.append(letter.to)
        if (thrown := self.thrown.get(letter.to)) is not None:
            raise thrown()
        self.taken.append(letter.to)

    def close(self) -> None:
        pass


class Box:
    """An outbox whose clock for retries is set by hand."""

    def __init__(self, folder: Path, letters_a_day: int = 20) -> None:
        self.now = 0.0
        self.outbox = Outbox(folder, lambda: NOON, letters_a_day, lambda: self.now)

    def put(self, name: str, like: Letter = STRANGER, to: str = "") -> bool:
        return self.outbox.put(dataclasses.replace(like, id=f"20261130-{name}", to=to or f"{name}@x.example"))


@pytest.fixture
def box(tmp_path: Path) -> Box:
    return Box(tmp_path)


@pytest.mark.parametrize(
    "thrown",
    [
        lambda: UnicodeEncodeError("ascii", "\ufffd", 0, 1, "ordinal not in range(128)"),
        lambda: RuntimeError("boom"),
        lambda: OSError("disk"),
        lambda: LetterPutOffError("the mail server answered 450 later"),
        RecursionError,
    ],
    ids=["encoding", "any", "system", "greylisted", "recursion"],
)
def test_whatever_one_letter_throws_holds_up_no_other(box: Box, thrown: Callable[[], Exception]) -> None:
    office = PostOffice({f"a{number}@x.example": thrown for number in range(5)})
    for name in ("a0", "a1", "a2", "a3", "a4", "b", "c"):
        box.put(name)
    box.outbox.put(CUSTOMER)
    for _ in range(10):
        box.outbox.deliver(office)
    assert office.taken == [CUSTOMER.to, "b@x.example", "c@x.example"]
    assert box.outbox.waiting() == 5


def test_a_letter_that_throws_is_tried_again_ever_less_often_and_named(
    box: Box, caplog: pytest.LogCaptureFixture
) -> None:
    office = PostOffice({CUSTOMER.to: lambda: RuntimeError("boom")})
    box.outbox.put(CUSTOMER)
    tried_at = []
    for second in range(0, 4000, 10):
        box.now = float(second)
        before = len(office.tried)
        box.outbox.deliver(office)
        tried_at += [second] if len(office.tried) > before else []
    pauses = [late - early for early, late in itertools.pairwise(tried_at)]
    assert pauses == sorted(pauses)
    assert (pauses[0], pauses[-1]) == (60, 900)
    named = f"letter {CUSTOMER.id} to {CUSTOMER.to}"
    assert [each for each in box.outbox.problems() if named in each and "RuntimeError" in each]
    assert len([record for record in caplog.records if named in record.getMessage() and record.exc_info]) == 1
    office.thrown.clear()
    box.now = 10_000.0
    assert box.outbox.deliver(office) == 1
    assert box.outbox.problems() == []


def test_a_letter_that_cannot_be_read_is_named_and_holds_up_no_other(box: Box, tmp_path: Path) -> None:
    (tmp_path / "waiting" / "20261130-0.json").write_text("{")
    (tmp_path / "refused" / "20261130-1.json").write_text("{")
    box.put("b")
    office = PostOffice({})
    box.outbox.deliver(office)
    assert office.taken == ["b@x.example"]
    assert "20261130-0" in box.outbox.problems()[0]
    assert box.outbox.refused() == 1  # a person has to look


def test_a_server_that_is_away_puts_off_no_letter(box: Box) -> None:
    office = PostOffice({f"{name}@x.example": lambda: PassingError("away") for name in "abcde"})
    for name in "abcde":
        box.put(name)
    with pytest.raises(PassingError):
        box.outbox.deliver(office)
    assert len(office.tried) == 3
    office.thrown.clear()
    assert box.outbox.deliver(office) == 5
    assert box.outbox.problems() == []


def test_a_stranger_whose_server_puts_letters_off_alarms_nobody(box: Box) -> None:
    box.put("a")
    box.outbox.deliver(PostOffice({"a@x.example": lambda: LetterPutOffError("450")}))
    assert box.outbox.problems() == []


UNMAILABLE = [
    "p@x.example\ufffd",
    "p@x.example\x00",
    "p\x00@x.example",
    "p\r\nBcc: q@y.example@x.example",
    "p@x.example\nq",
    "p q@x.example",
    "p\u202e@x.example",
    "p\udc80@x.example",
    "p",
    "p@",
    "@x.example",
    "",
    "p@[192.0.2.1]",
    "p@[IPv6:2001:db8::1]",
    "p@192.0.2.1",
    f"{'p' * 65}@x.example",
    f"p@{'x.' * 126}example",
    f"p@{'x' * 64}.example",
    "p@x..example",
    "p@-x.example",
    "p@x.example.",
    "p@x_!.example",
    "<p@x.example>",
    "a,b@x.example",
    "p@q@x.example",
]


@pytest.mark.parametrize("address", UNMAILABLE, ids=ascii)
def test_an_address_that_no_server_can_take_is_no_recipient(box: Box, tmp_path: Path, address: str) -> None:
    box.outbox.put(dataclasses.replace(STRANGER, to=address))
    office = PostOffice({})
    box.outbox.deliver(office)
    assert (office.tried, box.outbox.waiting(), box.outbox.refused()) == ([], 0, 0)
    assert box.outbox.was_refused(STRANGER.id)
    kept = json.loads((tmp_path / "refused" / f"{STRANGER.id}.json").read_text("utf-8"))
    assert kept["refused"]


@pytest.mark.parametrize(
    "address",
    ["p@x.example", "p+q@x-y.example", "p@bücher.example", "jörg@x.example", "p@उदाहरण.example", "root@localhost"],
    ids=ascii,
)
def test_an_address_that_a_server_may_take_is_handed_to_it(box: Box, address: str) -> None:
    office = PostOffice({})
    box.put("a", to=address)
    assert box.outbox.deliver(office) == 1


def test_one_that_an_earlier_version_put_is_refused_and_its_fellows_go(box: Box, tmp_path: Path) -> None:
    old = dataclasses.asdict(dataclasses.replace(STRANGER, to="p@x.example\ufffd"))
    for new in ("unproven", "refused"):
        del old[new]
    (tmp_path / "waiting" / f"{STRANGER.id}.json").write_text(json.dumps(old), "utf-8")
    box.put("b")
    office = PostOffice({})
    assert (box.outbox.deliver(office), office.taken) == (1, ["b@x.example"])
    assert box.outbox.was_refused(STRANGER.id)


def test_a_text_with_half_a_character_is_sent_without_it(box: Box) -> None:
    box.outbox.put(dataclasses.replace(CUSTOMER, text="a\ud800b"))
    assert box.outbox.deliver(PostOffice({})) == 1


def test_what_a_stranger_causes_uses_up_no_letter_that_matters(box: Box) -> None:
    to = "anna@customer.example"
    receipts = [box.put(f"r{number}", to=to) for number in range(25)]
    assert sum(receipts) == 5
    for kind in LetterKind:
        proven = dataclasses.replace(CUSTOMER, kind=kind, limited=True)
        assert box.put(f"{kind}", proven, to), kind


def test_each_cause_has_its_limit(box: Box) -> None:
    to = "anna@customer.example"
    asked = [
        box.put(f"{n}", dataclasses.replace(CUSTOMER, kind=LetterKind.CONTACT, limited=True), to) for n in range(25)
    ]
    assert sum(asked) == 20
    assert box.put("drill", dataclasses.replace(CUSTOMER, kind=LetterKind.DRILL, limited=True), to.upper())
    assert not box.put("more", dataclasses.replace(CUSTOMER, kind=LetterKind.CONTACT, limited=True), to.upper())
