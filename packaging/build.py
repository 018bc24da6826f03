#!/usr/bin/env python3
"""Build the packages of goodhoster for this release: ./dev package [deb|rpm] [--out DIR].

An environment of its own below /usr/lib/goodhoster, from the hashed locks, tied to this release's python3; so there is
one build for each release. Two builds of one commit are the same bytes: times come from SOURCE_DATE_EPOCH (else from
the commit), nothing tells of the machine that built them.

    goodhoster             the program; exact matches; documents attached to notices; timestamps of the audit log
    goodhoster-near        numpy and Pillow: near matches
    goodhoster-screening   rapidfuzz and others: `customers screen`
"""

from __future__ import annotations

import argparse
import gzip
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
PACKAGING = CHECKOUT / "packaging"
HOME = Path("usr/lib/goodhoster")
PYTHON = "/usr/bin/python3"
MAINTAINER = "goodhoster maintainers <maintainers@goodhoster.example>"
SCRIPT = """#!/{home}/bin/python3 -sE
import re
import sys

from goodhoster_agent.entry import main

if __name__ == "__main__":
    sys.argv[0] = re.sub(r"(-script\\.pyw|\\.exe)?$", "", sys.argv[0])
    sys.exit(main())
"""
_NOT_SHIPPED = ("direct_url.json", "INSTALLER", "REQUESTED")
"""Of a package's metadata: they tell of the machine that built it."""

_SOURCES = frozenset({".c", ".cpp", ".h", ".pxd", ".pyx"})
"""What libraries were compiled from."""

_LEXERS = ("__init__.py", "_mapping.py", "python.py", "special.py")
"""What is left of 4 MB with which nobody highlights a source here."""


@dataclass(frozen=True)
class Package:
    """A binary package: its lock, and what a package manager says of it."""

    name: str
    lock: str
    summary: str
    description: str
    depends: tuple[str, ...] = ()
    recommends: tuple[str, ...] = ()
    suggests: tuple[str, ...] = ()
    scripts: str = ""
    """Folder with its maintainer scripts."""
    ours: bool = field(default=False)
    """Whether it has the program itself and everything of the system's."""


PACKAGES = (
    Package(
        "goodhoster",
        "package.txt",
        "checks uploads against hashes of known material, and handles notices",
        "A daemon watches the upload directories of a hosting server, checks every new file against the hash service\n"
        "for known child sexual abuse material and own lists, takes known material offline at once and reversibly,\n"
        "handles incoming notices within their deadlines without anybody looking at a picture, and proves it all by\n"
        "an audit log that nobody can quietly change. It starts in mode observe, which touches nothing.",
        recommends=("gpgv", "openssl"),
        suggests=("goodhoster-near", "goodhoster-screening"),
        scripts="goodhoster",
        ours=True,
    ),
    Package(
        "goodhoster-near",
        "package-near.txt",
        "near matches for goodhoster: altered copies of known pictures",
        "The libraries with which goodhoster makes fingerprints of pictures, to find copies that were resized, cut or\n"
        "compressed anew. Without it goodhoster finds exact copies only.",
        scripts="part",
    ),
    Package(
        "goodhoster-screening",
        "package-screening.txt",
        "screening of customers for goodhoster",
        "The libraries with which `goodhoster customers screen` compares names with lists: similar spelling, other\n"
        "scripts, legal forms.",
        scripts="part",
    ),
)


def main(arguments: list[str] | None = None) -> int:
    """The program."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("kind", nargs="?", choices=("deb", "rpm"), default="deb")
    parser.add_argument("--out", type=Path, default=CHECKOUT / "dist", help="where the packages are put")
    parser.add_argument(
        "--wheels", type=Path, help="a folder with all that the locks name (pip download): builds without a network"
    )
    parser.add_argument("--release", default=_release(), help="for another release, such as ubu24.04 (experimental)")
    parser.add_argument("--python", default=PYTHON, help="an interpreter of that release's version, which compiles")
    given = parser.parse_args(arguments)
    given.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="goodhoster-package-") as folder:
        builder = Builder(Path(folder), Target(given.kind, given.release, given.python), given.wheels)
        for package, root in builder.roots():
            made = (
                deb(package, root, given.out, builder)
                if given.kind == "deb"
                else rpm(package, root, given.out, builder)
            )
            print(made)  # noqa: T201 - what it made is its output
    return 0


@dataclass(frozen=True)
class Target:
    """What the packages are made for."""

    kind: str
    release: str
    python: str
    """It has the version of the release's python3, and may lie elsewhere."""


