"""What all tests share: tests that run a program of Debian's, and the account of those left out.

A test that needs such a program says which package has it:

    @pytest.mark.debian("clamav-daemon", program="clamd")

Where the program is missing the test is left out, and the end of the session names the package to install.
A proof by many rounds (crash at 200 points, race for 15 s) takes the fixture `rounds`: the everyday run makes a few,
GOODHOSTER_PROOF=full makes all.

With CI=true nothing may be left out, for whatever reason: the session then fails. The packages that CI needs
stand in requirements/debian.txt.
"""

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import hypothesis
import pytest

from goodhoster.evidence.quarantine.directory_access import opened
from goodhoster.linux import kernel

# No test asserts a time, so neither does a property, nor how fast its examples are made. The quick run looks at fewer.
UNTIMED = hypothesis.settings(deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.register_profile("goodhoster", UNTIMED)
hypothesis.settings.register_profile("quick", UNTIMED, max_examples=25)
hypothesis.settings.load_profile("goodhoster")

# Daemons live in sbin, which an ordinary user's PATH leaves out.
PROGRAM_PATH = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/local/sbin", "/usr/sbin", "/sbin"])

RoundCount = Callable[[int, int], int]
Disk = Callable[..., Path]
Bind = Callable[[Path, Path], Callable[[], object]]
PROOF_IS_FULL = os.environ.get("GOODHOSTER_PROOF") == "full"
JOURNEYS = Path(__file__).parent / "journeys"
PLUGINS = Path(__file__).parents[1] / "plugins"
SMALLEST = {"ext4": 16, "xfs": 300, "btrfs": 128}
"""Megabytes a file system needs at least."""
LEFT_OUT = pytest.StashKey[dict[str, str]]()
_config_of_session: list[pytest.Config] = []


def pytest_configure(config: pytest.Config) -> None:
    config.stash[LEFT_OUT] = {}
    _config_of_session[:] = [config]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test as quick or as a journey, unless it is slow; all rounds of a proof take what they take.

    Journeys come first, then files with slow tests: workers that take file after file then end at about the same time.
    """
    for item in items:
        if _is_journey(item):
            item.add_marker("journey")
        elif item.get_closest_marker("slow") is None:
            item.add_marker("quick")
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: (not _is_journey(item), item.path not in slow))
    for item in items:
        if PROOF_IS_FULL and "rounds" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.timeout(0))


def _is_journey(item: pytest.Item) -> bool:
    """Real processes from end to end: everything below tests/journeys, and every plugin's tests."""
    return JOURNEYS in item.path.parents or PLUGINS in item.path.parents


def pytest_runtest_setup(item: pytest.Item) -> None:
    missing = [package for package, program in _needs(item) if not shutil.which(program, path=PROGRAM_PATH)]
    if missing:
        pytest.skip(f"apt-get install {' '.join(missing)}")


def _needs(item: pytest.Item) -> list[tuple[str, str]]:
    """The (package, program) pairs of the test's marks; a package without program has one of its own name."""
    return [(mark.args[0], mark.kwargs.get("program", mark.args[0])) for mark in item.iter_markers(name="debian")]


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.skipped and not hasattr(report, "wasxfail"):
        _remember_left_out(report)


def pytest_collectreport(report: pytest.CollectReport) -> None:
    if report.skipped:
        _remember_left_out(report)


def _remember_left_out(report: pytest.TestReport | pytest.CollectReport) -> None:
    why = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    _config_of_session[0].stash[LEFT_OUT][report.nodeid] = why.removeprefix("Skipped: ")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    left_out = config.stash[LEFT_OUT]
    if not left_out:
        return
    terminalreporter.section("left out")
    for test, why in sorted(left_out.items()):
        terminalreporter.write_line(f"left out: {test} ({why})")
    if _nothing_may_be_left_out():
        terminalreporter.write_line("CI=true: a left-out test is a failure", red=True)


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    if session.config.stash[LEFT_OUT] and _nothing_may_be_left_out() and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _nothing_may_be_left_out() -> bool:
    return os.environ.get("CI") == "true"


@pytest.fixture(scope="session")
def rounds() -> RoundCount:
    """`rounds(few, all_of_them)`: how many to make in this run."""
    return lambda few, all_of_them: all_of_them if PROOF_IS_FULL else few


@pytest.fixture
def unlocked(tmp_path: Path) -> Iterator[None]:
    """At the end nothing below `tmp_path` is immutable any more, so that it can be removed: for tests of quarantine."""
    yield
    for folder, _, names in os.walk(tmp_path):
        for path in (folder, *(os.path.join(folder, name) for name in names)):
            if ".goodhoster" in path and not os.path.islink(path):
                _make_removable(path)


def _make_removable(path: str) -> None:
    with suppress(PermissionError), opened(os.open(path, os.O_RDONLY)) as fd:
        kernel.set_inode_flags(fd, (kernel.inode_flags(fd) or 0) & ~kernel.FS_IMMUTABLE_FL)


@pytest.fixture
def may_mount() -> None:
    """For tests that mount something."""
    if os.geteuid() != 0:
        pytest.skip("root, to mount a file system")
    if not shutil.which("mount", path=PROGRAM_PATH):
        pytest.skip("apt-get install mount")


@pytest.fixture
def disk(tmp_path: Path, may_mount: None) -> Iterator[Disk]:
    """`disk("ext4")` makes and mounts an empty file system of that kind; root only. Where: `at=`, options: `mkfs=`."""
    with ExitStack() as mounted:
        yield lambda kind, **more: _mount(kind, tmp_path, mounted, **more)


@pytest.fixture
def renumber(tmp_path: Path) -> Callable[[Path], None]:
    """`renumber(disk("ext4"))` mounts that disk again, under another number of its device: as a reboot may do it."""
    return lambda top: _mount_through_another_device(next(tmp_path.glob(f"{top.name}.*")), top)


@pytest.fixture
def bind(may_mount: None) -> Iterator[Bind]:
    """`bind(directory, elsewhere)` shows it at a second place too, until the test ends or the answer is called."""
    with ExitStack() as mounted:

        def mount(directory: Path, elsewhere: Path) -> Callable[[], object]:
            elsewhere.mkdir(exist_ok=True)
            subprocess.run(["mount", "--bind", directory, elsewhere], check=True)
            mounted.callback(_unmount_quietly, elsewhere)
            return lambda: _unmount_soon(elsewhere)

        yield mount


def _unmount_soon(elsewhere: Path) -> None:
    """Who looks into it for a moment keeps it busy."""
    for _ in range(600):
        if subprocess.run(["umount", elsewhere], check=False, capture_output=True).returncode == 0:
            return
        time.sleep(0.1)
    raise AssertionError(f"{elsewhere} stays busy")


def _unmount_quietly(elsewhere: Path) -> None:
    subprocess.run(["umount", "--quiet", elsewhere], check=False)  # the test may have done it


def _mount_through_another_device(image: Path, top: Path) -> None:
    before = top.stat().st_dev
    attached = subprocess.run(["losetup", "--find", "--show", image], check=True, capture_output=True, text=True)
    device = attached.stdout.strip()
    subprocess.run(["umount", top], check=True)
    subprocess.run(["mount", device, top], check=True)
    subprocess.run(["losetup", "--detach", device], check=True)  # done when it is unmounted
    assert top.stat().st_dev != before


def _mount(kind: str, folder: Path, mounted: ExitStack, *, at: Path | None = None, size: int = 0) -> Path:
    top = at or folder / f"disk-{kind}"
    top.mkdir(exist_ok=True)
    if kind in {"tmpfs", "ramfs"}:
        subprocess.run(["mount", "-t", kind, "-o", f"size={size or 16}m", "none", top], check=True)
    else:
        image = folder / f"{top.name}.{kind}"
        image.touch()
        os.truncate(image, (size or SMALLEST[kind]) << 20)
        subprocess.run([f"mkfs.{kind}", "-q", image], check=True, env=os.environ | {"PATH": PROGRAM_PATH})
        subprocess.run(["mount", "-o", "loop", image, top], check=True)
    mounted.callback(_unmount, top)
    return top


def _unmount(top: Path) -> None:
    subprocess.run(["umount", "--lazy", top], check=True)
