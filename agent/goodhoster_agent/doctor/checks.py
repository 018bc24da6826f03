"""The checks of `goodhoster doctor`, one finding each.

Nothing is changed: the trial files are removed again.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress

from goodhoster.assembly.audit import verify_audit_log
from goodhoster.assembly.customer_services import outside_parts
from goodhoster.assembly.notices import directories
from goodhoster.assembly.services import Services, reading_limits
from goodhoster.assembly.sources import hash_sources, owner_addresses
from goodhoster.assembly.state import (
    deadline_clock,
    exemption_sets,
    lists_directory,
    lost_with_counts,
    make_state_dir,
    trees_of,
)
from goodhoster.assembly.vetting import company_registers, identity_providers
from goodhoster.cases.rebuilding import unknown
from goodhoster.errors import ConfigurationError, GoodhosterError
from goodhoster.evidence.quarantine.storage import home_of
from goodhoster.evidence.quarantine.survey import damaged, quarantined
from goodhoster.hashlists.own_lists import survey
from goodhoster.letters.list_owners.addresses import ListOwners
from goodhoster.linux import kernel
from goodhoster.linux.leases import break_time
from goodhoster.model.cases import Case, CaseState, MeasureState
from goodhoster.model.quarantine import OWN_DIRECTORIES
from goodhoster.model.uploads import display
from goodhoster.notices.sender.pinned_keys.pool import SEARCH
from goodhoster.ports import CaseQuery, ObservedSource
from goodhoster.settings import Settings
from goodhoster.uploads.trees import Tree
from goodhoster_agent.daemon_lock import running_daemon
from goodhoster_agent.doctor.buckets import bucket_findings
from goodhoster_agent.doctor.evidence import evidence_findings
from goodhoster_agent.doctor.finding import DoctorFinding
from goodhoster_agent.doctor.own_contacts import own_contacts
from goodhoster_agent.doctor.panels import panel_findings
from goodhoster_agent.doctor.process_privileges import Rights, rights_of, rights_of_commands
from goodhoster_agent.doctor.system import system_findings
from goodhoster_agent.hashing.library_trial import trouble_with_library
from goodhoster_agent.intake.imap import try_mailbox
from goodhoster_agent.intake.mailbox import mailbox_of
from goodhoster_agent.privileged.starter.plan import terms_of
from goodhoster_agent.status.legal_basis import basis_problems
from goodhoster_agent.watching.links import linked_homes

_NO_SITES = "while it knows none, every notice waits for a person"
_NAMED = 5
"""Cases at most that a finding names."""
_ROOM = 1 << 30
"""Bytes that should be free where the state directory is."""


def examine(settings: Settings, *, ask_outside: bool = False) -> Iterator[DoctorFinding]:
    """The findings of all checks, each as soon as it is there.

    ConfigurationError only where nothing could be looked at; what one check cannot read, as on a full disk, is a
    finding of its own and keeps no other from being made. Only with `ask_outside` are servers of others asked how we
    can be reached.
    """
    yield DoctorFinding("configuration", ok=True, detail=f"{settings.file} is valid, mode {settings.policy.mode}")
    yield from system_findings()
    yield _kernel(settings)
    yield from _leases()
    yield _room(settings)
    yield _clock(settings)
    trees = trees_of(settings)
    for what, check in (
        ("databases", lambda: _databases(settings)),
        ("audit log", lambda: _audit_log(settings)),
        ("trees", lambda: map(_tree, trees)),
        ("links", lambda: _links(settings)),
        ("quarantine", lambda: _quarantines(settings)),
        ("hash sources", lambda: _sources(settings)),
        ("PhotoDNA", lambda: _library(settings)),
        ("legal basis", lambda: _legal_basis(settings)),
        ("identity", lambda: _identity(settings)),
        ("own lists", lambda: _lists(settings)),
        ("exemptions", lambda: _exemptions(settings)),
        ("directories", lambda: _directories(settings)),
        ("panels", lambda: panel_findings(settings)),
        ("object stores", lambda: bucket_findings(settings)),
        ("mailbox", lambda: _mailbox(settings)),
        ("evidence", lambda: evidence_findings(settings)),
        ("results", lambda: _results(settings)),
        ("programs", lambda: _programs(settings)),
        ("own contacts", lambda: own_contacts(settings, outside_parts(settings) if ask_outside else None)),
        ("daemon", lambda: [_daemon(settings)]),
        ("processes", lambda: _processes(settings)),
    ):
        yield from _looked_at(what, check)


def _looked_at(what: str, check: Callable[[], Iterable[DoctorFinding]]) -> Iterator[DoctorFinding]:
    try:
        yield from check()
    except GoodhosterError as error:
        detail = f"could not be checked: {error}"
        yield DoctorFinding(what, ok=False, detail=detail, hint=error.hint, unchecked=True)


def _databases(settings: Settings) -> Iterator[DoctorFinding]:
    """What is lost of the state directory."""
    yield from (DoctorFinding("databases", ok=False, detail=each) for each in lost_with_counts(settings))


def _identity(settings: Settings) -> Iterator[DoctorFinding]:
    """Check that identity providers and company registers can be set up.

    Says which were never tried.
    """
    for heading, tables, build in (
        ("identity_provider", settings.identity_providers, identity_providers),
        ("company_register", settings.company_registers, company_registers),
    ):
        if not tables:
            continue
        try:
            build(settings)
        except ConfigurationError as error:
            yield DoctorFinding(heading, ok=False, detail=str(error), hint=error.hint)
            continue
        for table in tables:
            tried = "is set up" if table.kind == "neutral" else "is set up; experimental: never run against the service"
            yield DoctorFinding(heading, ok=True, detail=f"{table.kind} {tried}")


def _kernel(settings: Settings) -> DoctorFinding:
    """Check that openat2(2) and renameat2(2) are available and permitted: quarantine needs them."""
    state_dir = make_state_dir(settings.state_dir)
    try:
        with tempfile.TemporaryDirectory(dir=state_dir) as folder:
            return _kernel_in(folder)
    except OSError as error:
        hint = "run this as the owner of the state directory, and look whether its disk is full or read-only"
        return DoctorFinding(
            "kernel", ok=False, detail=f"no test file can be written in {state_dir}: {error.strerror}", hint=hint
        )


def _kernel_in(folder: str) -> DoctorFinding:
    directory = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.close(os.open("trial", os.O_CREAT | os.O_WRONLY, 0o600, dir_fd=directory))
        kernel.rename_noreplace((directory, b"trial"), (directory, b"moved"))
        os.close(kernel.open_beneath(directory, b"moved", os.O_RDONLY))
    except OSError as error:
        hint = "Linux 5.6 or later; a container's seccomp profile must permit both calls"
        return DoctorFinding("kernel", ok=False, detail=f"openat2 or renameat2: {error.strerror}", hint=hint)
    finally:
        os.close(directory)
    return DoctorFinding("kernel", ok=True, detail="openat2 and renameat2 work")


def _clock(settings: Settings) -> DoctorFinding:
    """Compare the system's clock with the time that was seen to pass."""
    problem = deadline_clock(settings.state_dir).problem()
    return DoctorFinding("clock", ok=not problem, detail=problem or "the system's clock goes with the time that passes")


