"""The mirror equals a straightforward re-computation from raw events, over years with outages, repeats, reopenings.

The histories are made by the functions that the daemon uses (`after_look`); the re-computation knows none of them, nor
any of the reports': it walks along the raw events of each URL, minute by minute where anything happened.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goodhoster.model.audit import AuditEntry, AuditEvent
from goodhoster.model.cases import Case, CaseState, Measure, MeasureKind, MeasureState
from goodhoster.model.notice_status import ItemState, Notice, NoticeItem, NoticeState, Receipt, Seen, Sight
from goodhoster.model.notices import Carrier, NoticeFormat, ReadItem, ReadNotice, TrustFinding, TrustLevel
from goodhoster.model.uploads import FileState, Place, Upload
from goodhoster.model.verdicts import Match
from goodhoster.reports.conduct import Installation, NormId, conduct
from goodhoster.reports.facts import Facts
from goodhoster.reports.norm import WITHIN, Dimension, Figure, Mirror, mirror, trace
from goodhoster.reports.norm_document import norm_document
from goodhoster.reports.periods import Period
from goodhoster.reports.proofs import Proofs
from goodhoster.reports.removals import FigureClock, Key, OutsideCheckEntry, needs_log, note_look, reported
from goodhoster.reports.statistics import Duration, survival
from goodhoster.reports.transparency import transparency_document
from goodhoster.reports.weekly_document import weekly_document
from goodhoster.takedowns.outside_checks import after_look, first_look
from goodhoster.testing.suites.hash_source import made_up

BEGIN = datetime(2025, 1, 1, tzinfo=UTC)
END = BEGIN + timedelta(days=730)
HOUR = timedelta(hours=1)


@dataclass
class Raw:
    """What really happened with one URL of one notice, as anybody could write it down."""

    url: str
    notifier: str
    received: datetime
    sent: datetime
    gone_or_back: list[tuple[datetime, bool]] = field(default_factory=list)
    """When it was seen, and whether it was gone."""
    fate: str = "ours"


@dataclass
class World:
    """Two years of notices, made at random."""

    raw: list[Raw] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)
    entries: list[AuditEntry] = field(default_factory=list)

    def mirror(self) -> tuple[Mirror, Facts]:
        looks: dict[Key, list[OutsideCheckEntry]] = {}
        about = frozenset((n.id, item.url) for n in self.notices for item in n.items if needs_log(item))
        for entry in self.entries:
            note_look(looks, entry, about)
        facts = Facts(Period(), END)
        facts.take_log(self.entries)
        for notice in self.notices:
            facts.take_notice(notice, reported(notice, looks))
        return mirror(facts.urls, END, lambda url: url.split("/")[2]), facts


def world(seed: int, notices: int) -> World:
    rng, made = random.Random(seed), World()
    outages = [(start, start + timedelta(hours=rng.uniform(1, 400))) for start in map(_moment, [rng] * 4)]
    events: list[tuple[datetime, AuditEvent]] = []
    for number in range(notices):
        received = _moment(rng)
        sent = received - timedelta(minutes=rng.choice([0, 1, 30, 600]))
        read = ReadNotice(NoticeFormat.SCART_TABLE, sent_at=rng.choice([None, sent, received + 9 * HOUR]))
        trust = TrustFinding(TrustLevel.PINNED, rng.choice(["hotline", "flagger"]))
        urls = [f"https://{rng.choice('abc')}.example/{rng.randrange(notices)}.jpg" for _ in range(rng.randint(1, 3))]
        items = []
        for url in dict.fromkeys(urls):
            raw = Raw(url, trust.notifier, received, sent if read.sent_at == sent else received)
            item, at = _life(rng, raw, outages)
            items.append(item)
            made.raw.append(raw)
            name = f"N{number}"
            events += [(when, AuditEvent(f"item.{state}", {"notice": name, "url": url})) for when, state in at]
        receipt = Receipt(f"N{number}", received, Carrier.MAIL, b"")
        made.notices.append(Notice(receipt, NoticeState.OPEN, read, trust, tuple(items)))
    events.sort(key=lambda event: event[0])
    made.entries = [AuditEntry(n, at, event, b"") for n, (at, event) in enumerate(events)]
    return made


def _moment(rng: random.Random) -> datetime:
    return BEGIN + timedelta(minutes=rng.randrange(int((END - BEGIN) / timedelta(minutes=1)) - 1))


def _life(
    rng: random.Random, raw: Raw, outages: list[tuple[datetime, datetime]]
) -> tuple[NoticeItem, list[tuple[datetime, ItemState]]]:
    """An item as the daemon makes it, look by look; what was seen goes into `raw`."""
    item = NoticeItem(ReadItem((raw.url,)), raw.url, customer=raw.url.split("/")[2])
    fate = rng.choices(["acted", "nothing", "held", "not-ours", "disputed"], [70, 10, 8, 6, 6])[0]
    if fate == "not-ours":
        raw.fate = fate
        return replace(item, state=ItemState.NOT_OURS), []
    if fate == "held":
        return replace(item, state=ItemState.HELD), []
    if fate == "disputed":
        raw.fate = fate
        return replace(item, state=ItemState.DISPUTED), []
    now = raw.received + timedelta(minutes=rng.choice([0, 1, 45, 300, 3000]))
    item = replace(item, state=ItemState.OFFLINE, cases=("case",) if fate == "acted" else ())
    item, seen_at = first_look(item, now, may_look=True), []
    while item.next_check_at is not None and now < END:
        now = max(now, item.next_check_at)
        now = next((end for start, end in outages if start <= now < end), now)  # nothing looks while it is down
        if now >= END:
            break
        sight = rng.choices([Sight.GONE, Sight.THERE, Sight.UNKNOWN], [80, 12, 8])[0]
        after = after_look(item, Seen(sight, ""), now)
        if after.state is not item.state:
            seen_at.append((now, after.state))
            raw.gone_or_back.append((now, after.state in {ItemState.INACCESSIBLE, ItemState.GONE}))
        item = after
        if item.state is ItemState.REOPENED and item.cases and rng.random() < 0.7:
            now += timedelta(minutes=rng.choice([1, 90, 4000]))
            item = first_look(replace(item, state=ItemState.OFFLINE, next_check_at=None), now, may_look=True)
    return item, seen_at


@dataclass
class Straight:
    """The figures, computed without any of our code."""

    received: int = 0
    unique: int = 0
    reopened: int = 0
    open_now: int = 0
    over_24h: int = 0
    not_ours: int = 0
    disputed: int = 0
    longest: list[tuple[float, bool]] = field(default_factory=list)


def recomputed(raws: list[Raw], clock: FigureClock) -> Straight:
    straight = Straight(received=len(raws))
    for url in sorted({raw.url for raw in raws}):
        here = [raw for raw in raws if raw.url == url]
        straight.unique += 1
        straight.not_ours += all(raw.fate == "not-ours" for raw in here)
        straight.disputed += any(raw.fate == "disputed" for raw in here)
        straight.reopened += any(_came_back(raw) for raw in here)
        counted = [
            raw for raw in here if raw.fate == "ours" or (raw.fate == "disputed" and clock is FigureClock.HOTLINE)
        ]
        if not counted:
            continue
        runs = list(_runs(counted, clock))
        is_open = runs[-1][1]
        straight.open_now += is_open
        straight.over_24h += is_open and runs[-1][0] > 24
        straight.longest.append((max(hours for hours, _ in runs), is_open))
    return straight


def _came_back(raw: Raw) -> bool:
    was_gone = False
    for _, gone in raw.gone_or_back:
        if was_gone and not gone:
            return True
        was_gone = was_gone or gone
    return False


def _runs(raws: list[Raw], clock: FigureClock) -> Iterator[tuple[float, bool]]:
    """Hours of each time that the URL was online by anybody's report, and whether it still is."""
    begins = {raw.sent if clock is FigureClock.HOTLINE else raw.received for raw in raws}
    wait = timedelta(minutes=30) if clock is FigureClock.HOTLINE else timedelta(0)
    moments = sorted(
        begins | {at + shift for raw in raws for at, _ in raw.gone_or_back for shift in (wait, timedelta(0))}
    )
    since: datetime | None = None
    for number, moment in enumerate(moments):
        until = moments[number + 1] if number + 1 < len(moments) else END
        online = any(_online(raw, moment, clock, wait) for raw in raws)
        if online and since is None:
            since = moment
        if not online and since is not None:
            yield (moment - since) / HOUR, False
            since = None
        if not online and moment in begins:
            yield 0.0, False
        if number + 1 == len(moments) and since is not None:
            yield (until - since) / HOUR, True


