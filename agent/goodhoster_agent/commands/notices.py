"""`goodhoster notices …`: incoming notices, their state, decisions and the hotline's list.

What came in, where it stands, a person's decision about it, and the hotline's own list.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from goodhoster.errors import ConfigurationError, GoodhosterError, RefusedError, UnrecordedError
from goodhoster.model.notice_status import NoticeState
from goodhoster.model.notices import Carrier
from goodhoster.model.uploads import visible
from goodhoster.takedowns.reconciliation import reconcile
from goodhoster_agent.commands.cases import order_of
from goodhoster_agent.commands.casework import MineOption, add_casework, assigned, casework_object, casework_objects
from goodhoster_agent.commands.listing import (
    Column,
    CsvOption,
    LimitOption,
    SinceOption,
    UntilOption,
    local_time,
    print_list,
)
from goodhoster_agent.commands.notice_objects import notice_object, preview_object
from goodhoster_agent.commands.notice_page import page_of
from goodhoster_agent.commands.options import (
    FINE,
    YES,
    ConfigOption,
    JsonOption,
    OptionalReasonOption,
    current_user,
    note_order,
    open_services,
    print_json,
    print_letter,
    print_line,
    required_reason,
)
from goodhoster_agent.commands.purges import purge_object, purges_of

if TYPE_CHECKING:
    from goodhoster.assembly.services import Services
    from goodhoster.model.letters import Letter
    from goodhoster.model.notice_status import Notice, Reply
    from goodhoster.takedowns.preview import PreviewLine

app = typer.Typer(
    no_args_is_help=True, help="Receive, list, confirm, dismiss and answer notices; note, take and hand them on."
)

_COMMAND_LINE = "command line"
IdArgument = Annotated[str, typer.Argument(metavar="ID")]
IdsArgument = Annotated[list[str], typer.Argument(metavar="ID...")]
FileArgument = Annotated[Path | None, typer.Argument(metavar="[FILE]", help="A raw message (default: standard input).")]
CarrierOption = Annotated[Carrier, typer.Option("--as", help="Kind of message.")]
StateOption = Annotated[
    list[NoticeState] | None, typer.Option("--state", help="Notices in this state.", show_default=False)
]


@app.command("receive")
def receive_command(
    file: FileArgument = None,
    carrier: CarrierOption = Carrier.MAIL,
    config: ConfigOption = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """Store a raw message, read it and act on it."""
    from goodhoster.model.notices import RawNotice
    from goodhoster.notices.spool import Arrived

    content = _beginning(file)
    if not content:
        hint = "name the file that has the message, or pipe it: goodhoster notices receive < FILE"
        raise ConfigurationError("the notice is empty: nothing was stored", hint=hint)
    raw = RawNotice(carrier, content)
    with open_services(config) as services:
        notices = services.notices
        receipt = notices.desk.keep(raw, Arrived(_COMMAND_LINE))
        notice = notices.incoming.receive(receipt)
        if notice is not None:
            _print(services, notice, as_json=as_json)
        elif as_json:
            print_json({"id": receipt.id, "state": "contact"})
        else:
            print_line(
                f"{receipt.id} is of a customer: see goodhoster customers appeals, or customers show for its contact"
            )


@app.command("list")
def list_command(
    state: StateOption = None,
    customer: Annotated[str | None, typer.Option("--customer", help="With an address at this customer.")] = None,
    source: Annotated[str | None, typer.Option("--source", help="Of this registered sender.")] = None,
    host: Annotated[str | None, typer.Option("--host", help="With an address on this host.")] = None,
    since: SinceOption = None,
    until: UntilOption = None,
    limit: LimitOption = None,
    config: ConfigOption = None,
    *,
    mine: MineOption = False,
    as_csv: CsvOption = False,
    as_json: JsonOption = False,
) -> None:
    """List notices: urgent ones first, then by age.

    Example: goodhoster notices list --state needs-person --since 7d
    """
    from goodhoster.ports import NoticeQuery

    query = NoticeQuery(
        states=frozenset(state or ()),
        customer=customer,
        notifier=source,
        host=host,
        received_since=since,
        received_before=until,
        newest=None if mine else limit,
    )
    with open_services(config) as services:
        store, taken, more = services.notices.store, assigned(services), casework_objects(services)
        own = [each for each in store.ids(query) if taken.get(each) == current_user()][-(limit or 0) :] if mine else ()

        def found() -> Iterator[Notice]:
            return map(store.get, own) if mine else store.find(query)

        # Twice over them rather than all in memory.
        sorted_ = (notice for urgent in (True, False) for notice in found() if notice.urgent is urgent)
        columns = (*_COLUMNS[:-1], Column("TAKEN BY", lambda notice: taken.get(notice.id, "")), _COLUMNS[-1])
        print_list(
            sorted_,
            columns,
            lambda notice: notice_object(notice) | more(notice.id),
            as_json=as_json,
            as_csv=as_csv,
        )


@app.command("show")
def show_command(
    notice_id: IdArgument,
    config: ConfigOption = None,
    *,
    raw: Annotated[bool, typer.Option("--raw", help="Write the message as it came, and nothing else.")] = False,
    reply: Annotated[str, typer.Option("--reply", help="Write this reply as it came.", show_default=False)] = "",
    as_json: JsonOption = False,
) -> None:
    """Show one notice in full: its sender, text, addresses, files, cases and copies."""
    with open_services(config) as services:
        store = services.notices.store
        notice = store.get(store.complete(notice_id))
        if reply:
            sys.stdout.buffer.write(services.notices.spool.raw(_reply_of(notice, reply).receipt).content)
        elif raw:
            sys.stdout.buffer.write(services.notices.spool.raw(notice.receipt).content)
        else:
            _print(services, notice, as_json=as_json)


@app.command("confirm")
def confirm_command(
    notice_ids: IdsArgument,
    reason: OptionalReasonOption = "",
    config: ConfigOption = None,
    *,
    preview: Annotated[
        bool,
        typer.Option("--preview", help="Print what would be taken offline, and at which customer; change nothing."),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Act on everything in notices that waits for a person.

    Exit code 1 where one of several was refused.
    """
    with open_services(config) as services:
        desk, whole_ids = services.notices.desk, _whole_ids(services, notice_ids)
        if preview:
            _print_previews(
                whole_ids, desk.preview, lambda whole_id: _confidential_line(services, whole_id), as_json=as_json
            )
            return
        order = order_of(required_reason(reason))
        _order_each(services, whole_ids, lambda whole_id: desk.confirm(whole_id, order), as_json=as_json)


