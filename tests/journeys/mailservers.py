"""Real mail servers on loopback, as processes of our own with their own configuration."""

import grp
import os
import pwd
import shutil
import signal
import smtplib
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from email import message_from_bytes
from email.message import Message
from pathlib import Path
from threading import Event, Thread

from tests.conftest import PROGRAM_PATH
from tests.journeys.host import PATIENCE, wait_until
from tests.ports import free_port


def program(name: str) -> str:
    return shutil.which(name, path=PROGRAM_PATH) or name


@contextmanager
def open_folder() -> Iterator[Path]:
    """A folder that the mail servers' own users may enter, which pytest's is not."""
    with tempfile.TemporaryDirectory(prefix="goodhoster-mail-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@contextmanager
def postfix(folder: Path, settings: str = "", *, chroot: bool = False) -> Iterator[int]:
    """A postfix that hands what is for hoster.example over by LMTP to lmtp.sock in the folder, and puts what is for
    other domains of ours into the Maildir boxes/all; yields its SMTP port. As root only. With `chroot`, as Debian has
    it, its LMTP client sees nothing above its queue directory (spool in the folder): goodhoster/lmtp.sock there.
    """
    port, config, spool, lmtp = free_port(), folder / "config", folder / "spool", f"unix:{folder}/lmtp.sock"
    lmtp = "unix:goodhoster/lmtp.sock" if chroot else lmtp
    for path in (folder, config, spool, folder / "data"):
        path.mkdir(exist_ok=True)
        path.chmod(0o755)
    (folder / "boxes").mkdir(exist_ok=True)
    os.chown(folder / "boxes", pwd.getpwnam("nobody").pw_uid, -1)
    os.chown(folder / "data", pwd.getpwnam("postfix").pw_uid, 0)
    (config / "main.cf").write_text(
        f"compatibility_level = 3.6\nqueue_directory = {spool}\ndata_directory = {folder}/data\n"
        f"inet_interfaces = 127.0.0.1\ninet_protocols = ipv4\nmynetworks = 127.0.0.0/8\nmydestination =\n"
        f"relay_domains = hoster.example\nrelay_transport = lmtp:{lmtp}\nmaillog_file = /dev/stdout\n"
        f"maillog_file_prefixes = /var, /dev\nminimal_backoff_time = 1s\nmaximal_backoff_time = 2s\n"
        "queue_run_delay = 1s\nsmtpd_error_sleep_time = 0\n"
        "smtpd_relay_restrictions = permit_mynetworks, reject\n"
        "virtual_mailbox_domains = hotline.example mail.example elsewhere.example\n"
        f"virtual_mailbox_base = {folder}/boxes\nvirtual_mailbox_maps = static:all/\n"
        "virtual_uid_maps = static:65534\nvirtual_gid_maps = static:65534\n" + settings
    )
    (config / "master.cf").write_text(_services(port, "y" if chroot else "n"))
    base = [program("postfix"), "-c", str(config)]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([*base, "start-fg"], stdout=log, stderr=log)
    try:
        assert wait_until(lambda: _answers(port)), (folder / "log").read_text()
        yield port
    finally:
        subprocess.run([*base, "stop"], capture_output=True, check=False)
        process.wait(PATIENCE)


def delivered(folder: Path) -> list[Message]:
    """What that postfix put into its Maildir, in no order."""
    return [message_from_bytes(file.read_bytes()) for file in (folder / "boxes" / "all" / "new").glob("*")]


def _services(port: int, chroot: str) -> str:
    """Not chrooted but for the LMTP client; the cleanup server is public, as postfix looks for it there, and bounce
    servers have no limit.
    """
    names = {"bounce": "bounce", "defer": "bounce", "trace": "bounce", "rewrite": "trivial-rewrite", "retry": "error"}
    names |= {name: name for name in ("lmtp", "error", "verify", "proxymap", "anvil", "scache")}
    return (
        f"127.0.0.1:{port} inet n - n - - smtpd\ncleanup unix n - n - 0 cleanup\nqmgr unix n - n 300 1 qmgr\n"
        "postlog unix-dgram n - n - 1 postlogd\ntlsmgr unix - - n 1000? 1 tlsmgr\n"
        "virtual unix - n n - - virtual\n"
        + "".join(
            f"{name} unix - - {chroot if name == 'lmtp' else 'n'} - {0 if command == 'bounce' else '-'} {command}\n"
            for name, command in names.items()
        )
    )


@contextmanager
def wire(port: int, cut_at: bytes) -> Iterator[tuple[int, Event]]:
    """A wire to that port which is cut, once, when one side says these words: the other never hears them. Yields its
    own port, and what is set when it was cut.
    """
    cut = Event()

    def pump(source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while said := source.recv(1 << 16):
                if cut_at in said and not cut.is_set():
                    cut.set()
                    break
                target.sendall(said)
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def serve() -> None:
        with suppress(OSError):
            while True:
                near, far = server.accept()[0], socket.create_connection(("127.0.0.1", port))
                for source, target in ((near, far), (far, near)):
                    Thread(target=pump, args=(source, target), daemon=True).start()
                ends.extend((near, far))

    ends: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1], cut
        server.shutdown(socket.SHUT_RDWR)
    for end in ends:
        end.close()


def _answers(port: int) -> bool:
    try:
        with smtplib.SMTP("127.0.0.1", port, timeout=5):
            return True
    except OSError:
        return False


@contextmanager
def dovecot(folder: Path, settings: str = "", port: int = 0) -> Iterator[tuple[int, Path]]:
    """A dovecot with one mailbox, user `abuse`, password `made-up`; yields its IMAP port and the Maildir. Others may
    have it check accounts at `auth` in the folder.
    """
    port, maildir = port or free_port(), folder / "mail"
    folder.mkdir(exist_ok=True)
    for part in ("new", "cur", "tmp"):
        (maildir / part).mkdir(parents=True, exist_ok=True)
    me, group = pwd.getpwuid(os.geteuid()).pw_name, grp.getgrgid(os.getegid()).gr_name
    # Dovecot opens no mailbox as root, whatever its settings say.
    owner = pwd.getpwnam("nobody") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
    for path in (maildir, *maildir.iterdir()):
        os.chown(path, owner.pw_uid, owner.pw_gid)
    login, internal = ("dovenull", "dovecot") if os.geteuid() == 0 else (me, me)
    group = internal if os.geteuid() == 0 else group
    (folder / "dovecot.conf").write_text(
        f"base_dir = {folder}/run\nstate_dir = {folder}/state\nlog_path = {folder}/log\nprotocols = imap\n"
        f"listen = 127.0.0.1\nssl = no\ndisable_plaintext_auth = no\nmail_location = maildir:{maildir}\n"
        f"default_login_user = {login}\ndefault_internal_user = {internal}\ndefault_internal_group = {group}\n"
        f"first_valid_uid = 0\nfirst_valid_gid = 0\nauth_failure_delay = 0\nauth_mechanisms = plain\n"
        "passdb {\n driver = static\n args = password=made-up\n}\n"
        f"userdb {{\n driver = static\n args = uid={owner.pw_uid} gid={owner.pw_gid} home={folder}\n}}\n"
        f"service imap-login {{\n chroot =\n inet_listener imap {{\n port = {port}\n }}\n"
        " inet_listener imaps {\n port = 0\n }\n}\nservice stats {\n chroot =\n}\n"
        "service anvil {\n chroot =\n unix_listener anvil-auth-penalty {\n mode = 0\n }\n}\n"
        f"service auth {{\n unix_listener {folder}/auth {{\n mode = 0666\n }}\n}}\n" + settings
    )
    command = [program("dovecot"), "-F", "-c", str(folder / "dovecot.conf")]
    with (folder / "errors").open("wb") as errors:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=errors, start_new_session=True)
    try:
        assert wait_until(lambda: _greets(port)), (folder / "errors").read_text()
        yield port, maildir
    finally:
        process.terminate()
        wait_until(lambda: process.poll() is not None, 2.0)
        with suppress(ProcessLookupError):  # it waits half a minute for clients that do not go
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(PATIENCE)


def _greets(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            return connection.recv(4) == b"* OK"
    except OSError:
        return False
