"""Lost keys are told by the signer, by `status` and by `audit verify` alike, whatever shows that there were some."""

from pathlib import Path

import pytest

from goodhoster.assembly.audit import checkpoints, issue, verify_audit_log
from goodhoster.assembly.services import Services
from goodhoster.assembly.state import lost_parts
from goodhoster.audit.lost_keys import CHANGES, CHECKPOINT, KEY_FILE, PUBLIC_KEYS, TIMESTAMPS, trace_of_lost_keys
from goodhoster.linux.state_manifest import COPY
from goodhoster.linux.state_manifest import FILE as MANIFEST
from goodhoster.settings import Settings, load
from goodhoster_agent.status.objects import status_object

TRACES = (MANIFEST, PUBLIC_KEYS, CHECKPOINT, CHANGES, TIMESTAMPS)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    file = tmp_path / "goodhoster.toml"
    file.write_text(f'[agent]\nstate_dir = "{tmp_path}/state"\n')
    found = load(file)
    with Services(found) as services:
        status_object(services)
    return found


@pytest.mark.parametrize("shown_by", TRACES)
def test_one_trace_of_lost_keys_is_enough_for_everyone_who_asks(settings: Settings, shown_by: str) -> None:
    issue(settings)
    for name in (CHANGES, TIMESTAMPS):
        (settings.state_dir / name).mkdir()
    assert trace_of_lost_keys(settings.state_dir) is None
    (settings.state_dir / KEY_FILE).unlink()
    for trace in {*TRACES, COPY} - {shown_by, *([COPY] if shown_by == MANIFEST else [])}:
        file = settings.state_dir / trace
        file.rmdir() if file.is_dir() else file.unlink()
    assert trace_of_lost_keys(settings.state_dir) == settings.state_dir / shown_by
    assert checkpoints(settings).lost_keys()
    assert [each for each in lost_parts(settings) if f"accept-loss {KEY_FILE}" in each]
    assert [each for each in verify_audit_log(settings).unchecked if f"accept-loss {KEY_FILE}" in each]


def test_of_a_manifest_that_cannot_be_read_only_that_is_told(settings: Settings) -> None:
    (settings.state_dir / MANIFEST).write_text("[]")
    assert [MANIFEST in each for each in lost_parts(settings)] == [True]
    assert checkpoints(settings).lost_keys(), "no new keys are made where there may have been some"
