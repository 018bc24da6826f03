"""What a site's answers tell: off is said only of a site that is off at every address."""

from collections.abc import Sequence

import pytest

from goodhoster.customers.suspension.effect import SiteEffect, judge_lifted, judge_suspended
from goodhoster.model.customers.suspensions import PageSeen

Pages = Sequence[tuple[int | None, str]]

SITE: Pages = [(200, "home"), (200, "home"), (404, "none")]


def _seen(pages: Pages) -> list[PageSeen]:
    paths = ("/", "/?goodhoster", "/goodhoster-no-such-page")
    return [PageSeen("a.example", path, *page) for path, page in zip(paths, pages, strict=True)]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (SITE, SITE, SiteEffect.SERVED),
        (SITE, [(200, "suspended"), (200, "home"), (404, "none")], SiteEffect.SERVED),  # HestiaCP #2695: /?x is served
        (SITE, [(200, "suspended")] * 3, SiteEffect.OFF),
        (SITE, [(403, "x"), (403, "x"), (403, "y")], SiteEffect.OFF),
        (SITE, [(503, "x")] * 3, SiteEffect.OFF),
        (SITE, [(302, "to the panel")] * 3, SiteEffect.OFF),
        (SITE, [(200, "suspended"), (404, "y"), (404, "y")], SiteEffect.UNKNOWN),
        (SITE, [(None, "")] * 3, SiteEffect.UNKNOWN),
        (SITE, [(502, "x")] * 3, SiteEffect.UNKNOWN),
        (SITE, [(429, "x")] * 3, SiteEffect.UNKNOWN),
        (SITE, [(403, "x"), (None, ""), (403, "x")], SiteEffect.UNKNOWN),
        ([(302, "home")] * 3, [(302, "home")] * 3, SiteEffect.SERVED),
        ([(200, "app")] * 3, [(200, "app")] * 3, SiteEffect.SERVED),  # one page for every address, as applications have
        ([(200, "app")] * 3, [(200, "suspended")] * 3, SiteEffect.OFF),
        ([(None, "")] * 3, [(200, "page")] * 3, SiteEffect.UNKNOWN),  # nothing to compare with
        ([(None, "")] * 3, [(404, "x")] * 3, SiteEffect.OFF),
    ],
)
def test_judges_a_suspended_site(before: Pages, after: Pages, expected: SiteEffect) -> None:
    assert judge_suspended(_seen(before), _seen(after)).effect is expected


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (SITE, SITE, SiteEffect.SERVED),
        (SITE, [(200, "new"), (200, "new"), (200, "new")], SiteEffect.SERVED),
        (SITE, [(403, "x")] * 3, SiteEffect.OFF),
        (SITE, [(None, "")] * 3, SiteEffect.UNKNOWN),
        ([(403, "x")] * 3, [(403, "x")] * 3, SiteEffect.SERVED),
    ],
)
def test_judges_a_lifted_site(before: Pages, after: Pages, expected: SiteEffect) -> None:
    assert judge_lifted(_seen(before), _seen(after)).effect is expected


def test_nothing_seen_is_unknown() -> None:
    assert judge_suspended([], []).effect is SiteEffect.UNKNOWN