def _leases() -> Iterator[DoctorFinding]:
    """Check that the kernel takes leases away from customers who keep them."""
    if not break_time():
        detail = "fs.lease-break-time is 0: whoever has a write lease on a file keeps it unchecked for ever"
        yield DoctorFinding(
            "leases", ok=False, detail=detail, hint="sysctl fs.lease-break-time=45, and in /etc/sysctl.d"
        )


def _room(settings: Settings) -> DoctorFinding:
    free = shutil.disk_usage(settings.state_dir).free
    detail = f"{free / _ROOM:.1f} GiB free at {settings.state_dir}"
    return DoctorFinding(
        "disk", ok=free >= _ROOM, detail=detail, hint="" if free >= _ROOM else "make room: 1 GiB at least"
    )


def _audit_log(settings: Settings) -> Iterator[DoctorFinding]:
    """Check that the audit log is complete, and nothing is missing that other records refer to."""
    check = verify_audit_log(settings)
    finding = check.finding
    hint = "goodhoster audit verify; restore the log from a copy" if not finding.ok else ""
    yield DoctorFinding("audit log", finding.ok, finding.problem or f"whole, {finding.entries:,} entries", hint)
    for missing in check.missing:
        yield DoctorFinding("audit log", ok=False, detail=missing, hint="goodhoster audit verify")
    for trouble in check.unchecked:
        yield DoctorFinding(
            "audit log", ok=False, detail=f"could not be compared: {trouble}", hint="goodhoster audit verify"
        )


