"""Lists of customers are imported line by line: what is wrong is told, and nobody ends by mistake."""

import json
import os
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from goodhoster.adapters.stores.memory_customers import MemoryCustomerStore
from goodhoster.audit.log import FileAuditLog
from goodhoster.customers.importing.importer import ImportResult, RegisterImporter, RegisterImportOrder
from goodhoster.errors import ConfigurationError
from goodhoster.linux.file_lock import FileLock
from goodhoster.model.customers.register import Contact, Service
from goodhoster.policy.register_guard import RegisterGuard
from goodhoster.ports import CustomerQuery

NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)
HEADER = "customer_id,name,email,domain,docroot\n"


class Importing:
    """An importer with an empty register."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = MemoryCustomerStore()
        self.audit = FileAuditLog(folder / "audit.log")
        self.importer = RegisterImporter(self.store, self.audit, FileLock(folder / "lock"), lambda: NOON)

    def __call__(self, content: str | bytes, name: str = "list.csv", **order: object) -> ImportResult:
        file = self.folder / name
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        asked = {"origin": "list", "actor": "tester"} | order
        return self.importer.import_file(file, RegisterImportOrder(**asked))  # type: ignore[arg-type]

    @property
    def ids(self) -> list[str]:
        return list(self.store.ids(CustomerQuery(statuses=frozenset({"active", "suspended"}))))


@pytest.fixture
def importing(tmp_path: Path) -> Importing:
    return Importing(tmp_path)


def many(count: int) -> str:
    return HEADER + "".join(f"c{n},Customer {n},,c{n}.example,/srv/c{n}\n" for n in range(count))


def test_the_columns_of_the_documentation(importing: Importing) -> None:
    result = importing(
        "customer_id,name,kind,reseller,language,country,email,abuse_email,phone,company_number,since,status,domain,"
        "docroot,user,service,service_kind,server,product,networks,inspectable,external_whmcs\n"
        "anna,Anna BV,Company,,nl-NL,nl,a@b.example,abuse@b.example,+31 (0)20-1234567,nl.kvk:12345678,2019-03-01,"
        "Suspended,Anna.example. www.anna.example,/srv//anna/www/,anna,s1,VPS,node1,VPS L,"
        "192.0.2.1 2001:db8::/48,no,17\n"
    )
    assert (result.applied, result.report.rejected) == (True, [])
    anna = importing.store.get("anna")
    assert (anna.name, anna.kind, anna.language, anna.country, anna.status) == (
        "Anna BV",
        "company",
        "nl",
        "NL",
        "suspended",
    )
    assert anna.contacts == (
        Contact("email", "abuse@b.example", "abuse"),
        Contact("email", "a@b.example"),
        Contact("phone", "+310201234567"),
    )
    networks = ("192.0.2.1/32", "2001:db8::/48")
    assert anna.services == (Service("s1", "vps", "node1", "VPS L", networks, inspectable=False),)
    assert (anna.company_number, anna.since, anna.external_ids) == (
        "nl.kvk:12345678",
        date(2019, 3, 1),
        {"whmcs": "17"},
    )
    (site,) = importing.store.sites_of("anna")
    assert (site.names, site.docroot, site.user) == (("anna.example", "www.anna.example"), b"/srv/anna/www", "anna")


NESTED = {
    "customer_id": "anna",
    "name": "Anna",
    "contacts": [{"address": "a@b.example", "purpose": "abuse"}, {"kind": "phone", "address": "+31201234567"}],
    "services": [{"id": "s1", "networks": ["192.0.2.0/24"]}],
    "sites": [{"host": "anna.example", "aliases": ["*.anna.example"], "docroot": "/srv/anna"}, {"host": "b.example"}],
    "external_ids": {"whmcs": 17},
}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("list.json", json.dumps([NESTED])),
        ("list.json", json.dumps({"customers": [NESTED]}, indent=2)),
        ("list.jsonl", json.dumps(NESTED) + "\n\n"),
        ("list", "\n " + json.dumps([NESTED])),
        (
            "list.toml",
            """[[customer]]
            customer_id = "anna"
            name = "Anna"
            contacts = [{ address = "a@b.example", purpose = "abuse" }, { kind = "phone", address = "+31201234567" }]
            services = [{ id = "s1", networks = ["192.0.2.0/24"] }]
            external_ids = { whmcs = 17 }
            [[customer.sites]]
            host = "anna.example"
            aliases = ["*.anna.example"]
            docroot = "/srv/anna"
            [[customer.sites]]
            host = "b.example"
            """,
        ),
    ],
)
def test_every_form_says_the_same(importing: Importing, name: str, content: str) -> None:
    result = importing(content, name)
    assert (result.report.rejected, result.customers, result.sites) == ([], 1, 2)
    anna = importing.store.get("anna")
    assert anna.contacts == (Contact("email", "a@b.example", "abuse"), Contact("phone", "+31201234567"))
    assert (anna.services[0].networks, anna.external_ids) == (("192.0.2.0/24",), {"whmcs": "17"})
    assert [site.names for site in importing.store.sites_of("anna")] == [
        ("anna.example", "*.anna.example"),
        ("b.example",),
    ]


LINE = "anna,Zoë Café,,zoë.example,\n"


@pytest.mark.parametrize(
    ("content", "spoken"),
    [
        ((HEADER + LINE).encode(), "UTF-8"),
        ((HEADER + LINE).encode("utf-8-sig"), "UTF-8"),
        ((HEADER + LINE).encode("utf-16"), "UTF-16"),
        ((HEADER + LINE).encode("utf-16-le"), "UTF-16"),
        ((HEADER + LINE).encode("utf-16-be"), "UTF-16"),
        ((HEADER + LINE).encode("cp1252"), "Windows-1252"),
        ((HEADER + LINE + "bob,\x81\xff,,,\n").encode("latin-1"), "Latin-1"),
        (("sep=;\r\n" + (HEADER + LINE).replace(",", ";").replace("\n", "\r\n")).encode(), "UTF-8"),
        ((HEADER + LINE).replace(",", "\t").replace("\n", "\r").encode(), "UTF-8"),
    ],
)
def test_every_encoding_of_spreadsheets(importing: Importing, content: bytes, spoken: str) -> None:
    result = importing(content)
    assert result.report.encoding == spoken
    assert importing.store.get("anna").name == "Zoë Café"
    assert [site.host for site in importing.store.sites_of("anna")] == ["xn--zo-ija.example"]


def test_a_path_in_another_encoding_is_no_guess(importing: Importing) -> None:
    result = importing((HEADER + "anna,,,a.example,/srv/zoë\nbob,Zoë,,b.example,/srv/b\n").encode("cp1252"))
    assert [(line.line, line.hint) for line in result.report.rejected] == [(2, "save the list as UTF-8")]
    assert importing.ids == ["bob"]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ('"",Anna,,,', "there is no customer_id"),
        ("a/b,Anna,,,", "cannot be used"),
        ("first-directory,Anna,,,", "cannot be used"),
        ("anna,An\x07na,,,", "U+0007"),
        ("anna,An\u202ena,,,", "U+202E"),
        ("an\u200bna,Anna,,,", "U+200B"),
        ('anna,"An\nna",,,', "U+000A"),
        ("anna,An\0na,,,", "U+0000"),
        (f"anna,{'x' * 501},,,", "501 characters"),
        (f"anna,{'x' * 200_000},,,", "more than 131,072 characters"),
        ("anna,Anna,a@b@c,,", "is not a mail address"),
        ("anna,Anna,a@b.example\x0bBcc: x,,", "U+000B"),
        ("anna,Anna,,exa mple_!,", "is not a host name"),
        ("anna,Anna,,www.*.example,", "is not a host name"),
        ("anna,Anna,,*.example,", "is all of a top-level domain"),
        (f"anna,Anna,,{'a' * 64}.example,", "is not a host name"),
        ("anna,Anna,,a.example,srv/x", "is not an absolute path"),
        ("anna,Anna,,a.example,/srv/../etc", "is not an absolute path"),
        ("anna,Anna,,a.example,//", "is the whole machine"),
        ("anna,Anna,,,/srv/x", "no domain"),
        ("anna,Anna,,", "4 cells and the header 5"),
        ("anna,Anna,,,,more", "6 cells and the header 5"),
        ('anna,"Anna,,,', "a quote is opened and not closed"),
        ('anna,"An"na,,,', "a quote is opened and not closed"),
    ],
)
def test_a_line_that_is_wrong_is_told_and_the_others_are_imported(importing: Importing, line: str, why: str) -> None:
    result = importing(HEADER + line + "\nbob,Bob,,bob.example,/srv/bob\n" + line + "\ncas,Cas,,,\n")
    assert importing.ids == ["bob", "cas"]
    first, second = result.report.rejected
    assert why in first.why
    assert (first.line, second.line) == (2, 5 if "\n" in line else 4)
    assert first.hint


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        ({"customer_id": ["anna"]}, "is not text"),
        ({"customer_id": True}, "is not text"),
        ({"customer_id": "anna", "sites": {"host": "a.example"}}, "is not a list of objects"),
        ({"customer_id": "anna", "sites": [{"docroot": "/srv"}]}, "a site has no host"),
        ({"customer_id": "anna", "contacts": [{"kind": "email"}]}, "has no address"),
        ({"customer_id": "anna", "contacts": [{"kind": "fax", "address": "1"}]}, "is not known"),
        ({"customer_id": "anna", "services": [{"networks": ["192.0.2.0/99"]}]}, "is not a network"),
        ({"customer_id": "anna", "services": [{"inspectable": "maybe"}]}, "neither yes nor no"),
        ({"customer_id": "anna", "since": "yesterday"}, "is not a date"),
        ({"customer_id": "anna", "external_ids": [1]}, "is not a table"),
        ({"customer_id": "anna", "company_number": "12345678"}, "does not tell its kind"),
        ({"customer_id": "anna", "reseller": "anna"}, "its own reseller"),
        ("anna", "is not an object"),
        (17, "is not an object"),
    ],
)
def test_an_object_that_is_wrong_is_told(importing: Importing, entry: object, why: str) -> None:
    result = importing(json.dumps([entry, {"customer_id": "bob"}]), "list.json")
    assert [why in line.why for line in result.report.rejected] == [True]
    assert importing.ids == ["bob"]


@pytest.mark.parametrize("name", ["list.json", "list.jsonl"])
@pytest.mark.parametrize(
    ("entry", "why"),
    [
        ('{"customer_id": "jd1", "customer_id": "jd2", "name": "A"}', "a key stands twice"),
        ('{"customer_id": "c", "external": {"whmcs": "1", "whmcs": "2"}}', "a key stands twice"),
        ('{"customer_id": "c", "name": "A\\ud800"}', "half of a letter"),
        ('{"customer_id": "c", "name": "A\\ud800x"}', "half of a letter"),
        ('{"customer_id": "c", "name": "A\\uDC00"}', "half of a letter"),
        ('{"customer_id": "c", "name": "A\\ud800\\u0041"}', "half of a letter"),
        ('{"customer_id": "c", "\\ud800": "A"}', "half of a letter"),
        ('{"customer_id": "c", "domains": ["a.example", "\\udfff"]}', "half of a letter"),
    ],
)
def test_an_entry_that_can_be_read_in_two_ways_is_rejected(
    importing: Importing, name: str, entry: str, why: str
) -> None:
    entries = [entry, '{"customer_id": "bob", "name": "\\ud83d\\ude00 \\\\ud800 \\\\"}']
    result = importing("\n".join(entries) + "\n" if name.endswith("l") else f"[{','.join(entries)}]", name)
    assert [why in line.why for line in result.report.rejected] == [True]
    assert importing.ids == ["bob"]
    assert importing.store.get("bob").name == "\U0001f600 \\ud800 \\"


@pytest.mark.parametrize("ahead", range(65530, 65542))
def test_an_escape_over_two_blocks_is_one(importing: Importing, ahead: int) -> None:
    before = '[{"customer_id": "bob", "name": "'
    content = before + " " * (ahead - len(before)) + '\\ud83d\\ude00"}, {"customer_id": "c", "name": "\\ud800"}]'
    result = importing(content, "list.json")
    assert ["half of a letter" in line.why for line in result.report.rejected if line.customer != "bob"] == [True]


def test_half_a_letter_of_utf_16_in_json_is_told(importing: Importing) -> None:
    result = importing('{"customer_id": "\\ud800"}\n{"customer_id": "bob"}\n', "list.jsonl")
    assert "U+D800" in result.report.rejected[0].why
    assert importing.ids == ["bob"]


def _cut(content: str) -> str:
    return content[: len(content) // 2]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("list.csv", ""),
        ("list.csv", "\n\n"),
        ("list.csv", "name,email\nAnna,a@b.example\n"),
        ("list.csv", "customer_id,id\nanna,anna\n"),
        ("list.csv", HEADER),
        ("list.csv", HEADER + "x" * 2_000_000),
        ("list.json", _cut(json.dumps([NESTED] * 50))),
        ("list.json", '{"customers": 3}'),
        ("list.json", '[{"customer_id": "a", "name": "' + "x" * 3_000_000 + '"}]'),
        ("list.json", "[" * 100_000),
        ("list.json", '{"customers": ' + "[" * 100_000),
        ("list.json", '{"other": ' + '{"a":' * 100_000),
        ("list.json", '{"customers": [{"customer_id": "x"}], "next'),
        ("list.jsonl", '{"customer_id": ' * 100_000),
        ("list.json", "<html>502</html>"),
        ("list.toml", "[[customer"),
        ("list.toml", "customer = 1"),
        ("list.toml", "x = " + "[" * 5000),
    ],
)
def test_a_list_that_cannot_be_read_changes_nothing(importing: Importing, name: str, content: str) -> None:
    importing(many(3))
    with pytest.raises(ConfigurationError, match="nothing was imported") as error:
        importing(content, name)
    assert error.value.hint
    assert importing.ids == ["c0", "c1", "c2"]
    assert len(importing.store.imports()) == 1


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, lambda path: os.symlink("/dev/zero", path), lambda _: None])
def test_only_a_regular_file_is_a_list(importing: Importing, make: Callable[[Path], object]) -> None:
    make(importing.folder / "odd.csv")
    with pytest.raises(ConfigurationError):
        importing.importer.import_file(importing.folder / "odd.csv", RegisterImportOrder("list", "tester"))


def test_lines_of_one_customer_add_up_and_may_not_contradict(importing: Importing) -> None:
    result = importing(
        HEADER
        + "anna,Anna,a@a.example,a.example,/srv/a\nbob,Bob,,b.example,/srv/b\n"
        + "anna,,c@a.example,c.example,/srv/a\nanna,Other,,d.example,/srv/d\nbob,Bob,,a.example,/srv/b\n"
        + "anna,,,a.example www.a.example,\nanna,,,a.example,/srv/other\n"
    )
    assert [(line.line, line.customer) for line in result.report.rejected] == [(5, "anna"), (6, "bob"), (8, "anna")]
    assert [contact.address for contact in importing.store.get("anna").contacts] == ["a@a.example", "c@a.example"]
    sites = {site.host: (site.docroot, site.aliases) for site in importing.store.sites_of("anna")}
    assert sites == {"a.example": (b"/srv/a", ("www.a.example",)), "c.example": (b"/srv/a", ())}


def test_a_preview_changes_nothing(importing: Importing) -> None:
    result = importing(many(3), preview=True)
    assert (result.applied, result.difference.added) == (False, 3)
    assert result.changes == (("added", "c0"), ("added", "c1"), ("added", "c2"))
    assert (importing.ids, list(importing.audit.entries())) == ([], [])


def test_replace_ends_whom_the_list_misses(importing: Importing) -> None:
    importing(many(20))
    result = importing(many(18), replace=True)
    assert (result.applied, result.difference.ended, result.difference.sites_removed) == (True, 2, 2)
    assert len(importing.ids) == 18


@pytest.mark.parametrize(("left", "objects"), [(0, True), (1, True), (10, True), (15, True), (16, False), (20, False)])
def test_the_guard_does_not_let_a_list_empty_the_register(importing: Importing, left: int, *, objects: bool) -> None:
    importing(many(20))
    before = importing.ids
    result = importing(many(left) if left else HEADER, replace=True, guard=RegisterGuard(always=2))
    assert bool(result.objection) is objects
    assert result.applied is not objects
    assert importing.ids == (before if objects else sorted(f"c{n}" for n in range(left)))


@pytest.mark.parametrize(
    ("before", "left", "objects"),
    [(1, 0, True), (2, 1, False), (5, 4, False), (5, 3, True), (5, 2, True), (9, 8, False)],
)
def test_a_small_house_is_guarded_too(importing: Importing, before: int, left: int, *, objects: bool) -> None:
    importing(many(before))
    result = importing(many(left) if left else HEADER, replace=True)
    assert bool(result.objection) is objects
    assert len(importing.ids) == (before if objects else left)


def test_the_last_one_does_not_go_unasked(importing: Importing) -> None:
    importing(many(1))
    result = importing(many(2).replace("c0,", "c9,").replace("c0.example", "c9.example"), replace=True)
    assert "all 1 customers" in result.objection
    allowed = RegisterGuard(allowed_customers=1, allowed_sites=1)
    assert importing(
        many(2).replace("c0,", "c9,").replace("c0.example", "c9.example"), replace=True, guard=allowed
    ).applied


def test_a_person_may_overrule_the_guard_by_number(importing: Importing) -> None:
    importing(many(20))
    few = RegisterGuard(always=2, allowed_customers=9, allowed_sites=10)
    assert importing(many(10), replace=True, guard=few).objection
    enough = RegisterGuard(always=2, allowed_customers=10, allowed_sites=10)
    assert not importing(many(10), replace=True, guard=enough).objection
    assert len(importing.ids) == 10


def test_nobody_ends_whose_line_is_rejected(importing: Importing) -> None:
    importing(many(10))
    result = importing(many(10).replace("c3.example", "c3 .!"), replace=True)
    assert (result.applied, result.difference.ended, result.difference.sites_removed) == (True, 0, 0)
    assert [site.host for site in importing.store.sites_of("c3")] == ["c3.example"]


def test_nobody_ends_while_a_line_does_not_tell_whose_it_is(importing: Importing) -> None:
    importing(many(10))
    result = importing(many(8).replace("c3,Cust", ",Cust"), replace=True)
    assert (result.difference.ended, len(importing.ids)) == (0, 10)
    assert "no missing customer was ended" in result.report.warnings[0]


def test_a_renamed_customer_keeps_its_history(importing: Importing) -> None:
    importing(many(8))
    renamed = many(8).replace("c3,", "third,").replace("docroot\n", "docroot,previous_id\n").replace("\n", ",\n")
    content = renamed.replace("docroot,previous_id,", "docroot,previous_id").replace("/srv/c3,", "/srv/c3,c3")
    result = importing(content, replace=True)
    assert (result.report.rejected, result.difference.ended) == ([], 0)
    assert importing.store.get("c3").id == "third"
    assert not importing.store.past_owners("c3.example")
    again = importing(content, replace=True)
    assert (again.difference.added, again.difference.changed, again.difference.ended) == (0, 0, 0)


def test_who_is_renamed_may_not_be_there_under_both_names(importing: Importing) -> None:
    result = importing("customer_id,previous_id\nanna,\nanna-bv,anna\n")
    assert [line.line for line in result.report.rejected] == [3]
    assert importing.ids == ["anna"], "a line that is rejected is not imported"


def test_of_two_that_were_each_other_neither_is_imported(importing: Importing) -> None:
    result = importing("customer_id,previous_id\np1,p2\np2,p1\np4,old\n")
    assert sorted(line.line for line in result.report.rejected) == [2, 3]
    assert importing.ids == ["p4"]
    assert result.customers == 1
    assert importing.store.get("old").id == "p4"


def test_another_sources_customer_is_not_renamed(importing: Importing) -> None:
    importing("customer_id\nanna\n", origin="billing")
    result = importing("customer_id,previous_id\nanna-bv,anna\n", origin="panel")
    assert "customer of the source billing" in result.report.rejected[0].why
    assert importing.ids == ["anna"]


def test_a_name_that_another_source_gives_to_another_customer_is_told(importing: Importing) -> None:
    importing(HEADER + "anna,Anna,,anna.example,/srv/anna\n", origin="billing")
    result = importing(HEADER + "evil,Evil,,anna.example,/srv/anna\n", origin="panel", preview=True)
    assert [line.split(" waits")[0] for line in result.report.warnings] == [
        f"{name} is evil's here, and anna's by the source billing: what it concerns"
        for name in ("anna.example", "/srv/anna")
    ]


def test_many_names_of_two_customers_are_counted(importing: Importing) -> None:
    importing(many(30), origin="billing")
    result = importing(many(30).replace("\nc", "\nd"), origin="panel")
    assert (len(result.report.warnings), result.report.warnings[-1]) == (21, "40 more names are given to two customers")
    assert [entry.event.data["contested"] for entry in importing.audit.entries()] == [0, 0, 60, 60]


def test_circles_of_resellers_are_refused_with_everybody_on_them(importing: Importing) -> None:
    result = importing("customer_id,reseller\na,b\nb,c\nc,a\nd,a\ne,\nf,e\n")
    assert {(line.line, line.customer) for line in result.report.rejected} == {(2, "a"), (3, "b"), (4, "c")}
    assert "a → b → c → a" in result.report.rejected[0].why
    assert importing.ids == ["d", "e", "f"]


def test_a_circle_over_two_sources_is_refused(importing: Importing) -> None:
    importing("customer_id,reseller\na,b\n", origin="billing")
    assert importing("customer_id,reseller\nb,a\n", origin="panel").report.rejections == 1


def test_a_circle_that_the_list_itself_resolves_is_none(importing: Importing) -> None:
    importing("customer_id,reseller\na,b\nb,\n")
    assert importing("customer_id,reseller\na,\nb,a\n", replace=True).report.rejections == 0


def test_a_chain_that_is_too_long_is_refused(importing: Importing) -> None:
    result = importing("customer_id,reseller\n" + "".join(f"c{n},c{n + 1}\n" for n in range(20)))
    assert [line.customer for line in result.report.rejected] == ["c0", "c1", "c2", "c3"]


def test_the_audit_log_has_each_import_before_and_after(importing: Importing) -> None:
    importing(many(3))
    intended, done = (entry.event for entry in importing.audit.entries())
    assert (intended.kind, done.kind) == ("register.intended", "register.imported")
    assert intended.data == done.data
    assert (done.data["actor"], done.data["source"], done.data["added"]) == ("tester", "list", 3)


def test_what_is_not_used_is_told_and_not_kept(importing: Importing) -> None:
    result = importing("customer_id,password,name\nanna,hunter2,Anna\n")
    assert list(result.report.ignored) == ["password"]
    assert "hunter2" not in repr(vars(importing.store))


def test_a_last_line_without_an_end_is_told(importing: Importing) -> None:
    assert "written to its end" in importing(HEADER + "anna,Anna,,a.example,/srv/an").report.warnings[0]


@pytest.mark.parametrize("end", ["c1,New Na", "c1,New Name,,a.exam", 'c1,"New', "c1,New Name,,c1.example,/srv/c1"])
def test_a_list_that_was_cut_off_ends_and_changes_nobody(importing: Importing, end: str) -> None:
    importing(many(3))
    with pytest.raises(ConfigurationError, match=r"was cut off.*nothing was imported") as error:
        importing(many(1) + end, replace=True)
    assert "without --replace" in error.value.hint
    assert importing.ids == ["c0", "c1", "c2"]
    assert importing.store.get("c1").name == "Customer 1"


@pytest.mark.parametrize("replace", [True, False])
def test_half_a_character_at_the_end_is_a_cut_and_no_other_encoding(importing: Importing, *, replace: bool) -> None:
    importing(many(3))
    with pytest.raises(ConfigurationError, match="nothing was imported"):
        importing((many(1) + "c1,Zoë Café").encode()[:-1], replace=replace)
    assert importing.ids == ["c0", "c1", "c2"]
