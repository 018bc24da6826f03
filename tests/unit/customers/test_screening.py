from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from goodhoster.adapters.stores.customers.database import customers_file
from goodhoster.adapters.stores.customers.screening import SqliteScreeningStore
from goodhoster.audit.log import FileAuditLog
from goodhoster.customers.screening.desk import ScreeningDesk, ScreeningParts
from goodhoster.customers.screening.parties import KeptLists, party_of
from goodhoster.customers.screening.reading import ListFile
from goodhoster.errors import RefusedError
from goodhoster.linux.file_lock import FileLock
from goodhoster.model.cases import Order
from goodhoster.model.customers.register import Contact, Customer, Service
from goodhoster.model.customers.screening import Agreement, Party, ScreeningDecision, ScreeningFinding, ScreeningRun

NOW = datetime(2026, 11, 2, 12, tzinfo=UTC)
JAN = Order("jan", "looked at both")
# The header of targets.simple.csv, and a line as it has them: made-up.
OPEN_SANCTIONS = (
    '"id","schema","name","aliases","birth_date","countries","addresses","identifiers","sanctions","phones",'
    '"emails","dataset","first_seen","last_seen","last_change"\n'
    '"NK-1","Person","Ivan Petrovich Example","Иван Петрович Пример;""Example; Ivan""","1974-08-12","ru;cy",'
    '"1 Example Street, Limassol","RU123456789","EU ""list"" 1","+35799123456","ivan@example.cy","eu_fsf",'
    '"2024-01-01","2026-01-01","2026-01-01"\n'
    '"NK-2","Vessel","ANNA","","","pa","","IMO9999999","","","","eu_fsf","2024-01-01","2026-01-01","2026-01-01"\n'
)


class Screening:
    """A desk over real files, the customers in it, and a list to write."""

    def __init__(self, folder: Path, store: SqliteScreeningStore) -> None:
        self.file = folder / "list.csv"
        self.store = store
        self.parties: list[Party] = []
        self.audit = FileAuditLog(folder / "audit.log", lambda: NOW)
        parts = ScreeningParts(lambda: self.parties, store, self.audit, lambda: NOW, FileLock(folder / "lock"))
        self.desk = ScreeningDesk(parts)

    def __call__(self, *lines: str, header: str = "id,name,country", smaller: bool = False) -> ScreeningRun:
        self.file.write_text("\n".join([header, *lines]) + "\n")
        return self.desk.screen("police", self.file, JAN, smaller=smaller)

    def found(self, *decisions: ScreeningDecision) -> list[ScreeningFinding]:
        return list(self.desk.findings(frozenset(decisions)))


@pytest.fixture
def screening(tmp_path: Path) -> Iterator[Screening]:
    with closing(customers_file(tmp_path / "customers.sqlite")) as record:
        yield Screening(tmp_path, SqliteScreeningStore(record))


def person(name: str, number: str = "c1", **more: Iterable[str]) -> Party:
    return _party(name, number, more)


def _party(name: str, number: str, more: Mapping[str, Iterable[str]]) -> Party:
    return Party(number, "person", (name,), **{key: tuple(value) for key, value in more.items()})


ALIKE = [
    ("Βλαντίμιρ Πούτιν", "Vladimir Putin"),
    ("Μπαράκ Γκάνης", "Barak Ganis"),
    ("Վլադիմիր Պուտին", "Vladimir Putin"),
    ("Müller & Söhne GmbH", "Mueller und Soehne"),
    ("محمد بن سلمان", "Mohammed bin Salman"),
    ("Владимир Петров", "Vladimir Petrov"),
    ("张伟", "Zhang Wei"),
    ("Пётр Кустарев", "Pyotr Kustarev"),
    ("Фёдор Малахов", "Fyodor Malakhov"),
    ("Семён Малахов", "Semyon Malakhov"),
    ("Артём Кустарев", "Artyom Kustarev"),
    ("Евгений Малахов", "Yevgeny Malakhov"),
    ("Екатерина Малахова", "Yekaterina Malakhova"),
    ("Юрий Кустарев", "Iouri Kustarev"),
    ("Чайковский Пётр", "Pyotr Tchaikovsky"),
    ("Γιάννης Κουστής", "Yiannis Koustis"),
    ("Γιάννης Κουστής", "Ioannis Koustis"),
    ("Giannis Koustis", "Ioannis Koustis"),
    ("Jürgen Malachow", "Juergen Malachow"),
    ("Smith John", "John Smith"),
    ("SMITH, John", "Mr. John Smith"),
    ("John Michael Smith", "John Smith"),
    ("J. Smith", "John Smith"),
    ("Jon Smith", "John Smyth"),
    ("Bulletproof Hosting Ltd", "Bullet Proof Hosting"),
    ("Aleksandr Ivanov", "Alexander Iwanow"),
    ("Catherine Example", "Katherine Example"),
    ("Γιώργος Παπαδόπουλος", "Giorgos Papadopoulos"),
    ("Nguyễn Văn An", "Nguyen Van An"),
    ("Example Hosting B.V.", "EXAMPLE HOSTING"),
    ("Stichting Example", "Example"),
    ("Jansen Hosting", "Janssen Hosting"),
]
UNLIKE = [
    ("", ""),
    ("B.V.", "B.V."),
    ("...", "---"),
    ("Peter Jansen", "Peter Hansen"),
    ("Yen Kustarev", "En Kustarev"),
    ("Yolanda Vos", "Elanda Vos"),
    ("AB Hosting", "AB Hosting Holding BV"),
    ("Rotterdam Hosting", "Rotterdam Holding"),
    ("Smith", "John Smith"),
    ("Hosting", "Example Hosting"),
    ("Unit 61398", "Unit 61399"),
    ("Anna Maria Vos", "Anna Theresa Vos"),
]