def _tree(tree: Tree) -> DoctorFinding:
    what = f"tree {display(tree.root)}"
    if not os.path.isdir(tree.root):
        hint = "is its disk mounted? Else correct [[watch]] path; nothing in it is checked"
        return DoctorFinding(what, ok=False, detail="is not there, or is not a directory", hint=hint)
    try:
        with os.scandir(tree.root) as entries:
            others = (entry for entry in entries if entry.name not in OWN_DIRECTORIES)
            count = sum(entry.is_dir(follow_symlinks=False) for entry in others)
        home = home_of(tree.root)
    except (OSError, GoodhosterError) as error:
        return DoctorFinding(what, ok=False, detail=str(error), hint=getattr(error, "hint", "check its owner and mode"))
    return DoctorFinding(what, ok=True, detail=f"{count:,} directories at its top, quarantine below {display(home)}")


def _links(settings: Settings) -> Iterator[DoctorFinding]:
    """Links of root's at the top of trees, behind which nothing is checked."""
    roots = [tree.root for tree in trees_of(settings)]
    for root in roots:
        with suppress(OSError):  # a tree that cannot be read is told above
            if found := linked_homes(root, roots):
                hint = "add a [[watch]] with its path, and the customer where all of it is one's"
                yield DoctorFinding(f"links in {display(root)}", ok=False, detail=str(found), hint=hint)


def _quarantines(settings: Settings) -> Iterator[DoctorFinding]:
    """Check that the record and the files in quarantine agree."""
    with Services(settings) as services:
        names: set[str] = set()
        broken: list[str] = []
        for tree in trees_of(settings):
            with suppress(OSError):  # a tree that is not there is told above
                names |= set(quarantined(tree.root))
                broken += [f"{name}: {why}" for name, why in damaged(tree.root)]
        offline = services.case_store.each(CaseQuery(states=frozenset({CaseState.OFFLINE})))
        missing = [case.id for case in offline if not names.issuperset(_quarantine_names(case))]
        unknown_files = unknown(sorted(names), services.case_store)
    if unknown_files:
        detail = f"{len(unknown_files):,} files lie in quarantine without a case: {_some(unknown_files)}"
        yield DoctorFinding(
            "quarantine", ok=False, detail=detail, hint="the daemon makes their cases anew at its start"
        )
    if missing:
        detail = f"{len(missing):,} cases are offline, and their files are not in quarantine: {_some(missing)}"
        hint = "is their disk mounted? After a backup was restored: docs/how-to-quarantine.md"
        yield DoctorFinding("quarantine", ok=False, detail=detail, hint=hint)
    if broken:
        detail = f"{len(broken):,} files in quarantine cannot be put back as they were: {_some(broken)}"
        hint = "bring them or their labels back from a backup of their disk: docs/how-to-quarantine.md"
        yield DoctorFinding("quarantine", ok=False, detail=detail, hint=hint)
    if not (unknown_files or missing or broken):
        yield DoctorFinding("quarantine", ok=True, detail=f"{len(names):,} files, as the record says")


