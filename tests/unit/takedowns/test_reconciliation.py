"""The hotline's list against our receipts: every gap has its name and its reason."""

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goodhoster.errors import ConfigurationError
from goodhoster.model.notice_status import ItemState, Notice, NoticeItem
from goodhoster.model.notices import ReadItem
from goodhoster.takedowns.reconciliation import Discrepancy, HotlineListLine, read_list, reconcile
from goodhoster.testing.suites.notice_store import NOON, a_notice

URL = "http://anna.example/p.jpg"


def ours(url: str = URL, state: ItemState = ItemState.INACCESSIBLE, name: str = "N1") -> Notice:
    item = NoticeItem(ReadItem((url,)), url, state, reason="because", gone_at=NOON)
    return replace(a_notice(name), items=(item,))


def gaps(lines: list[HotlineListLine], *notices: Notice) -> list[Discrepancy]:
    return [finding.gap for finding in reconcile(lines, notices)]


@pytest.mark.parametrize(
    ("line", "notice", "gap"),
    [
        (HotlineListLine(URL, "M0123456789", open=False), ours(), Discrepancy.AGREED),
        (HotlineListLine(URL), ours(), Discrepancy.AGREED),
        (HotlineListLine("http://ANNA.example:80/./p.jpg"), ours(), Discrepancy.AGREED),
        (HotlineListLine(URL, open=True), ours(), Discrepancy.OPEN_THERE_GONE_HERE),
        (HotlineListLine(URL, open=True), ours(state=ItemState.NOT_OURS), Discrepancy.OPEN_THERE_GONE_HERE),
        (HotlineListLine(URL, open=True), ours(state=ItemState.DISPUTED), Discrepancy.DISPUTED_HERE),
        (HotlineListLine(URL, open=False), ours(state=ItemState.DISPUTED), Discrepancy.AGREED),
        (HotlineListLine(URL, open=False), ours(state=ItemState.HELD), Discrepancy.OPEN_HERE),
        (HotlineListLine(URL, open=True), ours(state=ItemState.WAITING), Discrepancy.OPEN_HERE),
        (HotlineListLine(URL, "M9999999999"), ours(), Discrepancy.OTHER_NOTICE),
    ],
)
def test_one_line_against_one_notice(line: HotlineListLine, notice: Notice, gap: Discrepancy) -> None:
    (found,) = reconcile([line], [notice])
    assert (found.gap, found.notice) == (gap, "N1")
    assert found.why


def test_both_ways() -> None:
    found = reconcile([HotlineListLine("http://anna.example/lost.jpg", "M1")], [ours()])
    assert [(f.gap, f.url, f.notice) for f in found] == [
        (Discrepancy.NEVER_RECEIVED, "http://anna.example/lost.jpg", ""),
        (Discrepancy.NOT_ON_THEIR_LIST, URL, "N1"),
    ]


def test_of_several_notices_the_one_with_that_number_counts() -> None:
    other = ours(name="N2")
    assert other.read
    other = replace(other, read=replace(other.read, reference="M2"))
    (found,) = reconcile([HotlineListLine(URL, "M0123456789")], [ours(), other])
    assert (found.gap, found.notice) == (Discrepancy.AGREED, "N1")


@pytest.mark.parametrize(
    "content",
    [
        b"url,reference,status\n%s,[M1],open\n",
        b"\xef\xbb\xbfURL;Kenmerk;Status\r\n%s;M1;lopend\r\n",
        b"Nummer\tAddress\tState\rM1\t%s\tONLINE\r",
        b'reference,url,status\n"M1","%s","running"\n\n , ,open\n',
    ],
    ids=["commas", "semicolons-bom-crlf", "tabs-cr", "quoted-blank-lines"],
)
def test_lists_as_they_come(content: bytes) -> None:
    assert read_list(content % URL.encode()) == [HotlineListLine(URL, "M1", open=True)]


def test_a_list_that_tells_less() -> None:
    assert read_list(b"url,status\nhttp://a.example/1,\nhttp://a.example/2,closed\n") == [
        HotlineListLine("http://a.example/1"),
        HotlineListLine("http://a.example/2", open=False),
    ]


@pytest.mark.parametrize("content", [b"", b"a,b\n1,2\n", b"url\n" + b"x" * 200_000], ids=["empty", "no-url", "endless"])
def test_what_is_no_list_is_refused_with_a_hint(content: bytes) -> None:
    with pytest.raises(ConfigurationError) as refused:
        read_list(content)
    assert refused.value.hint


@given(st.lists(st.sampled_from([f"http://a.example/{n}" for n in range(6)]), max_size=8), st.sets(st.integers(0, 5)))
def test_no_line_of_theirs_and_no_address_of_ours_is_left_out(theirs: list[str], mine: set[int]) -> None:
    notices = [ours(f"http://a.example/{n}", name=f"N{n}") for n in mine]
    found = reconcile([HotlineListLine(url) for url in theirs], notices)
    assert [f.url for f in found[: len(theirs)]] == theirs
    assert {f.url for f in found[len(theirs) :]} == {n.items[0].url for n in notices} - set(theirs)


@pytest.mark.slow
def test_a_list_of_ten_thousand_lines_against_as_many_items_in_mails_of_a_hundred() -> None:
    """Every tenth line was lost on the way, is held, is disputed, or is counted as online; as many of ours are not on
    their list. Each has its own name and reason, and the rest agrees.
    """
    states = {1: ItemState.HELD, 2: ItemState.DISPUTED}
    urls = [f"http://c{n % 50}.example/{n}.jpg" for n in range(10_000)]
    items = [
        ours(url, states.get(n % 10, ItemState.INACCESSIBLE)).items[0]
        for n, url in enumerate([*urls, *(f"http://more.example/{n}" for n in range(1_000))])
        if n % 10 or n >= len(urls)
    ]
    notices = [replace(a_notice(f"N{n}"), items=tuple(items[n : n + 100])) for n in range(0, len(items), 100)]
    rows = "".join(f"{url};[M0123456789];{'open' if n % 10 in {2, 3} else 'closed'}\n" for n, url in enumerate(urls))
    found = reconcile(read_list(f"url;kenmerk;status\n{rows}".encode()), notices)
    assert [finding.url for finding in found[: len(urls)]] == urls
    assert Counter(finding.gap for finding in found) == {
        Discrepancy.NEVER_RECEIVED: 1_000,
        Discrepancy.OPEN_HERE: 1_000,
        Discrepancy.DISPUTED_HERE: 1_000,
        Discrepancy.OPEN_THERE_GONE_HERE: 1_000,
        Discrepancy.AGREED: 6_000,
        Discrepancy.NOT_ON_THEIR_LIST: 1_000,
    }
    assert all(finding.why for finding in found)
    assert all(bool(finding.notice) is (finding.gap is not Discrepancy.NEVER_RECEIVED) for finding in found)


def test_a_quote_that_is_not_closed_hides_no_line_of_theirs() -> None:
    with pytest.raises(ConfigurationError, match="is not CSV"):
        read_list(b'url,note\nhttp://a.example/1,"x\nhttp://a.example/2,y\n')