COMPANIES = [
    ("Siemens AG", "Siemens Aktiengesellschaft"),
    ("Example GmbH", "Example Gesellschaft mit beschränkter Haftung"),
    ("Example GmbH", "Example Gesellschaft mit beschraenkter Haftung"),
    ("Example LLC", "Example Limited Liability Company"),
    ("Lloyds Example plc", "Lloyds Example Public Limited Company"),
    ("Example B.V.", "Example Besloten Vennootschap"),
    ("OAO Example", "Example JSC"),
    ("OAO Example", "Open Joint Stock Company Example"),
    ("JSC Tactical Example Corp.", "TACTICAL EXAMPLE CORPORATION JOINT STOCK COMPANY"),
    ("Example Motors", "LIMITED LIABILITY COMPANY EXAMPLE MOTORS"),
    ("P.T. Example International", "PT Example International"),
    ("C.K. Example Holdings", "CK Example Holdings"),
    ("EXAMPLE EUROPE", "EXAMPLE EUROPE Sp. z o.o."),
    ("Акционерное общество Пример Завод", "Primer Zavod JSC"),
    ("SRL EXAMPLE TRAFFIC", "Societatea cu Răspundere Limitată EXAMPLE TRAFFIC"),
    ("Example SpA", "Example Società per azioni"),
    ("Example AB", "Example Aktiebolag"),
]
OTHER_COMPANIES = [("Joint Stock Company", "Limited Liability Company"), ("Siemens AG", "Simon AG"), ("C K", "CK C")]


@pytest.mark.parametrize(("listed", "ours"), COMPANIES)
def test_a_legal_form_written_out_is_the_same_form(screening: Screening, listed: str, ours: str) -> None:
    for one, other in ((listed, ours), (ours, listed)):
        screening.parties = [Party("c1", "company", (one,))]
        assert screening(f'"1","{other}",company,', header="id,name,kind,country").open == 1


@pytest.mark.parametrize(("listed", "ours"), OTHER_COMPANIES)
def test_a_legal_form_alone_makes_nobody_the_same(screening: Screening, listed: str, ours: str) -> None:
    screening.parties = [Party("c1", "company", (ours,))]
    assert screening(f'"1","{listed}",company,', header="id,name,kind,country").open == 0


def test_an_initial_is_enough_where_few_have_the_surname(screening: Screening) -> None:
    screening.parties = [
        person(f"{first} Poetinov", f"c{first}") for first in ("Vadim", "Vera", "Anna", "Boris", "Ivan")
    ]
    screening("1,V. Poetinov,", "2,POETINOV V.,")

    assert {(each.entry, each.customer) for each in screening.found()} == {
        ("1", "cVadim"),
        ("1", "cVera"),
        ("2", "cVadim"),
        ("2", "cVera"),
    }


@pytest.mark.parametrize(("listed", "ours"), ALIKE)
def test_names_that_are_one(screening: Screening, listed: str, ours: str) -> None:
    screening.parties = [Party("c1", "", (ours,)), Party("c2", "", ("Piet Paulusma",))]

    assert screening(f'e1,"{listed}",').found == 1


@pytest.mark.parametrize(("listed", "ours"), UNLIKE)
def test_names_that_are_not(screening: Screening, listed: str, ours: str) -> None:
    screening.parties = [Party("c1", "", (ours,)), Party("c2", "", ("Piet Paulusma",))]

    assert screening(f'e1,"{listed}",', "e2,Somebody Else,").found == 0


