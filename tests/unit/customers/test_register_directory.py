"""The register tells a notice's host, customer and document root, as any other directory does."""

from contextlib import closing
from pathlib import Path

import pytest

from goodhoster.adapters.directories.customer_register import RegisterDirectory
from goodhoster.adapters.stores.customers.database import customers_file
from goodhoster.adapters.stores.customers.register import SqliteCustomerStore
from goodhoster.assembly.notices import directories
from goodhoster.errors import ConfigurationError
from goodhoster.locating.site_map import SiteMap
from goodhoster.model.customers.contacts import AbuseContact
from goodhoster.model.customers.register import CustomerSite
from goodhoster.ports import Directory
from goodhoster.settings import load
from goodhoster.testing.suites.customer_store import ANNA, BOB, a_site, imported

CONFIGURATION = """
[agent]
state_dir = "state"
[[watch]]
path = "srv"
[[directory]]
kind = "register"
"""


@pytest.fixture
def directory(tmp_path: Path) -> Directory:
    (tmp_path / "goodhoster.toml").write_text(CONFIGURATION)
    (tmp_path / "state").mkdir(mode=0o700)
    (directory,) = directories(load(tmp_path / "goodhoster.toml"))
    return directory


def fill(folder: Path, *sites: CustomerSite) -> None:
    with closing(customers_file(folder / "state" / "customers.sqlite")) as record:
        imported(SqliteCustomerStore(record), [ANNA, BOB], sites, replace=True)


def test_a_host_leads_to_its_customer_and_document_root(directory: Directory, tmp_path: Path) -> None:
    fill(tmp_path, a_site("anna.example", "anna", b"/srv/\xff", "www.anna.example"), CustomerSite("bob.example", "bob"))
    sites = SiteMap(directory.sites())
    (found,) = sites.named("www.anna.example")
    assert (found.site.customer, [route.directory for route in found.site.routes]) == ("anna", [b"/srv/\xff"])
    assert sites.contact_of("anna") == AbuseContact("anna", "abuse@anna.example", "nl")
    (without,) = sites.named("bob.example")
    assert "where the files" in without.site.trouble
    assert sites.contact_of("bob") is None


def test_it_is_read_again_only_when_the_register_has_changed(directory: Directory, tmp_path: Path) -> None:
    fill(tmp_path, a_site("anna.example"))
    before = directory.sites()
    assert directory.sites() is before
    fill(tmp_path, a_site("other.example"))
    assert [site.names for site in directory.sites()] == [("other.example",)]


def test_no_register_is_told_and_none_is_made(directory: Directory, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no register"):
        directory.sites()
    assert not (tmp_path / "state" / "customers.sqlite").exists()
    fill(tmp_path, a_site("anna.example"))
    assert directory.sites()


def test_one_that_nobody_connected_says_so() -> None:
    with pytest.raises(ConfigurationError):
        RegisterDirectory().sites()