class Builder:
    """Makes the file trees of all packages, in one folder."""

    def __init__(self, folder: Path, target: Target, wheels: Path | None) -> None:
        self.folder = folder
        self.kind = target.kind
        self.release = target.release
        self.python = target.python
        self.version: str = tomllib.loads((CHECKOUT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
        self.epoch = int(os.environ.get("SOURCE_DATE_EPOCH") or _run("git", "log", "-1", "--format=%ct").strip())
        self.minor = _run(self.python, "-c", "import sys; print('%d.%d' % sys.version_info[:2])").strip()
        self._offline = ["--no-index", "--find-links", str(wheels)] if wheels else []
        _expect_python(self.python, self.minor)
        self._env = {
            "SOURCE_DATE_EPOCH": str(self.epoch),
            "PYTHONHASHSEED": "0",
            "LC_ALL": "C.UTF-8",
            "CC": "false",
            "CXX": "false",
        }
        """No compiler: what would need one must not be among the libraries."""

    def roots(self) -> Iterator[tuple[Package, Path]]:
        """Each package with the tree of its files, those of the first not in the others."""
        before: set[str] = set()
        for package in PACKAGES:
            tree = self.folder / f"{package.name}-all"
            self._environment(tree, package)
            files = _files(tree)
            root = self.folder / package.name
            for name in sorted(files - before):
                _copy(tree / name, root / name)
            if package.ours:
                before = files
                self._system_files(root)
                (root / HOME / "package-kind").write_text(f"{self.kind}\n", encoding="utf-8")
            self._documents(root, package)
            self._same_times(root)
            yield package, root

    def _environment(self, tree: Path, package: Package) -> None:
        """An environment with what the lock names, and of ours the program in the first."""
        home = tree / HOME
        subprocess.run([self.python, "-m", "venv", "--without-pip", "--symlinks", str(home)], check=True)
        wheels = [*sorted(self._libraries(package).glob("*.whl")), self._wheel()]
        self._pip("--python", str(home / "bin/python3"), "install", "--no-compile", "--no-index", *map(str, wheels))
        shutil.rmtree(home / "bin")
        (home / "bin").mkdir()
        (home / "bin/python3").symlink_to(self._interpreter())
        script = home / "bin/goodhoster"
        script.write_text(SCRIPT.format(home=HOME), encoding="utf-8")
        script.chmod(0o755)
        config = f"home = /usr/bin\ninclude-system-site-packages = false\nversion = {self.minor}\n"
        (home / "pyvenv.cfg").write_text(config, encoding="utf-8")
        for name in ("include", "lib64", "share", "man"):
            _remove(home / name)
        _without_traces(home)
        self._compile(tree, home)

    def _interpreter(self) -> str:
        """The release's Python. Where RPM comes from, python3 is often another one than the one that is asked for."""
        return f"/usr/bin/python{self.minor}" if self.kind == "rpm" else PYTHON

    def _pip(self, *arguments: str) -> None:
        """The pip of the checkout's environment; nothing but what is named is installed."""
        command = [sys.executable, "-m", "pip", *arguments, "--no-deps", "--quiet", "--quiet", "--no-input"]
        subprocess.run([*command, "--disable-pip-version-check"], check=True, env=os.environ | self._env)

    def _libraries(self, package: Package) -> Path:
        """The wheels that the lock names. What has none is made one by the setuptools of the checkout's own lock."""
        out = self.folder / f"{package.name}-wheels"
        lock = str(CHECKOUT / "requirements" / package.lock)
        self._pip("wheel", *self._offline, "--no-build-isolation", "--require-hashes", "-w", str(out), "-r", lock)
        return out

    def _wheel(self) -> Path:
        """The wheel of the program, made once."""
        out = self.folder / "wheel"
        if not out.exists():
            self._pip("wheel", "--no-build-isolation", "-w", str(out), str(CHECKOUT))
        (wheel,) = out.glob("*.whl")
        return wheel

    def _compile(self, tree: Path, home: Path) -> None:
        """Byte code beside every module, which is never looked at for its age: /usr cannot be written to later."""
        command = [self.python, "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash"]
        command += ["-s", str(tree), "-p", "/", str(home / "lib")]
        subprocess.run(command, check=True, env=os.environ | self._env)

    def _system_files(self, root: Path) -> None:
        """Units, accounts, man page, completion, and the command in the path."""
        (root / "usr/bin").mkdir(parents=True)
        (root / "usr/bin/goodhoster").symlink_to("../lib/goodhoster/bin/goodhoster")
        for folder, target in _SYSTEM.items():
            for file in sorted((PACKAGING / folder).glob("*.*")):
                _copy(file, root / target / file.name)
        for profile in sorted((PACKAGING / "apparmor").iterdir()):
            _copy(profile, root / "usr/share/goodhoster/apparmor" / profile.name)
        for name, target in _COMPLETIONS.items():
            _copy(PACKAGING / "completions" / name, root / target)
        (root / "etc/goodhoster").mkdir(parents=True)
        man = root / "usr/share/man/man1"
        man.mkdir(parents=True)
        for page in sorted((PACKAGING / "man").glob("*.1")):
            (man / f"{page.name}.gz").write_bytes(gzip.compress(page.read_bytes(), mtime=0))

    def _documents(self, root: Path, package: Package) -> None:
        documents = root / "usr/share/doc" / package.name
        documents.mkdir(parents=True, exist_ok=True)
        (documents / "copyright").write_text(_copyright(), encoding="utf-8")
        changes = _debian_changelog(package, _version(self), self.epoch)
        (documents / "changelog.Debian.gz").write_bytes(gzip.compress(changes.encode(), mtime=0))
        if package.ours:
            for file in ("README.md", "CHANGELOG.md"):
                _copy(CHECKOUT / file, documents / file)
            for page in sorted((CHECKOUT / "docs").glob("*.md")):
                _copy(page, documents / "docs" / page.name)

    def _same_times(self, root: Path) -> None:
        for path in sorted(root.rglob("*"), reverse=True):
            if not path.is_symlink():
                path.chmod(0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644)
            os.utime(path, (self.epoch, self.epoch), follow_symlinks=False)
        (root / "etc/goodhoster").chmod(0o750) if (root / "etc/goodhoster").exists() else None
        os.utime(root, (self.epoch, self.epoch))


_SYSTEM = {
    "catalog": "usr/lib/systemd/catalog",
    "systemd": "usr/lib/systemd/system",
    "sysctl.d": "usr/lib/sysctl.d",
    "sysusers.d": "usr/lib/sysusers.d",
    "tmpfiles.d": "usr/lib/tmpfiles.d",
}
_COMPLETIONS = {
    "goodhoster.bash": "usr/share/bash-completion/completions/goodhoster",
    "goodhoster.zsh": "usr/share/zsh/vendor-completions/_goodhoster",
    "goodhoster.fish": "usr/share/fish/vendor_completions.d/goodhoster.fish",
}
_ZSH_OF_RPM = "usr/share/zsh/site-functions/_goodhoster"
"""Only Debian's zsh looks among those of vendors."""


def deb(package: Package, root: Path, out: Path, builder: Builder) -> Path:
    """Make the Debian package of that tree."""
    control = root / "DEBIAN"
    control.mkdir()
    size = sum(path.lstat().st_size for path in root.rglob("*") if not path.is_dir()) // 1024 + 1
    architecture = _run("dpkg", "--print-architecture").strip()
    fields = {
        "Package": package.name,
        "Version": _version(builder),
        "Architecture": architecture,
        "Maintainer": MAINTAINER,
        "Installed-Size": str(size),
        "Depends": ", ".join(_depends(package, builder)),
        "Recommends": ", ".join(package.recommends),
        "Suggests": ", ".join(package.suggests),
        "Section": "admin",
        "Priority": "optional",
        "Description": package.summary + "\n" + "\n".join(f" {line}" for line in package.description.split("\n")),
    }
    text = "".join(f"{name}: {value}\n" for name, value in fields.items() if value)
    (control / "control").write_text(text, encoding="utf-8")
    for script in sorted((PACKAGING / "deb" / package.scripts).glob("*")):
        target = control / script.name
        target.write_text(script.read_text(encoding="utf-8").replace("@VERSION@", fields["Version"]), encoding="utf-8")
        target.chmod(0o755)
    sums = "".join(f"{_md5(root / name)}  {name}\n" for name in sorted(_files(root)) if _is_summed(root, name))
    (control / "md5sums").write_text(sums, encoding="utf-8")
    for path in (*control.iterdir(), control):
        os.utime(path, (builder.epoch, builder.epoch))
    file = out / f"{package.name}_{fields['Version']}_{architecture}.deb"
    command = ["dpkg-deb", "--root-owner-group", "-Zxz", "--build", str(root), str(file)]
    subprocess.run(
        command, check=True, stdout=subprocess.DEVNULL, env=os.environ | {"SOURCE_DATE_EPOCH": str(builder.epoch)}
    )
    return file


def _version(builder: Builder) -> str:
    return f"{builder.version}-1~{builder.release}"


def _depends(package: Package, builder: Builder) -> list[str]:
    major, minor = map(int, builder.minor.split("."))
    if not package.ours:
        return [f"goodhoster (= {_version(builder)})"]
    python = [f"python3 (>= {major}.{minor})", f"python3 (<< {major}.{minor + 1})"]
    return [
        *python,
        "libc6 (>= 2.36)",
        "libgcc-s1",
        "libstdc++6",
        "procps",
        "systemd | systemd-sysusers",
        *package.depends,
    ]


def _expect_python(python: str, minor: str) -> None:
    """End where the checkout's environment takes other wheels than the release's Python."""
    ours = f"{sys.version_info.major}.{sys.version_info.minor}"
    if ours != minor:
        sys.exit(
            f"build: {python} is {minor}, the checkout's environment has {ours}: "
            f"make it with the release's own (PYTHON={python} ./dev setup), then try again"
        )


def _release() -> str:
    found = dict(
        re.findall(r'^(\w+)="?([^"\n]*)"?$', Path("/etc/os-release").read_text(encoding="utf-8"), re.MULTILINE)
    )
    return f"{found['ID'][:3]}{found.get('VERSION_ID', 'sid')}"


def rpm(package: Package, root: Path, out: Path, builder: Builder) -> Path:
    """Make the RPM package of that tree, by a spec that names what is in it."""
    top = builder.folder / "rpmbuild"
    spec = builder.folder / f"{package.name}.spec"
    if package.ours:
        _move(root / _COMPLETIONS["goodhoster.zsh"], root / _ZSH_OF_RPM)
    files = "".join(f'"/{name}"\n' for name in sorted(_files(root)) if not name.startswith("etc/"))
    files += "".join(f'%dir "/{name}"\n' for name in _own_directories(root))
    etc = "%dir %attr(0750,root,root) /etc/goodhoster\n" if package.ours else ""
    text = (PACKAGING / "rpm" / f"{package.scripts}.spec").read_text(encoding="utf-8")
    values = {
        "NAME": package.name,
        "VERSION": builder.version,
        "SUMMARY": package.summary,
        "DESCRIPTION": package.description,
        "PYTHON": builder.minor,
        "ARCHITECTURE": platform.machine(),
        "ROOT": str(root),
        "FILES": files + etc,
    }
    for name, value in values.items():
        text = text.replace(f"@{name}@", value)
    spec.write_text(text, encoding="utf-8")
    command = ["rpmbuild", "-bb", "--quiet", "--define", f"_topdir {top}", "--define", f"_rpmdir {out}", str(spec)]
    subprocess.run(command, check=True, env=os.environ | {"SOURCE_DATE_EPOCH": str(builder.epoch)})
    (made,) = out.glob(f"*/{package.name}-{builder.version}-*.rpm")
    return made.rename(out / made.name)


def _files(root: Path) -> set[str]:
    return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_symlink() or not path.is_dir()}


def _own_directories(root: Path) -> list[str]:
    """The directories that nobody else has, so that RPM takes them away; dpkg does so by itself."""
    names = sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_dir())
    return [name for name in names if "goodhoster" in name and not name.startswith("etc/")]


