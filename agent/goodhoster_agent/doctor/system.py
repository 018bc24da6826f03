"""Check whether goodhoster was ever tried on a system like this one."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from goodhoster_agent.doctor.finding import DoctorFinding

TRIED = {("debian", "12"): "Debian 12", ("debian", "13"): "Debian 13"}
"""Where `packaging/try.sh` ran to its end: systems by ID and VERSION_ID of os-release(5)."""

_OURS = "goodhoster-"
"""What the names of our AppArmor profiles begin with."""
_TELL = "watch it in mode observe first, and tell us what you saw (docs/how-to-install.md)"


def system_findings(root: Path = Path("/"), prefix: Path = Path(sys.prefix)) -> Iterator[DoctorFinding]:
    """The findings about the system below `root` and the installation in `prefix`."""
    yield _system(root, _package(prefix))
    if container := _container(root):
        detail = f"it runs in a container ({container}); experimental: nobody has run it so for long"
        yield DoctorFinding("container", ok=True, detail=detail, hint="see docs/how-to-containers.md")
    if profiles := _profiles(root):
        detail = f"{', '.join(profiles)}; experimental: only its syntax was ever checked"
        yield DoctorFinding("AppArmor", ok=True, detail=detail, hint="see docs/how-to-privileges.md")


def _system(root: Path, package: str) -> DoctorFinding:
    system = _os_release(root)
    name = system.get("PRETTY_NAME") or "a system without a name"
    by = f"installed by its {package} package" if package else "without a package"
    known = (system.get("ID", ""), system.get("VERSION_ID", "")) in TRIED
    if known and package != "rpm":
        return DoctorFinding("system", ok=True, detail=f"{name}, {by}")
    why = "such packages were installed into a root for tests only" if known else "it was never tried on this system"
    return DoctorFinding("system", ok=True, detail=f"{name}, {by}; experimental: {why}", hint=_TELL)


def _os_release(root: Path) -> dict[str, str]:
    """The system's name for itself; nothing where it has none."""
    for place in ("etc/os-release", "usr/lib/os-release"):
        try:
            lines = (root / place).read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            continue
        return {key: value.strip().strip("\"'") for key, _, value in (line.partition("=") for line in lines)}
    return {}


def _package(prefix: Path) -> str:
    """The kind of the package that was installed; empty for a checkout."""
    try:
        return (prefix / "package-kind").read_text(encoding="utf-8").strip()
    except OSError:
        return ""


def _container(root: Path) -> str:
    """The kind of the container, in the word of whatever made it; empty for a machine."""
    for mark, kind in (("run/.containerenv", "podman"), (".dockerenv", "docker")):
        if (root / mark).exists():
            return kind
    try:
        return (root / "run/systemd/container").read_text(encoding="utf-8").strip()
    except OSError:
        return ""


def _profiles(root: Path) -> list[str]:
    """Our profiles that the kernel has loaded."""
    try:
        lines = (root / "sys/kernel/security/apparmor/profiles").read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
    return [line for line in lines if line.startswith(_OURS)]
