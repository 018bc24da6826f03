"""A function over many values, in threads."""

import threading

import pytest

from goodhoster.linux.threads import map_ahead, map_parallel


@pytest.mark.parametrize("count", [0, 1, 2, 50])
@pytest.mark.parametrize("most", [1, 4])
def test_results_come_in_the_order_of_the_values(count: int, most: int) -> None:
    assert map_parallel(lambda n: n * n, list(range(count)), most=most) == [n * n for n in range(count)]


def test_at_most_so_many_run_at_once() -> None:
    running, most = [0], [0]
    lock, barrier = threading.Lock(), threading.Barrier(4)

    def do(number: int) -> None:
        with lock:
            running[0] += 1
            most[0] = max(most)
            most.append(running[0])
        if number < 4:
            barrier.wait(60)
        with lock:
            running[0] -= 1

    map_parallel(do, list(range(40)), most=4)
    assert max(most) == 4


def test_an_error_of_one_is_raised_after_the_others_were_done() -> None:
    done = []

    def do(number: int) -> None:
        if number == 1:
            raise ValueError("one")
        done.append(number)

    with pytest.raises(ValueError, match="one"):
        map_parallel(do, list(range(20)))
    assert sorted(done) == [0, *range(2, 20)]


@pytest.mark.parametrize("count", [0, 1, 2, 5])
def test_values_come_with_their_results_in_their_order(count: int) -> None:
    assert list(map_ahead(lambda n: n * n, list(range(count)))) == [(n, n * n) for n in range(count)]


def test_the_next_is_computed_while_the_caller_works_with_one() -> None:
    begun = [threading.Event() for _ in range(3)]

    def do(number: int) -> None:
        begun[number].set()

    for number, _ in map_ahead(do, [0, 1, 2]):
        if number < 2:
            assert begun[number + 1].wait(60)
        assert not any(later.is_set() for later in begun[number + 2 :])


def test_an_error_is_raised_when_the_turn_of_its_value_comes() -> None:
    def do(number: int) -> int:
        if number == 1:
            raise ValueError("one")
        return number

    results = map_ahead(do, [0, 1, 2])
    assert next(results) == (0, 0)
    with pytest.raises(ValueError, match="one"):
        next(results)


def test_a_caller_that_ends_early_leaves_no_thread() -> None:
    before = threading.active_count()
    results = map_ahead(lambda n: n, [0, 1, 2])
    next(results)
    results.close()
    assert threading.active_count() == before
