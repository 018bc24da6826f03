from pathlib import Path

import pytest

from goodhoster.adapters.directories.site_list import ListedDirectory
from goodhoster.errors import ConfigurationError
from goodhoster.model.customers.contacts import AbuseContact
from goodhoster.model.notices import Matching, PathRoute, Site

ROOT = PathRoute(Matching.PREFIX, "/", b"/srv/anna/www")


def test_a_list_of_customers_is_a_directory(tmp_path: Path) -> None:
    file = tmp_path / "customers.csv"
    file.write_text(
        "\ufeffcustomer_id,name,email,user,domain,docroot\n"
        'anna,"Anna, & co",a@anna.example,anna,Anna.Example. www.anna.example,/srv/anna/www\n'
        "anna,,,,caf\u00e9.example,/srv/anna/www\n"
        ",,,,,\n"
    )
    assert ListedDirectory(file).sites() == [
        Site("anna", ("anna.example", "www.anna.example"), (ROOT,), contact=AbuseContact("anna", "a@anna.example")),
        Site("anna", ("caf\u00e9.example",), (ROOT,)),
    ]


@pytest.mark.parametrize(
    ("email", "language", "contact"),
    [
        ("a@anna.example", "nl", AbuseContact("anna", "a@anna.example", "nl")),
        ("a@anna.example", "EN", AbuseContact("anna", "a@anna.example", "en")),
        ("a@anna.example", "Frysk", AbuseContact("anna", "a@anna.example")),
        ("Anna <a@anna.example>", "nl", None),
        ("ask Anna", "nl", None),
        ("", "nl", None),
    ],
)
def test_a_contact_that_cannot_be_made_out_takes_no_site_away(
    tmp_path: Path, email: str, language: str, contact: AbuseContact | None
) -> None:
    csv, toml = tmp_path / "sites.csv", tmp_path / "sites.toml"
    csv.write_text(f"customer_id,domain,docroot,language,email\nanna,a.example,/srv/anna/www,{language},{email}\n")
    toml.write_text(
        '[[site]]\ncustomer = "anna"\nnames = ["a.example"]\ndocroot = "/srv/anna/www"\n'
        f'email = "{email}"\nlanguage = "{language}"\n'
    )
    for file in (csv, toml):
        assert ListedDirectory(file).sites() == [Site("anna", ("a.example",), (ROOT,), contact=contact)]


def test_a_change_is_seen_the_next_time(tmp_path: Path) -> None:
    file = tmp_path / "sites.csv"
    file.write_text("customer_id,domain,docroot\n")
    directory = ListedDirectory(file)
    assert directory.sites() == []
    file.write_text("customer_id,domain,docroot\nanna,anna.example,/srv/anna/www\n")
    assert len(directory.sites()) == 1


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("sites.csv", "domain,docroot\n", "no column customer_id"),
        ("sites.csv", "", "no column customer_id, domain, docroot"),
        ("sites.csv", "customer_id,domain,docroot\na,b.example,/x\n,c.example,/y\n", "line 3: a customer and a domain"),
        ("sites.csv", "customer_id,domain,docroot\na,b.example,www\n", "line 2: docroot must be an absolute path"),
        ("sites.csv", "customer_id,domain,docroot\na,b.example\n", "line 2: docroot must be an absolute path"),
        ("sites.toml", "[[site]\n", "is not valid TOML"),
        ("sites.toml", "site = 1\n", "holds something other than"),
        ("sites.toml", "[[site]]\n[other]\n", "holds something other than"),
        ("sites.toml", '[[site]]\ncustomer = "a"\nname = "b"\n', "site 1: unknown key name"),
        ("sites.toml", '[[site]]\ncustomer = "a"\nnames = "b"\n', "site 1 is not valid"),
        ("sites.toml", '[[site]]\ncustomer = "a"\nnames = ["b"]\ndocroot = 1\n', "docroot must be an absolute path"),
        ("sites.toml", '[[site]]\nnames = ["b"]\ndocroot = "/x"\n', "a customer and a domain"),
    ],
)
def test_one_bad_row_and_nothing_is_believed(tmp_path: Path, name: str, content: str, says: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(ConfigurationError) as refusal:
        ListedDirectory(tmp_path / name).sites()
    assert says in str(refusal.value)
    assert refusal.value.hint


@pytest.mark.parametrize("content", [None, b"customer_id,domain,docroot\n\xff"])
def test_a_file_that_cannot_be_read(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "sites.csv").write_bytes(content)
    with pytest.raises(ConfigurationError, match="cannot read the list of sites"):
        ListedDirectory(tmp_path / "sites.csv").sites()


@pytest.mark.parametrize("row", ['bob,"bob.example,/srv/bob', 'bob,"bob"x,/srv/bob'])
def test_a_quote_that_is_not_closed_hides_no_site(tmp_path: Path, row: str) -> None:
    file = tmp_path / "sites.csv"
    file.write_text(f"customer_id,domain,docroot\n{row}\nanna,anna.example,/srv/anna\n")
    with pytest.raises(ConfigurationError, match="is not CSV"):
        ListedDirectory(file).sites()
