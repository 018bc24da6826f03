"""An apt repository by one command, read by apt itself."""

import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

CHECKOUT = Path(__file__).parents[2]
pytestmark = [pytest.mark.debian("apt-utils", program="apt-ftparchive"), pytest.mark.debian("gnupg", program="gpg")]


@pytest.fixture(scope="module")
def repository() -> ModuleType:
    spec = importlib.util.spec_from_file_location("repository", CHECKOUT / "packaging/repository.py")
    assert spec
    assert spec.loader
    module = sys.modules["repository"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def key(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    home = tmp_path_factory.mktemp("g")
    home.chmod(0o700)
    monkeypatch.setenv("GNUPGHOME", str(home))
    make = ["gpg", "--batch", "--quiet", "--passphrase", "", "--quick-generate-key", "Made Up <a@hoster.example>"]
    subprocess.run([*make, "ed25519", "sign", "never"], check=True, capture_output=True)
    yield "a@hoster.example"
    subprocess.run(["gpgconf", "--kill", "all"], check=True)


@pytest.fixture
def package(tmp_path: Path) -> Callable[..., Path]:
    def make(version: str, text: str = "made up") -> Path:
        tree = tmp_path / f"tree-{version}-{len(text)}"
        (tree / "DEBIAN").mkdir(parents=True)
        (tree / "made-up").write_text(text)
        control = f"Package: goodhoster\nVersion: {version}\nArchitecture: amd64\nMaintainer: a\nDescription: made up\n"
        (tree / "DEBIAN/control").write_text(control)
        file = tmp_path / f"goodhoster_{version}_amd64.deb"
        subprocess.run(["dpkg-deb", "-Zgzip", "--build", str(tree), str(file)], check=True, capture_output=True)
        return file

    return make


class Apt:
    """An apt with lists of its own, which knows one repository."""

    def __init__(self, folder: Path, repository: Path, suite: str) -> None:
        for name in ("state/lists/partial", "cache/archives/partial", "etc/apt.conf.d", "etc/preferences.d"):
            (folder / name).mkdir(parents=True)
        (folder / "status").touch()
        source = f"deb [arch=amd64 signed-by={repository}/goodhoster.asc] file:{repository} {suite} main\n"
        (folder / "sources.list").write_text(source)
        (folder / "apt.conf").write_text(
            f'Dir::State "{folder}/state";\nDir::State::status "{folder}/status";\nDir::Cache "{folder}/cache";\n'
            f'Dir::Etc "{folder}/etc";\nDir::Etc::sourcelist "{folder}/sources.list";\nDir::Etc::sourceparts "-";\n'
            f'APT::Architecture "amd64";\nAPT::Sandbox::User "root";\n'
        )
        self._env = {"APT_CONFIG": str(folder / "apt.conf"), "PATH": os.environ["PATH"], "LC_ALL": "C"}

    def __call__(self, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(command, capture_output=True, text=True, check=False, env=self._env, timeout=60)


def test_apt_reads_it_and_sees_the_newest_version(
    repository: ModuleType, key: str, package: Callable[..., Path], tmp_path: Path
) -> None:
    where = tmp_path / "repository"
    files = [package("1.0-1~deb12"), package("1.0-1~deb13")]
    assert repository.renew(where, files, key) == ["bookworm", "trixie"]
    apt = Apt(tmp_path / "apt", where, "bookworm")
    read = apt("apt-get", "update")
    assert (read.returncode, read.stderr) == (0, "")
    assert "1.0-1~deb12" in apt("apt-cache", "policy", "goodhoster").stdout
    repository.renew(where, [package("1.1-1~deb12")], key)
    assert apt("apt-get", "update").returncode == 0
    told = apt("apt-cache", "madison", "goodhoster").stdout
    assert ("1.1-1~deb12" in told, "1.0-1~deb12" in told, "deb13" in told) == (True, True, False)


def test_apt_refuses_what_was_changed_after_it_was_signed(
    repository: ModuleType, key: str, package: Callable[..., Path], tmp_path: Path
) -> None:
    where = tmp_path / "repository"
    repository.renew(where, [package("1.0-1~deb12")], key)
    for name in ("Packages", "Packages.xz"):
        (where / "dists/bookworm/main/binary-amd64" / name).write_bytes(b"")
    release = where / "dists/bookworm/InRelease"
    release.write_text(release.read_text().replace("goodhoster", "badhoster"))
    refused = Apt(tmp_path / "apt", where, "bookworm")("apt-get", "update")
    assert refused.returncode != 0
    assert "BADSIG" in refused.stderr


def test_a_version_is_one_package_for_ever(
    repository: ModuleType, key: str, package: Callable[..., Path], tmp_path: Path
) -> None:
    where = tmp_path / "repository"
    repository.renew(where, [package("1.0-1~deb12")], key)
    before = {file: file.read_bytes() for file in where.rglob("*") if file.is_file()}
    with pytest.raises(ValueError, match="already with other bytes"):
        repository.renew(where, [package("1.0-1~deb12", "other bytes")], key)
    assert {file: file.read_bytes() for file in where.rglob("*") if file.is_file()} == before


def test_what_fails_leaves_the_repository_and_says_why(
    repository: ModuleType, key: str, package: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = tmp_path / "repository"
    repository.renew(where, [package("1.0-1~deb12")], key)
    before = (where / "dists/bookworm/InRelease").read_bytes()
    with pytest.raises(SystemExit) as ended:
        repository.main([str(where), "--key", "nobody@hoster.example", "--packages", str(tmp_path)])
    assert ended.value.code == 1
    assert "gpg failed, the repository is as it was" in capsys.readouterr().err
    assert (where / "dists/bookworm/InRelease").read_bytes() == before


@pytest.mark.parametrize(("name", "said"), [("", "no package to take in"), ("x.deb", "for which release")])
def test_wrong_use_is_told(
    repository: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, said: str
) -> None:
    (tmp_path / "new").mkdir()
    if name:
        (tmp_path / "new" / name).touch()
    with pytest.raises(SystemExit) as ended:
        repository.main([str(tmp_path / "repository"), "--key", "a", "--packages", str(tmp_path / "new")])
    assert ended.value.code == 2
    assert said in capsys.readouterr().err
