"""Raw notices on disk."""

from datetime import UTC, datetime
from pathlib import Path

from goodhoster.model.notices import Carrier, RawNotice
from goodhoster.notices.spool import Spool


def test_a_damaged_one_keeps_no_other_waiting_and_is_named(tmp_path: Path) -> None:
    spool = Spool(tmp_path, lambda: datetime.now(UTC))
    kept = spool.keep(RawNotice(Carrier.MAIL, b"Subject: x"))
    for name, content in {"empty": b"", "no-json": b"{", "no-table": b"[]\n", "other": b"{}\n"}.items():
        (tmp_path / f"waiting/{name}.notice").write_bytes(content)
    (tmp_path / "waiting/gone.notice").symlink_to("nowhere")  # as one that a command takes in this moment
    assert list(spool.waiting()) == [kept]
    assert {Path(name).stem for name in spool.damaged} == {"empty", "no-json", "no-table", "other"}
    for file in tmp_path.glob("waiting/*o*.notice"):
        file.unlink()
    assert list(spool.waiting()) == [kept]
    assert {Path(name).stem for name in spool.damaged} == {"empty"}
