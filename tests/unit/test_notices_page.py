"""The page about notices says what the program does: its examples run, its tables are complete."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType

import pytest

from goodhoster.adapters.directories.settings import ApacheKind, ListedKind, NginxKind
from goodhoster.assembly.notices import forwarders, notifiers
from goodhoster.model.notices import LocationKind, NoticeFormat
from goodhoster.notices.sender import dkim_evaluation, forwarding, mail_evidence, trust
from goodhoster.notices.sender.pinned_keys import checks, openpgp, signature_checks, smime
from goodhoster.settings import load, read_plugged

PAGE = (Path(__file__).parents[2] / "docs/how-to-notices-formats.md").read_text()
KINDS = {"nginx": NginxKind, "apache": ApacheKind, "list": ListedKind}
KEY_FILES = {
    "signing.pem": "-----BEGIN CERTIFICATE-----\n",
    "signing.gpg": "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nxgYEAAAAABY=\n-----END PGP PUBLIC KEY BLOCK-----\n",
    "helpdesk.keys": "arc._domainkey.helpdesk.example v=DKIM1; p=AAAA\n",
}


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize("block", blocks("toml"), ids=lambda text: text.splitlines()[0])
def test_the_examples_load(tmp_path: Path, block: str) -> None:
    assert tomllib.loads(block)
    (tmp_path / "goodhoster.toml").write_text(block)
    for name, content in KEY_FILES.items():
        (tmp_path / name).write_text(content)
    settings = load(tmp_path / "goodhoster.toml")
    assert (
        notifiers(settings)
        or forwarders(settings)
        or [read_plugged(plugged, KINDS).build() for plugged in settings.directories]
    )


def test_the_first_example_runs(tmp_path: Path) -> None:
    lines = re.sub(r"^\$ ", "", blocks("console")[0].replace("/tmp/try", str(tmp_path)), flags=re.MULTILINE)
    program = f'PATH="{Path(sys.executable).parent}:$PATH"\n'
    ended = subprocess.run(["sh", "-e", "-c", program + lines], capture_output=True, text=True, check=True)
    assert "url-list" in ended.stdout
    assert "anna" in ended.stdout
    assert "needs-person" in ended.stdout


def test_every_format_and_outcome_is_told() -> None:
    for word in (*NoticeFormat, *LocationKind):
        assert f"| `{word}` |" in PAGE


def test_every_rule_of_trust_is_told() -> None:
    rules = set(
        re.findall(r'"((?:mail|dkim|authserv|notifier|token)\.[a-z-]+)"', source(dkim_evaluation, mail_evidence, trust))
    )
    assert len(rules) == 16 + 1
    of_parts = re.findall(r'rule\(\s*"([a-z-]+)"', source(checks, openpgp, signature_checks, smime))
    of_forwarders = re.findall(r'rule\(\s*"([a-z-]+)"', source(forwarding))
    assert (len(set(of_parts)), len(set(of_forwarders))) == (8, 10)
    rules |= {f"signed.{name}" for name in of_parts} | {f"arc.{name}" for name in of_forwarders}
    assert rules | {"signed.subject"} <= set(re.findall(r"`([a-z.-]+)`", PAGE))


def source(*modules: ModuleType) -> str:
    return "".join(Path(str(module.__file__)).read_text() for module in modules)
