"""The transparency report of a calendar year (DSA Art. 15; Regulation 2024/2835). Pure.

Its sections are those of the template that apply to a hoster. A figure that goodhoster does not have is empty, never 0.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from statistics import median

from goodhoster.reports.documents import Cell, Document, Table, Tile, period_as_object, rounded
from goodhoster.reports.facts import Facts, Measured, NoticeCounts
from goodhoster.reports.norm import Dimension, Mirror, Norm
from goodhoster.reports.proofs import People
from goodhoster.reports.removals import ORDER, OTHERS, TRUSTED, FigureClock
from goodhoster.reports.statistics import Share

CATEGORY = "STATEMENT_CATEGORY_PROTECTION_OF_MINORS"
KEYWORD = "KEYWORD_CHILD_SEXUAL_ABUSE_MATERIAL"
RESTRICTION = "DECISION_VISIBILITY_CONTENT_DISABLED"
SHEETS = (
    "1.2 orders",
    "1.3 notices",
    "1.4 own initiative",
    "1.5 complaints",
    "1.6 automated means",
    "1.7 people",
)
_COLUMNS = ("indicator", "scope", "value", "unit")


def transparency_document(facts: Facts, mirror: Mirror, people: tuple[People, ...] = ()) -> Document:
    """The report; one table for each sheet."""
    senders = mirror.groups[Dimension.SENDER]
    rows = (
        list(_orders(facts, senders)),
        list(_notices(facts, senders)),
        list(_own_initiative(facts.own)),
        list(_complaints(facts)),
        list(_automated(facts)),
        list(_people(people)),
    )
    tables = tuple(Table(sheet, _COLUMNS, each) for sheet, each in zip(SHEETS, rows, strict=True))
    data = period_as_object(facts.period, facts.now) | {
        "category": CATEGORY,
        "keyword": KEYWORD,
        "sections": {table.title: [dict(zip(_COLUMNS, row, strict=True)) for row in table.rows] for table in tables},
    }
    received = sum(counts.notices for counts in facts.notices.values())
    return Document(
        name="transparency",
        title="Transparency report",
        data=data,
        tiles=(
            Tile("Notices and orders", f"{received:,}"),
            Tile("URLs in them", f"{sum(counts.urls for counts in facts.notices.values()):,}"),
            Tile("Measures on own initiative", f"{facts.own.taken:,}"),
            Tile("Overruled afterwards", f"{facts.own.restored + facts.noticed.restored:,}"),
        ),
        tables=tables,
        notes=(
            f"All of it is about one category: {CATEGORY}, {KEYWORD}.",
            "An empty value is not known here: it is not 0. Fill in what only you know before you publish.",
            "Counted are notices whose sender did not only try the way. Time: median (Kaplan-Meier) from our receipt.",
        ),
    )


def _orders(facts: Facts, senders: Mapping[str, Norm]) -> Iterator[tuple[Cell, ...]]:
    counts = facts.notices.get(ORDER, NoticeCounts())
    yield "orders to act against illegal content", KEYWORD, counts.notices, "orders"
    yield "items in these orders", KEYWORD, counts.urls, "items"
    yield "items acted upon", KEYWORD, counts.acted, "items"
    yield "median time to give effect", KEYWORD, _median(senders.get(ORDER)), "hours"
    yield "orders to provide information", KEYWORD, None, "orders"


def _notices(facts: Facts, senders: Mapping[str, Norm]) -> Iterator[tuple[Cell, ...]]:
    for kind, scope in ((TRUSTED, "trusted flaggers and hotlines"), (OTHERS, "all others")):
        counts = facts.notices.get(kind, NoticeCounts())
        yield "notices", scope, counts.notices, "notices"
        yield "items in these notices", scope, counts.urls, "items"
        yield "items acted upon", scope, counts.acted, "items"
        yield "median time to act", scope, _median(senders.get(kind)), "hours"
    noticed = facts.noticed
    yield "measures on the basis of the law", "all notices", noticed.taken, "measures"
    yield "measures on the basis of terms and conditions", "all notices", 0, "measures"
    yield "measures by automated means only", "all notices", noticed.taken - noticed.by_person, "measures"


def _own_initiative(own: Measured) -> Iterator[tuple[Cell, ...]]:
    yield "matches", KEYWORD, own.cases, "items"
    yield "measures", RESTRICTION, own.taken, "measures"
    yield "measures detected by automated means", RESTRICTION, own.taken, "measures"
    yield "measures decided by automated means only", RESTRICTION, own.taken - own.by_person, "measures"
    yield "items that wait for a person, or were only observed", KEYWORD, own.held, "items"


def _complaints(facts: Facts) -> Iterator[tuple[Cell, ...]]:
    scope, complaints = "internal complaint handling", facts.complaints
    hours = complaints.hours if complaints else []
    yield "complaints received", scope, complaints.received if complaints else None, "complaints"
    yield "complaints upheld: the measure was undone", scope, complaints.upheld if complaints else None, "complaints"
    yield "median time to decide", scope, rounded(median(hours), 4) if hours else None, "hours"
    yield "decisions reversed, with or without a complaint", "own initiative", facts.own.restored, "decisions"
    yield "decisions reversed, with or without a complaint", "notices", facts.noticed.restored, "decisions"


def _automated(facts: Facts) -> Iterator[tuple[Cell, ...]]:
    own = facts.own
    automatic = own.taken - own.by_person
    share = Share(own.restored, automatic)
    low, high = share.interval or (None, None)
    yield "purpose", "comparison of uploads with databases of hashes; exact matches only act by themselves", None, ""
    yield "measures decided by automated means only", "own initiative", automatic, "measures"
    yield "of these overruled by a person", "own initiative", own.restored, "measures"
    yield "rate of error", "own initiative", rounded(share.percent, 4), "%"
    yield "rate of error, lower bound (95 %)", "own initiative", rounded(low, 4), "%"
    yield "rate of error, upper bound (95 %)", "own initiative", rounded(high, 4), "%"
    yield "safeguards", "reversible measures, storm brake, statement of reasons, a person overrules", None, ""


def _people(people: tuple[People, ...]) -> Iterator[tuple[Cell, ...]]:
    for each in people:
        yield "people who moderate content", each.language, each.number, "people"
        if each.qualification:
            yield "qualification", f"{each.language}: {each.qualification}", None, ""
    if not people:
        yield "people who moderate content", "write [[people]] into the file of proofs", None, "people"


def _median(norm: Norm | None) -> float | None:
    return rounded(norm.speed[FigureClock.RECEIPT].median, 4) if norm else None
