from dataclasses import replace

import pytest

from goodhoster.model.notices import NoticeFormat, Notifier, NotifierCaps, NotifierKind, ReadItem, ReadNotice
from goodhoster.notices.reading.doubts import doubts_about
from goodhoster.notices.reading.formats.free_text import CONFIRM

ITEM = ReadItem(("https://anna.example/",))
NOTICE = ReadNotice(NoticeFormat.URL_LIST, (ITEM,), doubts=(CONFIRM,))
WRITES_SO = Notifier(
    "desk",
    "Desk",
    NotifierKind.HOTLINE,
    ("desk.example",),
    86400,
    automatic=True,
    caps=NotifierCaps(1, 1),
    layout="url-list",
)


def test_free_text_of_a_proven_notifier_that_always_writes_so_needs_no_confirmation() -> None:
    assert doubts_about(ITEM, NOTICE, WRITES_SO) == ()


@pytest.mark.parametrize("notifier", [None, replace(WRITES_SO, layout=""), replace(WRITES_SO, layout="scart-table")])
def test_anybody_elses_does(notifier: Notifier | None) -> None:
    assert doubts_about(ITEM, NOTICE, notifier) == (CONFIRM,)


def test_no_other_doubt_is_lifted() -> None:
    notice = replace(NOTICE, doubts=("the table of URLs has no rows, or no end", CONFIRM))
    item = replace(ITEM, doubts=("odd",))
    assert doubts_about(item, notice, WRITES_SO) == ("the table of URLs has no rows, or no end", "odd")
    assert doubts_about(item, None, None) == ("odd",)
