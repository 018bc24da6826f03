"""First steps: what is found on a host, and the configuration that is made of it."""

import tomllib
from collections.abc import Sequence
from pathlib import Path

import pytest

from goodhoster.errors import RefusedError
from goodhoster.linux.programs import Ended
from goodhoster.settings import load
from goodhoster_agent.setup.draft import HashServiceAccount, draft, write_new
from goodhoster_agent.setup.survey import PANELS, HostView, PanelInstallation, Survey, survey
from goodhoster_agent.setup.trees import trees_above

NGINX = b"""# configuration file /etc/nginx/nginx.conf:
events {}
http {
  server { listen 80; server_name anna.example; root /srv/hosting/customers/anna/www; }
  server { listen 80; server_name bram.example; root /srv/hosting/customers/bram/www; }
}
"""


def view(directories: set[str], programs: Sequence[str] = (), dump: Ended | None = None) -> HostView:
    """A host with these directories and programs; nginx -T prints the dump."""

    def below(path: str) -> list[str]:
        inside = [each.removeprefix(path + "/") for each in directories if each.startswith(path + "/")]
        return sorted({each.split("/")[0] for each in inside})

    def run(_command: Sequence[str], _given: bytes = b"") -> Ended:
        return dump or Ended(1, b"", b"no such program")

    return HostView(directories.__contains__, below, {name: f"/bin/{name}" for name in programs}.get, run)


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: f"{panel.name} {panel.marker}")
def test_a_panel_is_found_by_its_marker_and_tells_where_its_customers_are(panel: PanelInstallation) -> None:
    found = survey(view({panel.marker, panel.tree}))
    assert (found.panel, found.trees) == (panel.name, (panel.tree,))


def test_virtual_hosts_tell_the_tree_above_their_document_roots() -> None:
    found = survey(view({"/srv/hosting/customers"}, ["nginx", "postfix"], Ended(0, NGINX, b"")))
    assert (found.web_servers, found.sites, found.mail_server) == (("nginx",), 2, "postfix")
    assert found.trees == ("/srv/hosting/customers",)


def test_a_web_server_that_cannot_be_read_is_told_and_directories_are_looked_at() -> None:
    directories = {"/home", "/home/anna", "/home/anna/public_html"}
    found = survey(view(directories, ["nginx"], Ended(1, b"", b"emerg: permission denied")))
    assert found.trees == ("/home",)
    assert found.web_servers == ()
    assert "permission denied" in found.problems[0]


def test_homes_without_sites_are_nobody_s_uploads() -> None:
    found = survey(view({"/home", "/home/admin", "/home/admin/.ssh"}))
    assert found.trees == ()
    assert any("nginx -T" in each for each in found.looked_for)
    assert any("HestiaCP" in each and "/usr/local/psa" in each for each in found.looked_for)


@pytest.mark.parametrize(
    ("docroots", "trees"),
    [
        (["/var/www/html"], ("/var/www",)),
        (["/home/anna/public_html"], ("/home",)),
        (["/home/anna/web/a.example/public_html", "/home/anna/web/b.example/public_html"], ("/home",)),
        (["/srv/www/one.example/htdocs"], ("/srv/www",)),
        (["/srv/anna/www", "/srv/bram/www"], ("/srv",)),
        (["/data/a/anna", "/data/a/bram", "/home/c/www"], ("/data/a", "/home")),
        (["/usr/share/phpmyadmin", "/var/lib/roundcube", "/"], ()),
        (["/opt/one/www", "/opt/two/www"], ("/opt/one", "/opt/two")),
        (["/opt/site"], ("/opt/site",)),
        (["/srv"], ("/srv",)),
        (["/sites/anna", "/sites/anna/sub"], ("/sites",)),
    ],
)
def test_the_tree_above_document_roots(docroots: list[str], trees: tuple[str, ...]) -> None:
    assert trees_above(docroots) == trees


@pytest.mark.parametrize("account", [None, HashServiceAccount('Jan "de" \u00e9')])
def test_the_draft_is_short_loads_and_touches_nothing(tmp_path: Path, account: HashServiceAccount | None) -> None:
    tree = tmp_path / 'tree "of" \u00e9'
    tree.mkdir()
    found = Survey(trees=(str(tree),), found_by="a test", web_servers=("nginx",), mail_server="exim")
    text = draft(found, account, tmp_path / "state")
    file = tmp_path / "etc" / "goodhoster.toml"
    write_new(file, text)
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o750
    settings = load(file)
    assert settings.policy.mode == "observe"
    assert [watch.path for watch in settings.watches] == [tree]
    assert [source.kind for source in settings.hash_sources] == ["list", *(["hashcheckservice"] if account else [])]
    assert len(text.splitlines()) <= 35
    uncommented = "\n".join(
        line.removeprefix("#") if line.startswith("#[") or " = " in line else line for line in text.splitlines()
    )
    assert "hash_source" in tomllib.loads(uncommented)


def test_a_configuration_that_is_there_is_never_overwritten(tmp_path: Path) -> None:
    file = tmp_path / "goodhoster.toml"
    file.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(RefusedError, match="exists already"):
        write_new(file, "x")
    assert not (tmp_path / "elsewhere").exists()
