"""What the register decides about attempts at the doors: whether they may be checked, and for whom a token speaks."""

import json
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from goodhoster.assembly.services import Services
from goodhoster.model.attempts import Attempt
from goodhoster.model.customers.legal_basis import ANY, DOORS, LegalBasis
from goodhoster.model.digests import Algorithm, Digest
from goodhoster.ports.common import utc_now
from goodhoster.settings import load
from goodhoster.upload_attempts import AttemptDecision
from goodhoster_agent.cli import app
from goodhoster_agent.status.legal_basis import basis_problems
from tests.apidoor import KNOWN, ApiHost, made

ATTEMPT = Attempt("anna", "gallery", "me.png", "api")


@pytest.fixture
def host(tmp_path: Path) -> ApiHost:
    return made(tmp_path)


@pytest.fixture
def services(host: ApiHost) -> Iterator[Services]:
    with Services(load(host.folder / "goodhoster.toml")) as services:
        yield services


def basis(tree: str, until: date | None) -> LegalBasis:
    return LegalBasis(tree, ANY, "contract, clause 7", "anna", utc_now(), until)


@pytest.mark.parametrize("tree", [DOORS, ANY])
def test_attempts_whose_legal_basis_has_ended_are_unchecked_counted_and_told(services: Services, tree: str) -> None:
    yesterday = utc_now().date() - timedelta(days=1)
    services.customers.legal_bases.decide(basis(tree, yesterday))
    sha256 = Digest(Algorithm.SHA256, bytes(32))
    for answer in (services.attempts.check(KNOWN, ATTEMPT), services.attempts.check_digest(sha256, ATTEMPT)):
        assert (answer.decision, answer.reason) == (AttemptDecision.UNCHECKED, "no-legal-basis")
    assert services.attempts.counts.of(AttemptDecision.UNCHECKED) == 2
    stopped, _ = basis_problems(services)
    told = "nothing that applications ask about at the doors is checked by "
    assert any(line.startswith(told) for line in stopped)


def test_the_basis_of_a_tree_says_nothing_of_the_doors(services: Services) -> None:
    (tree,) = services.trees
    services.customers.legal_bases.decide(basis(tree.root.decode(), utc_now().date() - timedelta(days=1)))
    assert services.attempts.check(KNOWN, ATTEMPT).decision is AttemptDecision.REFUSED


def run(host: ApiHost, *words: str) -> Result:
    return CliRunner().invoke(app, [*words, "--config", str(host.folder / "goodhoster.toml")])


def test_the_basis_of_the_doors_is_set_and_listed(host: ApiHost) -> None:
    assert run(host, "customers", "legal-basis", "set", "--basis", "law", "--tree", "doors").exit_code == 0
    lines = run(host, "customers", "legal-basis", "list", "--json").stdout.splitlines()
    states = {found["tree"]: found["state"] for found in map(json.loads, lines)}
    assert states == {"doors": "holds", str(host.folder / "customers"): "missing"}


def test_a_token_speaks_for_a_customer_of_the_register(host: ApiHost) -> None:
    (host.folder / "customers.csv").write_text("id,name,kind\nanna,Anna,person\n")
    assert run(host, "customers", "import", str(host.folder / "customers.csv")).exit_code == 0
    made_one = run(host, "doors", "token", "add", "shop", "--customer", "anna", "--json")
    assert json.loads(made_one.stdout)["customer"] == "anna"
    wrong = run(host, "doors", "token", "add", "other", "--customer", "bert")
    assert "there is no customer 'bert' in the register" in str(wrong.exception)
    assert "other" not in run(host, "doors", "token", "list").stdout


@pytest.mark.parametrize("customer", ["a\nb", "x" * 300, " "])
def test_a_token_speaks_for_no_customer_that_there_cannot_be(host: ApiHost, customer: str) -> None:
    assert run(host, "doors", "token", "add", "shop", "--customer", customer).exit_code != 0
    assert run(host, "doors", "token", "add", "shop", "--customer", "bert").exit_code == 0
