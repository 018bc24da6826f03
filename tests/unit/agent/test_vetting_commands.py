"""`customers vet`, `screen` and their like as a person or a script calls them."""

import json
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from tests.commandserver import goodhoster


class Host:
    """A host with two customers."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "srv").mkdir()
        self.config = folder / "goodhoster.toml"
        self.config.write_text(
            '[agent]\nstate_dir = "state"\n[[watch]]\npath = "srv"\n'
            '[vetting]\nrequired_normal = ["identity-document"]\n'
        )
        (folder / "customers.csv").write_text(
            "id,name,kind,host\nacme,Acme BV,company,acme.example\nanna,Anna,person,\n"
        )
        assert self("import", str(folder / "customers.csv")).returncode == 0

    def __call__(self, *arguments: str) -> CompletedProcess[str]:
        return goodhoster("customers", *arguments, "--config", str(self.config))


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


def test_vet_and_show(host: Host) -> None:
    missing = host("vet", "acme", "--json")
    assert missing.returncode == 1
    vetting = json.loads(missing.stdout)["vetting"]
    assert (vetting["state"], vetting["missing"]) == ("missing", ["an identity document, checked: none yet"])

    identity = ("--evidence", "identity-document", "--outcome", "passed")
    refused = host("vet", "acme", *identity, "--detail", "passport", "--reason", "bsn 111222333")
    assert refused.returncode == 2
    assert "111222333" not in refused.stderr
    assert host("vet", "acme", *identity, "--detail", "passport").returncode == 2  # no reason
    assert host("vet", "acme", "--outcome", "passed").returncode == 2  # of what?
    assert host("vet", "nobody").returncode == 2

    assert host("vet", "acme", *identity, "--detail", "passport", "--reason", "seen").returncode == 0
    shown = json.loads(host("show", "acme", "--json").stdout)["vetting"]
    assert (shown["state"], shown["missing"]) == ("vetted", [])
    assert "anna" in host("vetting-due").stdout


def test_screen_and_decide(host: Host) -> None:
    listed = host.folder / "police.csv"
    listed.write_text("id,name\ne1,ACME\ne2,Somebody Else\n")

    run_ = host("screen", str(listed), "--json")
    assert run_.returncode == 1
    assert json.loads(run_.stdout)["found"] == 1
    (finding,) = [json.loads(line) for line in host("findings", "--json").stdout.splitlines()]
    assert (finding["customer"], finding["fields"][0]["field"]) == ("acme", "name")

    decided = host("screen-decide", finding["id"], "--no-match", "--reason", "another company", "--json")
    assert json.loads(decided.stdout)["decision"] == "no-match"
    assert host("screen").returncode == 0  # the kept list again
    listed.write_text("<html>")
    assert host("screen", str(listed)).returncode == 2