@app.command("dismiss")
def dismiss_command(
    notice_ids: IdsArgument,
    reason: OptionalReasonOption = "",
    config: ConfigOption = None,
    *,
    preview: Annotated[
        bool,
        typer.Option(
            "--preview", help="Print what would be closed and unblocked, and at which customer; change nothing."
        ),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Leave online what waits in notices; a block for it is lifted.

    Exit code 1 where one of several was refused.
    """
    with open_services(config) as services:
        desk, whole_ids = services.notices.desk, _whole_ids(services, notice_ids)
        if preview:
            _print_previews(whole_ids, desk.preview_dismissal, as_json=as_json)
            return
        order = order_of(required_reason(reason))
        _order_each(services, whole_ids, lambda whole_id: desk.dismiss(whole_id, order), as_json=as_json)


@app.command("answer")
def answer_command(
    notice_id: IdArgument,
    reason: OptionalReasonOption = "",
    config: ConfigOption = None,
    *,
    show: Annotated[bool, typer.Option("--preview", "--show", help="Print it and send nothing.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Write the answer as things stand now, and send it unless it was sent before."""
    with open_services(config) as services:
        notices = services.notices
        notice_id = notices.store.complete(notice_id)
        letter = notices.letters.answer(notices.store.get(notice_id))
        if letter is None:
            hint = "it came from a machine, or without an address"
            raise RefusedError(f"nobody is to be answered about notice {notice_id}", hint=hint)
        if not show:
            note_order(services.audit, "notices answer", reason, notice=notice_id)
        sent = not show and notices.manual_letters.answer(notice_id)
    if as_json:
        found = {"id": notice_id, "to": letter.to, "subject": letter.subject, "text": letter.text, "sent": sent}
        print_json(found)
    else:
        print_letter(letter)


@app.command("tell")
def tell_command(
    notice_id: IdArgument,
    reason: OptionalReasonOption = "",
    config: ConfigOption = None,
    *,
    preview: Annotated[bool, typer.Option("--preview", help="Print the letters and send nothing.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Send the statements of reasons that were withheld because a notice may be confidential."""
    with open_services(config) as services:
        whole_id = services.notices.store.complete(notice_id)
        if preview:
            for letter in services.notices.manual_letters.statements(whole_id):
                _print_letter(whole_id, letter, as_json=as_json)
            return
        order = order_of(required_reason(reason))
        _print(services, services.notices.manual_letters.inform_customers(whole_id, order), as_json=as_json)


@app.command("forward")
def forward_command(
    notice_id: IdArgument,
    config: ConfigOption = None,
    *,
    preview: Annotated[bool, typer.Option("--preview", help="Print the letter and send nothing.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Forward a notice from the public to the hotline for assessment."""
    with open_services(config) as services:
        hotline = services.settings.notices.hotline
        if not hotline:
            raise ConfigurationError("no hotline to forward to is set", hint="see [notices] hotline")
        notices = services.notices
        notice_id = notices.store.complete(notice_id)
        if preview:
            letter = notices.letters.forwarding(notices.store.get(notice_id), hotline)
        else:
            letter = notices.manual_letters.forward(notice_id, hotline, order_of("").actor)
    _print_letter(notice_id, letter, as_json=as_json)


@app.command("reconcile")
def reconcile_command(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The hotline's list, CSV with a column url.")],
    notifier: Annotated[str | None, typer.Option("--notifier", help="Only this notifier's notices.")] = None,
    config: ConfigOption = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """Compare the hotline's own list with the notices received; exits with 1 if they differ."""
    from goodhoster.letters.texts import defanged
    from goodhoster.ports import NoticeQuery
    from goodhoster.takedowns.reconciliation import Discrepancy, read_list

    with _opened(file) as opened:
        lines = read_list(opened.read())
    with open_services(config) as services:
        found = reconcile(lines, list(services.notices.store.find(NoticeQuery(notifier=notifier))))
    for finding in found:
        if as_json:
            print_json(asdict(finding))
        elif finding.gap is not Discrepancy.AGREED:
            print_line(f"{finding.gap:<20} {finding.reference:<12} {defanged(finding.url)}  {finding.why}")
    gaps = [finding for finding in found if finding.gap is not Discrepancy.AGREED]
    if not as_json:
        print_line(f"{len(found) - len(gaps)} agreed, {len(gaps)} gaps")
    raise typer.Exit(YES if gaps else FINE)


add_casework(app, "notice")


def _whole_ids(services: Services, ids: Sequence[str]) -> list[str]:
    return [services.notices.store.complete(each) for each in dict.fromkeys(ids)]


def _order_each(services: Services, ids: Sequence[str], carry_out: Callable[[str], Notice], *, as_json: bool) -> None:
    """Carry out an order about each notice, whatever becomes of the others.

    One alone is shown in full; of several, each in a line.
    """
    if len(ids) == 1:
        _print(services, carry_out(ids[0]), as_json=as_json)
        return
    failed = 0
    for notice_id in ids:
        try:
            notice = carry_out(notice_id)
        except GoodhosterError as error:
            failed += 1
            what = "unrecorded" if isinstance(error, UnrecordedError) else "refused"
            told = {"id": notice_id, what: str(error)}
            print_json(told) if as_json else print_line(f"{what:<9} {notice_id}: {error}")
            continue
        print_json(notice_object(notice)) if as_json else print_line(
            visible(f"{notice.state:<9} {notice_id}  {notice.reason}")
        )
    raise typer.Exit(YES if failed else FINE)


def _reply_of(notice: Notice, reply_id: str) -> Reply:
    for reply in notice.replies:
        if reply.receipt.id == reply_id:
            return reply
    raise RefusedError(f"notice {notice.id} has no reply {reply_id}", hint="see its replies: goodhoster notices show")


def _print_previews(
    notice_ids: Sequence[str],
    preview: Callable[[str], Sequence[PreviewLine]],
    remark: Callable[[str], str] = lambda _: "",
    *,
    as_json: bool,
) -> None:
    """Print what would be done for each notice; of several, below its number."""
    for notice_id in notice_ids:
        lines = preview(notice_id)
        if as_json:
            for line in lines:
                print_json({"notice": notice_id} | preview_object(line))
            continue
        if not lines:
            print_line(f"{notice_id}: nothing waits in it")
        elif len(notice_ids) > 1:
            print_line(f"{notice_id}:")
        for line in lines:
            print_line(_preview_text(line))
        if text := remark(notice_id):
            print_line(text)


def _confidential_line(services: Services, notice_id: str) -> str:
    """What keeps the customers from being told, for people; in JSON `show` has it."""
    from goodhoster.takedowns.summary import confidential_text

    text = confidential_text(services.notices.store.get(notice_id))
    return f"secret {text}" if text else ""


def _print_letter(notice_id: str, letter: Letter, *, as_json: bool) -> None:
    if as_json:
        print_json({"id": notice_id, "to": letter.to, "subject": letter.subject, "text": letter.text})
    else:
        print_letter(letter)


def _preview_text(line: PreviewLine) -> str:
    from goodhoster.letters.texts import defanged
    from goodhoster.model.uploads import display

    where = display(line.place.absolute) if line.place else defanged(line.url)
    return visible(f"{line.effect:<6} {line.customer:<16} {where} {line.case} {line.reason}").rstrip()


@contextmanager
def _opened(file: Path | None) -> Iterator[BinaryIO]:
    """The file, or standard input where none is named."""
    from goodhoster.model.uploads import display

    if str(file) == "-":
        file = None
    if file is None and sys.stdin is None:
        hint = "name a file, or pipe the message: goodhoster notices receive < FILE"
        raise ConfigurationError("standard input is closed: no notice was read", hint=hint)
    try:
        with nullcontext(sys.stdin.buffer) if file is None else file.open("rb") as opened:
            yield opened
    except OSError as error:
        name = display(str(file).encode()) if file else "standard input"
        raise ConfigurationError(f"cannot read {name}: {error.strerror}") from error


def _beginning(file: Path | None) -> bytes:
    """The beginning of a message, as much of it as is kept.

    All of it is read: a mail server would send it again if its pipe broke.
    """
    from goodhoster_agent.intake.storing import LARGEST_MAIL

    with _opened(file) as opened:
        content = opened.read(LARGEST_MAIL)
        while opened.read(1 << 20):
            pass
        return content


def _print(services: Services, notice: Notice, *, as_json: bool) -> None:
    if as_json:
        purges = [purge_object(one) for one in purges_of(notice, services)]
        more = {"purges": purges} if services.settings.purges else {}
        print_json(notice_object(notice) | casework_object(services, notice.id) | more)
    else:
        print(page_of(notice, services))


def _deadline(notice: Notice) -> str:
    return f"{local_time(notice.deadline, 'none')}{' URGENT' if notice.urgent else ''}"


_COLUMNS: tuple[Column[Notice], ...] = (
    Column("ID", lambda notice: notice.id),
    Column("STATE", lambda notice: notice.state),
    Column("RECEIVED", lambda notice: local_time(notice.receipt.received_at)),
    Column("DEADLINE", _deadline),
    Column("SENDER", lambda notice: notice.notifier or notice.level),
    Column("REFERENCE", lambda notice: notice.reference),
    Column("ITEMS", lambda notice: str(len(notice.items))),
    Column("WHY", lambda notice: notice.reason),
)
