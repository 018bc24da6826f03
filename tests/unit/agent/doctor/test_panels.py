"""`doctor` asks panels and billing systems for their list, and says which adapter nobody ever tried for real."""

import json
import sys
from pathlib import Path

from goodhoster.settings import load
from goodhoster.testing.panels.billing import FakeWhmcs
from goodhoster_agent.doctor.finding import DoctorFinding
from goodhoster_agent.doctor.panels import panel_findings


def found(folder: Path, sections: str) -> list[DoctorFinding]:
    config = folder / "goodhoster.toml"
    config.write_text(f'[agent]\nstate_dir = "{folder}/state"\n{sections}')
    return list(panel_findings(load(config)))


def whmcs(folder: Path, url: str, secret: str = FakeWhmcs.password) -> str:
    (folder / "whmcs.secret").write_text(secret)
    (folder / "whmcs.secret").chmod(0o600)
    account = f'identifier = "{FakeWhmcs.username}"\nsecret_file = "{folder}/whmcs.secret"'
    return f'[[billing]]\nname = "billing"\nkind = "whmcs"\nurl = "{url}"\n{account}\n'


def test_what_was_never_tried_for_real_is_experimental_although_it_answers(tmp_path: Path) -> None:
    with FakeWhmcs(3) as server:
        (finding,) = found(tmp_path, whmcs(tmp_path, server.url))
    assert (finding.what, finding.ok, finding.detail) == ("billing billing", False, "3 clients, experimental")
    assert "look yourself after each suspension" in finding.hint
    assert server.orders == [], "nothing is suspended to find out"


def test_one_that_refuses_us_is_told_without_its_secret(tmp_path: Path) -> None:
    with FakeWhmcs(3) as server:
        (finding,) = found(tmp_path, whmcs(tmp_path, server.url, "a-wrong-secret"))
    assert not finding.ok
    assert "experimental" not in finding.detail
    assert "a-wrong-secret" not in finding.detail + finding.hint


def test_a_hook_of_the_houses_own_is_proven_and_an_empty_list_is_no_success(tmp_path: Path) -> None:
    def hook(said: str) -> str:
        program = json.dumps([sys.executable, "-c", f"print({said!r})"])
        others = "".join(f"{key} = {program}\n" for key in ("list", "state", "suspend", "unsuspend"))
        return f'[[panel]]\nname = "web1"\nkind = "command"\ncheck_sites = false\n{others}'

    (fine,) = found(tmp_path, hook('{"account": "anna", "suspended": false, "sites": []}'))
    assert (fine.what, fine.ok, fine.detail) == ("panel web1", True, "1 accounts")
    (empty,) = found(tmp_path, hook(""))
    assert (empty.ok, "right to see them" in empty.hint) == (False, True)
