"""The same for many, side by side and one piece ahead."""

import threading

import pytest

from goodhoster.cases.atonce import one_ahead


@pytest.mark.parametrize("sizes", [[], [1], [3], [2, 3, 1], [50, 50, 7]], ids=str)
def test_each_piece_comes_whole_and_in_its_order(sizes: list[int]) -> None:
    pieces = [list(range(n)) for n in sizes]
    assert list(one_ahead(lambda n: n * n, pieces)) == [[n * n for n in piece] for piece in pieces]


def test_the_next_piece_is_made_meanwhile_and_no_further_one() -> None:
    begun = [threading.Event() for _ in range(4)]
    made = one_ahead(lambda n: begun[n].set(), [[n] for n in range(4)])
    next(made)
    assert begun[1].wait(5), "made while the caller is at the first"
    assert not begun[2].wait(0.2)


def test_what_a_piece_raises_comes_in_its_turn() -> None:
    made = one_ahead(lambda n: 6 // n, [[3], [0], [2]])
    assert next(made) == [2]
    with pytest.raises(ZeroDivisionError):
        next(made)


def test_left_half_way_nothing_goes_on_behind() -> None:
    before = set(threading.enumerate())
    made = one_ahead(lambda n: n, [[n] for n in range(4)])
    next(made)
    assert set(threading.enumerate()) > before
    made.close()
    assert set(threading.enumerate()) == before
