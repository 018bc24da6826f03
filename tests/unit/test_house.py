"""The house keeps its rules: a planted sin is reported, and no file holds what it may not."""

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
PYPROJECT = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())
CONTRACTS = {contract["id"]: contract["name"] for contract in PYPROJECT["tool"]["importlinter"]["contracts"]}
SHARED_NAMES = {
    "Decision": "what an application does (a public name of the client), and what the house rules say",
    "NearList": "what an adapter asks for, and what it is given",
    "Upload": "what an application wants to store (a public name of the client), and a customer's file",
}
"""Names of two classes, and why."""
LONGEST_FIRST_LINE = 90  # of a docstring: what an index of the code shows

# (contract, the module that sins, what it says)
SINS = [
    ("library-below-agent", "goodhoster.model.sin", "import goodhoster_agent"),
    ("library-below-agent", "goodhoster.assembly", "from goodhoster_agent import lock"),
    ("layers", "goodhoster.cases.sin", "from goodhoster.adapters.stores import sin"),
    ("layers", "goodhoster.toolkit", "import goodhoster.settings"),
    ("layers", "goodhoster.cases.sin", "import goodhoster.reports.sin"),
    ("layers", "goodhoster.uploads.sin", "import goodhoster.checking.sin"),
    ("layers", "goodhoster.policy.sin", "import goodhoster.cases.sin"),
    ("layers", "goodhoster.ports", "import goodhoster.policy.sin"),
    ("layers", "goodhoster.model.sin", "import goodhoster.ports"),
    ("layers", "goodhoster.errors", "import goodhoster.model.sin"),
    ("layers", "goodhoster.linux.kernel", "import goodhoster.model.sin"),
    ("layers", "goodhoster.cases.sin", "import goodhoster.takedowns.sin"),
    ("layers", "goodhoster.notices.sin", "import goodhoster.letters.sin"),
    ("layers", "goodhoster.policy.sin", "import goodhoster.uploads.sin"),
    ("layers", "goodhoster.assembly", "import goodhoster.testing.sin"),
    ("layers", "goodhoster.client.calls", "import goodhoster.model.sin"),
    ("layers", "goodhoster.client.sin", "import goodhoster.errors"),
    ("layers", "goodhoster.unplaced", ""),
    ("adapters-reach", "goodhoster.adapters.stores.sin", "import goodhoster.cases.sin"),
    ("adapters-reach", "goodhoster.adapters.stores.sin", "import goodhoster.checking.sin"),
    ("adapters-reach", "goodhoster.adapters.hash_sources.sin", "import goodhoster.toolkit"),
    ("adapter-families", "goodhoster.adapters.stores.sin", "import goodhoster.adapters.hash_sources.sin"),
    ("adapters-behind-assembly", "goodhoster_agent.sin", "from goodhoster.adapters.stores import sin"),
    ("settings-reach", "goodhoster.settings", "import goodhoster.ports"),
    ("home-aiohttp", "goodhoster.adapters.stores.sin", "from aiohttp import web"),
    ("home-aiohttp", "goodhoster_agent.background.workers", "import aiohttp.client"),
    ("home-httpx", "goodhoster.client.calls", "import httpx"),
    ("home-httpx", "goodhoster.adapters.hash_sources.sin", "import httpx"),
    ("home-watchdog", "goodhoster.checking.sin", "from watchdog.observers import Observer"),
    ("home-watchdog", "goodhoster_agent.background.workers", "import watchdog"),
    ("home-terminal", "goodhoster.toolkit", "import typer"),
    ("home-terminal", "goodhoster_agent.background.workers", "from rich.progress import Progress"),
    ("home-ctypes", "goodhoster.evidence.sin", "import ctypes"),
    ("home-ctypes", "goodhoster_agent.background.workers", "from ctypes import CDLL"),
    ("home-pillow", "goodhoster.checking.sin", "from PIL import Image"),
    ("home-pillow", "goodhoster.testing.sin", "import pillow_heif"),
    ("home-near", "goodhoster.reports.sin", "import numpy as np"),
    ("home-near", "goodhoster.checking.sin", "import imagehash"),
    ("home-near", "goodhoster_agent.background.workers", "import imagehash"),
    ("home-sqlite3", "goodhoster.cases.sin", "import sqlite3"),
    ("home-mail-and-names", "goodhoster.customers.sin", "import ada_url"),
    ("home-mail-and-names", "goodhoster.notices.sin", "import dkim"),
    ("home-dns", "goodhoster.notices.sin", "import dns.resolver"),
    ("home-email-validator", "goodhoster.customers.sin", "import email_validator"),
    ("home-names", "goodhoster.customers.vetting.sin", "import rapidfuzz.process"),
    ("home-names", "goodhoster_agent.commands.sin", "from anyascii import anyascii"),
    ("home-stdnum", "goodhoster.customers.screening.sin", "from stdnum.nl import bsn"),
    ("home-ijson", "goodhoster.checking.sin", "import ijson"),
    ("home-crossplane", "goodhoster.adapters.directories.sin", "import crossplane"),
    ("home-regex", "goodhoster.adapters.directories.sin", "import regex"),
    ("home-documents", "goodhoster.notices.reading.sin", "import pypdf"),
    ("home-xlsxwriter", "goodhoster.reports.sin", "import xlsxwriter"),
    ("home-pyrage", "goodhoster.evidence.sealing.sealer", "import pyrage"),
    ("home-jinja2", "goodhoster.cases.sin", "import jinja2"),
    ("further-proofs-optional", "goodhoster.notices.sender.mail_evidence", "from goodhoster.notices.sender import arc"),
    ("home-cryptography", "goodhoster.notices.sin", "from cryptography import x509"),
    ("home-cryptography", "goodhoster.audit.log", "import cryptography.hazmat"),
    ("home-cryptography", "goodhoster.adapters.anchors.witness", "import rfc3161_client"),
    ("home-msgspec", "goodhoster.cases.sin", "import msgspec"),
    ("home-mail-in", "goodhoster.notices.sin", "import imapclient"),
    ("home-mail-in", "goodhoster_agent.background.workers", "from aiosmtpd.lmtp import LMTP"),
]

