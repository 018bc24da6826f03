"""Whatever is sent to the mover is an order as it was given, or none."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goodhoster.model.mover_messages import (
    LARGEST_BATCH,
    LONGEST_MESSAGE,
    BatchAnswer,
    MoveAnswer,
    MoveBatch,
    MoveOrder,
    MoveOutcome,
    MoverVerb,
    read_order,
)
from goodhoster.model.uploads import FileState

numbers = st.integers(-(2**63), 2**64 - 1)
names = st.binary(min_size=1).filter(lambda name: b"/" not in name and b"\0" not in name and name != b"..")
orders = st.builds(
    MoveOrder,
    verb=st.sampled_from(MoverVerb),
    case_id=st.text(),
    tree=st.text(),
    path=st.lists(names).map(b"/".join),
    customer=st.text(),
    state=st.builds(FileState, numbers, numbers, numbers, numbers, numbers),
    sha256=st.binary(min_size=32, max_size=32),
)
anything = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(orders)
def test_an_order_arrives_as_it_was_given(order: MoveOrder) -> None:
    assert MoveOrder.from_bytes(order.to_bytes()) == order


@given(st.builds(MoveAnswer, st.sampled_from(MoveOutcome), st.text(), st.text()))
def test_an_answer_arrives_as_it_was_given(answer: MoveAnswer) -> None:
    assert MoveAnswer.from_bytes(answer.to_bytes()) == answer


@given(st.lists(orders, min_size=1, max_size=5, unique_by=lambda order: order.state.ino))
def test_a_batch_arrives_as_it_was_given(given: list[MoveOrder]) -> None:
    batch = MoveBatch(tuple(replace(order, verb=MoverVerb.TAKE_OFFLINE, tree="a") for order in given))
    assert read_order(batch.to_bytes()) == batch


@given(orders)
def test_a_message_is_an_order_or_a_batch(order: MoveOrder) -> None:
    assert read_order(order.to_bytes()) == order


ORDER = MoveOrder(MoverVerb.TAKE_OFFLINE, "x", "y", b"a", "anna", FileState(1, 2, 3, 4, 5), bytes(32))
OTHER = replace(ORDER, state=FileState(1, 3, 3, 4, 5))


@pytest.mark.parametrize(
    "batch",
    [
        (),
        (ORDER, ORDER),
        (ORDER, replace(OTHER, tree="z")),
        (ORDER, replace(OTHER, verb=MoverVerb.PUT_BACK)),
        (replace(ORDER, verb=MoverVerb.RECOVER),),
        (ORDER, replace(OTHER, path=b"../x")),
        tuple(replace(ORDER, state=FileState(1, n, 3, 4, 5)) for n in range(LARGEST_BATCH + 1)),
    ],
)
def test_a_batch_takes_files_of_one_tree_offline_each_once(batch: tuple[MoveOrder, ...]) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - each for its own reason
        read_order(MoveBatch(batch).to_bytes())


def test_the_longest_answers_to_a_batch_fit_in_a_message() -> None:
    answer = MoveAnswer(MoveOutcome.FAILED, "\udcff" * 10_000, "\udcff" * 10_000)
    read = BatchAnswer.from_bytes(BatchAnswer((answer,) * LARGEST_BATCH).to_bytes())
    assert {(each.outcome, len(each.text)) for each in read.answers} == {(MoveOutcome.FAILED, 300)}


@given(st.binary() | anything.map(lambda value: b'{"batch":' + json.dumps(value).encode() + b"}"))
def test_anything_else_is_no_batch(message: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - each for its own reason
        read_order(message)


@given(st.binary() | anything.map(lambda value: json.dumps(value).encode()))
def test_anything_else_is_no_order(message: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - each for its own reason
        MoveOrder.from_bytes(message)


@given(orders, st.sampled_from(["verb", "case", "tree", "path", "customer", "state", "sha256"]), anything)
def test_a_field_of_another_kind_is_no_order(order: MoveOrder, field: str, value: object) -> None:
    data = json.loads(order.to_bytes())
    data[field] = value
    try:
        read = MoveOrder.from_bytes(json.dumps(data).encode())
    except ValueError:
        return
    assert isinstance(value, str | list)  # of the right kind after all
    assert json.loads(read.to_bytes()) == data


@pytest.mark.parametrize("path", [b"/etc/passwd", b"..", b"a/../../b", b"a/..", b"a\0b"])
def test_a_path_out_of_the_tree_is_no_order(path: bytes) -> None:
    order = MoveOrder(MoverVerb.RECOVER, "x", "y", path, "anna", FileState(0, 0, 0, 0, 0), bytes(32))
    with pytest.raises(ValueError, match="out of the tree"):
        MoveOrder.from_bytes(order.to_bytes())


def test_a_message_has_its_limit() -> None:
    order = MoveOrder(MoverVerb.RECOVER, "x", "y", b"a" * LONGEST_MESSAGE, "anna", FileState(0, 0, 0, 0, 0), bytes(32))
    with pytest.raises(ValueError, match="too long"):
        order.to_bytes()
    with pytest.raises(ValueError, match="too long"):
        MoveOrder.from_bytes(b"[" * (LONGEST_MESSAGE + 1))
    with pytest.raises(ValueError):  # noqa: PT011 - each for its own reason
        MoveOrder.from_bytes(b"[" * LONGEST_MESSAGE)
