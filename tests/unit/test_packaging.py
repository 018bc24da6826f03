"""What the packages are made from: locks, maintainer scripts, and a changelog that dpkg reads."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

CHECKOUT = Path(__file__).parents[2]
LOCKS = ("package.txt", "package-near.txt", "package-screening.txt")
SCRIPTS = sorted(path for path in (CHECKOUT / "packaging/deb").rglob("*") if path.is_file())
SCRIPTS.append(CHECKOUT / "packaging/try.sh")


def pins(lock: str) -> dict[str, str]:
    text = (CHECKOUT / "requirements" / lock).read_text()
    return dict(re.findall(r"^([a-z0-9-]+)==(\S+)", text, re.MULTILINE))


@pytest.fixture(scope="module")
def build() -> ModuleType:
    spec = importlib.util.spec_from_file_location("build", CHECKOUT / "packaging/build.py")
    assert spec
    assert spec.loader
    module = sys.modules["build"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_has_hashes_and_the_versions_that_were_tested(lock: str) -> None:
    tested = pins("dev.txt")
    assert {name: version for name, version in pins(lock).items() if tested.get(name) != version} == {}
    text = (CHECKOUT / "requirements" / lock).read_text()
    assert text.count("--hash=sha256:") >= len(pins(lock))
    assert "://" not in text


def test_the_first_package_has_what_the_program_always_needs() -> None:
    assert pins("run.txt").items() <= pins("package.txt").items()
    assert not {"numpy", "pillow", "rapidfuzz"} & pins("package.txt").keys()
    assert {"numpy", "pillow"} <= pins("package-near.txt").keys()


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_a_maintainer_script_is_one(script: Path) -> None:
    assert script.read_text().startswith("#!/bin/sh\n")
    assert "set -e" in script.read_text()
    subprocess.run(["sh", "-n", script], check=True)


def test_a_purge_keeps_what_proves(tmp_path: Path) -> None:
    script = (CHECKOUT / "packaging/deb/goodhoster/postrm").read_text()
    for name in ("etc/goodhoster", "var/lib/goodhoster"):
        (tmp_path / name).mkdir(parents=True)
        script = script.replace(f"/{name}", str(tmp_path / name))
    said = subprocess.run(["sh", "-c", script, "postrm", "purge"], capture_output=True, text=True, check=True)
    assert "kept" in said.stdout
    assert [path.name for path in tmp_path.iterdir() if any(path.iterdir())] == ["var"]
    told = {"GOODHOSTER_PURGE": "everything", "PATH": "/usr/bin:/bin"}
    subprocess.run(["sh", "-c", script, "postrm", "purge"], check=True, env=told)
    assert not (tmp_path / "var/lib/goodhoster").exists()


@pytest.mark.parametrize("script", ["postinst", "prerm", "postrm"])
def test_a_maintainer_script_forgets_no_unit(script: str) -> None:
    text = (CHECKOUT / "packaging/deb/goodhoster" / script).read_text()
    assert [unit.name for unit in (CHECKOUT / "packaging/systemd").glob("*.service") if unit.name not in text] == []


def test_another_python_than_the_releases_is_refused(build: ModuleType) -> None:
    with pytest.raises(SystemExit, match=r"is 3\.2, .*PYTHON=/usr/bin/python3 \./dev setup"):
        build._expect_python("/usr/bin/python3", "3.2")


def test_traces_of_the_building_machine_are_taken_out(build: ModuleType, tmp_path: Path) -> None:
    site = tmp_path / "lib/python3.11/site-packages"
    metadata = site / "made_up-1.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "direct_url.json").write_text('{"url": "file:///home/somebody"}')
    said = ["made_up.py", "made_up-1.dist-info/direct_url.json", "../../../bin/x", "a.pyc", "made_up/a.cpp"]
    (metadata / "RECORD").write_text("".join(f"{name},,\n" for name in said))
    (site / "made_up" / "tests").mkdir(parents=True)
    (site / "made_up" / "a.cpp").touch()
    build._without_traces(tmp_path)
    assert sorted(path.name for path in site.rglob("*")) == ["RECORD", "made_up", "made_up-1.dist-info"]
    assert (metadata / "RECORD").read_text() == "made_up.py,,\n"


def test_rpm_is_told_which_directories_to_take_away(build: ModuleType, tmp_path: Path) -> None:
    """After `rpm -e` 645 empty directories were left."""
    for name in ("usr/bin", "usr/lib/goodhoster/lib/made_up", "usr/share/doc/goodhoster-near", "etc/goodhoster"):
        (tmp_path / name).mkdir(parents=True)
    assert build._own_directories(tmp_path) == [
        "usr/lib/goodhoster",
        "usr/lib/goodhoster/lib",
        "usr/lib/goodhoster/lib/made_up",
        "usr/share/doc/goodhoster-near",
    ]


def test_dpkg_reads_the_changelog(build: ModuleType, tmp_path: Path) -> None:
    file = tmp_path / "changelog"
    file.write_text(build._debian_changelog(build.PACKAGES[0], "1.2.3-1~deb12", 1_767_225_600))
    first = file.read_text().splitlines()[0]
    assert re.fullmatch(r"goodhoster \(1\.2\.3-1~[a-z0-9.]+\) stable; urgency=medium", first)
    assert "Thu, 01 Jan 2026 00:00:00 +0000" in file.read_text()
