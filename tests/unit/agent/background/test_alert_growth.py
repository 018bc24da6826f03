"""What counts as files that wait for an answer, for the alert `unchecked`."""

from goodhoster.uploads.rows import IndexFigures
from goodhoster_agent.background.alerts import waiting_for_answers


def test_what_no_source_has_a_say_about_raises_no_alert() -> None:
    figures = IndexFigures(0, None, {"unchecked": 150, "clear": 7}, {"not-asked": 100, "too-flat": 30, "timeout": 20})
    assert waiting_for_answers(figures) == 20
    assert waiting_for_answers(IndexFigures(0, None, {}, {})) == 0
