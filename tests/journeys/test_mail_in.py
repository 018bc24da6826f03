"""Mail from real mail servers to the file taken offline."""

import hashlib
import imaplib
import json
import os
import smtplib
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.journeys.host import PATIENCE, Host, wait_until
from tests.journeys.mailservers import dovecot, open_folder, postfix, wire
from tests.journeys.noticehost import NoticeHost


@pytest.fixture
def folder() -> Iterator[Path]:
    with open_folder() as folder:
        yield folder


def use_mailbox(
    noticed: NoticeHost, port: int, password: str, poll_every: str = "10m", more: str = 'security = "none"'
) -> None:
    file = noticed.host.folder / "imap.password"
    file.touch(0o600)
    file.write_text(password)
    noticed.configure(
        more=f'[imap]\nhost = "localhost"\nport = {port}\nusername = "abuse"\npassword_file = "imap.password"\n'
        f'poll_every = "{poll_every}"\n{more}'
    )


def put(maildir: Path, name: str, mail: bytes) -> None:
    """As a mail server delivers: whole at once."""
    (maildir / "tmp" / name).write_bytes(mail)
    (maildir / "tmp" / name).rename(maildir / "new" / name)


def seen(maildir: Path) -> int:
    return sum("S" in file.name.partition(":2,")[2] for file in maildir.glob("cur/*"))


@pytest.mark.debian("postfix")
@pytest.mark.skipif(os.geteuid() != 0, reason="postfix starts as root only")
def test_postfix_hands_over_by_lmtp_and_keeps_what_cannot_be_kept_here(host: Host, folder: Path) -> None:
    noticed = NoticeHost(host)
    noticed.configure(f'lmtp = "unix:{folder}/lmtp.sock"\nlmtp_peers = ["postfix"]')
    urls = [noticed.upload("anna", "p.jpg"), noticed.upload("bert", "q.jpg")]
    with postfix(folder) as port, smtplib.SMTP("127.0.0.1", port) as client:
        client.sendmail("bounces@hotline.example", ["abuse@hoster.example"], noticed.mail(urls[0]))
        assert wait_until(lambda: "status=deferred" in (folder / "log").read_text()), (folder / "log").read_text()
        host.start()  # only now is anybody there to take the first
        client.sendmail("bounces@hotline.example", ["abuse@hoster.example"], noticed.mail(urls[1]))
        assert wait_until(lambda: not any(map(noticed.there, urls))), (folder / "log").read_text()
    assert [notice["level"] for notice in noticed.settled({"done": 2})] == ["pinned"] * 2


@pytest.mark.debian("postfix")
@pytest.mark.skipif(os.geteuid() != 0, reason="postfix starts as root only")
def test_debians_chrooted_postfix_hands_over_too_and_for_addresses_beyond_ascii(host: Host, folder: Path) -> None:
    """As docs/how-to-notices.md says it."""
    noticed = NoticeHost(host)
    (folder / "spool" / "goodhoster").mkdir(parents=True, mode=0o755)
    noticed.configure(f'lmtp = "unix:{folder}/spool/goodhoster/lmtp.sock"\nlmtp_peers = ["postfix"]')
    url = noticed.upload("anna", "p.jpg")
    host.start()
    with postfix(folder, chroot=True) as port, smtplib.SMTP("127.0.0.1", port) as client:
        client.ehlo()
        senders = ("Löschung@hotline.example", ["Löschung@hoster.example"])
        client.sendmail(*senders, noticed.mail(url), mail_options=["SMTPUTF8"])
        assert wait_until(lambda: not noticed.there(url)), (folder / "log").read_text()
    assert [notice["level"] for notice in noticed.settled({"done": 1})] == ["pinned"]


