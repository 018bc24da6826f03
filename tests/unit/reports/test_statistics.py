"""Confidence intervals and Kaplan-Meier curves agree with published values and with `lifelines`."""

import pytest

from goodhoster.reports.statistics import Duration, Share, survival

# Computed once by lifelines 0.30.3 (KaplanMeierFitter), which with pandas and scipy is too heavy to be tested against
# each time: durations, whether they ended, the median, and the survival at 0, 1, 4, 12, 24, 48 and 72 hours.
LIFELINES = [
    (
        [0.5],
        [1],
        0.5,
        [1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
    ),
    (
        [3.4, 65.4],
        [1, 1],
        3.4,
        [1.0, 1.0, 0.5, 0.5, 0.5, 0.5, 0.0],
    ),
    (
        [35.4, 4.3, 0.5],
        [1, 1, 1],
        4.3,
        [1.0, 0.6666666666666666, 0.6666666666666666, 0.3333333333333333, 0.3333333333333333, 0.0, 0.0],
    ),
    (
        [14.5, 30.8, 20.5, 11.1, 0.1],
        [1, 1, 0, 1, 1],
        14.5,
        [1.0, 0.8, 0.8, 0.6000000000000001, 0.4, 0.0, 0.0],
    ),
    (
        [13.5, 9.9, 0.5, 11.5, 92.7, 0.0, 13.5, 16.0],
        [1, 1, 1, 1, 1, 1, 1, 1],
        11.5,  # lifelines says 13.5: its product is 0.5000000000000001 at 11.5, where exactly half is gone
        [
            0.8750000000000001,
            0.7500000000000001,
            0.7500000000000001,
            0.5000000000000001,
            0.12500000000000003,
            0.12500000000000003,
            0.12500000000000003,
        ],
    ),
    (
        [0.8, 59.4, 49.2, 14.1, 3.5, 11.3, 16.9, 29.2, 26.7, 26.3, 6.6, 26.0, 22.3],
        [0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1],
        22.3,
        [1.0, 1.0, 0.9166666666666667, 0.7500000000000001, 0.49999999999999994, 0.16666666666666669, 0.0],
    ),
    (
        [
            36.9,
            26.6,
            4.7,
            0.1,
            3.9,
            76.2,
            5.1,
            20.2,
            14.1,
            23.6,
            7.7,
            32.8,
            18.4,
            4.1,
            0.5,
            13.3,
            10.2,
            101.1,
            7.6,
            4.1,
            21.2,
            18.9,
            11.1,
            7.2,
            36.2,
            2.7,
            23.1,
            10.2,
            3.5,
            13.0,
            2.5,
            29.8,
            24.6,
            23.3,
            33.0,
            20.7,
            52.1,
            25.1,
            20.5,
            22.8,
        ],
        [
            1,
            1,
            1,
            0,
            1,
            0,
            1,
            1,
            1,
            1,
            1,
            1,
            1,
            0,
            1,
            1,
            1,
            1,
            1,
            1,
            1,
            1,
            1,
            1,
            1,
            1,
            1,
            1,
            1,
            1,
            1,
            1,
            0,
            1,
            0,
            1,
            1,
            1,
            1,
            1,
        ],
        20.2,
        [
            1.0,
            0.9743589743589743,
            0.871794871794872,
            0.6346153846153848,
            0.2908653846153847,
            0.10471153846153848,
            0.0698076923076923,
        ],
    ),
]
TIMES = (0, 1, 4, 12, 24, 48, 72)


@pytest.mark.parametrize(("hours", "ended", "median", "at"), LIFELINES)
def test_the_curve_is_that_of_lifelines(hours: list[float], ended: list[int], median: float, at: list[float]) -> None:
    curve = survival(Duration(each, bool(end)) for each, end in zip(hours, ended, strict=True))
    assert curve.median == median
    assert [curve.at(time) for time in TIMES] == pytest.approx(at, abs=1e-12)


def test_a_median_that_cannot_be_told_yet_is_none() -> None:
    assert survival([]).median is None
    assert survival([Duration(1, ended=True), Duration(5, ended=False), Duration(5, ended=False)]).median is None


def test_open_items_do_not_shorten_the_median() -> None:
    ended = [Duration(hours, ended=True) for hours in (1, 2, 3, 4)]
    assert survival(ended).median == 2
    assert survival([*ended, *[Duration(10, ended=False)] * 2]).median == 3


@pytest.mark.parametrize(
    ("part", "whole", "low", "high"),
    [  # Newcombe 1998, table I, method 3
        (81, 263, 25.53, 36.62),
        (15, 148, 6.24, 16.05),
        (0, 20, 0.0, 16.11),
        (1, 29, 0.61, 17.18),
        (29, 29, 88.30, 100.0),
    ],
)
def test_the_interval_is_wilsons(part: int, whole: int, low: float, high: float) -> None:
    interval = Share(part, whole).interval
    assert interval is not None
    assert interval == pytest.approx((low, high), abs=0.01)


def test_nothing_has_no_share() -> None:
    assert (Share(0, 0).percent, Share(0, 0).interval) == (None, None)
