"""The conformance suite of `KeyRecords`: what every look-up of public keys promises.

As tests: subclass, give the fixture, run by pytest.
"""

# ruff: noqa: D102, S101 - a test's name is its docstring, and assert is its point

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from goodhoster.ports import KeyRecords


class KeyRecordsSuite:
    """Subclass and give a fixture `records` that knows RECORDS and nothing else."""

    RECORDS = {  # noqa: RUF012 - not changed
        "short._domainkey.known.example": "v=DKIM1; k=ed25519; p=AAAA",
        "long._domainkey.known.example": "v=DKIM1; k=rsa; p=" + "A" * 1500,
    }

    def test_a_record_is_whole_however_long_it_is(self, records: KeyRecords) -> None:
        for name, record in self.RECORDS.items():
            assert records.texts(name) == (record,)

    def test_names_have_no_case_and_may_end_with_a_dot(self, records: KeyRecords) -> None:
        assert records.texts("SHORT._DomainKey.known.example.") == records.texts("short._domainkey.known.example")

    def test_a_name_without_record_has_none(self, records: KeyRecords) -> None:
        assert records.texts("other._domainkey.known.example") == ()

    def test_a_name_that_cannot_be_has_none(self, records: KeyRecords) -> None:
        for name in ("", "..", "a" * 64 + ".example", ".".join(["a" * 60] * 6), "a b._domainkey.\u20ac"):
            assert records.texts(name) == ()

    def test_threads_may_share_it(self, records: KeyRecords) -> None:
        names = list(self.RECORDS) * 20
        with ThreadPoolExecutor(8) as threads:
            assert list(threads.map(records.texts, names)) == [(self.RECORDS[name],) for name in names]
