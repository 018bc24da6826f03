"""The conformance suite of `CustomerStore`: what every register promises, as tests.

Subclass, give the fixture, run by pytest.
"""

# ruff: noqa: D102, S101 - a test's name is its docstring, and assert is its point

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from goodhoster.errors import RefusedError
from goodhoster.model.customers.register import (
    Contact,
    ContestedSite,
    Customer,
    CustomerSite,
    PastSite,
    RegisterDifference,
    RegisterImport,
    Service,
)
from goodhoster.ports import CustomerQuery, CustomerStore

NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)
ANNA = Customer(
    "anna",
    "Anna Example",
    "company",
    language="nl",
    country="NL",
    contacts=(Contact("email", "abuse@anna.example", "abuse"), Contact("phone", "+31201234567")),
    services=(Service("s1", "vps", "node1", "VPS L", ("192.0.2.0/28",), inspectable=False),),
    company_number="nl.kvk:12345678",
    since=date(2019, 3, 1),
    external_ids={"whmcs": "17"},
)
BOB = Customer("bob", "Bob", reseller="anna")


def a_site(host: str, customer: str = "anna", docroot: bytes | None = None, *aliases: str) -> CustomerSite:
    """A site with the usual document root."""
    return CustomerSite(host, customer, docroot or f"/srv/{customer}/{host}".encode(), customer, aliases)


def imported(  # noqa: PLR0913 - what an import is made of
    store: CustomerStore,
    customers: Iterable[Customer],
    sites: Iterable[CustomerSite] = (),
    *,
    origin: str = "billing",
    replace: bool = False,
    at: datetime = NOON,
    former: Iterable[tuple[str, str]] = (),
    keep: frozenset[str] = frozenset(),
) -> RegisterDifference:
    """Import from a source, and tell what that changed."""
    customers, sites = list(customers), list(sites)
    with store.stage(origin) as staged:
        for customer in customers:
            staged.add(customer)
        for site in sites:
            staged.add_site(site)
        for old, new in former:
            staged.had_id(old, new)
        found = staged.difference(replace=replace, keep=keep)
        staged.apply(RegisterImport(origin, at, "tester", "list.csv", len(customers), len(sites)))
    return found