@pytest.mark.debian("postfix")
@pytest.mark.skipif(os.geteuid() != 0, reason="postfix starts as root only")
def test_results_of_our_own_server_count_from_its_account_alone(host: Host, folder: Path) -> None:
    """A customer of the machine speaks LMTP, too; and postfix that is no peer of ours is put off, not bounced."""
    noticed = NoticeHost(host)
    results = b"Authentication-Results: mx.hoster.example; dkim=pass header.d=hotline.example\r\n"
    urls = [noticed.upload("anna", f"{n}.jpg") for n in range(2)]
    altered = [results + noticed.mail(url) + b"-- \r\nscanned by the gateway\r\n" for url in urls]
    common = f'lmtp = "unix:{folder}/lmtp.sock"\nauthserv_id = "mx.hoster.example"'
    noticed.configure(f'{common}\nlmtp_peers = ["root"]')
    host.start()
    with postfix(folder) as port, smtplib.SMTP("127.0.0.1", port) as client:
        client.sendmail("bounces@hotline.example", ["abuse@hoster.example"], altered[0])
        assert wait_until(lambda: "status=deferred" in (folder / "log").read_text()), (folder / "log").read_text()
        assert noticed.notices() == []
        host.stop()
        noticed.configure(f'{common}\nlmtp_peers = ["postfix"]')
        host.start()
        assert wait_until(lambda: not noticed.there(urls[0])), (folder / "log").read_text()
        host.stop()
    noticed.configure(common)
    host.start()
    with smtplib.LMTP(f"{folder}/lmtp.sock") as client:
        client.sendmail("bounces@hotline.example", ["abuse@hoster.example"], altered[1])
    assert wait_until(lambda: noticed.taken() == 2)
    assert wait_until(lambda: noticed.notices()[-1]["state"] == "needs-person")
    assert noticed.there(urls[1])
    assert [notice["level"] for notice in noticed.notices()] == ["pinned", "unauthenticated"]


def test_what_is_wrong_with_one_way_in_keeps_no_other_waiting(host: Host) -> None:
    noticed = NoticeHost(host)
    noticed.configure('maildir = "nowhere"')
    urls = [noticed.upload("anna", f"{n}.jpg") for n in range(2)]
    host.start()
    (host.folder / "state/notices/waiting/N1.notice").touch()
    (host.folder / "waits.eml").write_bytes(noticed.mail(urls[0]))
    head = noticed.receive(noticed.mail(urls[1]))
    assert head["state"] == "done"
    spool = host.folder / "state/notices"
    (kept,) = (spool / "kept").rglob("*.notice")
    first, _, _ = kept.read_bytes().partition(b"\n")
    mail = (host.folder / "waits.eml").read_bytes()
    told = json.loads(first) | {"id": "N20260302-bcdfghj", "sha256": hashlib.sha256(mail).hexdigest()}
    (spool / "waiting/N20260302-bcdfghj.notice").write_bytes(json.dumps(told).encode() + b"\n" + mail)
    assert wait_until(lambda: not noticed.there(urls[0]))
    for problem in ("N1.notice", "nowhere"):
        assert wait_until(lambda: problem in " ".join(host.status()["degraded"])), host.status()  # noqa: B023


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
        put(maildir, "late.made-up", noticed.mail(urls[2]))  # only IDLE tells of it
        assert wait_until(lambda: not noticed.there(urls[2]))
        assert wait_until(lambda: seen(maildir) == 3)
        host.stop()


@pytest.mark.debian("dovecot-imapd", program="dovecot")
def test_mails_that_come_while_others_are_taken_wait_for_no_poll(host: Host, folder: Path) -> None:
    """The server tells of each once, also in its answer to something else."""
    noticed = NoticeHost(host)
    urls = [noticed.upload("anna", f"{n}.jpg") for n in range(40)]
    with dovecot(folder) as (port, maildir):
        use_mailbox(noticed, port, "made-up")
        host.start()
        for number, url in enumerate(urls):
            put(maildir, f"{number}.made-up", noticed.mail(url))
            time.sleep(0.02)
        assert wait_until(lambda: seen(maildir) == 40)
        host.stop()


