"""The emergency switch stops measures also where it cannot be recorded."""

from pathlib import Path

import pytest

from goodhoster.cases.observe_switch import ObserveSwitch
from goodhoster.errors import AuditError, PermanentError
from goodhoster.model.audit import AuditEvent
from goodhoster.model.cases import Order
from goodhoster.ports.common import utc_now


class FullLog:
    """A log on a full disk."""

    def append(self, event: AuditEvent) -> None:
        raise AuditError(f"{event.kind} cannot be written: No space left on device")


def test_measures_stop_although_the_log_cannot_be_written(tmp_path: Path) -> None:
    switch = ObserveSwitch(tmp_path / "observe.json", FullLog(), utc_now)  # type: ignore[arg-type]
    assert not switch.stops_measures()
    with pytest.raises(PermanentError, match="all measures are stopped, but"):
        switch.switch_on(Order("anna", "test"))
    assert switch.stops_measures()
    state = switch.state()
    assert state
    assert state.order == Order("anna", "test"), "who and why is in the switch, if not in the log"


def test_a_switch_that_cannot_be_made_is_not_called_on(tmp_path: Path) -> None:
    switch = ObserveSwitch(tmp_path / "absent/observe.json", FullLog(), utc_now)  # type: ignore[arg-type]
    with pytest.raises(PermanentError, match="NOT STOPPED"):
        switch.switch_on(Order("anna", "test"))
    assert not switch.stops_measures()