def test_a_finding_says_what_speaks_for_it_and_against_it(screening: Screening) -> None:
    screening.parties = [person("John Smith", countries=["NL"], birth_dates=["1980-01-01"])]

    screening("e1,Jon Smith,GB,1980-01-01", header="id,name,country,birth_date")

    (finding,) = screening.found()
    compared = {each.field: (each.listed, each.ours, each.agreement) for each in finding.comparisons}
    assert compared["name"] == ("Jon Smith", "John Smith", Agreement.SAME)
    assert compared["country"] == ("GB", "NL", Agreement.DIFFERENT)
    assert compared["birth date"] == ("1980-01-01", "1980-01-01", Agreement.SAME)
    assert finding.contradicted == ("country",)
    assert finding.decision is ScreeningDecision.OPEN


@pytest.mark.parametrize(
    ("header", "cell", "ours"),
    [
        ("domain", "bad.example", {"domains": ["www.bad.example"]}),
        ("domain", "https://www.bad.example/x", {"domains": ["www.bad.example"]}),
        ("domain", "a.bad.example", {"domains": ["*.bad.example"]}),
        ("domain", "bäd.example", {"domains": ["xn--bd-via.example"]}),
        ("network", "192.0.2.0/24", {"networks": ["192.0.2.7"]}),
        ("network", "192.0.2.7", {"networks": ["192.0.2.0/28"]}),
        ("network", "192.0.2.0/28", {"networks": ["192.0.2.0/28"]}),
        ("network", "2001:db8::/32", {"networks": ["2001:db8:1::/48"]}),
        ("asn", "AS64500", {"asns": ["64500"]}),
        ("email", "A@Bad.Example", {"mails": ["a@bad.example"]}),
        ("phone", "+31 (0)20 123 4567", {"phones": ["+31201234567"]}),
        ("kvk", "12345678", {"identifiers": ["nl.kvk:12345678"]}),
        ("address", '"Keizersgracht 1, 1015 AA Amsterdam"', {"addresses": ["Keizersgracht 1 1015AA AMSTERDAM"]}),
    ],
)
def test_other_fields(screening: Screening, header: str, cell: str, ours: dict[str, list[str]]) -> None:
    screening.parties = [_party("Anna", "c1", ours), person("Bob", "c2")]

    assert screening(f"e1,{cell}", header=f"id,{header}").found == 1
    assert screening.found()[0].customer == "c1"


@pytest.mark.parametrize(
    ("header", "cell"),
    [
        ("domain", "ad.example"),
        ("domain", "www.www.bad.example"),
        ("domain", "example"),
        ("network", "198.51.100.0/24"),
        ("network", "0.0.0.0/0"),
        ("asn", "64501"),
        ("kvk", "12345679"),
        ("address", '"Keizersgracht 2, 1015 AA Amsterdam"'),
        ("email", "b@bad.example"),
    ],
)
def test_other_fields_that_are_not_the_same(screening: Screening, header: str, cell: str) -> None:
    ours = {
        "domains": ["www.bad.example"],
        "networks": ["192.0.2.7"],
        "asns": ["64500"],
        "identifiers": ["nl.kvk:12345678"],
        "addresses": ["Keizersgracht 1 1015AA AMSTERDAM"],
        "mails": ["a@bad.example"],
    }
    screening.parties = [_party("Anna", "c1", ours)]

    assert screening(f"e1,{cell},Nobody Known", header=f"id,{header},name").found == 0


def test_opensanctions(screening: Screening) -> None:
    screening.file.write_text(OPEN_SANCTIONS)
    listed = ListFile(screening.file, "sanctions")
    first, second = listed.entries()

    assert first.names == ("Ivan Petrovich Example", "Иван Петрович Пример", "Example; Ivan")
    assert (first.kind, first.countries, first.birth_dates) == ("person", ("ru", "cy"), ("1974-08-12",))
    assert (first.identifiers, first.mails) == (("RU123456789",), ("ivan@example.cy",))
    assert (second.names, second.identifiers) == ((), ("IMO9999999",))  # a ship's name is nobody's
    assert not listed.unread


@pytest.mark.parametrize(
    "content", [b"", b"<html>error</html>", b"x,y\n1,2\n", b"\xff\xfename\n", b"name\n\n\n", b"name\n"]
)
def test_what_is_no_list_is_refused_and_changes_nothing(screening: Screening, content: bytes) -> None:
    screening.parties = [person("John Smith")]
    screening("e1,John Smith,")
    screening.file.write_bytes(content)

    with pytest.raises(RefusedError):
        screening.desk.screen("police", screening.file, JAN)

    assert [each.decision for each in screening.found()] == [ScreeningDecision.OPEN]