def _online(raw: Raw, moment: datetime, clock: FigureClock, wait: timedelta) -> bool:
    if moment < (raw.sent if clock is FigureClock.HOTLINE else raw.received):
        return False
    gone = False
    for number, (at, is_gone) in enumerate(raw.gone_or_back):
        if is_gone:
            back = next((b for b, still in raw.gone_or_back[number + 1 :] if not still), None)
            lasts = back is None or back - at >= wait
            gone = gone or (lasts and at + wait <= moment)
        elif at <= moment:
            gone = False
    return not gone


@settings(max_examples=40)
@given(st.integers(0, 2**32), st.integers(1, 120))
def test_the_mirror_equals_a_straightforward_recomputation(seed: int, notices: int) -> None:
    made = world(seed, notices)
    found, facts = made.mirror()
    parts = {"": made.raw} | {who: [raw for raw in made.raw if raw.notifier == who] for who in ("hotline", "flagger")}
    for who, raws in parts.items():
        norm = found.total if not who else found.groups[Dimension.NOTIFIER].get(who)
        if norm is None:
            assert raws == []
            continue
        for clock in FigureClock:
            straight, speed = recomputed(raws, clock), norm.speed[clock]
            assert (norm.received, norm.unique, norm.reopened) == (
                straight.received,
                straight.unique,
                straight.reopened,
            )
            assert (norm.not_ours, norm.disputed) == (straight.not_ours, straight.disputed)
            assert (speed.open_now, speed.open_over_24h) == (straight.open_now, straight.over_24h)
            for hours in WITHIN:
                share = speed.within[hours]
                gone = sum(not is_open and longest <= hours for longest, is_open in straight.longest)
                assert (share.part, share.whole) == (gone, len(straight.longest))
            assert speed.median == pytest.approx(_median(straight.longest))
    assert _as_traced(facts) == _as_counted(found)