ALLOWED = [
    (
        "goodhoster.adapters.hash_sources.sin",
        "import aiohttp\nimport goodhoster.hashlists.digest_list\nimport goodhoster.ports",
    ),
    ("goodhoster.adapters.stores.sin", "import sqlite3\nimport goodhoster.settings"),
    (
        "goodhoster.assembly",
        "import goodhoster.adapters.stores\nimport goodhoster.settings\nimport goodhoster.toolkit",
    ),
    ("goodhoster.checking.pictures", "import PIL.Image\nimport pillow_heif"),
    ("goodhoster.testing.drawn", "import PIL.Image"),
    ("goodhoster.linux.sandbox_kernel", "import ctypes"),
    ("goodhoster.adapters.directories.nginx", "import crossplane"),
    ("goodhoster.adapters.directories.patterns", "import regex"),
    ("goodhoster.notices.reading.documents", "import pypdf"),
    ("goodhoster.adapters.key_records.sin", "import dns.resolver"),
    ("goodhoster.notices.sender.domains", "import publicsuffixlist"),
    ("goodhoster.notices.sender.arc", "import dkim"),
    ("goodhoster.notices.sender.dkim_signatures", "import dkim"),
    ("goodhoster.locating.urls", "import ada_url"),
    ("goodhoster.testing.sin", "import aiohttp.web\nimport goodhoster.adapters.hash_sources"),
    ("goodhoster.client.asynchronous", "import httpx"),
    ("goodhoster_agent.commands.sin", "import typer\nimport rich.progress\nimport goodhoster.assembly"),
    ("goodhoster_agent.doors.sin", "import aiohttp.web"),
    ("goodhoster_agent.watching.sin", "import ctypes\nimport watchdog.observers"),
    ("goodhoster.letters.texts", "import jinja2"),
    ("goodhoster.reports.pages", "import jinja2"),
    ("goodhoster.reports.workbook", "import xlsxwriter"),
    ("goodhoster.evidence.sealing.encryption", "import pyrage"),
    ("goodhoster_agent.intake.sin", "import aiosmtpd.lmtp\nimport imapclient"),
]