def test_a_line_that_cannot_be_read_is_told(screening: Screening) -> None:
    screening.parties = [person("John Smith")]

    run = screening(
        "e1,John Smith,,x", "e2,John Smith,", f"e3,{'a' * 200_000},", ",,", "e4,,", header="id,name,country"
    )

    assert run.found == 1
    assert run.unread_count >= 3


@pytest.mark.parametrize(
    "lines",
    [
        ('e1,"Somebody,', "e2,John Smith,"),
        ('e1,"Some"body,', "e2,John Smith,"),
        ('e1,"Somebody,NL', "e2,John Smith,", 'e3,Another",NL'),
        ("e1,Somebody", "e2,John Smith,"),
    ],
    ids=["not closed", "closed early", "closed in a later line", "cut"],
)
def test_a_quote_that_is_not_closed_hides_nobody(screening: Screening, lines: tuple[str, ...]) -> None:
    screening.parties = [person("John Smith")]
    screening(*(f"x{n},Nobody At All {n}," for n in range(3)), "e2,John Smith,")
    assert len(screening.found(ScreeningDecision.OPEN)) == 1
    run = screening(*lines, "e4,Somebody Quite Else,")
    assert run.unread_count >= 1
    assert (run.withdrawn, run.open) == (0, 1)


def test_an_entry_that_cannot_be_read_withdraws_nothing_of_a_customer_that_changed(screening: Screening) -> None:
    screening.parties = [person("John Smith")]
    screening("e1,John Smith,", "e2,Somebody,")
    screening.parties = [person("Somebody New")]
    run = screening('e1,"John Smith,', "e2,Quite Else,")
    assert (run.unread_count, run.withdrawn, run.open) == (1, 0, 1)
    assert screening("e1,John Smith,", "e2,Quite Else,").withdrawn == 1


def test_only_what_changed_is_compared_again(screening: Screening) -> None:
    screening.parties = [person("John Smith"), person("Anna Vos", "c2")]
    first = screening("e1,John Smith,", "e2,Piet Paulusma,")
    assert (first.compared_entries, first.compared_customers, first.open) == (2, 2, 1)

    again = screening("e1,John Smith,", "e2,Piet Paulusma,")
    assert (again.compared_entries, again.compared_customers, again.found, again.open) == (0, 0, 0, 1)

    screening.parties[1] = person("Piet Paulusma", "c2")
    changed = screening("e1,John Smith,", "e2,Piet Paulusma,")
    assert (changed.compared_entries, changed.compared_customers, changed.found, changed.open) == (0, 1, 1, 2)

    grown = screening("e1,John Smith,", "e2,Piet Paulusma,", "e3,P. Paulusma,")
    assert (grown.compared_entries, grown.compared_customers, grown.found, grown.open) == (1, 0, 1, 3)


def test_what_was_decided_is_asked_again_only_when_something_changed(screening: Screening) -> None:
    screening.parties = [person("John Smith", countries=["NL"])]
    screening("e1,John Smith,GB")
    (finding,) = screening.found()
    decided = screening.desk.decide(finding.id, ScreeningDecision.NO_MATCH, JAN)
    assert (decided.actor, decided.reason) == ("jan", "looked at both")

    assert screening("e1,John Smith,GB").found == 0
    assert screening.found()[0].decision is ScreeningDecision.NO_MATCH

    assert screening("e1,John Smith,NL").found == 1
    (again,) = screening.found()
    assert (again.decision, again.asked_again, again.id) == (ScreeningDecision.OPEN, True, finding.id)


def test_what_gives_no_cause_any_more_is_withdrawn_and_decisions_stay(screening: Screening) -> None:
    screening.parties = [person("John Smith"), person("Anna Vos", "c2"), person("Bob Bos", "c3")]
    screening("e1,John Smith,", "e2,Anna Vos,", "e3,Bob Bos,")
    decided = next(each for each in screening.found() if each.entry == "e1")
    screening.desk.decide(decided.id, ScreeningDecision.MATCH, JAN)

    run = screening("e3,Bob Bos,", smaller=True)

    assert run.withdrawn == 1
    decisions = {each.entry: each.decision for each in screening.found()}
    assert decisions == {"e1": ScreeningDecision.MATCH, "e2": ScreeningDecision.WITHDRAWN, "e3": ScreeningDecision.OPEN}
    screening.parties = screening.parties[:2]
    screening("e3,Bob Bos,")
    assert {each.entry: each.decision for each in screening.found()}["e3"] is ScreeningDecision.WITHDRAWN


