"""Fairness of the queue, for every order in which customers' files come and are taken."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from goodhoster.uploads.fair_queue import FairQueue

CUSTOMERS = st.sampled_from("abcd")


@given(st.lists(st.one_of(CUSTOMERS, st.none()), max_size=200))
def test_nobody_is_served_twice_more_than_another_who_waits(steps: list[str | None]) -> None:
    """A letter: a file of that customer comes. None: one is taken."""
    turns, waiting = FairQueue(), []
    served: Counter[str] = Counter()
    since: dict[str, Counter[str]] = {}
    for number, step in enumerate(steps):
        if step is not None:
            since.setdefault(step, served.copy())
            waiting.append((turns.next(step), number, step))
        elif waiting:
            turn, _, customer = first = min(waiting)
            waiting.remove(first)
            turns.reach(turn - 1)
            served[customer] += 1
            still = {name for _, _, name in waiting}
            since = {name: mark for name, mark in since.items() if name in still}
            for patient, mark in since.items():
                got = served[patient] - mark[patient]
                assert all(served[other] - mark[other] <= got + 2 for other in served)


@given(st.integers(1, 1000), st.integers(0, 1000))
def test_a_newcomer_waits_for_one_file_of_each_other_and_no_more(many: int, taken: int) -> None:
    turns = FairQueue()
    queued = [turns.next("many") for _ in range(many)]
    turns.reach(min(taken, many - 1))
    assert turns.next("new") == queued[min(taken, many - 1)]