def _median(longest: list[tuple[float, bool]]) -> float | None:
    """Product-limit estimate, moment by moment."""
    left = 1.0
    for hours in sorted({hours for hours, is_open in longest if not is_open}):
        left *= 1 - sum(h == hours and not o for h, o in longest) / sum(h >= hours for h, _ in longest)
        if left <= 0.5 + 1e-12:
            return hours
    return None


def _as_traced(facts: Facts) -> dict[Figure, int]:
    """Each figure by counting the URLs that stand behind it."""
    return {
        figure: len({report.url for report in trace(facts.urls, figure, END)})
        for figure in Figure
        if figure not in {Figure.RECEIVED, Figure.GONE_24H}
    }


def _as_counted(found: Mirror) -> dict[Figure, int]:
    total, speed = found.total, found.total.speed[FigureClock.RECEIPT]
    return {
        Figure.UNIQUE: total.unique,
        Figure.OPEN_NOW: speed.open_now,
        Figure.OPEN_OVER_24H: speed.open_over_24h,
        Figure.REOPENED: total.reopened,
        Figure.UNMEASURED: total.unmeasured,
        Figure.DISPUTED: total.disputed,
        Figure.NOT_OURS: total.not_ours,
    }


DURATIONS = st.lists(st.tuples(st.integers(0, 40).map(float), st.booleans()), min_size=1, max_size=60)


@given(DURATIONS)
def test_the_curve_is_the_product_of_the_shares_that_stayed(durations: list[tuple[float, bool]]) -> None:
    """Kaplan and Meier 1958, word for word; what is still going on counts for as long as it was watched."""
    curve = survival(Duration(hours, ended) for hours, ended in durations)
    left = 1.0
    for hour in range(42):
        at_risk = sum(hours >= hour for hours, _ in durations)
        ended = sum(hours == hour and ended for hours, ended in durations)
        left *= (at_risk - ended) / at_risk if ended else 1
        assert curve.at(hour) == pytest.approx(left)
    assert curve.median == pytest.approx(_median([(hours, not ended) for hours, ended in durations]))


