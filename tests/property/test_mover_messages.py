"""Whatever is sent to the mover is an order as it was given, or none."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goodhoster.model.mover_messages import LONGEST_MESSAGE, MoveAnswer, MoveOrder, Outcome, Verb
from goodhoster.model.uploads import FileState

numbers = st.integers(-(2**63), 2**64 - 1)
names = st.binary(min_size=1).filter(lambda name: b"/" not in name and b"\0" not in name and name != b"..")
orders = st.builds(
    MoveOrder,
    verb=st.sampled_from(Verb),
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


@given(st.builds(MoveAnswer, st.sampled_from(Outcome), st.text(), st.text()))
def test_an_answer_arrives_as_it_was_given(answer: MoveAnswer) -> None:
    assert MoveAnswer.from_bytes(answer.to_bytes()) == answer


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
    order = MoveOrder(Verb.SETTLE, "x", "y", path, "anna", FileState(0, 0, 0, 0, 0), bytes(32))
    with pytest.raises(ValueError, match="out of the tree"):
        MoveOrder.from_bytes(order.to_bytes())


def test_a_message_has_its_limit() -> None:
    order = MoveOrder(Verb.SETTLE, "x", "y", b"a" * LONGEST_MESSAGE, "anna", FileState(0, 0, 0, 0, 0), bytes(32))
    with pytest.raises(ValueError, match="too long"):
        order.to_bytes()
    with pytest.raises(ValueError, match="too long"):
        MoveOrder.from_bytes(b"[" * (LONGEST_MESSAGE + 1))
    with pytest.raises(ValueError):  # noqa: PT011 - each for its own reason
        MoveOrder.from_bytes(b"[" * LONGEST_MESSAGE)
