"""A disk without room, as a customer makes one."""

import subprocess
import time
from contextlib import suppress
from pathlib import Path

_ROUNDS_WITHOUT_ROOM = 3


def fill_disk(ballast: Path) -> None:
    """Write a file until nothing more fits, not even what the file system frees a moment later."""
    ballast.unlink(missing_ok=True)
    full_for = 0
    with ballast.open("wb", buffering=0) as opened:
        while full_for < _ROUNDS_WITHOUT_ROOM:
            before = opened.tell()
            for size in (1 << 20, 1 << 12, 1):
                with suppress(OSError):
                    while opened.write(bytes(size)):
                        pass
            subprocess.run(["sync", "--file-system", ballast.parent], check=True)
            time.sleep(0.2)
            full_for = full_for + 1 if opened.tell() == before else 0
