"""What is shipped beside the packages (image, Ansible role, AppArmor profile) is what its tool takes."""

import json
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import jinja2
import pytest

from goodhoster.settings import load
from tests.conftest import PROGRAM_PATH

PACKAGING = Path(__file__).parents[2] / "packaging"
ROLE = PACKAGING / "ansible/roles/goodhoster"


def rendered(**variables: object) -> str:
    """The configuration that the role would write; Ansible's own filters are what they are there."""
    values: dict[str, object] = {
        "ansible_managed": "Ansible managed",
        "goodhoster_mode": "observe",
        "goodhoster_trees": [{"path": "/srv/customers", "customer": "first-directory"}],
        "goodhoster_hash_sources": [{"kind": "list"}],
        "goodhoster_configuration": "",
    }
    environment = jinja2.Environment(trim_blocks=True, undefined=jinja2.StrictUndefined)  # noqa: S701 - as Ansible has it
    environment.filters["to_json"] = json.dumps
    template = (ROLE / "templates/goodhoster.toml.j2").read_text()
    return environment.from_string(template).render(values | variables)


def test_the_roles_default_is_a_configuration_that_observes(tmp_path: Path) -> None:
    file = tmp_path / "goodhoster.toml"
    file.write_text(rendered())
    settings = load(file)
    assert settings.policy.mode == "observe"
    assert [str(watch.path) for watch in settings.watches] == ["/srv/customers"]


def test_the_roles_variables_arrive_as_they_are() -> None:
    source = {
        "kind": "hashcheckservice",
        "url": "https://a.example/v1",
        "algorithms": ["sha1"],
        "percent": 5,
        "shadow": True,
    }
    name = 'Zoë "\\' + "\n"
    written = tomllib.loads(
        rendered(
            goodhoster_mode="enforce",
            goodhoster_trees=[{"path": "/srv/a", "customer": name}, {"path": "/srv/b"}],
            goodhoster_hash_sources=[source],
            goodhoster_configuration='[notices]\nlmtp = "/run/a"\n',
        )
    )
    assert written == {
        "policy": {"mode": "enforce"},
        "watch": [{"path": "/srv/a", "customer": name}, {"path": "/srv/b"}],
        "hash_source": [source],
        "notices": {"lmtp": "/run/a"},
    }


@pytest.mark.debian("ansible-core", program="ansible-playbook")
def test_ansible_reads_the_role(tmp_path: Path) -> None:
    command = ["ansible-playbook", "--syntax-check", "-i", "goodhoster,", str(PACKAGING / "ansible/site.yml")]
    env = {"PATH": PROGRAM_PATH, "HOME": str(tmp_path), "LC_ALL": "C.UTF-8"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, env=env)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr


@pytest.mark.debian("apparmor", program="apparmor_parser")
def test_apparmor_reads_the_profile(tmp_path: Path) -> None:
    parser = shutil.which("apparmor_parser", path=PROGRAM_PATH)
    assert parser
    profile = PACKAGING / "apparmor/goodhoster-hashservice"
    command = [parser, "--skip-kernel-load", "--skip-cache", "--config-file", "/dev/null"]
    command += ["--ofile", str(tmp_path / "compiled"), str(profile)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    told = [
        line for line in done.stderr.splitlines() if not line.startswith("Cache read/write disabled")
    ]  # no AppArmor
    assert (done.returncode, told) == (0, [])
    assert (tmp_path / "compiled").stat().st_size > 0


def test_the_image_needs_no_privilege_and_serves_what_the_package_has() -> None:
    lines = (PACKAGING / "oci/Containerfile").read_text().splitlines()
    assert "USER 8460:8460" in lines
    (command,) = (json.loads(line.removeprefix("CMD ")) for line in lines if line.startswith("CMD "))
    help_of = [sys.executable, "-m", "goodhoster_agent", *command[:2], "--help"]
    said = subprocess.run(help_of, capture_output=True, text=True, check=True, timeout=60).stdout
    assert command[2] in said
