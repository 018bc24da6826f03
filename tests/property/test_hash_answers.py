"""Only the bytes `true` and `false` with status 200 are ever an answer (promise G2)."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from goodhoster.adapters.hash_sources.answers import MAX_BYTES, HashServiceReply, parse_retry_after, read_answer
from goodhoster.errors import SourceRefusedError, SourceUnavailableError

NOW = datetime(2026, 1, 1, tzinfo=UTC)
near_misses = st.sampled_from([b"true", b"false"]).flatmap(
    lambda word: st.tuples(st.binary(max_size=1), st.just(word), st.binary(max_size=1)).map(b"".join)
)
bodies = st.one_of(st.binary(max_size=MAX_BYTES), near_misses, st.sampled_from([b"True", b"FALSE", b"tRuE", b"falsE"]))
statuses = st.one_of(st.just(200), st.integers(100, 999))


@given(statuses, bodies, st.text(max_size=40))
def test_nothing_else_is_an_answer(status: int, body: bytes, retry_after: str) -> None:
    try:
        answer = read_answer(HashServiceReply(status, body, retry_after), source="made-up", now=NOW)
    except (SourceUnavailableError, SourceRefusedError):
        assert status != 200 or body not in {b"true", b"false"}
    else:
        assert (status, body) == (200, b"true" if answer else b"false")


@given(st.text(max_size=60))
def test_no_retry_after_breaks_anything(text: str) -> None:
    wait = parse_retry_after(text, now=NOW)
    assert wait is None or wait >= 0
