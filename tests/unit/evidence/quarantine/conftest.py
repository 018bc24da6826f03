"""What tests of the quarantine share: a tree with two customers, and a customer's own process."""

import multiprocessing
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from goodhoster.evidence.quarantine.procedure import LocalQuarantine

ANNA, BOB = 61001, 61002
"""Made-up user ids."""
Customer = Callable[..., None]


@pytest.fixture(autouse=True)
def _removable(unlocked: None) -> None:
    """Nothing immutable stays."""


@pytest.fixture
def tree(tmp_path: Path) -> bytes:
    """`customers` with the directory of anna and bob, owned by them where this is root."""
    customers = tmp_path / "customers"
    customers.mkdir(mode=0o755)
    for name, uid in (("anna", ANNA), ("bob", BOB)):
        (customers / name).mkdir(mode=0o755)
        if os.geteuid() == 0:
            os.chown(customers / name, uid, uid)
    for above in (tmp_path, *tmp_path.parents):  # pytest keeps them to itself; customers walk through
        if above.owner() != "root" or above.name.startswith("pytest-"):
            above.chmod(above.stat().st_mode | 0o011)
    return os.fsencode(customers)


@pytest.fixture
def quarantine(tree: bytes) -> LocalQuarantine:
    return LocalQuarantine((tree,))


@pytest.fixture
def as_customer() -> Customer:
    """`as_customer(function, *arguments)` runs it once in a process of anna's, and fails when it raises."""
    if os.geteuid() != 0:
        pytest.skip("root, to become a customer")
    return _run


@pytest.fixture
def meanwhile() -> Iterator[Customer]:
    """`meanwhile(function, *arguments)` runs it in a process of anna's over and over, until the test ends."""
    if os.geteuid() != 0:
        pytest.skip("root, to become a customer")
    with ExitStack() as stack:
        yield lambda function, *arguments: stack.enter_context(_running(function, *arguments))


def _run(function: Callable[..., object], *arguments: object) -> None:
    process = multiprocessing.get_context("fork").Process(target=_become_anna, args=(function, *arguments))
    process.start()
    process.join()
    assert process.exitcode == 0


@contextmanager
def _running(function: Callable[..., object], *arguments: object) -> Iterator[None]:
    process = multiprocessing.get_context("fork").Process(target=_over_and_over, args=(function, *arguments))
    process.start()
    try:
        yield
    finally:
        process.kill()
        process.join()


def _become_anna(function: Callable[..., object], *arguments: object) -> None:
    os.setgroups([])
    os.setresgid(ANNA, ANNA, ANNA)
    os.setresuid(ANNA, ANNA, ANNA)
    function(*arguments)


def _over_and_over(function: Callable[..., object], *arguments: object) -> None:
    def forever() -> None:
        while True:
            function(*arguments)

    _become_anna(forever)


@pytest.fixture
def as_root_tree() -> Callable[[Path], bytes]:
    """A disk as a tree with anna's directory."""

    def make(top: Path) -> bytes:
        (top / "anna").mkdir()
        os.chown(top / "anna", ANNA, ANNA)
        return os.fsencode(top)

    return make
