"""The register is read from panels by itself where that is set, and an outage changes nothing."""

import sys
from pathlib import Path

import pytest

from goodhoster.assembly.services import Services
from goodhoster.errors import GoodhosterError
from goodhoster.settings import load
from goodhoster_agent.background.panel_imports import panel_import_tasks


@pytest.fixture
def services(tmp_path: Path) -> Services:
    (tmp_path / "customers").mkdir()
    (tmp_path / "list.py").write_text(
        f"import pathlib, sys\nfile = pathlib.Path({str(tmp_path / 'accounts')!r})\n"
        "sys.stdout.write(file.read_text())\nsys.exit(0 if file.read_text() else 1)"
    )
    program = f'["{sys.executable}", "{tmp_path}/list.py"]'
    common = f'kind = "command"\nlist = {program}\nstate = ["x"]\nsuspend = ["x"]\nunsuspend = ["x"]\n'
    (tmp_path / "goodhoster.toml").write_text(
        f'[agent]\nstate_dir = "{tmp_path}/state"\n[[watch]]\npath = "{tmp_path}/customers"\n'
        f'[[panel]]\nname = "web1"\nimport_every = "6h"\n{common}[[panel]]\nname = "web2"\n{common}'
    )
    return Services(load(tmp_path / "goodhoster.toml"))


def test_only_where_it_is_set_and_an_outage_changes_nothing(services: Services, tmp_path: Path) -> None:
    (task,) = panel_import_tasks(services)
    accounts = tmp_path / "accounts"
    accounts.write_text('{"account": "anna", "suspended": false, "sites": []}\n')
    assert task._run_once() == 6 * 3600
    assert services.customers.register.resolve("anna") == "anna"
    accounts.write_text("")
    with pytest.raises(GoodhosterError):
        task._run_once()
    assert services.customers.store.get("anna").status == "active"
    services.close()