class Tree:
    """A copy of the two packages in which every module named in a sin exists, some of them empty."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(CHECKOUT / "goodhoster", folder / "goodhoster", ignore=ignored)
        shutil.copytree(CHECKOUT / "agent", folder / "agent", ignore=ignored)
        shutil.copy(CHECKOUT / "pyproject.toml", folder)
        for module in sorted({module for module in _modules_named() if module != "goodhoster.unplaced"}):
            self.plant(module, "")

    @contextmanager
    def planted(self, module: str, line: str) -> Iterator[None]:
        """The line in the module, as long as the block lasts."""
        path = self._path(module)
        before = path.read_bytes() if path.exists() else None
        self.plant(module, line)
        try:
            yield
        finally:
            path.unlink() if before is None else path.write_bytes(before)

    def plant(self, module: str, line: str) -> None:
        """Append the line to the module, which comes into being with its packages where it is missing."""
        path = self._path(module)
        path.parent.mkdir(parents=True, exist_ok=True)
        for package in path.relative_to(self.folder).parents:
            if package.parts and package != Path("agent"):
                (self.folder / package / "__init__.py").touch()
        with path.open("a") as file:
            file.write(f"\n{line}\n")

    def _path(self, module: str) -> Path:
        base = self.folder / "agent" if module.startswith("goodhoster_agent") else self.folder
        as_folder = base.joinpath(*module.split("."))
        return as_folder / "__init__.py" if as_folder.is_dir() else as_folder.with_suffix(".py")

    def broken(self) -> set[str]:
        """The names of the contracts that import-linter calls broken."""
        path = os.pathsep.join([str(self.folder), str(self.folder / "agent")])
        ended = subprocess.run(
            [Path(sys.executable).with_name("lint-imports"), "--no-logo"],  # remembers the files that stay as they are
            cwd=self.folder,
            env=os.environ | {"PYTHONPATH": path, "COLUMNS": "300", "NO_COLOR": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
        verdicts = dict(re.findall(r"^(.+?) (KEPT|BROKEN)\b", ended.stdout, re.MULTILINE))
        assert set(verdicts) == set(CONTRACTS.values()), ended.stdout + ended.stderr
        return {name for name, verdict in verdicts.items() if verdict == "BROKEN"}


def _modules_named() -> Iterable[str]:
    known = r"(goodhoster(?:_agent)?(?:\.\w+)+)"
    for line in [sin for _, _, sin in SINS] + [good for _, good in ALLOWED]:
        yield from re.findall(known, line)
    yield from [module for _, module, _ in SINS]
    yield from [module for module, _ in ALLOWED]
    yield from ["goodhoster.adapters.stores.sin", "goodhoster_agent.cli"]


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    return Tree(tmp_path_factory.mktemp("tree"))


@pytest.fixture(scope="module")
def broken_already(tree: Tree) -> set[str]:
    """What the code breaks without a sin of ours: one test below fails on it, not all."""
    return tree.broken()


@pytest.mark.slow  # half a second for each of them; `./dev check` looks at the code itself
@pytest.mark.parametrize(("contract", "module", "line"), SINS)
def test_import_linter_reports_exactly_the_contract_sinned_against(
    tree: Tree, broken_already: set[str], contract: str, module: str, line: str
) -> None:
    with tree.planted(module, line):
        assert tree.broken() == broken_already | {CONTRACTS[contract]}


def test_the_code_breaks_no_contract(broken_already: set[str]) -> None:
    assert broken_already == set()


def test_what_the_architecture_allows_breaks_no_contract(tree: Tree, broken_already: set[str]) -> None:
    with ExitStack() as planted:
        for module, lines in ALLOWED:
            planted.enter_context(tree.planted(module, lines))
        assert tree.broken() == broken_already


def test_every_contract_has_a_sin() -> None:
    assert {contract for contract, _, _ in SINS} == set(CONTRACTS)


@pytest.mark.parametrize("folder", ["packaging", "plugins", "agent"])
def test_a_folder_that_is_no_package_has_no_init(folder: str) -> None:
    """`packaging/__init__.py` would shadow the `packaging` that pip and hatchling import."""
    assert not (CHECKOUT / folder / "__init__.py").exists()


def test_no_file_names_a_machine_path_or_a_registry() -> None:
    # Taken apart so that this file does not hold them itself.
    forbidden = [
        b"/work" + b"/.",
        b"/work" + b"/main",
        b"/work" + b"/shared",
        b"/root" + b"/.",
        b"files.python" + b"hosted",
        b"pypi.org" + b"/simple",
        b"registry." + b"npmjs",
        b"deb." + b"debian.org",
    ]
    found = [(name, word) for name in _files_of_the_tree() for word in forbidden if word in _content(name)]
    assert found == []


@pytest.mark.parametrize("root", ["goodhoster", "agent"])
def test_every_docstring_begins_with_a_short_line(root: str) -> None:
    found = [where for path in sorted((CHECKOUT / root).rglob("*.py")) for where in _long_first_lines(path)]
    assert found == []


def _long_first_lines(path: Path) -> Iterable[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            first = (ast.get_docstring(node) or "").partition("\n")[0]
            if len(first) > LONGEST_FIRST_LINE:
                yield f"{path.relative_to(CHECKOUT)}: {first}"


def _files_of_the_tree() -> list[str]:
    """What is committed or would be: tracked files and new ones that .gitignore lets through."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [name for name in listing.stdout.split("\0") if name]


def _content(name: str) -> bytes:
    path = CHECKOUT / name
    return path.read_bytes() if path.is_file() and not path.is_symlink() else b""


def test_each_class_has_a_name_of_its_own() -> None:
    homes: dict[str, set[str]] = {}
    for path in (path for root in ("goodhoster", "agent") for path in sorted((CHECKOUT / root).rglob("*.py"))):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                homes.setdefault(node.name, set()).add(str(path.relative_to(CHECKOUT)))
    assert {name: where for name, where in homes.items() if len(where) > 1 and name not in SHARED_NAMES} == {}