def _quarantine_names(case: Case) -> list[str]:
    done = (n for n, measure in enumerate(case.measures) if measure.state is MeasureState.DONE)
    return [case.quarantine_id(number) for number in done]


def _some(ids: Sequence[str]) -> str:
    more = f" and {len(ids) - _NAMED:,} more" if len(ids) > _NAMED else ""
    return ", ".join(ids[:_NAMED]) + more


def _sources(settings: Settings) -> Iterator[DoctorFinding]:
    if not settings.hash_sources:
        yield DoctorFinding(
            "hash sources", ok=False, detail="there is none: nothing is ever known", hint="add [[hash_source]]"
        )
    try:
        sources = hash_sources(settings)
    except GoodhosterError as error:
        yield DoctorFinding("hash sources", ok=False, detail=str(error), hint=error.hint)
        return
    yield from map(_probe, sources)
    for source in sources:
        source.close()


def _probe(source: ObservedSource) -> DoctorFinding:
    what = f"hash source {source.name}"
    try:
        source.probe()
    except GoodhosterError as error:
        return DoctorFinding(what, ok=False, detail=str(error), hint=error.hint)
    return DoctorFinding(what, ok=True, detail="answers a test query")


def _library(settings: Settings) -> Iterator[DoctorFinding]:
    """A finding on the licensed library, where one is set."""
    if not (name := settings.hashing.photodna):
        return
    try:
        trouble = trouble_with_library(reading_limits(settings))
    except GoodhosterError as error:
        trouble = str(error)
    hint = "see docs/how-to-photodna.md; its own tests, and FingerprinterSuite, tell more" if trouble else ""
    detail = trouble or "takes the fingerprint of a made-up picture in the sandbox"
    yield DoctorFinding(f"licensed library {name}", not trouble, detail, hint)


def _lists(settings: Settings) -> Iterator[DoctorFinding]:
    lists = list(survey(lists_directory(settings)))
    if not lists and any(source.kind == "list" for source in settings.hash_sources):
        hint = "goodhoster hashlist import FILE --source NAME"
        yield DoctorFinding(
            "hash lists", ok=False, detail="none was imported: nothing is ever known by them", hint=hint
        )
    for status in lists:
        what = f"hash list {status.source} {status.algorithm}"
        yield DoctorFinding(what, status.whole, status.damage or f"{status.entries:,} entries, whole")


def _legal_basis(settings: Settings) -> Iterator[DoctorFinding]:
    """Check that somebody decided on what ground each tree is checked by each source."""
    try:
        with Services(settings) as services:
            stopped, warnings = basis_problems(services)
    except GoodhosterError as error:
        yield DoctorFinding("legal basis", ok=False, detail=str(error), hint=error.hint)
        return
    hint = "goodhoster customers legal-basis set --basis T --tree PATH --source NAME"
    for problem in stopped:
        yield DoctorFinding("legal basis", ok=False, detail=problem, hint=hint)
    for warning in warnings:
        yield DoctorFinding("legal basis", ok=True, detail=f"warning: {warning}", hint=hint)


def _exemptions(settings: Settings) -> Iterator[DoctorFinding]:
    """Findings on every exemption set.

    Where there is one, also whether the owners of the sources would be notified of a match.
    """
    sets = list(exemption_sets(settings).survey())
    for name, found in sets:
        if isinstance(found, ConfigurationError):
            yield DoctorFinding(f"exemptions {name}", ok=False, detail=str(found), hint=found.hint)
        else:
            yield DoctorFinding(f"exemptions {name}", ok=True, detail=f"{len(found.contents):,} contents, whole")
    owners = ListOwners(owner_addresses(settings), lists_directory(settings), exemption_sets(settings))
    for source in owners.sources() if sets else ():
        address = owners.address_of(source)
        detail = address or "nobody is told when it knows what is exempt here"
        yield DoctorFinding(
            f"owner of {source}", bool(address), detail, hint="" if address else "set owner in its table"
        )


