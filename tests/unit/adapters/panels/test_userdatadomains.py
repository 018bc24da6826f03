"""cPanel's list of sites while it is written, and lines of it that say too little."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from goodhoster.adapters.panels.cpanel import CpanelPanel
from goodhoster.customers.importing.panel_rows import panel_rows
from goodhoster.customers.importing.rows import ListReport
from goodhoster.errors import PassingError, PermanentError
from goodhoster.linux.programs import Ended

ANNA = "anna.example: anna==root==main==anna.example==/home/anna/public_html==192.0.2.1:80\n"
ADDON = "shop.example: anna==root==addon==anna.example==/home/anna/shop==192.0.2.1:80\n"
BOB = "bob.example: bob==root==main==bob.example==/home/bob/public_html==192.0.2.1:80\n"
NOBODY = "*: nobody==root================\n"
Made = Callable[[str], CpanelPanel]


@pytest.fixture
def panel(tmp_path: Path) -> Made:
    listed = [{"user": user, "domain": f"{user}.example", "suspended": 0} for user in ("anna", "bob")]

    def run(_: Sequence[str], __: bytes = b"") -> Ended:
        return Ended(0, json.dumps({"metadata": {"result": 1}, "data": {"acct": listed}}).encode(), b"")

    def make(written: str) -> CpanelPanel:
        (tmp_path / "userdatadomains").write_text(written)
        return CpanelPanel("web1", Path("whmapi1"), tmp_path / "userdatadomains", run)

    return make


def test_every_site_is_whose_line_says(panel: Made) -> None:
    found = {
        a.id: [site.host for site in a.sites] for a in panel(f"# a comment\n\n{NOBODY}{ANNA}{ADDON}{BOB}").accounts()
    }

    assert found == {"anna": ["anna.example", "shop.example"], "bob": ["bob.example"]}


@pytest.mark.parametrize("written", ["", "\n", NOBODY, "# a comment\n"])
def test_a_list_without_a_site_is_being_written(panel: Made, written: str) -> None:
    with pytest.raises(PassingError, match="no line of any account"):
        list(panel(written).accounts())


@pytest.mark.parametrize("written", [ANNA + BOB[:-20], ANNA + BOB[:-1]])
def test_a_list_without_its_end_is_being_written(panel: Made, written: str) -> None:
    with pytest.raises(PassingError, match="cut off"):
        list(panel(written).accounts())


@pytest.mark.parametrize(
    "line", ["malformed.example: onlyuser\n", "anna.example\n", "a.example: anna==root==main\n", ": x==\n"]
)
def test_a_line_that_says_too_little_is_told(panel: Made, line: str) -> None:
    with pytest.raises(PermanentError, match=r"line 2 of .*userdatadomains"):
        list(panel(ANNA + line + BOB).accounts())


@pytest.mark.parametrize("written", [ANNA + "malformed.example: onlyuser\n", "", ANNA + BOB[:-20]])
def test_a_list_that_says_too_little_delays_no_suspension(panel: Made, written: str) -> None:
    assert panel(written).account("anna").site("anna.example") is not None


def test_the_main_domain_is_a_site_whatever_the_list_lacks_and_nothing_of_the_account_ends(panel: Made) -> None:
    report = ListReport(unit="entry")
    rows = list(panel_rows("web1", panel(ADDON + BOB).accounts(), report))

    assert [site["host"] for site in rows[0].fields["sites"]] == ["shop.example", "anna.example"]
    assert (report.kept, len(report.warnings)) == ({"anna"}, 1)
    assert "anna.example" in report.warnings[0]


def test_an_account_without_a_line_keeps_what_it_had(panel: Made) -> None:
    report = ListReport(unit="entry")
    rows = list(panel_rows("web1", panel(ANNA).accounts(), report))

    assert [site["host"] for site in rows[1].fields["sites"]] == ["bob.example"]
    assert report.kept == {"bob"}