class CustomerStoreSuite:
    """Subclass and give a fixture `store` that is empty."""

    def test_a_customer_is_kept_as_it_was_given(self, store: CustomerStore) -> None:
        assert imported(store, [ANNA]).added == 1
        assert store.get("anna") == replace(ANNA, origin="billing")
        assert store.entries_of("anna") == [replace(ANNA, origin="billing")]

    def test_nobody_is_made_up(self, store: CustomerStore) -> None:
        assert store.known("nobody") is None
        assert (list(store.entries_of("nobody")), list(store.sites_of("nobody"))) == ([], [])
        with pytest.raises(RefusedError, match="nobody"):
            store.get("nobody")

    def test_what_is_not_applied_changes_nothing(self, store: CustomerStore) -> None:
        with store.stage("billing") as staged:
            staged.add(ANNA)
            staged.add_site(a_site("anna.example"))
            assert staged.difference(replace=False) == RegisterDifference(0, 0, added=1, sites_added=1)
            assert list(staged.changes()) == [("added", "anna")]
        assert store.count(CustomerQuery()) == 0
        assert list(store.sites()) == []

    def test_the_same_again_changes_nothing(self, store: CustomerStore) -> None:
        imported(store, [ANNA, BOB], [a_site("anna.example")])
        again = imported(store, [BOB, ANNA], [a_site("anna.example")], replace=True)
        assert again == RegisterDifference(2, 1, unchanged=2)

    def test_without_replace_nobody_ends(self, store: CustomerStore) -> None:
        imported(store, [ANNA], [a_site("anna.example")])
        assert imported(store, [BOB]) == RegisterDifference(1, 1, added=1)
        assert store.get("anna").status == "active"
        assert [site.host for site in store.sites_of("anna")] == ["anna.example"]

    def test_without_replace_what_is_not_told_stays(self, store: CustomerStore) -> None:
        imported(store, [ANNA], [a_site("anna.example", "anna", b"/srv/x", "www.anna.example")])
        site = CustomerSite("anna.example", "anna", user="new")
        assert imported(store, [Customer("anna", language="en")], [site]).changed == 1
        assert store.get("anna") == replace(ANNA, language="en", origin="billing")
        expected = CustomerSite("anna.example", "anna", b"/srv/x", "new", ("www.anna.example",), "billing")
        assert list(store.sites_of("anna")) == [expected]

    def test_with_replace_it_goes(self, store: CustomerStore) -> None:
        imported(store, [ANNA], [a_site("anna.example", "anna", b"/srv/x", "www.anna.example")])
        imported(store, [Customer("anna")], [CustomerSite("anna.example", "anna")], replace=True)
        assert store.get("anna") == Customer("anna", origin="billing")
        assert list(store.named("www.anna.example")) == []
        assert list(store.holding(b"/srv/x/a.jpg")) == []

    def test_what_is_staged_can_be_seen_and_dropped(self, store: CustomerStore) -> None:
        with store.stage("billing") as staged:
            staged.add(ANNA)
            staged.add_site(a_site("anna.example"))
            staged.had_id("old", "anna")
            assert staged.staged("anna") == replace(ANNA, origin="billing")
            assert staged.staged_site("anna.example") == replace(a_site("anna.example"), origin="billing")
            assert (staged.staged("bob"), staged.staged_site("bob.example")) == (None, None)
            staged.drop("anna")
            assert (staged.staged("anna"), staged.staged_site("anna.example")) == (None, None)
            assert staged.difference(replace=True) == RegisterDifference(0, 0)

    def test_what_two_sources_give_to_two_customers_is_told(self, store: CustomerStore) -> None:
        imported(store, [ANNA], [a_site("anna.example", "anna", b"/srv/a", "www.anna.example"), a_site("a2.example")])
        with store.stage("panel") as staged:
            staged.add(BOB)
            staged.add(ANNA)
            staged.add_site(CustomerSite("bob.example", "bob", b"/srv/a", aliases=("anna.example", "b.example")))
            staged.add_site(CustomerSite("www.anna.example", "bob", b"/srv/b"))
            staged.add_site(a_site("a2.example"))
            staged.difference(replace=False)
            contested = sorted(staged.contested(), key=lambda one: one.name)
        names = ("/srv/a", "anna.example", "www.anna.example")
        assert contested == [ContestedSite(name, "bob", "anna", "billing") for name in names]

    def test_somebody_else_with_a_former_id_is_somebody_else(self, store: CustomerStore) -> None:
        now = replace(ANNA, id="anna-bv")
        imported(store, [ANNA])
        imported(store, [now], former=[("anna", "anna-bv")], replace=True)
        imported(store, [Customer("anna", "Another Anna")], origin="panel")
        imported(store, [now], former=[("anna", "anna-bv")], replace=True)
        assert (store.get("anna").name, store.get("anna-bv").name) == ("Another Anna", "Anna Example")

    def test_who_is_missed_ends_and_is_not_erased(self, store: CustomerStore) -> None:
        imported(store, [ANNA, BOB], [a_site("anna.example"), a_site("bob.example", "bob")])
        found = imported(store, [BOB], [a_site("bob.example", "bob")], replace=True, at=NOON + timedelta(1))
        assert (found.ended, found.sites_removed, found.unchanged) == (1, 1, 1)
        assert store.get("anna").status == "ended"
        assert store.get("anna").name == "Anna Example"
        docroot = b"/srv/anna/anna.example"
        assert store.past_sites_of("anna") == [PastSite("anna.example", "anna", docroot, NOON + timedelta(1))]
        again = imported(store, [BOB], [a_site("bob.example", "bob")], replace=True)
        assert (again.before, again.ended) == (1, 0)

    def test_who_is_kept_does_not_end(self, store: CustomerStore) -> None:
        imported(store, [ANNA, BOB], [a_site("anna.example")])
        found = imported(store, [BOB], replace=True, keep=frozenset({"anna"}))
        assert (found.ended, found.sites_removed) == (0, 0)
        assert store.get("anna").status == "active"

    def test_who_comes_back_is_active_again(self, store: CustomerStore) -> None:
        imported(store, [ANNA, BOB])
        imported(store, [BOB], replace=True)
        assert imported(store, [ANNA, BOB], replace=True).changed == 1
        assert store.get("anna").status == "active"

    def test_one_source_does_not_end_what_another_names(self, store: CustomerStore) -> None:
        imported(store, [ANNA], [a_site("anna.example")])
        imported(store, [BOB], [a_site("bob.example", "bob")], origin="panel")
        found = imported(store, [BOB], [a_site("bob.example", "bob")], origin="panel", replace=True)
        assert (found.before, found.ended, found.sites_removed) == (1, 0, 0)
        assert {customer.id for customer in store.find(CustomerQuery(statuses=frozenset({"active"})))} == {
            "anna",
            "bob",
        }

    def test_what_two_sources_say_of_one_customer_adds_up(self, store: CustomerStore) -> None:
        imported(store, [replace(ANNA, services=(), language="")])
        other = Customer("anna", "ANNA", language="en", contacts=(Contact("email", "b@c.example"),), status="suspended")
        imported(store, [other], origin="panel")
        found = store.get("anna")
        assert (found.name, found.language, found.status, found.origin) == (
            "Anna Example",
            "en",
            "suspended",
            "billing",
        )
        assert found.contacts == (*ANNA.contacts, Contact("email", "b@c.example"))
        assert [entry.origin for entry in store.entries_of("anna")] == ["billing", "panel"]
        imported(store, [BOB], replace=True)
        assert store.get("anna").status == "suspended"  # the panel still names her
        imported(store, [], origin="panel", replace=True)
        assert store.get("anna").status == "ended"

    def test_a_source_names_a_customer_until_a_whole_list_misses_it(self, store: CustomerStore) -> None:
        ended = replace(ANNA, status="ended")
        imported(store, [ended])
        assert list(store.naming("anna")) == ["billing"]
        imported(store, [BOB])
        assert list(store.naming("anna")) == ["billing"]
        imported(store, [BOB], replace=True, keep=frozenset({"anna"}))
        assert list(store.naming("anna")) == ["billing"]
        imported(store, [BOB], replace=True)
        assert (list(store.naming("anna")), list(store.naming("bob"))) == ([], ["billing"])
        imported(store, [ended])
        assert list(store.naming("anna")) == ["billing"]

    def test_a_site_is_found_by_each_of_its_names(self, store: CustomerStore) -> None:
        imported(store, [ANNA], [a_site("anna.example", "anna", None, "www.anna.example", "*.shop.anna.example")])
        for host in ("anna.example", "www.anna.example", "a.shop.anna.example", "a.b.shop.anna.example"):
            assert [site.host for site in store.named(host)] == ["anna.example"], host
        for host in ("shop.anna.example", "example", "xanna.example", "www.www.anna.example", ""):
            assert list(store.named(host)) == [], host

    def test_the_name_itself_comes_before_a_wildcard(self, store: CustomerStore) -> None:
        sites = [a_site("*.anna.example"), a_site("*.b.anna.example", "bob"), a_site("x.b.anna.example")]
        imported(store, [ANNA, BOB], sites)
        assert [site.host for site in store.named("x.b.anna.example")] == ["x.b.anna.example"]
        assert [site.host for site in store.named("y.b.anna.example")] == ["*.b.anna.example"]
        assert [site.host for site in store.named("y.anna.example")] == ["*.anna.example"]

    def test_sources_that_disagree_are_both_told(self, store: CustomerStore) -> None:
        imported(store, [ANNA], [a_site("anna.example")])
        imported(store, [BOB], [a_site("anna.example", "bob")], origin="panel")
        assert [site.customer for site in store.named("anna.example")] == ["anna", "bob"]

    def test_a_path_belongs_to_the_deepest_document_root(self, store: CustomerStore) -> None:
        deep, other = b"/srv/anna/www/\xff", b"/srv/anna/wwwx"
        sites = [a_site("a.example", "anna", b"/srv/anna/www"), a_site("b.example", "bob", deep)]
        imported(store, [ANNA, BOB], [*sites, a_site("c.example", "bob", deep), a_site("d.example", "bob", other)])
        assert [site.host for site in store.holding(b"/srv/anna/www/x/y.jpg")] == ["a.example"]
        assert [site.host for site in store.holding(deep + b"/y.jpg")] == ["b.example", "c.example"]
        assert [site.host for site in store.holding(deep)] == ["b.example", "c.example"]
        assert list(store.holding(b"/srv/anna/other.jpg")) == []
        assert list(store.holding(b"/")) == []

    def test_sites_are_found_by_the_account_that_owns_their_files(self, store: CustomerStore) -> None:
        imported(store, [ANNA], [replace(a_site("a.example"), user="web1"), replace(a_site("b.example"), user="")])
        assert [site.host for site in store.used_by("web1")] == ["a.example"]
        assert list(store.used_by("")) == list(store.used_by("web2")) == []

    def test_a_site_that_moves_keeps_its_history(self, store: CustomerStore) -> None:
        imported(store, [ANNA, BOB], [a_site("anna.example")])
        found = imported(store, [ANNA, BOB], [a_site("anna.example", "bob")], at=NOON + timedelta(1))
        assert (found.sites_changed, found.sites_added) == (1, 0)
        assert [site.customer for site in store.named("anna.example")] == ["bob"]
        assert [(site.customer, site.until) for site in store.past_owners("anna.example")] == [
            ("anna", NOON + timedelta(1))
        ]

    def test_a_site_whose_files_moved_stays_the_customers(self, store: CustomerStore) -> None:
        imported(store, [ANNA], [a_site("anna.example", "anna", b"/old")])
        imported(store, [ANNA], [a_site("anna.example", "anna", b"/new")])
        assert [site.docroot for site in store.sites_of("anna")] == [b"/new"]
        assert list(store.past_owners("anna.example")) == []
        assert list(store.holding(b"/old/a.jpg")) == []

    def test_a_renamed_customer_keeps_everything(self, store: CustomerStore) -> None:
        imported(store, [ANNA, BOB], [a_site("anna.example"), a_site("gone.example")])
        imported(store, [ANNA, BOB], [a_site("anna.example")], replace=True)
        now = replace(ANNA, id="anna-bv")
        found = imported(
            store, [now, BOB], [a_site("anna.example", "anna-bv")], replace=True, former=[("anna", "anna-bv")]
        )
        assert found.ended == 0
        assert store.get("anna").id == "anna-bv"
        assert list(store.former_ids("anna-bv")) == ["anna"]
        assert [site.host for site in store.past_sites_of("anna-bv")] == ["gone.example"]
        assert list(store.past_owners("anna.example")) == []
        assert list(store.ids(CustomerQuery())) == ["anna-bv", "bob"]

    def test_queries_narrow(self, store: CustomerStore) -> None:
        imported(store, [ANNA, BOB, Customer("cas", "Cas Straße", status="suspended")])
        imported(store, [Customer("dora")], origin="panel")
        queries = {
            CustomerQuery(statuses=frozenset({"suspended"})): ["cas"],
            CustomerQuery(reseller="anna"): ["bob"],
            CustomerQuery(reseller=""): ["anna", "cas", "dora"],
            CustomerQuery(origin="panel"): ["dora"],
            CustomerQuery(text="EXAMPLE"): ["anna"],
            CustomerQuery(among=frozenset({"anna", "dora", "nobody"})): ["anna", "dora"],
            CustomerQuery(among=frozenset()): [],
            CustomerQuery(text="strasse"): ["cas"],
            CustomerQuery(text="%"): [],
            CustomerQuery(limit=2): ["anna", "bob"],
        }
        for query, expected in queries.items():
            assert list(store.ids(query)) == expected
            assert [customer.id for customer in store.find(query)] == expected
        assert store.count(CustomerQuery(limit=2)) == 4  # noqa: PLR2004 - all of them

    def test_short_ids(self, store: CustomerStore) -> None:
        imported(store, [Customer("c-100"), Customer("c-101"), Customer("d%")])
        assert list(store.matching("c-1", 5)) == ["c-100", "c-101"]
        assert list(store.matching("c-1", 1)) == ["c-100"]
        assert list(store.matching("%", 5)) == []

    def test_the_generation_tells_of_changes(self, store: CustomerStore) -> None:
        before = store.generation()
        assert store.generation() == before
        imported(store, [ANNA], [a_site("anna.example")])
        assert store.generation() != before

    def test_imports_are_kept_the_last_first(self, store: CustomerStore) -> None:
        imported(store, [ANNA])
        imported(store, [BOB], origin="panel")
        assert [done.origin for done in store.imports()] == ["panel", "billing"]
        (done,) = store.imports("billing")
        assert (done.at, done.actor, done.customers) == (NOON, "tester", 1)

    def test_what_is_erased_is_nowhere(self, store: CustomerStore) -> None:
        imported(store, [ANNA, BOB], [a_site("anna.example", "anna", None, "www.anna.example"), a_site("b.example")])
        imported(store, [ANNA, BOB], [a_site("anna.example", "anna", None, "www.anna.example")], replace=True)
        store.erase("anna")
        store.erase("anna")
        assert store.known("anna") is None
        assert list(store.named("www.anna.example")) == []
        assert list(store.past_owners("b.example")) == []
        assert list(store.ids(CustomerQuery())) == ["bob"]
