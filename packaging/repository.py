#!/usr/bin/env python3
"""Make or renew a signed apt repository: ./dev package repository DIR --key KEY [--packages dist].

Each release has a suite of its own, because its packages are tied to its Python. Packages of earlier versions that lie
in the pool stay installable. What apt reads is made beside the old and put in its place at the end.
"""

from __future__ import annotations

import argparse
import lzma
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

SUITES = {"deb12": "bookworm", "deb13": "trixie", "ubu24.04": "noble"}
"""By the end of a package's version."""
_NAME = re.compile(
    r"(?P<package>[a-z0-9.+-]+)_(?P<version>[^_~]+)~(?P<release>[a-z0-9.]+)_(?P<architecture>[a-z0-9]+)\.deb"
)


def main(arguments: list[str] | None = None) -> int:
    """The program."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("directory", type=Path, help="the repository, such as below a web server's root")
    parser.add_argument("--key", required=True, help="the OpenPGP key that signs, as gpg knows it")
    parser.add_argument("--packages", type=Path, default=Path("dist"), help="the folder with new packages")
    given = parser.parse_args(arguments)
    try:
        for suite in renew(given.directory.absolute(), sorted(given.packages.glob("*.deb")), given.key):
            print(f"deb [signed-by=/etc/apt/keyrings/goodhoster.asc] https://YOUR-HOST/ {suite} main")  # noqa: T201
    except subprocess.CalledProcessError as error:
        parser.exit(1, f"repository: {error.cmd[0]} failed, the repository is as it was: {error.stderr.strip()}\n")
    except (ValueError, FileNotFoundError) as error:
        parser.exit(2, f"repository: {error}\n")
    return 0


def renew(repository: Path, packages: Iterable[Path], key: str) -> list[str]:
    """Take the packages in, and sign anew what all suites hold. Returns the suites."""
    for package in packages:
        _take(package, repository / "pool")
    suites = sorted(folder.name for folder in (repository / "pool").glob("*"))
    if not suites:
        raise ValueError(
            "there is no package to take in: make some with ./dev package, or name their folder: --packages"
        )
    new, old = repository / "dists.new", repository / "dists.old"
    for left_over in (new, old):
        shutil.rmtree(left_over, ignore_errors=True)
    for suite in suites:
        _index(repository, new / suite, key)
    (repository / "goodhoster.asc").write_bytes(_run("gpg", "--batch", "--armor", "--export", key))
    if (repository / "dists").exists():
        (repository / "dists").rename(old)
    new.rename(repository / "dists")
    shutil.rmtree(old, ignore_errors=True)
    return suites


def _take(package: Path, pool: Path) -> None:
    """Put a package into its suite's part of the pool; one that is there with other bytes is not replaced."""
    found = _NAME.fullmatch(package.name)
    if not found:
        raise ValueError(f"{package}: its name does not say for which release it is, such as …-1~deb12_amd64.deb")
    target = pool / SUITES.get(found["release"], found["release"]) / package.name
    if target.exists() and target.read_bytes() != package.read_bytes():
        raise ValueError(f"{target} is there already with other bytes: a changed package needs a version of its own")
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(package, target)


def _index(repository: Path, suite: Path, key: str) -> None:
    """Write what apt reads of one suite, and sign it."""
    pool = Path("pool") / suite.name
    architectures = sorted(
        {found["architecture"] for file in (repository / pool).glob("*.deb") if (found := _NAME.fullmatch(file.name))}
    )
    for architecture in architectures:
        folder = suite / "main" / f"binary-{architecture}"
        folder.mkdir(parents=True)
        text = _run("apt-ftparchive", "--arch", architecture, "packages", str(pool), cwd=repository)
        (folder / "Packages").write_bytes(text)
        (folder / "Packages.xz").write_bytes(lzma.compress(text))
    says = {
        "Origin": "goodhoster",
        "Label": "goodhoster",
        "Suite": suite.name,
        "Codename": suite.name,
        "Components": "main",
        "Architectures": " ".join(architectures),
    }
    options = [part for name, value in says.items() for part in ("-o", f"APT::FTPArchive::Release::{name}={value}")]
    (suite / "Release").write_bytes(_run("apt-ftparchive", *options, "release", str(suite)))
    sign = ["gpg", "--batch", "--yes", "--local-user", key, "--armor"]
    _run(*sign, "--clear-sign", "--output", str(suite / "InRelease"), str(suite / "Release"))
    _run(*sign, "--detach-sign", "--output", str(suite / "Release.gpg"), str(suite / "Release"))


def _run(*command: str, cwd: Path | None = None) -> bytes:
    try:
        return subprocess.run(command, check=True, capture_output=True, cwd=cwd).stdout
    except FileNotFoundError as error:
        raise FileNotFoundError(f"{command[0]} is missing: apt-get install apt-utils gpg") from error
    except subprocess.CalledProcessError as error:
        error.stderr = error.stderr.decode(errors="replace")
        raise


if __name__ == "__main__":
    sys.exit(main())
