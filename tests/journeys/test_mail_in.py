"""Mail from real mail servers to the file taken offline."""

import os
import smtplib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.journeys.host import Host, wait_until
from tests.journeys.mailservers import dovecot, open_folder, postfix
from tests.journeys.noticehost import NoticeHost


@pytest.fixture
def folder() -> Iterator[Path]:
    with open_folder() as folder:
        yield folder


def use_mailbox(noticed: NoticeHost, port: int, password: str) -> None:
    file = noticed.host.folder / "imap.password"
    file.touch(0o600)
    file.write_text(password)
    noticed.configure(
        more=f'[imap]\nhost = "127.0.0.1"\nport = {port}\nusername = "abuse"\npassword_file = "imap.password"\n'
        'security = "none"\npoll_every = "10m"'
    )


@pytest.mark.debian("postfix")
@pytest.mark.skipif(os.geteuid() != 0, reason="postfix starts as root only")
def test_postfix_hands_over_by_lmtp_and_keeps_what_cannot_be_kept_here(host: Host, folder: Path) -> None:
    noticed = NoticeHost(host)
    noticed.configure(f'lmtp = "unix:{folder}/lmtp.sock"')
    urls = [noticed.upload("anna", "p.jpg"), noticed.upload("bert", "q.jpg")]
    with postfix(folder) as port, smtplib.SMTP("127.0.0.1", port) as client:
        client.sendmail("bounces@hotline.example", ["abuse@hoster.example"], noticed.mail(urls[0]))
        assert wait_until(lambda: "status=deferred" in (folder / "log").read_text()), (folder / "log").read_text()
        host.start()  # only now is anybody there to take the first
        client.sendmail("bounces@hotline.example", ["abuse@hoster.example"], noticed.mail(urls[1]))
        assert wait_until(lambda: not any(map(noticed.there, urls))), (folder / "log").read_text()
    assert [(notice["level"], notice["state"]) for notice in noticed.notices()] == [("pinned", "done")] * 2


@pytest.mark.debian("dovecot-imapd", program="dovecot")
def test_new_mails_of_a_dovecot_mailbox_are_taken_and_marked_as_seen(host: Host, folder: Path) -> None:
    noticed = NoticeHost(host)
    urls = [noticed.upload("anna", f"{n}.jpg") for n in range(3)]
    with dovecot(folder) as (port, maildir):
        use_mailbox(noticed, port, "made-up")
        for number, url in enumerate(urls[:2]):
            (maildir / "new" / f"{number}.made-up").write_bytes(noticed.mail(url))
        host.start()
        assert wait_until(lambda: not any(map(noticed.there, urls[:2])))
        (maildir / "tmp" / "late").write_bytes(noticed.mail(urls[2]))
        (maildir / "tmp" / "late").rename(maildir / "new" / "late.made-up")  # only IDLE tells of it
        assert wait_until(lambda: not noticed.there(urls[2]), 45.0)
        assert wait_until(lambda: sum("S" in file.name.partition(":2,")[2] for file in maildir.glob("cur/*")) == 3)
        host.stop()


@pytest.mark.debian("dovecot-imapd", program="dovecot")
def test_a_mailbox_with_a_wrong_password_is_told_in_status(host: Host, folder: Path) -> None:
    with dovecot(folder) as (port, _):
        use_mailbox(NoticeHost(host), port, "wrong")
        host.start()
        assert wait_until(lambda: any("no mail from 127.0.0.1" in why for why in host.status()["degraded"])), (
            host.status()
        )
        host.stop()
