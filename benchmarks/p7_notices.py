"""P7: notices: mails by LMTP to `goodhoster run`, until every file is offline and every answer is with the mail server.

The volume is that of the letter of 8 October 2020: 179,610 URLs of one hoster in eight months, here in mails of 1 to
500 URLs, many small and few large, each signed by a hotline whose key is pinned. Counted from outside only: files that
are still there, results at the mail server, memory (Pss) of the daemon with all its processes. The files are in the
index before, as on any host that has run for a day. Nobody looks at the sites from outside: ours is the reading back.
AbuseIO, the peer, leaves the work to a person, so there is nothing to measure beside it. Goal: the whole in 10 minutes
on two cores and in 300 MiB, nothing lost, nothing open. GOODHOSTER_PROOF=full runs the whole.
"""

from __future__ import annotations

import asyncio
import json
import math
import os
import random
import re
import shutil
import smtplib
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from aiosmtpd.smtp import SMTP, Envelope, Session

from benchmarks.measuring import SMALLEST, sizes
from goodhoster.testing.signed_mail import MailSigner

SIZES = sizes(200, 1_000, 4_000, 10_000)[0 if SMALLEST else 1 :]
WHOLE = (10_000, 40_000, 179_610)
LARGEST_MAIL = 500
PER_CUSTOMER = 200
GIVE_UP = 3600.0  # seconds
GOODHOSTER = (sys.executable, "-m", "goodhoster_agent")

CONFIG = """
[agent]
state_dir = "state"
[[watch]]
path = "customers"
[[hash_source]]
kind = "list"
[policy]
mode = "enforce"
[[directory]]
kind = "list"
file = "sites.csv"
[[notifier]]
id = "hotline"
name = "Made-up hotline"
kind = "hotline"
domains = ["hotline.example"]
dkim_keys = "hotline.keys"
per_hour = 1000000
per_customer = 1000000
[notices]
lmtp = "unix:{folder}/lmtp.sock"
[smtp]
host = "127.0.0.1"
port = {port}
sender = "abuse@hoster.example"
"""


@dataclass
class MailServer:
    """Takes our letters, as the hoster's own mail server does."""

    results: Counter[str] = field(default_factory=Counter)
    """How often each notice's result came, by the number in its subject."""

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        """Count the results; receipts do not matter here."""
        head = (envelope.original_content or b"").partition(b"\r\n\r\n")[0].decode()
        if re.search(r"-result\.\w+@", head):
            self.results.update(re.findall(r"\[(M\d{10})\]", head))
        return "250 taken"


@dataclass(frozen=True)
class Host:
    """A hoster's machine in a folder."""

    folder: Path
    signer: MailSigner = field(default_factory=lambda: MailSigner.ed25519("hotline.example"))

    def make(self, urls: int, port: int) -> list[str]:
        """Customers, their files and the configuration; returns the URLs."""
        (self.folder / "goodhoster.toml").write_text(CONFIG.format(folder=self.folder, port=port))
        (self.folder / "hotline.keys").write_text(f"{self.signer.name} {self.signer.record}\n")
        customers = range(math.ceil(urls / PER_CUSTOMER))
        rows = [f"c{n},c{n}.example,{self.folder}/customers/c{n}/www" for n in customers]
        (self.folder / "sites.csv").write_text("\n".join(["customer_id,domain,docroot", *rows, ""]))
        return [self._file(number) for number in range(urls)]

    def mail(self, number: int, urls: Sequence[str]) -> bytes:
        """As the hotline's system writes it: a table in a text part."""
        rows = "".join(f"<tr><td>{url}</td><td></td></tr>\n" for url in urls)
        text = (
            f"From: Hotline <desk@hotline.example>\nReply-To: answers@hotline.example\nTo: abuse@hoster.example\n"
            f"Subject: [M{number:010}] Notice\nDate: Mon, 02 Mar 2026 11:00:00 +0000\n"
            f"Message-ID: <{number}@hotline.example>\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n\n"
            f'<table class="urls"><tr><th>url</th><th>note</th></tr>\n{rows}</table>\n'
        )
        return self.signer.sign(text.replace("\n", "\r\n").encode())

    def mails(self, urls: Sequence[str]) -> Iterator[bytes]:
        """Of 1 to 500 URLs, as many of each order of magnitude."""
        chance, begin = random.Random(7), 0
        for number in range(1, len(urls) + 1):
            if begin >= len(urls):
                return
            end = begin + int(math.exp(chance.uniform(0, math.log(LARGEST_MAIL + 1))))
            yield self.mail(number, urls[begin:end])
            begin = end

    def online(self) -> int:
        """How many files are still there."""
        return sum(1 for _ in (self.folder / "customers").glob("c*/www/*.jpg"))

    def status(self) -> dict[str, int]:
        """As the command tells it."""
        command = (*GOODHOSTER, "status", "--json", "--config", str(self.folder / "goodhoster.toml"))
        return dict(json.loads(subprocess.run(command, capture_output=True, check=False).stdout))

    def _file(self, number: int) -> str:
        customer, name = number // PER_CUSTOMER, f"{number}.jpg"
        www = self.folder / "customers" / f"c{customer}" / "www"
        www.mkdir(parents=True, exist_ok=True)
        (www / name).write_bytes(b"made-up picture %d " % number * 200)
        return f"http://c{customer}.example/{name}"


