"""The state directory's contents and the watched trees, for callers that need nothing else."""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from goodhoster.errors import ConfigurationError
from goodhoster.uploads.docroots import BY_NAME

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from goodhoster.adapters.stores.pseudonyms import SqlitePseudonyms
    from goodhoster.audit.keyed_log import KeyedAuditLog
    from goodhoster.audit.log import FileAuditLog
    from goodhoster.cases.observe_switch import ObserveSwitch
    from goodhoster.exemptions.sets import ExemptionSets
    from goodhoster.letters.list_owners.reports import ListOwnerReports
    from goodhoster.model.audit import AuditEvent
    from goodhoster.model.cases import Order
    from goodhoster.notices.monotonic_clock import MonotonicClock
    from goodhoster.settings import Settings, WatchSettings
    from goodhoster.uploads.docroots import Docroots
    from goodhoster.uploads.trees import Tree

AUDIT_FILE = "audit.log"
RECORD_FILE = "record.sqlite"
_NAMED = ("notice", "case")
_OF_THE_LOG = ("audit.log.tail", "audit.checkpoint", "audit.verified")
"""What says how a log was, beside the log."""
_DEFAULT_STATE_DIR = Path("/var/lib/goodhoster")


def trees_of(
    settings: Settings, docroots: Docroots = BY_NAME, owner_of: Callable[[bytes], str] | None = None
) -> tuple[Tree, ...]:
    """The tree of every [[watch]], and of every home that root linked from one.

    `owner_of` is asked about the files of trees whose customers the register knows.

    A tree need not be there now, such as a disk that is not mounted: others go on without it. ConfigurationError when
    one lies in another: its files would count twice. And when the state directory lies in one: what is written there
    would be checked, and what that leads to written there again.
    """
    from goodhoster.model.uploads import display

    trees = tuple(_tree(watch, docroots, owner_of) for watch in settings.watches)
    in_order = sorted(os.path.join(tree.root, b"") for tree in trees)
    for outer, inner in pairwise(in_order):
        if inner == outer:
            problem = f"the tree {display(inner)} is watched twice"
            raise ConfigurationError(problem, hint="remove one of the two [[watch]]")
        if inner.startswith(outer):
            raise ConfigurationError(
                f"the watched tree {display(inner)} lies in the watched tree {display(outer)}",
                hint="name only the outer one in [[watch]]: everything below it is covered",
            )
    state_dir = os.path.realpath(os.fsencode(settings.state_dir))
    for tree in trees:
        if os.path.join(state_dir, b"").startswith(os.path.join(tree.root, b"")):
            raise ConfigurationError(
                f"the state directory {display(state_dir)} lies in the watched tree {display(tree.root)}",
                hint="set agent.state_dir to a place that no customer's files are in, such as /var/lib/goodhoster",
            )
    return (*trees, *_linked_homes(trees, state_dir))


def watched_roots(settings: Settings) -> list[bytes]:
    """The real paths of all watched trees, for callers that need nothing else of them."""
    from goodhoster.uploads.linked_homes import followed_homes

    roots = [os.path.realpath(os.fsencode(watch.path)) for watch in settings.watches]
    state_dir = os.path.realpath(os.fsencode(settings.state_dir))
    return [*roots, *(real for _, real in followed_homes(roots, [state_dir]))]


def expect_trees(settings: Settings) -> None:
    """The trees of `trees_of`.

    ConfigurationError also when one is not there, or is no directory.
    """
    from goodhoster.model.uploads import display
    from goodhoster.settings.all_errors import gathered

    with gathered() as errors:
        for tree in trees_of(settings):
            with errors.step():
                if not os.path.isdir(tree.root):
                    problem = f"the watched tree {display(tree.root)} is not a directory"
                    raise ConfigurationError(problem, hint="see [[watch]] path")


def audit_log(settings: Settings) -> KeyedAuditLog:
    """The audit log alone, for callers that need nothing else; they close it."""
    from goodhoster.audit.keyed_log import KeyedAuditLog

    return KeyedAuditLog(file_audit_log(settings), pseudonyms(settings))


def pseudonyms(settings: Settings) -> SqlitePseudonyms:
    """The keys of the audit log's references; the file is opened when it is first needed."""
    from goodhoster.adapters.stores.pseudonyms import FILE, SqlitePseudonyms

    return SqlitePseudonyms(make_state_dir(settings.state_dir) / FILE)


def file_audit_log(settings: Settings) -> FileAuditLog:
    """The audit log for callers that sign it, and so must know how it is kept."""
    from goodhoster.audit.log import FileAuditLog

    return FileAuditLog(make_state_dir(settings.state_dir) / AUDIT_FILE)


