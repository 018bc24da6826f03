import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from goodhoster.errors import PassingError
from goodhoster.notices.spool import Spool
from goodhoster_agent.intake.maildir import take_new_mails
from goodhoster_agent.intake.storing import LARGEST_MAIL, NoticeStorage


def test_new_mails_are_kept_oldest_first_and_then_seen(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool", lambda: datetime.now(UTC))
    for folder in ("new", "cur", "tmp"):
        (tmp_path / "Maildir" / folder).mkdir(parents=True)
    for number, name in enumerate(["z", "a", "m"]):
        file = tmp_path / "Maildir/new" / name
        file.write_bytes(name.encode())
        os.utime(file, (number, number))
    (tmp_path / "Maildir/cur/old:2,S").touch()
    kept = list(take_new_mails(tmp_path / "Maildir", NoticeStorage(spool.keep, lambda: None)))
    assert [spool.raw(receipt).content for receipt in kept] == [b"z", b"a", b"m"]
    assert sorted(p.name for p in (tmp_path / "Maildir/cur").iterdir()) == ["a:2,S", "m:2,S", "old:2,S", "z:2,S"]
    assert list(take_new_mails(tmp_path / "Maildir", NoticeStorage(spool.keep, lambda: None))) == []


def test_a_mail_that_was_kept_and_not_marked_is_known_again(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool", lambda: datetime.now(UTC))
    for folder in ("new", "cur"):
        (tmp_path / "Maildir" / folder).mkdir(parents=True)
    (tmp_path / "Maildir/new/a").write_bytes(b"a")
    (first,) = take_new_mails(tmp_path / "Maildir", NoticeStorage(spool.keep, lambda: None))
    (tmp_path / "Maildir/cur/a:2,S").rename(tmp_path / "Maildir/new/a")
    assert list(take_new_mails(tmp_path / "Maildir", NoticeStorage(spool.keep, lambda: None))) == [first]
    spool.taken(first.id)
    (tmp_path / "Maildir/cur/a:2,S").rename(tmp_path / "Maildir/new/a")
    assert list(take_new_mails(tmp_path / "Maildir", NoticeStorage(spool.keep, lambda: None))) == [first]
    assert list(spool.waiting()) == []


def test_what_is_no_mail_keeps_no_mail_waiting_and_is_told(tmp_path: Path) -> None:
    spool, new = Spool(tmp_path / "spool", lambda: datetime.now(UTC)), tmp_path / "Maildir/new"
    for folder in ("new/a-directory", "cur"):
        (tmp_path / "Maildir" / folder).mkdir(parents=True)
    (new / "b-link").symlink_to("nowhere")
    os.mkfifo(new / "c-pipe")
    (new / ".nfs01").write_bytes(b"half a mail")
    (new / "z").write_bytes(b"z")
    with pytest.raises(PassingError, match="a-directory"):
        list(take_new_mails(tmp_path / "Maildir", NoticeStorage(spool.keep, lambda: None)))
    assert [spool.raw(receipt).content for receipt in spool.waiting()] == [b"z"]
    assert sorted(file.name for file in new.iterdir()) == [".nfs01", "a-directory", "b-link", "c-pipe"]


def test_of_a_mail_that_is_too_large_the_beginning_is_kept(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool", lambda: datetime.now(UTC))
    for folder in ("new", "cur"):
        (tmp_path / "Maildir" / folder).mkdir(parents=True)
    with (tmp_path / "Maildir/new/a").open("wb") as file:
        file.write(b"Subject: x")
        file.truncate(LARGEST_MAIL + 1)
    (kept,) = take_new_mails(tmp_path / "Maildir", NoticeStorage(spool.keep, lambda: None))
    content = spool.raw(kept).content
    assert (len(content), content[:10]) == (LARGEST_MAIL, b"Subject: x")


def test_a_maildir_that_is_not_there_is_named(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool", lambda: datetime.now(UTC))
    with pytest.raises(PassingError, match="nowhere"):
        list(take_new_mails(tmp_path / "nowhere", NoticeStorage(spool.keep, lambda: None)))
