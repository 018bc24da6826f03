"""`goodhoster customers standing`, `measures …` and `statement`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from goodhoster.assembly.services import Services
from goodhoster.customers.standing.desk import CustomerView, StandingDesk
from goodhoster.errors import RefusedError
from goodhoster.model.cases import Order
from goodhoster.model.customers.standing import Statement, Step
from goodhoster.model.letters import Letter
from goodhoster_agent.commands.cases import order_of
from goodhoster_agent.commands.customers.register import CustomerArgument
from goodhoster_agent.commands.options import (
    ConfigOption,
    JsonOption,
    ReasonOption,
    note_order,
    open_services,
    print_json,
    print_letter,
    print_line,
    required_reason,
    unchecked_where_damaged,
)

app = typer.Typer()
measures = typer.Typer(no_args_is_help=True, help="List, confirm, refuse and undo steps of the ladder.")
app.add_typer(measures, name="measures")

StepArgument = Annotated[str, typer.Argument(metavar="STEP", help="Id of a step, as `customers standing` shows it.")]
SubjectArgument = Annotated[
    str, typer.Argument(metavar="SUBJECT", help="What it is about: step:ID, case:ID or suspension:ID.")
]


@app.command("standing")
def standing_command(
    customer_id: CustomerArgument, config: ConfigOption = None, *, as_json: JsonOption = False
) -> None:
    """Show how a customer stands: facts, steps, when they decay, and what would be next."""
    with unchecked_where_damaged(), open_services(config) as services:
        desk = services.customers.standing.desk
        view = desk.view(customer_of(services, customer_id))
        if as_json:
            print_json(view_object(view))
        else:
            for line in _lines(view, enforce=desk.rules.enforce):
                print_line(line)


@measures.command("list")
def list_command(config: ConfigOption = None, *, as_json: JsonOption = False) -> None:
    """List the steps that wait for a person, and measures that are not done yet."""
    with open_services(config) as services:
        for step in services.customers.standing.desk.waiting():
            print_json(step_object(step)) if as_json else print_line(_step_line(step))


@measures.command("confirm")
def confirm_command(
    step_id: StepArgument, *, reason: ReasonOption, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """Impose a step whose notice is over."""
    _order(config, StandingDesk.confirm, (step_id, order_of(reason)), as_json=as_json)


@measures.command("refuse")
def refuse_command(
    step_id: StepArgument, *, reason: ReasonOption, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """Decide against a step that is announced; what it rests on leads to none any more."""
    _order(config, StandingDesk.refuse, (step_id, order_of(reason)), as_json=as_json)


@measures.command("undo")
def undo_command(
    step_id: StepArgument, *, reason: ReasonOption, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """Undo a step in force; what it rests on leads to none any more."""
    _order(config, StandingDesk.undo, (step_id, order_of(reason)), as_json=as_json)


@measures.command("told")
def told_command(
    step_id: StepArgument, *, reason: ReasonOption, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """Record that you told the customer yourself, such as by letter; --reason says how."""
    _order(config, StandingDesk.record_notified, (step_id, order_of(reason)), as_json=as_json)


@measures.command("done")
def done_command(
    step_id: StepArgument, *, reason: ReasonOption, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """Record that you carried a measure or its inverse out by hand."""
    _order(config, StandingDesk.done, (step_id, order_of(reason)), as_json=as_json)


@app.command("statement")
def statement_command(
    subject: SubjectArgument,
    config: ConfigOption = None,
    *,
    preview: Annotated[bool, typer.Option("--preview", help="Print it as it would be sent now; send nothing.")] = False,
    resend: Annotated[bool, typer.Option("--resend", help="Send it again, to the contact of now.")] = False,
    reason: Annotated[
        str, typer.Option("--reason", help="Why it is sent again, for the audit log.", show_default=False)
    ] = "",
    as_json: JsonOption = False,
) -> None:
    """Show what a customer was told about a measure, preview it, or send it again."""
    with open_services(config) as services:
        subject = whole_subject(services, subject)
        if preview:
            _print_letter(_preview(services, subject), as_json=as_json)
            return
        if resend:
            why = required_reason(reason)
            _preview(services, subject)  # refuses what would not be true now
            _note_resending(services, subject, why)
        sent = _resend(services, subject) if resend else services.customers.standing.store.statements(subject)
        for statement in sent:
            print_json(statement_object(statement)) if as_json else print_line(_statement_line(statement))
        if not sent:
            _preview(services, subject)  # says where no letter is due
            raise RefusedError(
                f"nothing was written about {subject}", hint=f"write it: … statement {subject} --resend --reason …"
            )


def customer_of(services: Services, customer_id: str) -> str:
    """The customer's id; one that no register knows is taken as it is: cases need no register."""
    return customer_id if services.customers.store.known(customer_id) is None else _resolved(services, customer_id)


def _resolved(services: Services, customer_id: str) -> str:
    return services.customers.register.resolve(customer_id)


def _order(
    config: Path | None,
    give: Callable[[StandingDesk, str, Order], Step],
    order: tuple[str, Order],
    *,
    as_json: bool,
) -> None:
    with open_services(config) as services:
        step_id, given = order
        standing = services.customers.standing
        step = give(standing.desk, standing.store.complete_step(step_id), given)
        print_json(step_object(step)) if as_json else print_line(_step_line(step))


def whole_subject(services: Services, subject: str) -> str:
    """A subject such as `case:ID` with its id in full; RefusedError where it names no measure."""
    kind, _, part = subject.partition(":")
    complete = {
        "step": lambda: services.customers.standing.store.complete_step(part),
        "case": lambda: services.case_store.complete(part),
        "suspension": lambda: services.customers.suspensions.complete(part),
    }
    if kind not in complete or not part:
        raise RefusedError(f"{subject!r} names no measure", hint="write step:ID, case:ID or suspension:ID")
    return f"{kind}:{complete[kind]()}"