def lost_parts(settings: Settings) -> list[str]:
    """The databases, keys and lists that are lost, in words."""
    return list(_lost(settings).values())


def note_lost_record(settings: Settings, oldest: str) -> None:
    """Note that there was a record of cases before this one, which had a case of that id."""
    from goodhoster.linux.state_manifest import note_lost

    since = f"{oldest[:4]}-{oldest[4:6]}-{oldest[6:8]}"
    note_lost(settings.state_dir, RECORD_FILE, "the record", since)


def lost_with_counts(settings: Settings) -> list[str]:
    """The lost parts in words, with how many notices and cases the audit log has.

    Where one is lost that reads all of the log.
    """
    found = dict(_lost(settings))
    counted = {"notices.sqlite": "notice", RECORD_FILE: "case"}
    if not counted.keys() & found.keys():
        return list(found.values())
    about = {(field, entry.event.data.get(field)) for entry in file_audit_log(settings).entries() for field in _NAMED}
    for name, field in counted.items():
        if name in found:
            count = sum(one == field and value is not None for one, value in about)
            found[name] += f" (the audit log has entries about {count:,} {field}s)"
    return list(found.values())


def _lost(settings: Settings) -> dict[str, str]:
    """What the manifest misses, and keys that only files made with them still show."""
    from goodhoster.audit.lost_keys import KEY_FILE, trace_of_lost_keys
    from goodhoster.linux.state_manifest import FILE, hint_of, lost

    found = dict(lost(settings.state_dir))
    trace = trace_of_lost_keys(settings.state_dir)
    if KEY_FILE not in found and trace and trace.name != FILE:  # where that cannot be read, it is told by itself
        key = settings.state_dir / KEY_FILE
        found[KEY_FILE] = f"the key file that made {trace} is lost: there is no {key}; {hint_of(KEY_FILE)}"
    return found


def deadline_clock(state_dir: Path) -> MonotonicClock:
    """Clock of deadlines, which the system's clock cannot set back."""
    from goodhoster.notices.monotonic_clock import MonotonicClock
    from goodhoster.ports.common import utc_now

    return MonotonicClock(state_dir / "clock", utc_now)


def accept_loss(settings: Settings, name: str, order: Order) -> None:
    """Accept that a part of the state directory is lost, so that a new one takes its place.

    The audit log says so. RefusedError where it is not lost.
    """
    from goodhoster.assembly.audit import checkpoints, origin, witness_name
    from goodhoster.audit.lost_keys import KEY_FILE
    from goodhoster.audit.witness import begin_new_keys
    from goodhoster.linux import state_manifest
    from goodhoster.model.audit import AuditEvent

    if name == KEY_FILE:
        checkpoints(settings).begin_new_keys(origin(settings), order.reason, order.actor)
        return
    accepted = {"file": name, "reason": order.reason, "actor": order.actor}
    event = AuditEvent("state.loss-accepted", accepted)
    if name == "witness/witness.key":
        begin_new_keys(
            witness_name(settings), settings.state_dir / "witness", lambda: file_audit_log(settings).append(event)
        )
        return
    state_manifest.expect_lost(settings.state_dir, name)
    if name == AUDIT_FILE:
        _begin_log(settings.state_dir, event)
    else:
        file_audit_log(settings).append(event)
        state_manifest.accept_loss(settings.state_dir, name)


def _begin_log(directory: Path, event: AuditEvent) -> None:
    """Begin a log that says why: it is there with that entry, or the old one is still missed."""
    from goodhoster.audit.log import FileAuditLog
    from goodhoster.linux.durable_files import move_durably
    from goodhoster.linux.file_lock import FileLock
    from goodhoster.linux.state_manifest import expect_lost

    begun = directory / ".begun"
    with FileLock(directory / "audit.checkpoint.lock"):
        expect_lost(directory, AUDIT_FILE)
        if begun.exists():  # a crash left it
            shutil.rmtree(begun)
        begun.mkdir(mode=0o700)
        FileAuditLog(begun / AUDIT_FILE).append(event)
        _move_aside(directory, _OF_THE_LOG)
        for name in (f"{AUDIT_FILE}.tail", AUDIT_FILE):
            move_durably(begun / name, directory / name)
        shutil.rmtree(begun)


def _move_aside(directory: Path, names: Sequence[str]) -> None:
    """Rename what belongs to a log that is lost."""
    from datetime import UTC, datetime

    for name in names:
        file = directory / name
        if file.exists():
            file.rename(file.with_name(f"{name}.before-{datetime.now(UTC):%Y%m%dT%H%M%SZ}"))


