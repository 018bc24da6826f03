"""P1: processor time for a picture's three digests and three fingerprints, beside imagehash and pdqhash.

`imagehash.phash(Image.open(f))` is 1; the other peer is the path of threatexchange (decode whole, `pdqhash.compute`).
The last column is the floor: Pillow's own decode to grey at the least size, and the digests, with nothing else done.
Each contender is a process of its own, so that none has its pictures or tables in the other's way, and they take turns
at each picture; a turn goes on for a fiftieth of a second, for a thumbnail takes less than the caches to fill.
Goals: 8 / 5 / 2.5 times imagehash, 30 / 12 times pdqhash (12 megapixels, 2 megapixels, thumbnail).
"""

from __future__ import annotations

import os

os.environ |= {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}  # as in the workers, before numpy is imported

import io
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import imagehash
import numpy as np
import pdqhash
from PIL import Image, ImageOps

from benchmarks.corpus import photos
from benchmarks.measuring import RUNS, sizes
from goodhoster.checking.digests import read_content
from goodhoster.checking.hasher import DirectHasher
from goodhoster.model.limits import ReadingLimits

PHOTOS = sizes(2, 12)[-1]
TURN = 0.02
"""Seconds of processor time, at least."""
FORMS = {
    "JPEG 12 MP": ("JPEG", (4000, 3000)),
    "JPEG 2 MP": ("JPEG", (1632, 1224)),
    "JPEG thumbnail": ("JPEG", (300, 225)),
    "JPEG 2 MP progressive": ("PROGRESSIVE", (1632, 1224)),
    "PNG 2 MP": ("PNG", (1632, 1224)),
    "WebP 2 MP": ("WEBP", (1632, 1224)),
    "GIF thumbnail": ("GIF", (300, 225)),
}
HASHER = DirectHasher(ReadingLimits())


def main() -> None:
    originals = list(photos(PHOTOS))
    print(f"{len(originals)} photos, medians of {RUNS} turns; processor time of one core\n")
    print(f"{'':22} {'bytes':>9} {'ours ms':>8} {'× imagehash':>12} {'× pdqhash':>10} {'floor ms':>9}")
    contenders = {name: Contender(name) for name in WORK}
    for name, (form, size) in FORMS.items():
        with tempfile.TemporaryDirectory() as folder:
            files = [Path(folder, str(number)) for number in range(len(originals))]
            for file, photo in zip(files, originals, strict=True):
                file.write_bytes(encoded(ImageOps.fit(photo, size), form))
            bytes_ = statistics.median(file.stat().st_size for file in files)
            times = [measured(file, contenders) for file in files]
        ours, floor = (statistics.median(each[name] for each in times) for name in ("ours", "floor"))
        faster, than_pdq = (
            statistics.median(each[peer] / each["ours"] for each in times) for peer in ("imagehash", "pdqhash")
        )
        print(f"{name:22} {bytes_:9.0f} {ours:8.2f} {faster:12.1f} {than_pdq:10.1f} {floor:9.2f}", flush=True)
    for contender in contenders.values():
        contender.end()


class Contender:
    """A process that works on a picture whenever it is its turn."""

    def __init__(self, name: str) -> None:
        arguments = [sys.executable, "-m", "benchmarks.p1_fingerprints", name]
        self._process = subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def turn(self, picture: Path) -> float:
        """Milliseconds of its processor time."""
        assert self._process.stdin
        assert self._process.stdout
        print(picture, file=self._process.stdin, flush=True)
        return float(self._process.stdout.readline())

    def end(self) -> None:
        """It has no further turn."""
        self._process.communicate()


def serve(work: Callable[[Path], object]) -> None:
    """The other end."""
    for line in sys.stdin:
        begun, done = time.process_time(), 0
        while (taken := time.process_time() - begun) < TURN or not done:
            work(Path(line.rstrip("\n")))
            done += 1
        print(taken * 1000 / done, flush=True)


def measured(picture: Path, contenders: Mapping[str, Contender]) -> dict[str, float]:
    """The median of each; a first turn does not count, for then code and tables come from the disk."""
    turns = [{name: contender.turn(picture) for name, contender in contenders.items()} for _ in range(RUNS + 1)]
    return {name: statistics.median(turn[name] for turn in turns[1:]) for name in contenders}


def encoded(picture: Image.Image, form: str) -> bytes:
    file = io.BytesIO()
    if form == "PROGRESSIVE":
        picture.save(file, "JPEG", quality=85, progressive=True)
    else:
        picture.save(file, form, quality=85)
    return file.getvalue()


def ours(path: Path) -> None:
    with path.open("rb") as file:
        HASHER.read(file.fileno())


def floor(path: Path) -> None:
    with path.open("rb") as file:
        read_content(file.fileno(), 1 << 30)
        picture = Image.open(file)
        step = next((step for step in (8, 4, 2) if min(picture.size) >= step * 256), 1)
        picture.draft("L", (picture.width // step, picture.height // step))
        picture.load()


WORK: dict[str, Callable[[Path], object]] = {
    "ours": ours,
    "imagehash": lambda path: imagehash.phash(Image.open(path)),
    "pdqhash": lambda path: pdqhash.compute(np.asarray(Image.open(path).convert("RGB"))),
    "floor": floor,
}


if __name__ == "__main__":
    if len(sys.argv) > 1:
        serve(WORK[sys.argv[1]])
    else:
        main()
