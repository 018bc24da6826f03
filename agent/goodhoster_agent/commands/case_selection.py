"""Selection of cases for a command.

The filters of `cases list`, and the ids, the digest or the notice of an order.
"""

from __future__ import annotations

import functools
import inspect
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from goodhoster.errors import RefusedError
from goodhoster.model.cases import Case, CaseState
from goodhoster.model.verdicts import Category
from goodhoster_agent.commands.listing import LimitOption, SinceOption, UntilOption

if TYPE_CHECKING:
    from goodhoster.assembly.services import Services
    from goodhoster.model.digests import Digest
    from goodhoster.ports import CaseQuery

_STATE = typer.Option("--state", help="Cases in this state.", show_default=False)
_ALL = typer.Option("--all", help="Every case that the filters leave; run it with --preview first.")


@dataclass(frozen=True, slots=True)
class CaseFilter:
    """The filters that were typed; each field is an option of that name."""

    state: Annotated[list[CaseState] | None, _STATE] = None
    customer: Annotated[str | None, typer.Option("--customer", help="Cases of this customer.")] = None
    source: Annotated[str | None, typer.Option("--source", help="Where this hash source matched.")] = None
    category: Annotated[Category | None, typer.Option("--category", help="Matched in this category.")] = None
    host: Annotated[str | None, typer.Option("--host", help="Files of the site of this host.")] = None
    since: SinceOption = None
    until: UntilOption = None
    limit: LimitOption = None

    def find(self, services: Services, states: frozenset[CaseState] = frozenset()) -> Iterable[Case]:
        """The cases that the filters leave, oldest first; few of them are in memory at a time.

        Of those in these states, where any are given.
        """
        wanted = frozenset(self.state or ())
        if wanted and states and not wanted & states:
            return ()
        query = self._query(wanted & states if wanted and states else wanted or states)
        if not self.host:
            return services.case_store.each(query)
        docroots = services.notices.locator.site_maps.docroots_of(self.host)
        found = services.case_store.each(replace(query, newest=None))
        there = (case for case in found if _lies_below(case, docroots))
        return deque(there, self.limit) if self.limit else there

    def _query(self, states: frozenset[CaseState]) -> CaseQuery:
        from goodhoster.ports import CaseQuery

        return CaseQuery(
            states=states,
            customer=self.customer,
            source=self.source,
            category=self.category,
            opened_since=self.since,
            opened_before=self.until,
            newest=self.limit,
        )


@dataclass(frozen=True, slots=True)
class Selection(CaseFilter):
    """The cases of an order: ids, or what stands for them (content, notice or filters)."""

    ids: Annotated[list[str] | None, typer.Argument(help="Case ids.", show_default=False)] = None
    digest: Annotated[str, typer.Option("--digest", help="All cases with this file content instead.")] = ""
    notice: Annotated[str, typer.Option("--notice", help="All cases of this notice instead.")] = ""
    everything: Annotated[bool, _ALL] = False
    preview: Annotated[bool, typer.Option("--preview", help="List the cases; change nothing.")] = False

    def about(self, services: Services, states: frozenset[CaseState]) -> list[str]:
        """The cases meant; those that are not named one by one are of these states only.

        RefusedError unless exactly one way was chosen, and where a shortened id is not clear.
        """
        ways = [bool(self.ids), bool(self.digest), bool(self.notice), self.everything]
        if sum(ways) != 1:
            hint = "see: goodhoster cases list"
            raise RefusedError("say which cases: their ids, --digest, --notice or --all", hint=hint)
        if not self.everything and self != replace(Selection(), **self._ways):
            raise RefusedError("filters go with --all only", hint="leave them out, or use --all --preview")
        if self.ids:
            return complete_all(services, self.ids)
        if self.notice:
            return _of_notice(services, self.notice, states)
        if self.everything:
            return [case.id for case in self.find(services, states)]
        return [case.id for case in services.case_store.find(_about(self.content, states))]

    @property
    def _ways(self) -> dict[str, Any]:
        return {"ids": self.ids, "digest": self.digest, "notice": self.notice, "preview": self.preview}

    @property
    def content(self) -> Digest:
        """The digest that was typed; RefusedError where it is none."""
        from goodhoster.model.digests import Digest

        try:
            return Digest.parse(self.digest)
        except ValueError as error:
            raise RefusedError(str(error), hint="the digest stands in: goodhoster cases show ID") from error


def with_options(kind: type[CaseFilter]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command the options of that class; it gets their value as its argument `cases`."""

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        own = [each for each in inspect.signature(command, eval_str=True).parameters.values() if each.name != "cases"]
        typed = list(inspect.signature(kind, eval_str=True).parameters.values())
        keyword = inspect.Parameter.KEYWORD_ONLY

        @functools.wraps(command)
        def run(**given: Any) -> None:  # noqa: ANN401 - whatever Typer read
            chosen = kind(**{each.name: given.pop(each.name) for each in typed})
            command(cases=chosen, **given)

        parameters = [each.replace(kind=keyword) for each in (*typed, *own)]
        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        run.__annotations__ = {each.name: each.annotation for each in parameters}
        return run

    return decorate


def complete_all(services: Services, ids: Iterable[str]) -> list[str]:
    """Ids in full, of ids that may be shortened; one that is not there stays as it was typed."""
    found: list[str] = []
    for case_id in ids:
        try:
            found.append(services.case_store.complete(case_id))
        except RefusedError as error:
            if error.ambiguous:
                raise
            found.append(case_id)
    return found


def _of_notice(services: Services, notice_id: str, states: frozenset[CaseState]) -> list[str]:
    store = services.notices.store
    items = store.get(store.complete(notice_id)).items
    named = dict.fromkeys(case_id for item in items for case_id in (*item.cases, *item.copies_held))
    return [case.id for case in services.case_store.get_all(list(named)) if case.state in states]


def _about(digest: Digest, states: frozenset[CaseState]) -> CaseQuery:
    from goodhoster.ports import CaseQuery

    return CaseQuery(states=states, digest=digest)


def _lies_below(case: Case, docroots: Iterable[bytes]) -> bool:
    return any(
        upload.place.absolute.startswith(root.rstrip(b"/") + b"/") for upload in case.uploads for root in docroots
    )