@settings(max_examples=25)
@given(st.integers(0, 2**32), st.integers(1, 60))
def test_the_counts_of_all_reports_agree(seed: int, notices: int) -> None:
    made, rng = world(seed, notices), random.Random(seed)
    period = Period(BEGIN + timedelta(days=100), BEGIN + timedelta(days=500), "some")
    facts = Facts(period, END)
    looks: dict[Key, list[OutsideCheckEntry]] = {}
    about = {(n.id, item.url) for n in made.notices for item in n.items if needs_log(item)}
    for entry in made.entries:
        note_look(looks, entry, about)
    inside = [notice for notice in made.notices if notice.receipt.received_at in period]
    for notice in inside:
        facts.take_notice(notice, reported(notice, looks))
    trials = [_a_trial(notice) for notice in inside[:3]]
    for trial in trials:
        facts.take_notice(trial, reported(trial, looks))
    cases = [case for case in (a_case(rng, number) for number in range(notices)) if case.opened_at in period]
    for case in cases:
        facts.take_case(case)
    figures = mirror(facts.urls, END, str)
    norm, weekly = norm_document(facts, figures).data, weekly_document(facts).data
    sections = transparency_document(facts, figures).data["sections"]

    def value(section: str, indicator: str) -> int:
        return sum(row["value"] or 0 for row in sections[section] if row["indicator"] == indicator)

    urls = sum(len(notice.items) for notice in inside)
    names = [week["week"] for week in weekly["weeks"]]
    assert names == [_week(day) for day in sorted(_mondays(names))], (
        "no week is left out between the first and the last"
    )
    assert norm["tests"] == len(trials)
    assert norm["received"] == sum(week["reported"] for week in weekly["weeks"]) == urls
    assert value("1.2 orders", "items in these orders") + value("1.3 notices", "items in these notices") == urls
    assert sum(group["received"] for group in norm["by"]["notifier"].values()) == urls
    assert sum(group["unique"] for group in norm["by"]["domain"].values()) == norm["unique"]
    own = [case for case in cases if not case.notice]
    assert value("1.4 own initiative", "matches") == len(own)
    assert weekly["matches"] == sum(bool(case.matches) for case in cases)
    taken = sum(case.state in {CaseState.OFFLINE, CaseState.RESTORED} for case in own)
    assert value("1.4 own initiative", "measures") == taken
    reversed_ = value("1.5 complaints", "decisions reversed, with or without a complaint")
    assert reversed_ == sum(case.state is CaseState.RESTORED for case in cases)
    told = {finding.norm: finding.proof for finding in conduct(facts, figures, installation(), Proofs())}
    share = norm["clocks"]["receipt"]["within"]["24"]
    expected = f"{share['gone']:,} of {share['of']:,} URLs gone within 24 h, {norm['open_over_24h']:,} open for longer"
    assert told[NormId.WITHIN_24H].startswith(
        expected if share["of"] else "nothing of ours was reported in this period"
    )


def _a_trial(notice: Notice) -> Notice:
    """The same, by a sender who only tries the way."""
    return replace(notice, read=ReadNotice(NoticeFormat.SCART_TEST))


def _week(monday: date) -> str:
    year, number, _ = monday.isocalendar()
    return f"{year}-W{number:02}"


def _mondays(names: list[str]) -> set[date]:
    """Every Monday from that of the first of these weeks to that of the last."""
    if not names:
        return set()
    first, last = (date.fromisocalendar(int(name[:4]), int(name[6:]), 1) for name in (min(names), max(names)))
    return {first + timedelta(weeks=number) for number in range((last - first).days // 7 + 1)}


def installation() -> Installation:
    return Installation(enforcing=True, sources=1, ways_in=("LMTP",), answers=True, without_outcome=0)


def a_case(rng: random.Random, number: int) -> Case:
    state, measure = rng.choice(
        [
            (CaseState.OFFLINE, MeasureState.DONE),
            (CaseState.RESTORED, MeasureState.UNDONE),
            (CaseState.HELD, MeasureState.PROPOSED),
            (CaseState.GONE, MeasureState.REFUSED),
        ]
    )
    notice = rng.choice(["", "", "N1"])
    matches = (Match("police", "sha1"),) if not notice or rng.random() < 0.3 else ()
    upload = Upload(Place(b"/srv", b"%d.jpg" % number), "anna", FileState(1, number, 1, 1, 1))
    measures = (Measure(MeasureKind.QUARANTINE, measure),)
    actor = "eve" if state is CaseState.RESTORED else ""
    digests = made_up(str(number)).digests
    return Case(f"c{number}", state, upload, digests, matches, _moment(rng), measures, actor=actor, notice=notice)
