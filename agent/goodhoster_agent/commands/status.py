"""`goodhoster status`: what is covered, what waits, what is not as it should be."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from goodhoster.errors import GoodhosterError, UncheckedError
from goodhoster.model.uploads import visible
from goodhoster_agent.commands.listing import local_time_of
from goodhoster_agent.commands.options import (
    FINE,
    UNCHECKED,
    YES,
    ConfigOption,
    JsonOption,
    print_json,
    print_line,
    read_settings,
)

app = typer.Typer()
NagiosOption = Annotated[
    bool, typer.Option("--nagios", help="Print one line as a plugin of Nagios or Icinga, with its exit codes.")
]
_SUSPENSIONS = "goodhoster customers suspensions"
_UNDECIDED = "goodhoster notices list --state needs-person"
_APPEALS = "goodhoster customers appeals"
_OVERRULED = "goodhoster cases list --state restored"


@app.command()
def status_command(config: ConfigOption = None, *, as_json: JsonOption = False, nagios: NagiosOption = False) -> None:
    """Show what is covered, what is waiting and what is degraded.

    Exit code 0 healthy, 1 degraded or not ready, 2 wrong use or configuration, 3 no answer: the daemon hangs, or its
    files cannot be read.
    """
    from goodhoster_agent.hashing.sandboxed_services import sandboxed_services
    from goodhoster_agent.status.objects import is_disk_full, status_object, status_on_full_disk

    if nagios:
        from goodhoster_agent.status.nagios import nagios_check

        line, code = nagios_check(lambda: sandboxed_services(read_settings(config)))
        print_line(line)
        raise typer.Exit(code)
    settings = read_settings(config)
    try:
        with sandboxed_services(settings) as services:
            status = status_object(services)
    except (GoodhosterError, OSError) as error:  # also of a record that is damaged, or not ours to read
        if not is_disk_full(settings, error):
            hint = error.hint if isinstance(error, GoodhosterError) else "see: goodhoster doctor"
            raise UncheckedError(f"no answer: {error}", reason="no-answer", hint=hint) from error
        status = status_on_full_disk(settings, error)
        print_json(status) if as_json else print("\n".join(map(visible, _of_daemon(status))))
        raise typer.Exit(exit_code(status)) from error
    print_json(status) if as_json else print(as_text(status))
    raise typer.Exit(exit_code(status))


def exit_code(status: dict[str, Any]) -> int:
    """The exit code for a status."""
    if not status["answers"]:
        return UNCHECKED
    return FINE if status["ready"] and not status["degraded"] else YES


def _of_daemon(status: dict[str, Any]) -> list[str]:
    """What the daemon itself reports, where its files cannot be read."""
    return [
        f"daemon     {_daemon(status)}",
        f"mode       {status['mode']}",
        *(f"covered    {tree}" for tree in status["trees"]),
        *(f"comparing  {_comparison(one)}" for one in status["comparisons"]),
        *(f"source     {_source(source)}" for source in status["sources"]),
        *(f"DEGRADED   {problem}" for problem in status["degraded"]),
    ]


def as_text(status: dict[str, Any]) -> str:
    """The status as text for people."""
    lines = [
        f"daemon     {_daemon(status)}",
        f"mode       {status['mode']}" + (" (nothing is touched)" if status["mode"] == "observe" else ""),
        *([f"STOPPED    {_stopped(status)}"] if status["stopped_since"] else []),
        *(f"process    {_rights(rights)}" for rights in status["processes"]),
        *(f"covered    {tree}" for tree in status["trees"]),
        *(f"comparing  {_comparison(one)}" for one in status["comparisons"]),
        f"queue      {status['queue']:,} files, the oldest for {status['oldest_queued_s']:.0f} s",
        f"verdicts   {_counts(status['verdicts'])}",
        f"unchecked  {status['unchecked']:,}" + _in_brackets(status["unchecked_reasons"]),
        *([f"left out   {_left_out(status['left_out'])}"] if status["left_out"]["checks"] else []),
        f"held       {status['held']:,} for a person: goodhoster cases list --state held",
        *([f"attempts   {_attempts(status['attempts'])}"] if any(_counted(status["attempts"])) else []),
        *(
            [f"overruled  {status['overruled']:,} are online by a person's decision: {_OVERRULED}"]
            if status["overruled"]
            else []
        ),
        *(f"STORM      {storm} (goodhoster storms list)" for storm in status["open_storms"]),
        *([f"suspended  {status['suspensions']['open']:,}: {_SUSPENSIONS}"] if status["suspensions"]["open"] else []),
        *(f"STEP       {one} (goodhoster customers measures list)" for one in status["steps"]),
        *(f"SUSPENSION {one}" for one in status["suspensions"]["for_a_person"]),
        *(f"EXEMPT     {_not_told(*one)}" for one in status["owners_not_notified"].items()),
        f"notices    {status['open_notices']:,} open, {status['overdue_notices']:,} overdue",
        *(f"person     {line}" for line in _for_a_person(status)),
        *([f"crawl      {_crawl(status['crawl'])}"] if status["crawl"] else []),
        *(f"source     {_source(source)}" for source in status["sources"]),
        *(f"legal      basis: {warning}" for warning in status["legal_basis"]),
        *(f"DEGRADED   {problem}" for problem in status["degraded"]),
    ]
    return "\n".join(map(visible, lines))


def _for_a_person(status: dict[str, Any]) -> list[str]:
    """Notices and appeals that wait for a person, each with the command that lists them."""
    notices, appeals = status["notices_for_a_person"], status["open_appeals"]
    return [
        *([f"{notices:,} notices wait for a person: {_UNDECIDED}"] if notices else []),
        *([f"{appeals:,} appeals wait for a decision: {_APPEALS}"] if appeals else []),
    ]


def _left_out(left_out: dict[str, Any]) -> str:
    """What services are not asked about."""
    kinds = ", ".join(left_out["kinds"]) or "left out until it was changed"
    return f"{left_out['checks']:,} checks in 7 days of files by own lists alone: {kinds} (agent.ask_about)"


def _counted(attempts: dict[str, Any]) -> list[int | None]:
    return [count for name, count in attempts.items() if name != "since"]


def _attempts(attempts: dict[str, Any]) -> str:
    """The answers at the doors; not all of them are clear, known or held: some were not checked."""
    counts = {name: count for name, count in attempts.items() if name != "since" and count}
    return f"{_counts(counts)} at the doors since {local_time_of(attempts['since'])}"


def _daemon(status: dict[str, Any]) -> str:
    if not status["ready"]:
        return str(status["degraded"][0]).removeprefix("the daemon ").partition(":")[0]
    doing = ", comparing a whole tree with the index" if status["scanning"] else ""
    return f"runs (process {status['pid']}), events from {status['events']} ({status['events_reason']}){doing}"


def _comparison(one: dict[str, Any]) -> str:
    """How far the comparison of a tree is, and about how long it still takes."""
    what = f"{one['tree']}{' for the first time' if one['first'] else ''} since {local_time_of(one['since'])}"
    files = f"{one['files']:,} files ({one['queued']:,} of them queued), {one['files_per_s']:,.0f} a second"
    if one["directories_done"] is None:
        return f"{what}: {files}"
    tops = f"{one['directories_done']:,} of {one['directories']:,} directories at its top"
    if one["remaining_s"] is None:
        return f"{what}: {files}; {tops}"
    left = f"about {one['files_expected']:,} files in all, {_duration(one['remaining_s'])} to go"
    return f"{what}: {files}; {tops}; {left}"


def _duration(seconds: int) -> str:
    """A time to wait as people say it, such as "3 h 20 min"."""
    minutes = -(-seconds // 60)
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min"  # noqa: PLR2004


def _stopped(status: dict[str, Any]) -> str:
    return (
        f"all measures, by {status['stopped_by']} since {local_time_of(status['stopped_since'])} (goodhoster observe)"
    )


def _crawl(crawl: dict[str, Any]) -> str:
    """How far the last round over our own sites is."""
    if not crawl["began_at"]:
        return "of our own sites: not begun yet"
    ended, began = local_time_of(crawl["ended_at"]), local_time_of(crawl["began_at"])
    when = f"ended {ended}" if ended else f"under way since {began}"
    counts = f"{crawl['urls']:,} reported URLs and {crawl['pages']:,} addresses around them"
    return f"of our own sites: {when}, {counts}, {crawl['found']:,} found again, {crawl['unchecked']:,} unchecked"


def _not_told(source: str, count: int) -> str:
    return f"{count:,} contents that {source} knows; its owner is not told (goodhoster doctor)"


def _source(source: dict[str, Any]) -> str:
    last = local_time_of(source["last_contact"], "never")
    name = source["name"] + (" (in shadow: recorded only)" if source["shadow"] else "")
    asked = f"{source['checks']:,} checks, {source['remembered']:,} from memory"
    return f"{name}: {asked}, {source['matches']:,} matches, last answer {last}"


def _rights(rights: dict[str, Any]) -> str:
    """The privileges of a process, such as `daemon 812 (root): dac_read_search, fowner`."""
    may = ", ".join(rights["capabilities"]) or "no capabilities"
    lacks = f"; lacks {', '.join(rights['missing'])}" if rights["missing"] else ""
    excess = f"; should not have {', '.join(rights['excess'])}" if rights["excess"] else ""
    return f"{rights['process']} {rights['pid']} ({rights['user']}): {may}{lacks}{excess}"


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in sorted(counts.items())) or "none yet"


def _in_brackets(counts: dict[str, int]) -> str:
    return f" ({_counts(counts)})" if counts else ""
