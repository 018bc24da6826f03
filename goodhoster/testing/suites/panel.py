"""The conformance suite of `Panel`: its promises, as tests.

Subclass, give the fixture, run by pytest.

class TestMyPanel(PanelSuite):
    @pytest.fixture
    def panel(self, hosting: FakeHosting) -> Panel:
        return MyPanel(that shows and changes the accounts of `hosting`)
"""

# ruff: noqa: D102, S101 - a test's name is its docstring, and assert is its point

from __future__ import annotations

from dataclasses import asdict
from typing import ClassVar

import pytest

from goodhoster.errors import RefusedError
from goodhoster.model.customers.panels import SuspensionTarget
from goodhoster.ports.panels import Panel
from goodhoster.testing.panels.hosting import MADE_UP_PASSWORD, FakeHosting, made_up_hosting

_HOSTILE = ("--help", "-a", "anna bob", "anna;id", "../anna", "anna\nbob", "", "anna\0", "Änna", "a" * 200)


class PanelSuite:
    """Subclass and give a fixture `panel` over the accounts of the fixture `hosting`."""

    SITES_ALONE: ClassVar[bool] = True
    """Whether it suspends single sites."""

    @pytest.fixture
    def hosting(self) -> FakeHosting:
        return made_up_hosting()

    def test_has_a_name_for_messages(self, panel: Panel) -> None:
        assert panel.name.isprintable()
        assert panel.name

    def test_lists_every_account_with_its_sites(self, panel: Panel) -> None:
        found = {account.id: account for account in panel.accounts()}
        assert set(found) == {"anna", "bob"}
        assert [site.host for site in found["anna"].sites] == ["anna.example", "shop.anna.example"]
        assert found["bob"].email == "bob@mail.example"
        assert found["anna"].suspended is False

    def test_keeps_a_name_with_a_quote_whole(self, panel: Panel) -> None:
        assert panel.account("anna").name in {'Anna "A." Example', "anna"}

    def test_docroots_are_absolute(self, panel: Panel) -> None:
        roots = [site.docroot for account in panel.accounts() for site in account.sites]
        assert all(root is None or root.startswith(b"/") for root in roots)

    def test_an_account_alone_is_as_in_the_list(self, panel: Panel) -> None:
        for account in panel.accounts():
            assert panel.account(account.id) == account

    def test_refuses_an_account_that_is_not_there(self, panel: Panel) -> None:
        with pytest.raises(RefusedError):
            panel.account("carol")

    def test_suspends_an_account_and_no_other(self, panel: Panel) -> None:
        panel.suspend(SuspensionTarget("anna"), "made-up reason")
        assert panel.account("anna").suspended is True
        assert panel.account("bob").suspended is False

    def test_unsuspends_an_account(self, panel: Panel) -> None:
        panel.suspend(SuspensionTarget("anna"), "made-up reason")
        panel.unsuspend(SuspensionTarget("anna"))
        assert panel.account("anna").suspended is False

    def test_orders_may_come_twice(self, panel: Panel) -> None:
        for _ in range(2):
            panel.suspend(SuspensionTarget("anna"), "made-up reason")
        assert panel.account("anna").suspended is True
        for _ in range(2):
            panel.unsuspend(SuspensionTarget("anna"))
        assert panel.account("anna").suspended is False

    def test_suspends_a_site_alone_or_refuses(self, panel: Panel) -> None:
        target = SuspensionTarget("anna", "shop.anna.example")
        if not self.SITES_ALONE:
            with pytest.raises(RefusedError):
                panel.suspend(target, "made-up reason")
            return
        panel.suspend(target, "made-up reason")
        account = panel.account("anna")
        assert [site.suspended for site in account.sites] == [False, True]
        assert account.suspended is False
        panel.unsuspend(target)
        assert [site.suspended for site in panel.account("anna").sites] == [False, False]

    def test_an_order_without_effect_is_seen_in_the_state(self, panel: Panel, hosting: FakeHosting) -> None:
        hosting.does_nothing = True
        panel.suspend(SuspensionTarget("anna"), "made-up reason")
        assert panel.account("anna").suspended is False

    @pytest.mark.parametrize("user", _HOSTILE)
    def test_takes_no_hostile_name(self, panel: Panel, hosting: FakeHosting, user: str) -> None:
        with pytest.raises(RefusedError):
            panel.suspend(SuspensionTarget(user), "made-up reason")
        assert hosting.orders == []

    def test_keeps_no_password(self, panel: Panel) -> None:
        for account in panel.accounts():
            assert MADE_UP_PASSWORD not in str(asdict(account))