def _directories(settings: Settings) -> Iterator[DoctorFinding]:
    for directory in directories(settings):
        what = f"directory {directory.name}"
        try:
            names = sum(len(site.names) for site in directory.sites())
        except GoodhosterError as error:
            yield DoctorFinding(what, ok=False, detail=str(error), hint=error.hint)
        else:
            yield DoctorFinding(
                what, ok=names > 0, detail=f"knows {names:,} names of sites", hint="" if names else _NO_SITES
            )


def _mailbox(settings: Settings) -> Iterator[DoctorFinding]:
    if settings.imap is None:
        return
    what = f"mailbox {settings.imap.username} at {settings.imap.host}"
    try:
        problem = try_mailbox(mailbox_of(settings.imap))
    except GoodhosterError as error:
        yield DoctorFinding(what, ok=False, detail=str(error), hint=error.hint)
        return
    yield DoctorFinding(what, not problem, problem or "opens", "see [imap]" if problem else "")


def _results(settings: Settings) -> Iterator[DoctorFinding]:
    """Check whether the own mail server's Authentication-Results count for any mail."""
    notices = settings.notices
    if notices.authserv_id is None:
        return
    ways = [*(["lmtp"] if notices.lmtp and notices.lmtp_peers else []), *notices.authserv_mailboxes]
    detail = f"count in mails by {', '.join(ways)}" if ways else "count in no mail: anybody could have written them"
    hint = "" if ways else "set lmtp_peers or authserv_mailboxes in [notices], or remove authserv_id"
    yield DoctorFinding(f"Authentication-Results of {notices.authserv_id}", bool(ways), detail, hint)


def _programs(settings: Settings) -> Iterator[DoctorFinding]:
    """Findings on the programs that check signed mails of notifiers.

    As far as a profile pins a key for them.
    """
    pinned = {
        "openssl": [notifier.id for notifier in settings.notifiers if notifier.smime_certificates],
        "gpgv": [notifier.id for notifier in settings.notifiers if notifier.openpgp_keys],
    }
    for program, owners in pinned.items():
        if owners:
            found = shutil.which(program, path=SEARCH)
            detail = found or f"it is missing: signed mails of {', '.join(owners)} wait for a person"
            yield DoctorFinding(
                f"program {program}", bool(found), detail, "" if found else f"apt-get install {program}"
            )


def _daemon(settings: Settings) -> DoctorFinding:
    pid = running_daemon(settings.state_dir)
    if pid is None:
        return DoctorFinding(
            "daemon", ok=False, detail="does not run", hint="systemctl start goodhoster, or: goodhoster run"
        )
    return DoctorFinding("daemon", ok=True, detail=f"runs, process {pid}")


def _processes(settings: Settings) -> Iterator[DoctorFinding]:
    """Findings on the privileges of our processes.

    What a process lacks is reported but no fault: on a machine with one user nothing more is needed.
    """
    pid = running_daemon(settings.state_dir)
    terms = terms_of(settings)
    yield from map(_rights, rights_of(pid, terms) if pid else ())
    beside = rights_of_commands(settings.state_dir.resolve(), terms)
    yield from map(_rights, (rights for rights in beside if rights.pid != pid))


def _rights(rights: Rights) -> DoctorFinding:
    what = f"rights of the {rights.process}, process {rights.pid}"
    has = f"user {rights.user}, {', '.join(rights.capabilities) or 'no capabilities'}"
    if rights.excess:
        hint = "restart the daemon; if that changes nothing, report it"
        return DoctorFinding(what, ok=False, detail=f"{has}; should not have {', '.join(rights.excess)}", hint=hint)
    lacks = f"; without {', '.join(rights.missing)} it cannot deal with other users' files" if rights.missing else ""
    return DoctorFinding(what, ok=True, detail=has + lacks)