def test_a_list_that_lost_most_is_refused_until_a_person_says_so(screening: Screening) -> None:
    screening.parties = [person("John Smith")]
    screening("e1,John Smith,", "e2,Anna Vos,", "e3,Bob Bos,")

    with pytest.raises(RefusedError, match="lost 2 of 3"):
        screening("e1,John Smith,")

    assert screening("e1,John Smith,", smaller=True).open == 1


def test_nothing_is_withdrawn_where_something_could_not_be_read(screening: Screening) -> None:
    screening.parties = [person("John Smith"), person("Anna Vos", "c2")]
    screening("e1,John Smith,", "e2,Anna Vos,", "e3,Bob Bos,")

    run = screening("e1,John Smith,", "e2,Anna Vos,,,,", "e3,Bob Bos,")

    assert (run.withdrawn, run.open, run.unread_count) == (0, 2, 1)


def test_an_entry_that_resembles_everybody_says_nothing(screening: Screening) -> None:
    screening.parties = [person("Bob", f"c{number}", domains=[f"s{number}.host.example"]) for number in range(60)]

    for _ in range(2):
        run = screening("e1,host.example", header="id,domain")
        assert (run.found, run.unread_count) == (0, 1)


def test_the_log_has_ids_and_no_names(screening: Screening) -> None:
    screening.parties = [person("John Smith")]
    screening("e1,John Smith,")
    screening.desk.decide(screening.found()[0].id, ScreeningDecision.NO_MATCH, JAN)
    with pytest.raises(RefusedError):
        screening.desk.decide(screening.found()[0].id, ScreeningDecision.MATCH, Order("jan", "bsn 111222333"))
    with pytest.raises(RefusedError):
        screening.desk.decide(screening.found()[0].id, ScreeningDecision.OPEN, JAN)

    logged = [(entry.event.kind, str(dict(entry.event.data))) for entry in screening.audit.entries()]
    assert [kind for kind, _ in logged] == ["screening.done", "screening.decided"]
    assert "Smith" not in str(logged)


def test_a_customer_can_be_erased(screening: Screening) -> None:
    screening.parties = [person("John Smith")]
    screening("e1,John Smith,")

    screening.desk.erase("c1")

    assert not screening.found()
    assert not screening.store.fingerprints("police", "customer")


def test_the_order_of_list_and_customers_does_not_matter(screening: Screening) -> None:
    screening.parties = [person("John Smith"), person("Anna Vos", "c2"), person("Bob Bos", "c3")]
    screening("e1,Jon Smith,", "e2,Ana Vos,")
    before = {(each.entry, each.customer, each.comparisons) for each in screening.found()}

    screening.parties.reverse()
    screening.parties[0] = replace(screening.parties[0], countries=("NL",))
    run = screening("e2,Ana Vos,", "e1,Jon Smith,")

    assert run.compared_entries == 0
    assert {(each.entry, each.customer, each.comparisons) for each in screening.found()} == before


def test_a_customer_as_it_is_compared() -> None:
    customer = Customer(
        "c1",
        "Acme",
        "company",
        country="NL",
        contacts=(Contact("email", "abuse@Acme.example"), Contact("phone", "+31201234567")),
        services=(Service("s1", networks=("192.0.2.0/28", "AS64500", "nonsense")),),
        company_number="nl.kvk:12345678",
    )

    party = party_of(customer, ["www.acme.example"])

    assert party.domains == ("www.acme.example", "acme.example")
    assert (party.networks, party.asns) == (("192.0.2.0/28",), ("64500",))
    assert (party.identifiers, party.countries) == (("nl.kvk:12345678",), ("NL",))


def test_a_list_is_kept_only_when_it_was_taken(tmp_path: Path) -> None:
    lists, file = KeptLists(tmp_path / "screening"), tmp_path / "new.csv"
    file.write_text("name\nJohn\n")
    assert lists.replace("police", file, lambda path: path.read_text()) == "name\nJohn\n"
    file.write_text("broken")

    def refuse(_: Path) -> None:
        raise RefusedError("no list")

    with pytest.raises(RefusedError):
        lists.replace("police", file, refuse)
    for name in ("../x", "", ".hidden", "a/b"):
        with pytest.raises(RefusedError):
            lists.replace(name, file, lambda path: path)

    ((name, kept),) = lists.all()
    assert (name, kept.read_text(), kept.stat().st_mode & 0o777) == ("police", "name\nJohn\n", 0o600)
    assert [path.name for path in (tmp_path / "screening").iterdir()] == ["police.csv"]
