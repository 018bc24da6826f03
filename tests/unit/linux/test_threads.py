"""A function over many values, in threads."""

import threading

import pytest

from goodhoster.linux.threads import map_parallel


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
            barrier.wait(10)
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