def _step_and_purpose(services: Services, name: str) -> tuple[Step, str]:
    step = services.customers.standing.store.step(name)
    return step, "announced" if step.state.pending else "imposed" if step.state.in_force else step.state.value


def _preview(services: Services, subject: str) -> Letter:
    standing = services.customers.standing
    kind, _, name = subject.partition(":")
    if kind == "case":
        return standing.letters.preview_case(services.case_store.get(name))
    if kind == "suspension":
        return _due(standing.letters.preview_suspension(services.customers.suspensions.get(name)), name)
    step, purpose = _step_and_purpose(services, name)
    return standing.letters.preview_step(step, purpose, standing.desk.facts_behind(step))


def _resend(services: Services, subject: str) -> list[Statement]:
    standing = services.customers.standing
    kind, _, name = subject.partition(":")
    if kind == "case":
        return standing.letters.resend_case(services.case_store.get(name))
    if kind == "suspension":
        return [_due(standing.letters.resend_suspension(services.customers.suspensions.get(name)), name)]
    step, purpose = _step_and_purpose(services, name)
    return [standing.letters.resend_step(step, purpose, standing.desk.facts_behind(step))]


def _note_resending(services: Services, subject: str, reason: str) -> None:
    """Write into the audit log who sends a statement again, and why."""
    kind, _, name = subject.partition(":")
    customer = {
        "case": lambda: services.case_store.get(name).upload.customer,
        "suspension": lambda: services.customers.suspensions.get(name).customer,
        "step": lambda: services.customers.standing.store.step(name).customer,
    }[kind]()
    note_order(services.audit, "customers statement --resend", reason, customer=customer, **{kind: name})


Written = TypeVar("Written")


def _due(written: Written | None, suspension_id: str) -> Written:
    """The letter about a suspension; RefusedError where none is due."""
    if written is None:
        hint = "only what is in force or lifted is told; see: goodhoster customers suspensions --id " + suspension_id
        raise RefusedError(f"no letter is due about suspension {suspension_id}", hint=hint)
    return written


def _print_letter(letter: Letter, *, as_json: bool) -> None:
    if as_json:
        print_json({"to": letter.to, "subject": letter.subject, "text": letter.text})
    else:
        print_letter(letter)


def view_object(view: CustomerView) -> dict[str, Any]:
    """The object that `--json` prints."""
    standing = view.standing
    return {
        "id": standing.customer,
        "standing": standing.rung or "good",
        "incidents": [{"at": one.at.isoformat(), "facts": list(one.facts)} for one in standing.incidents],
        "decays_at": standing.decays_at.isoformat() if standing.decays_at else None,
        "share": standing.share,
        "facts": [{"id": fact.id, "state": fact.state, "at": fact.at.isoformat()} for fact in view.facts],
        "steps": [step_object(step) for step in view.steps],
        "appealed": view.appealed,
        "next": {"move": view.following.move, "rung": view.following.rung, "reason": view.following.reason}
        if view.following
        else None,
    }


def step_object(step: Step) -> dict[str, Any]:
    """One step, for `--json`."""
    times = ("announced_at", "notified_at", "imposed_at", "informed_at", "ended_at")
    moments = {name: moment.isoformat() if (moment := getattr(step, name)) else None for name in times}
    return {
        "id": step.id,
        "customer": step.customer,
        "rung": step.rung,
        "state": step.state,
        "facts": list(step.facts),
        "site": step.site,
        **moments,
        "reason": step.reason,
        "actor": step.actor,
        "trouble": step.trouble or step.not_notified,
    }


def statement_object(statement: Statement) -> dict[str, Any]:
    """One statement, for `--json`."""
    return {
        "subject": statement.subject,
        "customer": statement.customer,
        "purpose": statement.purpose,
        "state": statement.state,
        "at": statement.at.isoformat(),
        "to": statement.to or None,
        "why": statement.why,
    }


def _lines(view: CustomerView, *, enforce: bool) -> Iterator[str]:
    standing = view.standing
    yield f"{standing.customer}  standing: {standing.rung or 'good'}"
    if standing.share is not None:
        yield f"  {100 * standing.share:.1f} % of its customers have an incident"
    for incident in standing.incidents:
        yield f"  incident  {incident.at:%Y-%m-%d %H:%M} UTC  {', '.join(incident.facts)}"
    if standing.decays_at:
        yield f"  the oldest counts until {standing.decays_at:%Y-%m-%d %H:%M} UTC"
    settled = standing.facts
    for fact in view.facts:
        if fact.id not in settled:
            yield f"  does not count: {fact.id} ({fact.state}, {fact.at:%Y-%m-%d})"
    for step in view.steps:
        yield f"  step  {_step_line(step)}"
    if view.appealed:
        yield "  an appeal is open: no further step is taken"
    if view.following:
        would = "next" if enforce else "would be next (mode observe)"
        yield f"  {would}: {view.following.move} {view.following.rung}: {view.following.reason}"


def _step_line(step: Step) -> str:
    trouble = step.trouble or step.not_notified
    by = f" by {step.actor}" if step.actor else ""
    told = f" ({trouble})" if trouble else ""
    return f"{step.id}  {step.rung:<16} {step.state:<9} {step.customer}  {step.reason}{by}{told}"


def _statement_line(statement: Statement) -> str:
    what = f"{statement.at:%Y-%m-%d %H:%M} UTC  {statement.subject}  {statement.purpose}  {statement.state}"
    return f"{what}  {statement.to or statement.why}"
