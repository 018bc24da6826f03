"""Every letter to a customer, word for word, in each language; a native reader reads the files in `expected`.

Where a letter is changed on purpose, its file is written anew by hand or by the text that the failing test shows.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from goodhoster.customers.standing.appeals import AppealDecision
from goodhoster.customers.standing.facts import fact_of
from goodhoster.errors import RefusedError
from goodhoster.letters.contact_letters import OutgoingContactLetters
from goodhoster.letters.customer_letters import LANGUAGES, CustomerLetters
from goodhoster.letters.message_ids import is_appeal_link
from goodhoster.letters.outbox import Outbox
from goodhoster.letters.texts import InaccessibleUrls, Letterhead, statement
from goodhoster.model.cases import Case, CaseState
from goodhoster.model.customers.contact_requests import ContactRequest, RequestKind
from goodhoster.model.customers.contacts import AbuseContact
from goodhoster.model.customers.house_rules import CustomerRules, StatementRules
from goodhoster.model.customers.panels import SuspensionTarget
from goodhoster.model.customers.register import Customer
from goodhoster.model.customers.standing import (
    Appeal,
    AppealChannel,
    AppealState,
    Fact,
    FactKind,
    FactState,
    Rung,
    StatementState,
    Step,
    StepState,
)
from goodhoster.model.customers.suspensions import Suspension, SuspensionState
from goodhoster.model.letters import Letter, LetterKind
from goodhoster.model.notice_status import Notice, Receipt
from goodhoster.model.notices import (
    Carrier,
    NoticeFormat,
    ReadNotice,
    RemovalOrder,
    TrustFinding,
    TrustLevel,
)
from tests.standing_house import ANNA, BEGIN, House, customer

EXPECTED = Path(__file__).parent / "expected"
LINK = "https://abuse.hoster.example"
MATERIAL = Fact("case:k1", "eve", FactKind.KNOWN_MATERIAL, FactState.CONFIRMED, BEGIN)
NOTICED = replace(MATERIAL, id="case:k2", noticed=True, automatic=False)
BELOW = replace(MATERIAL, id="case:k3", customer="eves-customer")
SILENT = Fact("contact:C1", "eve", FactKind.SILENCE, FactState.CONFIRMED, BEGIN)
STEP = Step(
    id="m20260102-2345678",
    customer="eve",
    rung=Rung.WARN,
    state=StepState.IMPOSED,
    facts=("case:k1",),
    announced_at=BEGIN,
    rules="built-in",
    imposed_at=BEGIN + timedelta(days=1),
)
SUSPENSION = Suspension(
    id="s20260102-2345678",
    state=SuspensionState.IN_FORCE,
    panel="web1",
    target=SuspensionTarget("eve"),
    customer="eve",
    reason="Notice N20260101-abcdefg was not answered within 24 hours.",
    actor="anna",
    opened_at=BEGIN,
)
APPEAL = Appeal(
    id="a20260103-2345678",
    customer="eve",
    subject="case:k1",
    channel=AppealChannel.MAIL,
    received_at=BEGIN,
    deadline=BEGIN + timedelta(days=14),
    text="It is a beach.",
)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path, CustomerRules(enforce=True), [customer("eve", language="")])
    yield made
    made.close()


def writer(house: House, language: str, *, link: str = LINK, grounds: StatementRules | None = None) -> CustomerLetters:
    head = Letterhead("Made-up Hosting", "abuse@hoster.example", "nl", grounds or StatementRules(), 6, link)
    parts = replace(house.letters._parts, head=replace(head, language=language))  # type: ignore[arg-type]
    return CustomerLetters(parts)


def cases(house: House, number: int = 1) -> list[Case]:
    return [house.offline("eve") for _ in range(number)]


def preview(write: CustomerLetters, about: Sequence[Case]) -> Letter:
    return write._letter(write._of_cases("eve", about), "preview", "…")


def in_force(rung: Rung, *, person: bool) -> Step:
    return replace(STEP, rung=rung, site="shop.eve.example" if rung is Rung.SUSPEND_SITE else "", actor="anna" * person)


def steps(write: CustomerLetters) -> Iterator[tuple[str, Letter]]:
    for rung in Rung:
        step, person = in_force(rung, person=False), rung.level > Rung.RESTRICT.level
        if write._parts.rules.ladder.rungs[rung].notice:
            yield (
                f"{rung} announced",
                write.preview_step(replace(step, imposed_at=None), "announced", [MATERIAL, SILENT]),
            )
        yield f"{rung} imposed", write.preview_step(in_force(rung, person=person), "imposed", [MATERIAL, NOTICED])
        if rung.inverse:
            yield f"{rung} lifted", write.preview_step(step, "lifted", [MATERIAL])
    announced = replace(in_force(Rung.SUSPEND_SITE, person=True), imposed_at=None)
    yield "suspend-site withdrawn", write.preview_step(replace(announced, actor=""), "withdrawn", [])
    yield "suspend-site refused", write.preview_step(announced, "refused", [MATERIAL])
    yield "warn imposed, for silence", write.preview_step(STEP, "imposed", [SILENT])
    yield (
        "restrict-uploads imposed, on a reseller",
        write.preview_step(in_force(Rung.RESTRICT, person=False), "imposed", [BELOW]),
    )


def offline(house: House, write: CustomerLetters) -> Iterator[tuple[str, Letter]]:
    yield "by a match", preview(write, cases(house, 2))
    yield "by a person", preview(write, [replace(case, actor="anna") for case in cases(house)])


def restored(house: House, write: CustomerLetters) -> Iterator[tuple[str, Letter]]:
    yield "by a person", write._letter(write._of_restored("eve", cases(house, 2)), "preview", "")


def suspensions(write: CustomerLetters) -> Iterator[tuple[str, Letter]]:
    targets = {
        "site": SuspensionTarget("eve", "shop.eve.example"),
        "account": SuspensionTarget("eve"),
        "network": SuspensionTarget("192.0.2.0/28"),
    }
    for what, target in targets.items():
        found = write.preview_suspension(replace(SUSPENSION, target=target))
        assert found
        yield f"{what} imposed", found
    write.about_suspension(SUSPENSION)
    lifted = replace(SUSPENSION, state=SuspensionState.LIFTED, lift_reason="The server was cleaned up.")
    found = write.preview_suspension(lifted)
    assert found
    yield "account lifted", found


def appeals(write: CustomerLetters) -> Iterator[tuple[str, Letter]]:
    def letter(appeal: Appeal, purpose: str, *more: Appeal) -> Letter:
        return write._letter(write._of_appeals([appeal, *more], purpose), "preview", "")

    yield "received", letter(APPEAL, "received")
    yield "received, about two", letter(APPEAL, "received", replace(APPEAL, id="a20260103-abcdefg"))
    yield "received late", letter(replace(APPEAL, late=True), "received")
    decided = replace(APPEAL, state=AppealState.UPHELD, reason="It is a beach.", restored=("k1",))
    yield "upheld, files back", letter(decided, "decided")
    yield "upheld, undone", letter(replace(decided, restored=()), "decided")
    yield "upheld, not undone yet", letter(replace(decided, trouble="the panel is away"), "decided")
    rejected = replace(decided, state=AppealState.REJECTED, reason="The hotline confirmed it.")
    yield "rejected", letter(rejected, "decided")
    yield "withdrawn", letter(replace(rejected, state=AppealState.WITHDRAWN, reason="by telephone"), "decided")


def of_notice(language: str) -> Iterator[tuple[str, Letter]]:
    receipt = Receipt("N20260101-abcdefg", datetime(2026, 1, 1, 12, tzinfo=UTC), Carrier.MAIL, b"")
    level = TrustLevel.PINNED
    notice = Notice(receipt, read=ReadNotice(NoticeFormat.SCART_TABLE), trust=TrustFinding(level, "hotline"))
    order = ReadNotice(NoticeFormat.UNREADABLE, reference="ATKM-7", order=RemovalOrder())
    head = Letterhead("Made-up Hosting", "abuse@hoster.example", "nl")
    contact = AbuseContact("eve", "abuse@eve.example", language)  # type: ignore[arg-type]
    acted = InaccessibleUrls(("hxxp://eve[.]example/p[.]jpg",), link=f"{LINK}/appeal/…")
    by_person = replace(acted, by_person=True)
    yield "a hotline's notice", statement(notice, acted, contact, head)
    stranger = replace(notice, trust=TrustFinding(TrustLevel.UNAUTHENTICATED))
    yield "a stranger's notice", statement(stranger, by_person, contact, head)
    yield "an authority's order", statement(replace(notice, read=order), by_person, contact, head)


def forwarded(outbox: Outbox, language: str) -> Iterator[tuple[str, Letter]]:
    letters = OutgoingContactLetters(outbox, Letterhead("Made-up Hosting", "abuse@hoster.example", "en"), LINK)
    request = ContactRequest(
        id="C20260101-abcdefg",
        kind=RequestKind.NOTICE,
        customer="eve",
        address="abuse@eve.example",
        asked_at=BEGIN,
        deadline=BEGIN + timedelta(hours=12),
        expires_at=BEGIN + timedelta(hours=12),
        notice="N20260101-abcdefg",
        about="hxxp://192[.]0[.]2[.]1/p[.]jpg",
    )
    who = Customer("eve", language=language)
    yield "forwarded", letters._letter(request, who)
    yield "reminded", letters._letter(request, who, reminder=True)


def every(house: House, kind: LetterKind, language: str) -> Iterator[tuple[str, Letter]]:
    write = writer(house, language)
    found: dict[LetterKind, Callable[[], Iterator[tuple[str, Letter]]]] = {
        LetterKind.MEASURE: lambda: steps(write),
        LetterKind.OFFLINE: lambda: offline(house, write),
        LetterKind.RESTORED: lambda: restored(house, write),
        LetterKind.SUSPENSION: lambda: suspensions(write),
        LetterKind.APPEAL: lambda: appeals(write),
        LetterKind.STATEMENT: lambda: of_notice(language),
        LetterKind.CUSTOMER_NOTICE: lambda: forwarded(house.outbox, language),
    }
    return found[kind]()


KINDS = (
    LetterKind.MEASURE,
    LetterKind.OFFLINE,
    LetterKind.RESTORED,
    LetterKind.SUSPENSION,
    LetterKind.APPEAL,
    LetterKind.STATEMENT,
    LetterKind.CUSTOMER_NOTICE,
)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", KINDS)
def test_each_letter_is_word_for_word_as_it_was_read_and_found_right(
    house: House, kind: LetterKind, language: str
) -> None:
    written = "\n".join(
        f"==== {name}\nSubject: {letter.subject}\n\n{letter.text}" for name, letter in every(house, kind, language)
    )
    assert written == (EXPECTED / language / f"{kind}.txt").read_text(encoding="utf-8")


FIELDS = {
    "nl": {
        "a territory": "overal",
        "b facts": "Waarom: ",
        "c automation": "Automatisering: ",
        "e terms": "Contractuele grond: ",
        "f internal": "bezwaar maken",
        "f out of court": "gecertificeerd orgaan voor buitengerechtelijke geschillenbeslechting",
        "f court": "de rechter",
    },
    "en": {
        "a territory": "everywhere",
        "b facts": "Why: ",
        "c automation": "Automation: ",
        "e terms": "Contractual ground: ",
        "f internal": "object free of charge",
        "f out of court": "certified out-of-court dispute settlement body",
        "f court": "to a court",
    },
    "de": {
        "a territory": "überall",
        "b facts": "Warum: ",
        "c automation": "Automatisierung: ",
        "e terms": "Vertragliche Grundlage: ",
        "f internal": "Widerspruch einlegen",
        "f out of court": "zertifizierte außergerichtliche Streitbeilegungsstelle",
        "f court": "ein Gericht",
    },
}
LEGAL = {"nl": "Wettelijke grond: ", "en": "Legal ground: ", "de": "Rechtsgrundlage: "}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", [LetterKind.MEASURE, LetterKind.OFFLINE, LetterKind.SUSPENSION, LetterKind.STATEMENT])
def test_each_statement_of_reasons_has_every_field_of_article_17(house: House, kind: LetterKind, language: str) -> None:
    for name, letter in every(house, kind, language):
        if not name.endswith(("lifted", "withdrawn", "refused")):
            text = " ".join(letter.text.split())
            missing = [field for field, words in FIELDS[language].items() if words not in text]
            assert missing == [], (name, text)
            assert (LEGAL[language] in text) != name.endswith("for silence"), name  # that is against the terms alone
            assert f"{LINK}/appeal/" in text, name


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", KINDS)
def test_no_line_is_too_long_for_a_mail(house: House, kind: LetterKind, language: str) -> None:
    for name, letter in every(house, kind, language):
        assert max(map(len, letter.text.splitlines())) <= 78, name


def test_what_the_house_names_as_law_clause_and_territory_stands_in_each_statement(house: House) -> None:
    grounds = StatementRules("article 7", "section 4", "in the European Union")
    write = writer(house, "en", grounds=grounds)
    suspension = write.preview_suspension(SUSPENSION)
    assert suspension
    head = replace(write._parts.head, grounds=grounds)
    receipt = Receipt("N20260101-abcdefg", BEGIN, Carrier.MAIL, b"")
    noticed = statement(Notice(receipt), InaccessibleUrls(("x",)), AbuseContact("eve", "a@eve.example", "en"), head)
    step = write.preview_step(STEP, "imposed", [MATERIAL])
    for letter in (step, preview(write, cases(house)), suspension, noticed):
        text = " ".join(letter.text.split())
        for words in ("(article 7)", "(section 4)", "in the European Union"):
            assert words in text, (letter.kind, text)


def test_a_link_is_good_for_its_own_letter_alone_and_there_is_none_without_pages(house: House) -> None:
    write = writer(house, "en")
    write.about_cases("eve", cases(house))
    house.deliver()
    letter = house.mailer.sent[-1]
    name, code = letter.text.partition(f"{LINK}/appeal/")[2].split()[0].split("/")
    assert name == letter.id
    assert is_appeal_link(house.outbox.codes, name, code)
    assert not is_appeal_link(house.outbox.codes, f"{name}x", code)
    assert not is_appeal_link(house.outbox.codes, name, letter.code)
    assert "/appeal/" not in preview(writer(house, "en", link=""), cases(house)).text


def test_who_was_told_that_files_went_offline_is_told_once_that_they_are_back(house: House) -> None:
    write = writer(house, "en")
    back, stays, unheard = cases(house, 3)
    write.about_cases("eve", [back, stays])
    house.restore([back.id, unheard.id], ANNA)
    assert [write.tell_of_restored(house.cases) for _ in range(2)] == [1, 0]
    house.deliver()
    (letter,) = [letter for letter in house.mailer.sent if letter.kind is LetterKind.RESTORED]
    assert [name in letter.text for name in ("eve/1.jpg", "eve/2.jpg", "eve/3.jpg")] == [True, False, False]


def test_what_an_appeal_brought_back_stands_in_its_answer_alone(house: House) -> None:
    write = writer(house, "en")
    write.about_cases("eve", cases(house))
    house.deliver()
    (appeal,) = house.appeals.by_reference(f"Re: {house.mailer.sent[-1].subject}", "a beach", AppealChannel.MAIL)
    house.appeals.decide(appeal.id, AppealDecision(AppealState.UPHELD, ANNA, mistake=True))
    assert house.cases.get("k1").state is CaseState.RESTORED
    assert write.tell_of_restored(house.cases) == 0


def test_what_a_person_suspended_is_told_once_and_its_end_too(house: House) -> None:
    house.suspensions.add(SUSPENSION)
    write = writer(house, "en")
    for _ in range(2):
        assert write.tell_of_suspensions([SUSPENSION]) == 1
    house.lift(SUSPENSION.id, ANNA)
    write.tell_of_suspensions([house.suspensions.get(SUSPENSION.id)])
    house.deliver()
    assert {letter.subject.partition(" [")[0] for letter in house.mailer.sent} == {
        "Suspension of your account eve",
        "Lifted: suspension of your account eve",
    }
    assert len(house.mailer.sent) == 2


@pytest.mark.parametrize(
    "changes",
    [
        {"customer": ""},
        {"reason": f"{STEP.id}: 3 incidents in 365 days"},
        {"state": SuspensionState.UNCONFIRMED},
        {"state": SuspensionState.LIFTED},
    ],
)
def test_no_letter_is_due_about_another_ones_suspension(house: House, changes: dict[str, object]) -> None:
    assert writer(house, "en").about_suspension(replace(SUSPENSION, **changes)) is None  # type: ignore[arg-type]


def test_a_confidential_suspension_is_withheld_and_that_is_on_record(house: House) -> None:
    told = writer(house, "en").about_suspension(replace(SUSPENSION, confidential=True))
    assert told
    assert (told.state, told.to) == (StatementState.WITHHELD, "")
    house.deliver()
    assert house.mailer.sent == []


def test_a_reseller_reads_what_happened_and_at_which_of_its_customers(house: House) -> None:
    text = writer(house, "en").preview_step(in_force(Rung.WARN, person=False), "imposed", [BELOW]).text
    assert "at your customer eves-customer" in text


def test_whether_a_notice_told_of_a_fact_is_read_from_its_case(house: House) -> None:
    assert not fact_of(house.offline("eve")).noticed
    assert fact_of(house.offline("eve", notifier="hotline")).noticed
    assert house.case("eve", CaseState.OFFLINE).notice == ""


class TestOfOneCase:
    """`customers statement case:ID`: what is said is true of the case as it stands now."""

    def test_that_is_offline_by_a_match(self, house: House) -> None:
        case = house.offline("eve")
        assert case.upload.place.path.decode() in house.letters.preview_case(case).text

    @pytest.mark.parametrize("state", [CaseState.HELD, CaseState.OBSERVED, CaseState.OPEN, CaseState.FAILED])
    def test_of_which_nothing_was_done_has_none(self, house: House, state: CaseState) -> None:
        for write in (house.letters.preview_case, house.letters.resend_case):
            with pytest.raises(RefusedError, match="no letter is due"):
                write(house.case("eve", state))

    def test_that_a_notice_named_has_that_of_the_notice(self, house: House) -> None:
        case = replace(house.offline("eve"), notice="N20260101-abcdefg")
        with pytest.raises(RefusedError, match="that of notice N20260101-abcdefg"):
            house.letters.resend_case(case)

    def test_that_came_back_and_was_told_says_so(self, house: House) -> None:
        case = house.offline("eve")
        back = replace(case, state=CaseState.RESTORED)
        with pytest.raises(RefusedError, match="told of nothing"):
            house.letters.preview_case(back)
        house.letters.about_cases("eve", [case])
        assert house.letters.preview_case(back).kind is LetterKind.RESTORED

    def test_that_a_notice_took_and_a_person_put_back_is_told_of(self, house: House) -> None:
        """A customer whom the notice's own statement told must learn that it is back, and nobody else."""
        ids = [house.offline("eve").id for _ in range(2)]
        for case_id in ids:
            case = house.cases.get(case_id)
            house.cases.replace(
                replace(case, notice="N20260101-abcdefg", state=CaseState.RESTORED, closed_at=house.time()),
                expected=case.state,
            )
        house.told_by_notice.add(ids[0])
        assert house.letters.tell_of_restored(house.cases) == 1
        assert [one.purpose for one in house.store.statements(f"case:{ids[0]}")] == ["restored"]
        assert house.store.statements(f"case:{ids[1]}") == []

    def test_says_since_when_the_file_is_offline_and_not_since_when_it_was_seen(self, house: House) -> None:
        case = house.offline("eve")
        late = replace(case, closed_at=case.opened_at + timedelta(days=3))
        assert f"{late.closed_at:%Y-%m-%d %H:%M}" in " ".join(house.letters.preview_case(late).text.split())


def test_an_answer_to_an_objection_names_the_file_it_is_about(house: House) -> None:
    one, other = house.offline("eve"), house.offline("eve")
    about = [
        replace(APPEAL, id=f"a20260103-{n}345678", subject=f"case:{case.id}") for n, case in enumerate((one, other))
    ]
    decided = replace(about[0], state=AppealState.UPHELD, reason="a beach", restored=(one.id,))
    received = house.letters._letter(house.letters._of_appeals(about, "received"), "x", "…").text
    answer = house.letters._letter(house.letters._of_appeals([decided], "decided"), "x", "…").text
    names = [case.upload.place.path.decode() for case in (one, other)]
    assert [f"{each.id}: {name}" in received for each, name in zip(about, names, strict=True)] == [True, True]
    assert (names[0] in answer, names[1] in answer) == (True, False)