def _is_summed(root: Path, name: str) -> bool:
    return not name.startswith("DEBIAN/") and not (root / name).is_symlink()


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(source, target, follow_symlinks=False)


def _move(source: Path, target: Path) -> None:
    """Move a file; the folder it leaves empty goes, too."""
    target.parent.mkdir(parents=True, exist_ok=True)
    source.rename(target)
    source.parent.rmdir()


def _remove(path: Path) -> None:
    if path.is_symlink() or path.is_file():
        path.unlink()
    elif path.is_dir():
        shutil.rmtree(path)


def _without_traces(home: Path) -> None:
    """Remove what tells of the building machine, and what nobody runs: caches, tests and sources of libraries."""
    for record in home.rglob("*.dist-info/RECORD"):
        for name in _NOT_SHIPPED:
            _remove(record.with_name(name))
        kept = [
            line
            for line in record.read_text(encoding="utf-8").splitlines()
            if not line.startswith(("../", "/"))
            and not line.partition(",")[0].endswith((*_NOT_SHIPPED, *_SOURCES, ".pyc"))
        ]
        record.write_text("".join(f"{line}\n" for line in sorted(kept)), encoding="utf-8")
    for cache in [*home.rglob("__pycache__"), *home.rglob("tests")]:
        _remove(cache)
    for source in [path for path in home.rglob("*.*") if path.suffix in _SOURCES]:
        _remove(source)
    for lexer in home.glob("lib/*/site-packages/pygments/lexers/*.py"):
        if lexer.name not in _LEXERS:
            _remove(lexer)


def _copyright() -> str:
    licence = (CHECKOUT / "LICENSE").read_text(encoding="utf-8")
    head = (
        "goodhoster is free software under the Apache License 2.0. The libraries below /usr/lib/goodhoster are under\n"
    )
    return head + "their own licences, which lie beside each of them (*.dist-info).\n\n" + licence


def _debian_changelog(package: Package, version: str, epoch: int) -> str:
    date = _run("date", "-u", "-R", "-d", f"@{epoch}").strip()
    entry = "  * See CHANGELOG.md."
    return f"{package.name} ({version}) stable; urgency=medium\n\n{entry}\n\n -- {MAINTAINER}  {date}\n"


def _md5(path: Path) -> str:
    return _run("md5sum", str(path)).partition(" ")[0].removeprefix("\\")


def _run(*command: str, env: Mapping[str, str] | None = None) -> str:
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=CHECKOUT, env=env)
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