@pytest.mark.debian("dovecot-imapd", program="dovecot")
def test_a_server_without_idle_is_polled_and_one_that_starts_anew_is_connected_to_again(
    host: Host, folder: Path
) -> None:
    noticed, polled = NoticeHost(host), "imap_capability = IMAP4rev1\n"
    urls = [noticed.upload("anna", f"{n}.jpg") for n in range(3)]
    with dovecot(folder, polled) as (port, maildir):
        use_mailbox(noticed, port, "made-up", "100ms")
        host.start()
        put(maildir, "1.made-up", noticed.mail(urls[0]))
        assert wait_until(lambda: not noticed.there(urls[0]))
        assert wait_until(lambda: seen(maildir) == 1)
    assert wait_until(lambda: any("no mail from" in why for why in host.status()["degraded"]))
    put(maildir, "2.made-up", noticed.mail(urls[1]))
    with dovecot(folder, polled, port):
        assert wait_until(lambda: not noticed.there(urls[1]))
        put(maildir, "3.made-up", noticed.mail(urls[2]))
        assert wait_until(lambda: not noticed.there(urls[2]))
        assert wait_until(lambda: seen(maildir) == 3)
        assert wait_until(lambda: not any("no mail from" in why for why in host.status()["degraded"]))
        host.stop()
    assert len(noticed.notices()) == 3


@pytest.mark.debian("dovecot-imapd", program="dovecot")
def test_a_mail_is_marked_only_when_it_is_safe_and_one_left_unmarked_by_a_kill_is_not_taken_twice(
    host: Host, folder: Path
) -> None:
    noticed = NoticeHost(host)
    url = noticed.upload("anna", "p.jpg")
    with dovecot(folder) as (port, maildir), wire(port, b"UID STORE") as (near, cut):
        put(maildir, "1.made-up", noticed.mail(url))
        use_mailbox(noticed, near, "made-up")
        host.start()
        assert cut.wait(PATIENCE)  # it wants to mark the mail, and the server never hears of it
        host.kill()
        assert noticed.safe() == 1
        assert seen(maildir) == 0
        noticed.upload("anna", "p.jpg", "another picture that is innocent")
        host.start()
        assert wait_until(lambda: seen(maildir) == 1)
        assert wait_until(lambda: [notice["state"] for notice in noticed.notices()] == ["done"])
        host.stop()
    assert noticed.safe() == 1


@pytest.mark.debian("dovecot-imapd", program="dovecot")
def test_a_mail_that_cannot_be_made_safe_is_not_marked(host: Host, folder: Path) -> None:
    noticed = NoticeHost(host)
    url = noticed.upload("anna", "p.jpg")
    with dovecot(folder) as (port, maildir):
        use_mailbox(noticed, port, "made-up")
        host.start()
        waiting = host.folder / "state/notices/waiting"
        waiting.rename(waiting.with_name("away"))
        put(maildir, "1.made-up", noticed.mail(url))
        assert wait_until(lambda: any("cannot be kept" in why for why in host.status()["degraded"]))
        assert (seen(maildir), noticed.there(url)) == (0, True)
        waiting.with_name("away").rename(waiting)
        assert wait_until(lambda: seen(maildir) == 1)
        assert wait_until(lambda: not noticed.there(url))
        host.stop()


@pytest.mark.debian("dovecot-imapd", program="dovecot")
def test_a_wrong_password_is_told_and_the_right_one_needs_no_restart_of_the_server(host: Host, folder: Path) -> None:
    noticed = NoticeHost(host)
    with dovecot(folder) as (port, maildir):
        use_mailbox(noticed, port, "wrong")
        host.start()
        assert wait_until(lambda: any("no mail from localhost" in why for why in host.status()["degraded"])), (
            host.status()
        )
        assert wait_until(lambda: "Authentication failed" in host.journal())
        assert "PROBLEM mailbox abuse at localhost" in host.run("doctor", code=1)
        host.stop()
        put(maildir, "1.made-up", noticed.mail(url := noticed.upload("anna", "p.jpg")))
        use_mailbox(noticed, port, "made-up")
        host.start()
        assert wait_until(lambda: not noticed.there(url))
        assert wait_until(lambda: "ok      mailbox abuse at localhost: opens" in host.ended_with("doctor")[1])
        host.run("doctor")
        host.stop()


