"""The register is filled from web servers: whose a site is, what cannot be told, and what is guarded."""

import json
import os
import pwd
from pathlib import Path

import pytest
from typer.testing import CliRunner

from goodhoster.customers.importing.directory_rows import account_owning, directory_rows
from goodhoster.customers.importing.rows import ListReport
from goodhoster.model.notices import Matching, PathRoute, Site
from goodhoster_agent.background.panel_imports import directory_import_tasks
from goodhoster_agent.cli import app
from goodhoster_agent.commands.options import open_services


@pytest.fixture
def config(tmp_path: Path) -> Path:
    for name in ("anna/www", "bob/www"):
        (tmp_path / "srv" / name).mkdir(parents=True)
    file = tmp_path / "goodhoster.toml"
    file.write_text(
        f'[agent]\nstate_dir = "state"\nimport_sites_every = "1h"\n[[watch]]\npath = "{tmp_path}/srv"\n'
        f'[[directory]]\nkind = "nginx"\nconfig = "{tmp_path}/nginx.conf"\n[[directory]]\nkind = "register"\n'
    )
    configured(tmp_path, "anna", "bob")
    return file


def configured(folder: Path, *names: str, more: str = "") -> None:
    servers = "".join(
        f"server {{ listen 80; server_name {name}.example www.{name}.example; root {folder}/srv/{name}/www; }}\n"
        f"server {{ listen 8080; server_name {name}.example; return 301 https://{name}.example$request_uri; }}\n"
        for name in names
    )
    (folder / "nginx.conf").write_text(f"events {{}}\nhttp {{\n{servers}{more}}}\n")


def imported(config: Path) -> tuple[int, dict[str, object]]:
    result = CliRunner().invoke(app, ["customers", "import", "--from-directories", "--json", "--config", str(config)])
    assert result.stdout.startswith("{"), result.output
    return result.exit_code, json.loads(result.stdout)


def test_sites_of_a_web_server_come_and_go(config: Path) -> None:
    folder = config.parent
    code, found = imported(config)
    assert (code, found["customers"], found["sites"], found["source"]) == (0, 2, 2, "directories")
    with open_services(config) as services:
        (site,) = services.customers.register.sites_named("www.anna.example")
        assert (site.customer, site.docroot) == ("anna", os.fsencode(folder / "srv/anna/www"))
        (task,) = directory_import_tasks(services)
        configured(folder, "anna")
        assert task._run_once() == 3600
        assert services.customers.store.get("bob").status == "ended"

    # A server block that cannot be read is told, and nobody ends by it.
    configured(folder, more="server { server_name x.example; include nowhere.conf; }\n")
    code, found = imported(config)
    assert (code, found["rejected_count"]) == (1, 1)
    with open_services(config) as services:
        assert services.customers.store.get("anna").status == "active"

    # An empty configuration is objected to.
    configured(folder)
    code, found = imported(config)
    assert (code, found["applied"]) == (2, False)


def a_site(customer: str, docroot: bytes | None, *names: str) -> Site:
    return Site(customer, names, (PathRoute(Matching.PREFIX, "/", docroot),) if docroot else ())


def test_the_owner_is_the_directorys_else_the_accounts_else_the_trees(monkeypatch: pytest.MonkeyPatch) -> None:
    report = ListReport()
    sites = [
        a_site("anna", b"/nowhere", "anna.example", "~^x", "www.x.*", ".sub.example"),
        a_site("", b"/tree", "tree.example"),
        a_site("", b"/unknown", "unknown.example"),
        a_site("", None, "tree.example"),
        a_site("eve", b"/eve", "tree.example", "eve.example"),
    ]
    rows = list(directory_rows(sites, report, lambda docroot: "bob" if docroot == b"/tree" else ""))
    found = {row.fields["customer_id"]: row.fields["sites"][0] for row in rows}
    assert found["anna"]["host"] == "anna.example"
    assert found["anna"]["aliases"] == ["sub.example", "*.sub.example"]
    assert (found["bob"]["host"], found["eve"]["host"]) == ("tree.example", "eve.example")
    (warning,) = report.warnings
    assert warning.endswith("unknown.example")

    monkeypatch.setattr(os, "stat", lambda _: os.stat_result((0o40755, 1, 1, 1, 1234, 0, 0, 0, 0, 0)))
    monkeypatch.setattr(pwd, "getpwuid", lambda uid: pwd.struct_passwd((f"u{uid}", "", uid, 0, "", "", "")))
    assert account_owning(b"/x") == "u1234"
    monkeypatch.setattr(os, "stat", lambda _: os.stat_result((0o40755, 1, 1, 1, 33, 0, 0, 0, 0, 0)))
    assert account_owning(b"/x") == ""
