"""`note`, `take` and `hand-over` of `goodhoster cases` and `goodhoster notices`."""

from __future__ import annotations

import pwd
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from goodhoster.errors import RefusedError
from goodhoster_agent.commands.listing import local_time
from goodhoster_agent.commands.options import (
    ConfigOption,
    JsonOption,
    current_user,
    note_order,
    open_services,
    print_json,
    print_line,
)

if TYPE_CHECKING:
    from goodhoster.assembly.services import Services
    from goodhoster.model.casework import Assignment, Note

Subject = Literal["case", "notice"]

IdArgument = Annotated[str, typer.Argument(metavar="ID")]
IdsArgument = Annotated[list[str], typer.Argument(metavar="ID...")]
FromOption = Annotated[str, typer.Option("--from", help="Take it from this person, who works on it now.")]
ToOption = Annotated[str, typer.Option("--to", help="The account of the person who takes over.")]
MineOption = Annotated[bool, typer.Option("--mine", help="Only those that you took or were handed.")]


def add_casework(app: typer.Typer, subject: Subject) -> None:
    """Give a group of commands `note`, `take` and `hand-over` for its cases or notices."""
    for name, make in (("note", _note_command), ("take", _take_command), ("hand-over", _hand_over_command)):
        app.command(name)(make(subject))


def _note_command(subject: Subject) -> Callable[..., None]:
    def note_command(
        subject_id: IdArgument,
        text: Annotated[str, typer.Argument(metavar="TEXT", help="What colleagues should know.")],
        config: ConfigOption = None,
        *,
        as_json: JsonOption = False,
    ) -> None:
        with open_services(config) as services:
            whole_id = _whole_id(services, subject, subject_id)
            note_order(services.audit, f"{subject}s note", **{subject: whole_id})
            note = services.casework.note(whole_id, current_user(), text)
        print_json(_note_object(note) | {"id": note.subject}) if as_json else print_line(f"noted  {note.subject}")

    note_command.__doc__ = f"Note something on a {subject} for colleagues; `{subject}s show` prints it."
    return note_command


def _take_command(subject: Subject) -> Callable[..., None]:
    def take_command(
        subject_ids: IdsArgument,
        from_person: FromOption = "",
        config: ConfigOption = None,
        *,
        as_json: JsonOption = False,
    ) -> None:
        with open_services(config) as services:
            for whole_id in [_whole_id(services, subject, each) for each in subject_ids]:
                note_order(services.audit, f"{subject}s take", **{subject: whole_id})
                taken = services.casework.take(whole_id, current_user(), from_person=from_person)
                _print(taken, "taken", as_json=as_json)

    take_command.__doc__ = f"Take {subject}s, so that colleagues see who works on them; it decides nothing."
    return take_command


def _hand_over_command(subject: Subject) -> Callable[..., None]:
    def hand_over_command(
        subject_ids: IdsArgument, to: ToOption, config: ConfigOption = None, *, as_json: JsonOption = False
    ) -> None:
        _expect_account(to)
        with open_services(config) as services:
            for whole_id in [_whole_id(services, subject, each) for each in subject_ids]:
                note_order(services.audit, f"{subject}s hand-over", to=to, **{subject: whole_id})
                given = services.casework.hand_over(whole_id, current_user(), to)
                _print(given, f"handed to {given.person}", as_json=as_json)

    hand_over_command.__doc__ = f"Hand {subject}s on to another person."
    return hand_over_command


def casework_object(services: Services, subject_id: str) -> dict[str, Any]:
    """Notes, and who works on it, for `--json`."""
    if not services.casework_in_use:
        return {"taken_by": None, "notes": []}
    store = services.casework.store
    has = store.assignment(subject_id)
    return {"taken_by": has.person if has else None, "notes": [_note_object(one) for one in store.notes(subject_id)]}


def casework_objects(services: Services) -> Callable[[str], dict[str, Any]]:
    """`casework_object` for a list: only those that somebody noted or took are looked up."""
    if not services.casework_in_use:
        return lambda subject_id: casework_object(services, subject_id)
    there = services.casework.store.noted() | services.casework.store.assigned().keys()
    nothing: dict[str, Any] = {"taken_by": None, "notes": []}
    return lambda subject_id: casework_object(services, subject_id) if subject_id in there else dict(nothing)


def casework_rows(services: Services, subject_id: str) -> Iterator[tuple[str, str]]:
    """Notes, and who works on it, for the page of a case or notice."""
    if not services.casework_in_use:
        return
    store = services.casework.store
    if has := store.assignment(subject_id):
        by = f", handed over by {has.given_by}" if has.given_by != has.person else ""
        yield "taken by", f"{has.person} since {local_time(has.since)}{by}"
    for note in store.notes(subject_id):
        yield "note", f"{local_time(note.at)} {note.author}: {note.text}"


def assigned(services: Services) -> dict[str, str]:
    """Who works on which case or notice."""
    return dict(services.casework.store.assigned()) if services.casework_in_use else {}


def _whole_id(services: Services, subject: Subject, part: str) -> str:
    if subject == "notice":
        return services.notices.store.complete(part)
    return services.case_store.complete(part)


def _expect_account(name: str) -> None:
    try:
        pwd.getpwnam(name)
    except KeyError as error:
        hint = "give the name with which that person logs in here"
        raise RefusedError(f"there is no account {name} on this host", hint=hint) from error


def _print(assignment: Assignment, words: str, *, as_json: bool) -> None:
    if as_json:
        given = {"id": assignment.subject, "taken_by": assignment.person, "given_by": assignment.given_by}
        print_json(given | {"since": assignment.since.isoformat()})
    else:
        print_line(f"{words}  {assignment.subject}")


def _note_object(note: Note) -> dict[str, Any]:
    return {"by": note.author, "at": note.at.isoformat(), "text": note.text}