@pytest.mark.debian("dovecot-imapd", program="dovecot")
@pytest.mark.debian("openssl")
def test_a_dovecot_with_starttls_a_certificate_of_its_own_and_names_beyond_ascii(host: Host, folder: Path) -> None:
    noticed = NoticeHost(host)
    url = noticed.upload("anna", "p.jpg")
    certificate = self_signed(folder)
    settings = (
        f"ssl = required\nssl_cert = <{certificate}\nssl_key = <{certificate}.key\ndisable_plaintext_auth = yes\n"
        "passdb {\n driver = static\n args = password=geheim-ü\n}\n"
    )
    with dovecot(folder, settings) as (port, maildir):
        inside = maildir / ".L&APY-schung"
        for part in ("new", "cur", "tmp"):
            (inside / part).mkdir(parents=True)
        for path in (inside, *inside.iterdir()):
            os.chown(path, maildir.stat().st_uid, maildir.stat().st_gid)
        put(inside, "1.made-up", noticed.mail(url))
        more = f'security = "starttls"\nca_file = "{certificate}"\nfolder = "Löschung"'
        use_mailbox(noticed, port, "geheim-ü", more=more)
        host.start()
        assert wait_until(lambda: not noticed.there(url)), host.status()
        host.stop()


@pytest.mark.debian("dovecot-imapd", program="dovecot")
def test_mails_opened_moved_deleted_and_numbered_anew_are_one_notice_each(host: Host, folder: Path) -> None:
    noticed = NoticeHost(host)
    urls = [noticed.upload("anna", f"{n}.jpg") for n in range(4)]
    mails = [noticed.mail(url) for url in urls]
    with dovecot(folder) as (port, maildir):
        use_mailbox(noticed, port, "made-up")
        put(maildir, "0.made-up", mails[0])
        host.start()
        assert wait_until(lambda: not noticed.there(urls[0]))
        host.stop()
        with reader(port) as client:
            put(maildir, "1.made-up", mails[1])
            put(maildir, "2.made-up", mails[2])
            client.select("INBOX")
            client.store("1:*", "+FLAGS", "(\\Seen)")
            client.create("Elsewhere")
            client.copy("1", "Elsewhere")
            client.store("1", "+FLAGS", "(\\Deleted)")
            client.expunge()
            client.select("Elsewhere")
            client.copy("1", "INBOX")
        host.start()
        assert wait_until(lambda: not any(map(noticed.there, urls[:3])))
        host.stop()
    for file in maildir.glob("dovecot*"):
        file.unlink()
    time.sleep(1.1)  # its next UIDVALIDITY is the second
    with dovecot(folder, port=port):
        host.start()
        put(maildir, "3.made-up", mails[3])
        assert wait_until(lambda: not noticed.there(urls[3]))
        assert "has numbered its mails anew" in host.journal()
        host.stop()
    assert noticed.safe() == 4


@contextmanager
def reader(port: int) -> Iterator[imaplib.IMAP4]:
    """Somebody else with the same account."""
    with imaplib.IMAP4("localhost", port) as client:
        client.login("abuse", "made-up")
        yield client


def self_signed(folder: Path) -> Path:
    file = folder / "imap.pem"
    command = (
        f"openssl req -x509 -newkey rsa:2048 -nodes -keyout {file}.key -out {file} -days 2 -subj /CN=localhost "
        "-addext subjectAltName=DNS:localhost"
    )
    subprocess.run(command.split(), check=True, capture_output=True)
    return file