def lists_directory(settings: Settings) -> Path:
    """The directory of own hash lists."""
    from goodhoster.hashlists import own_lists

    directory = make_state_dir(settings.state_dir) / own_lists.DIRECTORY
    try:
        directory.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        hint = "run this as the owner of the state directory"
        raise ConfigurationError(f"cannot use {directory}: {error.strerror}", hint=hint) from error
    return directory


def exemption_sets(settings: Settings) -> ExemptionSets:
    """The sets of known-harmless contents; their directory is made with the first one."""
    from goodhoster.exemptions import sets
    from goodhoster.exemptions.sets import ExemptionSets

    return ExemptionSets(make_state_dir(settings.state_dir) / sets.DIRECTORY, audit_log(settings))


def owner_reports(settings: Settings) -> ListOwnerReports:
    """The reports that are due to owners of hash sources."""
    from goodhoster.letters.list_owners import reports
    from goodhoster.letters.list_owners.reports import ListOwnerReports
    from goodhoster.ports.common import utc_now

    return ListOwnerReports(make_state_dir(settings.state_dir) / reports.DIRECTORY, utc_now)


def make_state_dir(state_dir: Path) -> Path:
    """The state directory, private; made when it is missing, closed to others while it is new."""
    try:
        state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        if _is_new(state_dir):
            state_dir.chmod(0o700)
        mode = state_dir.stat().st_mode
    except OSError as error:
        raise ConfigurationError(
            f"the state directory {state_dir} cannot be made or read: {error.strerror}", hint="see agent.state_dir"
        ) from error
    if mode & 0o007:
        raise ConfigurationError(f"the state directory {state_dir} is open to others", hint=f"chmod 700 {state_dir}")
    return state_dir


def _is_new(state_dir: Path) -> bool:
    """Whether a directory was made for us by `mkdir` and not used yet.

    It is ours and empty, and no other user can have put anything there.
    """
    found = state_dir.stat()
    return (
        bool(found.st_mode & 0o007)
        and found.st_uid == os.geteuid()
        and not (found.st_mode & 0o022 or os.listdir(state_dir))
    )


def _tree(watch: WatchSettings, docroots: Docroots, owner_of: Callable[[bytes], str] | None) -> Tree:
    from goodhoster.uploads.trees import Tree

    root = os.path.realpath(os.fsencode(watch.path))
    by_register = watch.customer == "register"
    customer = None if by_register or watch.customer == "first-directory" else watch.customer
    reason = watch.include_private_communication or ""
    named = os.path.abspath(os.fsencode(watch.path))
    return Tree(root, customer, reason, docroots, owner_of if by_register else None, named)


def _linked_homes(trees: Sequence[Tree], state_dir: bytes) -> Iterator[Tree]:
    """The trees of homes that links of root's at the top of these lead to."""
    from goodhoster.model.uploads import display
    from goodhoster.uploads.docroot_links import DocrootLinks
    from goodhoster.uploads.linked_homes import followed_homes

    by_root = {tree.root: tree for tree in trees}
    for link, real in followed_homes(list(by_root), [state_dir]):
        above = by_root[link.tree]
        owner_of = above.owner_of and partial(_owner_of_home, above.owner_of, link.path, real)
        customer = above.customer or display(os.path.basename(link.path))
        yield replace(
            above,
            root=real,
            customer=customer,
            owner_of=owner_of,
            path=link.path,
            is_linked_home=True,
            links=DocrootLinks(),
        )


def _owner_of_home(owner_of: Callable[[bytes], str], link: bytes, real: bytes, path: bytes) -> str:
    """Whose a path is by the register, which may name the home or the link to it."""
    return owner_of(path) or owner_of(link + path[len(real) :])


def state_dir_of(file: Path) -> Path:
    """The state directory that a broken configuration names, read as far as it goes.

    For what must work in an emergency. ConfigurationError where the file cannot be read at all, or the directory is
    not there.
    """
    try:
        text = file.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise ConfigurationError(f"cannot read {file}: {error.strerror}", hint="name it: --config FILE") from error
    found = re.search(r"^\s*state_dir\s*=\s*[\"']([^\"'\n]+)[\"']", text, re.MULTILINE)
    state_dir = file.parent / found[1] if found else _DEFAULT_STATE_DIR
    if not state_dir.is_dir():
        raise ConfigurationError(f"the state directory {state_dir} does not exist", hint="correct the configuration")
    return state_dir


def emergency_switch(state_dir: Path) -> ObserveSwitch:
    """`goodhoster observe --now` for a state directory, without the rest of the configuration."""
    from goodhoster.audit.log import FileAuditLog
    from goodhoster.cases import observe_switch
    from goodhoster.cases.observe_switch import ObserveSwitch
    from goodhoster.ports.common import utc_now

    return ObserveSwitch(state_dir / observe_switch.FILE, FileAuditLog(state_dir / AUDIT_FILE), utc_now)
