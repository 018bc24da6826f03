"""`doctor` says where goodhoster was never tried, whatever it runs on."""

from pathlib import Path

import pytest

from goodhoster_agent.doctor.finding import DoctorFinding
from goodhoster_agent.doctor.system import system_findings

DEBIAN = 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nID=debian\nVERSION_ID="12"\n'
UBUNTU = 'PRETTY_NAME="Ubuntu 24.04.1 LTS"\nID=ubuntu\nVERSION_ID="24.04"\n'


def found(root: Path, release: str, kind: str = "", **files: str) -> list[DoctorFinding]:
    written = {"etc/os-release": release, "prefix/package-kind": kind} | files
    for name, text in written.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        if text:
            (root / name).write_text(text)
    return list(system_findings(root, root / "prefix"))


def test_a_system_on_which_the_package_was_tried_is_named_and_nothing_more(tmp_path: Path) -> None:
    (finding,) = found(tmp_path, DEBIAN, "deb\n")
    assert (finding.ok, finding.hint) == (True, "")
    assert finding.detail == "Debian GNU/Linux 12 (bookworm), installed by its deb package"


@pytest.mark.parametrize(
    ("release", "kind", "says"),
    [
        (UBUNTU, "deb", "never tried on this system"),
        (DEBIAN.replace("12", "14"), "", "never tried on this system"),
        (DEBIAN, "rpm", "into a root for tests only"),
        ("", "", "a system without a name"),
        ("\xff no assignment\n=", "", "never tried on this system"),
    ],
)
def test_every_other_is_experimental_with_what_to_do(tmp_path: Path, release: str, kind: str, says: str) -> None:
    (finding,) = found(tmp_path, release, kind)
    assert finding.ok
    assert "experimental" in finding.detail
    assert says in finding.detail
    assert "mode observe" in finding.hint


@pytest.mark.parametrize(
    ("mark", "text", "kind"),
    [
        ("run/.containerenv", "x", "podman"),
        (".dockerenv", "x", "docker"),
        ("run/systemd/container", "systemd-nspawn\n", "systemd-nspawn"),
    ],
)
def test_a_container_is_experimental(tmp_path: Path, mark: str, text: str, kind: str) -> None:
    _, finding = found(tmp_path, DEBIAN, **{mark: text})
    assert (finding.what, finding.ok) == ("container", True)
    assert f"({kind}); experimental" in finding.detail


def test_a_loaded_profile_of_ours_is_experimental_and_others_are_none_of_our_business(tmp_path: Path) -> None:
    profiles = "/usr/sbin/ntpd (enforce)\ngoodhoster-hashservice (complain)\n"
    _, finding = found(tmp_path, DEBIAN, **{"sys/kernel/security/apparmor/profiles": profiles})
    assert finding.what == "AppArmor"
    assert "goodhoster-hashservice (complain); experimental" in finding.detail
