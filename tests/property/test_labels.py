"""Whatever a customer calls his files, the label tells it again."""

import os
import tempfile

from hypothesis import given
from hypothesis import strategies as st

from goodhoster.evidence.quarantine.directory_access import opened
from goodhoster.evidence.quarantine.labels import (
    commit_intent,
    commit_label,
    guard_label,
    read_intent,
    read_label,
    remove_label,
    write_draft,
)
from goodhoster.model.quarantine import Label, Metadata
from goodhoster.model.uploads import Place

numbers = st.integers(0, 2**64 - 1)
labels = st.builds(
    Label,
    case_id=st.from_regex(r"[A-Za-z0-9-]{1,64}", fullmatch=True),
    place=st.builds(Place, st.binary(min_size=1), st.binary(min_size=1, max_size=5000)),
    customer=st.text(),
    ino=numbers,
    parent=st.binary(max_size=136),
    size=numbers,
    sha256=st.binary(min_size=32, max_size=32),
    metadata=st.builds(
        Metadata,
        uid=numbers,
        gid=numbers,
        mode=st.integers(0, 0o1777),
        atime_ns=st.integers(-(2**63), 2**63),
        mtime_ns=st.integers(-(2**63), 2**63),
        acl=st.binary(max_size=100),
        flags=st.sampled_from([0, 0x10, 0x20, 0x30]),
    ),
)


@given(labels)
def test_a_label_reads_back_as_it_was_written(label: Label) -> None:
    with tempfile.TemporaryDirectory() as folder, opened(os.open(folder, os.O_RDONLY)) as quarantine:
        write_draft(quarantine, label)
        assert (read_intent(quarantine, label.case_id), read_label(quarantine, label.case_id)) == (None, None)
        commit_intent(quarantine, label.case_id)
        assert (read_intent(quarantine, label.case_id), read_label(quarantine, label.case_id)) == (label, None)
        commit_label(quarantine, label.case_id)
        guard_label(quarantine, label.case_id)
        assert (read_intent(quarantine, label.case_id), read_label(quarantine, label.case_id)) == (None, label)
        remove_label(quarantine, label.case_id)  # it is immutable
        assert os.listdir(folder) == []
