"""P1: processor time for a picture's three digests and three fingerprints, beside imagehash and pdqhash.

`imagehash.phash(Image.open(f))` is 1; the other peer is the path of threatexchange (decode whole, `pdqhash.compute`).
The last column is the floor: Pillow's own decode to grey at the least size, and the digests, with nothing else done.
Each contender is a process of its own, so that none has its pictures or tables in the other's way, and they take turns.
Goals: 8 / 5 / 2.5 times imagehash, 30 / 12 times pdqhash (12 megapixels, 2 megapixels, thumbnail).
"""

from __future__ import annotations

import os

os.environ |= {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}  # as in the workers, before numpy is imported

import io
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import imagehash
import numpy as np
import pdqhash
from PIL import Image, ImageOps

from benchmarks.corpus import photos
from benchmarks.measuring import RUNS
from goodhoster.checking.digests import read_content
from goodhoster.checking.hasher import DirectHasher
from goodhoster.model.limits import ReadingLimits

PHOTOS = 16
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
    originals = photos(PHOTOS)
    print(f"{len(originals)} photos, medians of {RUNS} turns; processor time of one core\n")
    print(f"{'':22} {'bytes':>9} {'ours ms':>8} {'× imagehash':>12} {'× pdqhash':>10} {'floor ms':>9}")
    contenders = {name: Contender(name) for name in WORK}
    for name, (form, size) in FORMS.items():
        with tempfile.TemporaryDirectory() as folder:
            for number, photo in enumerate(originals):
                Path(folder, str(number)).write_bytes(encoded(ImageOps.fit(photo, size), form))
            bytes_ = statistics.median(file.stat().st_size for file in Path(folder).iterdir())
            turns = [{each: contender.turn(folder) for each, contender in contenders.items()} for _ in range(RUNS)]
        ours, floor = (statistics.median(map(statistics.median, _files(turns, each))) for each in ("ours", "floor"))
        faster, than_pdq = (times_faster(turns, each) for each in ("imagehash", "pdqhash"))
        print(f"{name:22} {bytes_:9.0f} {ours:8.2f} {faster:12.1f} {than_pdq:10.1f} {floor:9.2f}", flush=True)
    for contender in contenders.values():
        contender.end()


class Contender:
    """A process that works through a folder of pictures whenever it is its turn."""

    def __init__(self, name: str) -> None:
        arguments = [sys.executable, "-m", "benchmarks.p1_fingerprints", name]
        self._process = subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def turn(self, folder: str) -> list[float]:
        """Milliseconds of its processor time for each picture."""
        assert self._process.stdin
        assert self._process.stdout
        print(folder, file=self._process.stdin, flush=True)
        times: list[float] = json.loads(self._process.stdout.readline())
        return times

    def end(self) -> None:
        """It has no further turn."""
        self._process.communicate()


def serve(work: Callable[[Path], object]) -> None:
    """The other end. In a folder it first goes through all once: code and tables are there as in a worker that runs."""
    warm = None
    for line in sys.stdin:
        pictures = sorted(Path(line.rstrip("\n")).iterdir())
        if warm != line:
            timed(work, pictures)
            warm = line
        print(json.dumps(timed(work, pictures)), flush=True)


def timed(work: Callable[[Path], object], pictures: list[Path]) -> list[float]:
    times = []
    for picture in pictures:
        begun = time.process_time()
        work(picture)
        times.append((time.process_time() - begun) * 1000)
    return times


Turns = list[dict[str, list[float]]]


def times_faster(turns: Turns, peer: str) -> float:
    """Of the median picture, by the medians of all turns."""
    pairs = zip(_files(turns, peer), _files(turns, "ours"), strict=True)
    return statistics.median(statistics.median(theirs) / statistics.median(ours) for theirs, ours in pairs)


def _files(turns: Turns, contender: str) -> list[tuple[float, ...]]:
    """What a contender took for each picture, turn by turn."""
    return list(zip(*(turn[contender] for turn in turns), strict=True))


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
