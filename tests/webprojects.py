"""Web projects in processes of their own, for tests of the plugins."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

from PIL import Image

from tests.ports import free_port

CHECKOUT = Path(__file__).parents[1]
PLUGINS = CHECKOUT / "plugins"


def picture(color: str, size: int = 32) -> bytes:
    """A picture that browsers and frameworks take for one."""
    made = BytesIO()
    Image.new("RGB", (size, size), color).save(made, "PNG")
    return made.getvalue()


def environment(**more: str) -> dict[str, str]:
    """Ours, with every Python plugin and the checkout to import from."""
    paths = [str(CHECKOUT), *(str(PLUGINS / name) for name in ("django", "wagtail", "synapse"))]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "PYTHONWARNINGS": "ignore", **more}


@contextmanager
def serving(project: Path, more: Mapping[str, str], log: Path) -> Iterator[str]:
    """Django's own server with that project; the address."""
    port = free_port()
    command = [sys.executable, "manage.py", "runserver", "--noreload", "--skip-checks", f"127.0.0.1:{port}"]
    with log.open("wb") as written:
        process = subprocess.Popen(command, cwd=project, env=environment(**more), stdout=written, stderr=written)
    try:
        wait_for(port, process)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(120)


def wait_for(port: int, process: subprocess.Popen[bytes], patience: float = 150.0) -> None:
    """Until something listens there."""
    until = time.monotonic() + patience
    while time.monotonic() < until and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError(f"nothing listens on {port}")