@dataclass
class Family:
    """A process and all that it started, watched."""

    pid: int
    memory: float = 0.0
    """MiB at most; what processes share is counted once."""
    ended: threading.Event = field(default_factory=threading.Event)

    def watch(self) -> None:
        """Until it is told to end."""
        while not self.ended.wait(1.0):
            self.memory = max(self.memory, sum(map(_pss, _below(self.pid))) / 1024)

    def cpu(self) -> float:
        """Seconds of processor time, of those that are alive."""
        return sum(map(_cpu, _below(self.pid)))


def main() -> None:
    print("P7: URLs from LMTP to the answer at the mail server; goal for 179,610: 600 s, that is 300 URLs/s and 6.7 ms")
    print("of processor time for each on two cores that do nothing else, and 300 MiB")
    print(
        f"{'URLs':>8} {'mails':>6}   {'seconds':>8} {'URLs/s':>7} {'CPU, ms/URL':>12} {'memory, MiB':>12} online open"
    )
    for urls in WHOLE if os.environ.get("GOODHOSTER_PROOF") == "full" else SIZES:
        with tempfile.TemporaryDirectory(prefix="p7-") as folder:
            _measure(Path(folder), urls)


def _measure(folder: Path, count: int) -> None:
    server = MailServer()
    with ExitStack() as stack:
        folder.chmod(0o755)
        # What is offline is immutable; the folder could not be taken away.
        stack.callback(
            lambda: subprocess.run([shutil.which("chattr") or "chattr", "-R", "-f", "-i", folder], check=False)
        )
        host = Host(folder)
        urls = host.make(count, stack.enter_context(_listening(server)))
        mails = list(host.mails(urls))
        family = stack.enter_context(_daemon(folder))
        while (status := host.status()).get("queue", 1):
            time.sleep(1.0)
        begun, spent = time.perf_counter(), family.cpu()
        _hand_over(folder / "lmtp.sock", mails)
        while len(server.results) < len(mails) and time.perf_counter() - begun < GIVE_UP:
            time.sleep(0.05)
        seconds, spent = time.perf_counter() - begun, family.cpu() - spent
        status = host.status()
        once = sum(times == 1 for times in server.results.values())
    lost = "" if once == len(mails) else f"   answered once: {once}"
    print(
        f"{count:>8,} {len(mails):>6,}   {seconds:>8.1f} {count / seconds:>7.0f} {spent / count * 1000:>12.1f} "
        f"{family.memory:>12.0f} {host.online():>6} {status['open_notices']:>4}{lost}",
        flush=True,
    )


def _hand_over(socket: Path, mails: Sequence[bytes]) -> None:
    with smtplib.LMTP(str(socket)) as client:
        for mail in mails:
            client.sendmail("bounces@hotline.example", ["abuse@hoster.example"], mail)


@contextmanager
def _listening(server: MailServer) -> Iterator[int]:
    """The mail server's port."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    opening = loop.create_server(lambda: SMTP(server, loop=loop), "127.0.0.1", 0)
    listener = asyncio.run_coroutine_threadsafe(opening, loop).result()
    try:
        yield int(listener.sockets[0].getsockname()[1])
    finally:
        loop.call_soon_threadsafe(listener.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@contextmanager
def _daemon(folder: Path) -> Iterator[Family]:
    """Until the block ends; its memory is watched meanwhile."""
    command = (*GOODHOSTER, "run", "--config", str(folder / "goodhoster.toml"))
    with (folder / "journal").open("w") as journal:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=journal, text=True)
    if not process.stdout or process.stdout.readline() != "ready\n":
        sys.exit((folder / "journal").read_text())
    family = Family(process.pid)
    watching = threading.Thread(target=family.watch)
    watching.start()
    try:
        yield family
    finally:
        family.ended.set()
        watching.join()
        process.terminate()
        process.wait()


def _below(pid: int) -> list[int]:
    """The process and all below it."""
    try:
        tasks = list(Path(f"/proc/{pid}/task").glob("*/children"))
        children = [int(child) for task in tasks for child in task.read_text().split()]
    except OSError:
        return []
    return [pid, *(one for child in children for one in _below(child))]


def _cpu(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _pss(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)


if __name__ == "__main__":
    main()
