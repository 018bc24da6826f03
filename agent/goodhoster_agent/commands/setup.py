"""`goodhoster setup`: first steps on a new host, without an account anywhere."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from goodhoster.errors import ConfigurationError, GoodhosterError, RefusedError
from goodhoster_agent.commands.options import (
    FINE,
    UNCHECKED,
    YES,
    ConfigOption,
    JsonOption,
    config_file,
    current_user,
    is_terminal,
    open_services,
    print_json,
    read_settings,
    warn_of,
)

if TYPE_CHECKING:
    from goodhoster.settings import Settings
    from goodhoster_agent.setup.draft import HashServiceAccount
    from goodhoster_agent.setup.survey import Survey
    from goodhoster_agent.setup.trial import Trial

app = typer.Typer()
_NAME_OF_LIST = "own"

TreesOption = Annotated[
    list[Path] | None,
    typer.Option("--tree", help="A tree of customers' directories, instead of what is found. May be repeated."),
]
ListsOption = Annotated[
    list[Path] | None, typer.Option("--list", help="A list of your own to import; needs no account. May be repeated.")
]
UsernameOption = Annotated[str | None, typer.Option("--username", help="Your account at the hash service.")]
UrlOption = Annotated[str | None, typer.Option("--url", help="The hash service, up to and including /check.")]
PasswordOption = Annotated[
    str | None, typer.Option("--password-file", help="Its password, beside the configuration or absolute.")
]
StateOption = Annotated[
    Path | None, typer.Option("--state-dir", help="Where index, record and audit log lie; default /var/lib/goodhoster.")
]
TrialOption = Annotated[int, typer.Option("--trial-files", min=0, help="Files to check in the trial; 0 for none.")]


@app.command()
def setup_command(
    config: ConfigOption = None,
    *,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing.")] = False,
    preview: Annotated[bool, typer.Option("--preview", help="Print the configuration; write nothing.")] = False,
    trees: TreesOption = None,
    lists: ListsOption = None,
    username: UsernameOption = None,
    url: UrlOption = None,
    password_file: PasswordOption = None,
    state_dir: StateOption = None,
    trial_files: TrialOption = 2000,
    as_json: JsonOption = False,
) -> None:
    """Find what this host has, and write a configuration that only observes.

    A configuration that is there is never overwritten. Then it is checked, the hash sources are tried, and the files
    that are there are looked at, nothing recorded: what would have happened?
    Exit code 1 when no customers' directories were found, 3 when a source did not answer.
    """
    from goodhoster_agent.setup.draft import draft, write_new
    from goodhoster_agent.setup.survey import survey

    file = config_file(config)
    is_new = not os.path.lexists(file)
    if not is_new and not preview and (trees or username or url or password_file or state_dir):
        raise RefusedError(f"{file} exists already", hint="setup does not overwrite it: change it with an editor")
    _expect(trees or [], lists or [])
    account = _account(username, url, password_file)
    found = survey()
    if trees:
        found = replace(found, trees=tuple(os.path.abspath(tree) for tree in trees), found_by="the directories named")
    result: dict[str, Any] = {"file": str(file), **_found_object(found)}
    _print_lines(as_json, *_found_text(found))
    if (is_new or preview) and not found.trees:
        _nothing_found(result, found, file, as_json=as_json)
    if is_new and not (yes or preview):
        account, lists = _ask(file, found, account, lists)
    if preview:
        text = draft(found, account, state_dir)
        print_json(result | {"written": False, "text": text}) if as_json else print(f"\n{text}", end="")
        return
    if is_new:
        write_new(file, draft(found, account, state_dir))
    result["written"] = is_new
    written = f"written       {file} (mode observe)" if is_new else f"left as it is {file}: it was there already"
    _print_lines(as_json, written)
    answer = _try_configuration(config, lists or [], trial_files, result, as_json=as_json)
    raise typer.Exit(FINE if answer else UNCHECKED)


def _try_configuration(
    config: Path | None, lists: Sequence[Path], trial_files: int, result: dict[str, Any], *, as_json: bool
) -> bool:
    """Check the configuration and try it.

    Fills the lists, asks the sources, looks at files. Returns whether every source answered.
    """
    settings = _checked(config, result, as_json=as_json)
    _import(settings, lists, result, as_json=as_json)
    answer = _try_sources(settings, result, as_json=as_json)
    if trial_files:
        _trial(config, settings, trial_files, result, as_json=as_json)
    _print_next_steps(config_file(config), settings, result, as_json=as_json)
    return answer


def _expect(trees: Sequence[Path], lists: Sequence[Path]) -> None:
    """Refuse what is not there before anything is written."""
    for each in trees:
        if not each.is_dir():
            raise RefusedError(
                f"--tree {each}: there is no such directory", hint="name a directory with one subdirectory per customer"
            )
    for each in lists:
        if not each.is_file():
            raise RefusedError(f"--list {each}: there is no such file", hint="name a file with one hash a line")


def _account(username: str | None, url: str | None, password_file: str | None) -> HashServiceAccount | None:
    from goodhoster_agent.setup.draft import HASH_SERVICE, PASSWORD_FILE, HashServiceAccount

    if username is None:
        if url or password_file:
            raise typer.BadParameter("name the account, too", param_hint="--username")
        return None
    return HashServiceAccount(username, url or HASH_SERVICE, password_file or PASSWORD_FILE)


def _ask(
    file: Path, found: Survey, account: HashServiceAccount | None, lists: list[Path] | None
) -> tuple[HashServiceAccount | None, list[Path] | None]:
    """At most three questions; the answer to each may be empty."""
    from goodhoster_agent.setup.draft import HashServiceAccount

    if not is_terminal(sys.stdin):
        raise RefusedError("nothing can be asked: standard input is not a terminal", hint="goodhoster setup --yes")
    watched = ", ".join(found.trees)
    if not typer.confirm(f"Watch {watched}, touching nothing, by {file}?", default=True, err=True):
        raise RefusedError("nothing was written", hint="name other trees: goodhoster setup --tree DIR")
    if account is None:
        name = typer.prompt("Your account at the hash service (empty: none)", default="", show_default=False, err=True)
        account = HashServiceAccount(name) if name else None
    if not lists:
        name = typer.prompt("A file with hashes of your own (empty: none)", default="", show_default=False, err=True)
        lists = [Path(name)] if name else None
        _expect([], lists or [])
    return account, lists


def _found_object(found: Survey) -> dict[str, Any]:
    return {
        "panel": found.panel or None,
        "web_servers": list(found.web_servers),
        "sites": found.sites,
        "trees": list(found.trees),
        "mail_server": found.mail_server or None,
        "not_read": list(found.problems),
    }


def _found_text(found: Survey) -> list[str]:
    servers = f"{', '.join(found.web_servers)}, {found.sites:,} sites" if found.web_servers else "none"
    trees = f"{', '.join(found.trees)} (found by {found.found_by})" if found.trees else "none"
    return [
        f"panel         {found.panel or 'none'}",
        f"web server    {servers}",
        f"trees         {trees}",
        f"mail server   {found.mail_server or 'none'}",
        *(f"not read      {problem}" for problem in found.problems),
    ]


def _nothing_found(result: dict[str, Any], found: Survey, file: Path, *, as_json: bool) -> None:
    """What was looked for, and what to write by hand."""
    by_hand = f'goodhoster setup --tree DIR, or in {file}: [[watch]] with path = "DIR"'
    if as_json:
        print_json(result | {"written": False, "looked_for": list(found.looked_for), "next": [by_hand]})
    print("goodhoster: no customers' directories were found, so nothing was written. Looked for:", file=sys.stderr)
    for each in found.looked_for:
        print(f"              {each}", file=sys.stderr)
    print(f"            name the directory that has one directory per customer: {by_hand}", file=sys.stderr)
    raise typer.Exit(YES)


def _checked(config: Path | None, result: dict[str, Any], *, as_json: bool) -> Settings:
    """The settings, checked as `config check` does; exit code 2 with all that is wrong."""
    from goodhoster_agent.configuration_check import check_whole

    try:
        settings = read_settings(config)
        check_whole(settings)
    except ConfigurationError as error:
        if as_json:
            print_json(result | {"ok": False, "problems": [{"problem": str(e), "hint": e.hint} for e in error.all]})
        raise
    result["ok"] = True
    _print_lines(as_json, "configuration is valid")
    return settings


def _import(settings: Settings, lists: Sequence[Path], result: dict[str, Any], *, as_json: bool) -> None:
    from goodhoster.assembly.state import audit_log, lists_directory
    from goodhoster.hashlists.audited_changes import RecordedLists
    from goodhoster.hashlists.own_lists import ListImportOrder

    result["lists"] = []
    if not lists:
        return
    with closing(audit_log(settings)) as log:
        recorded = RecordedLists(lists_directory(settings), log)
        report = recorded.import_files(ListImportOrder(lists, _NAME_OF_LIST), current_user())
    for each in report.lists:
        result["lists"].append({"source": each.source, "algorithm": each.algorithm, "entries": each.entries})
        _print_lines(as_json, f"list          {each.source} {each.algorithm}: {each.entries:,} entries")


def _try_sources(settings: Settings, result: dict[str, Any], *, as_json: bool) -> bool:
    """Ask each source a trial question that counts in no figure; whether all answered."""
    from goodhoster.assembly.sources import hash_sources

    result["sources"] = []
    for source in hash_sources(settings):
        problem = hint = ""
        try:
            source.probe()
        except GoodhosterError as error:
            problem, hint = str(error), error.hint
        finally:
            source.close()
        result["sources"].append({"name": source.name, "answers": not problem, "problem": problem})
        _print_lines(as_json, f"source        {source.name}: {problem or 'answers a test query'}")
        if problem:
            warn_of([f"{source.name}: {problem}" + (f"; {hint}" if hint else "")])
    return all(source["answers"] for source in result["sources"])


def _trial(config: Path | None, settings: Settings, most: int, result: dict[str, Any], *, as_json: bool) -> None:
    from goodhoster.assembly.state import lists_directory, trees_of
    from goodhoster.hashlists.own_lists import survey
    from goodhoster_agent.setup.trial import look

    result["trial"] = None
    if all(source.kind == "list" for source in settings.hash_sources) and not list(survey(lists_directory(settings))):
        _print_lines(as_json, "trial         none: without a list and without an account nothing can be known yet")
        return
    trees = [os.fsdecode(tree.root) for tree in trees_of(settings)]
    shows = is_terminal(sys.stderr) and not as_json

    def show_progress(files: int) -> None:
        if shows and files % 50 == 0:
            print(f"\rchecking existing files: {files:,} files", end="", file=sys.stderr, flush=True)

    with open_services(config) as services:
        trial = look(services, trees, most, show_progress)
    if shows:
        print("\r\033[K", end="", file=sys.stderr)
    result["trial"] = _trial_object(trial)
    _print_lines(as_json, *_trial_text(trial, trees))


def _trial_object(trial: Trial) -> dict[str, Any]:
    from goodhoster_agent.commands.check import as_object

    return {
        "files": trial.files,
        "complete": trial.complete,
        "checked": trial.files - trial.verdicts["unchecked"],
        **{kind: trial.verdicts[kind] for kind in ("known", "near", "unchecked")},
        "reasons": dict(trial.reasons),
        "seconds": trial.seconds,
        "found": [as_object(answer) for answer in trial.found],
    }


def _trial_text(trial: Trial, trees: Sequence[str]) -> list[str]:
    from goodhoster_agent.commands.check import as_text

    counts = ", ".join(f"{trial.verdicts[kind]:,} {kind}" for kind in ("known", "near", "unchecked"))
    reasons = ", ".join(f"{count:,} {reason}" for reason, count in sorted(trial.reasons.items()))
    part = "" if trial.complete else " (not all files: goodhoster scan --dry-run " + " ".join(trees) + ")"
    return [
        f"trial         {trial.files:,} files in {trial.seconds:.1f} s: {counts}{part}",
        *([f"              unchecked: {reasons}"] if reasons else []),
        *(f"              would be taken offline or held: {as_text(answer)}" for answer in trial.found),
    ]


def _print_next_steps(file: Path, settings: Settings, result: dict[str, Any], *, as_json: bool) -> None:
    from goodhoster_agent.setup.next_steps import next_steps

    steps = next_steps(file, settings, result)
    if as_json:
        print_json(result | {"mode": settings.policy.mode, "next": steps})
        return
    print("Next:")
    for number, step in enumerate(steps, 1):
        print(f"  {number}. {step}")


def _print_lines(as_json: bool, *lines: str) -> None:  # noqa: FBT001 - the form of the whole output
    if not as_json:
        for line in lines:
            print(line, flush=True)
