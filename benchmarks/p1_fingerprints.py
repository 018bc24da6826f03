"""P1: processor time for a picture's three digests and three fingerprints, beside imagehash and pdqhash.

`imagehash.phash(Image.open(f))` is 1; the other peer is the path of threatexchange (decode whole, `pdqhash.compute`).
The last column is the floor: Pillow's own decode to grey at the least size, and the digests, with nothing else done.
Goals: 8 / 5 / 2.5 times imagehash, 30 / 12 times pdqhash (12 megapixels, 2 megapixels, thumbnail).
"""

from __future__ import annotations

import os

os.environ |= {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}  # as in the workers, before numpy is imported

import io
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import imagehash
import numpy as np
import pdqhash
from PIL import Image, ImageOps

from benchmarks.corpus import photos
from goodhoster.checking.digests import read_content
from goodhoster.checking.hasher import DirectHasher
from goodhoster.model.limits import ReadingLimits

RUNS = 5
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


@dataclass(frozen=True)
class Times:
    """Milliseconds of processor time for one file."""

    ours: float
    imagehash: float
    pdqhash: float
    floor: float


def main() -> None:
    originals = photos(PHOTOS)
    print(f"{len(originals)} photos, best of {RUNS} each, medians; processor time of one core\n")
    print(f"{'':22} {'bytes':>9} {'ours ms':>8} {'× imagehash':>12} {'× pdqhash':>10} {'floor ms':>9}")
    for name, (form, size) in FORMS.items():
        files = [encoded(ImageOps.fit(photo, size), form) for photo in originals]
        times = [measured(file) for file in files]
        ours = statistics.median(each.ours for each in times)
        faster = statistics.median(each.imagehash / each.ours for each in times)
        than_pdq = statistics.median(each.pdqhash / each.ours for each in times)
        floor = statistics.median(each.floor for each in times)
        size_ = statistics.median(map(len, files))
        print(f"{name:22} {size_:9.0f} {ours:8.2f} {faster:12.1f} {than_pdq:10.1f} {floor:9.2f}")


def encoded(picture: Image.Image, form: str) -> bytes:
    file = io.BytesIO()
    if form == "PROGRESSIVE":
        picture.save(file, "JPEG", quality=85, progressive=True)
    else:
        picture.save(file, form, quality=85)
    return file.getvalue()


def measured(file: bytes) -> Times:
    fd = os.memfd_create("picture")
    os.write(fd, file)
    try:
        return Times(
            best(lambda: HASHER.read(fd)),
            best(lambda: imagehash.phash(Image.open(io.BytesIO(file)))),
            best(lambda: pdqhash.compute(np.asarray(Image.open(io.BytesIO(file)).convert("RGB"))), 2),
            best(lambda: floor(fd, file)),
        )
    finally:
        os.close(fd)


def floor(fd: int, file: bytes) -> None:
    read_content(fd, 1 << 30)
    picture = Image.open(io.BytesIO(file))
    step = next((step for step in (8, 4, 2) if min(picture.size) >= step * 256), 1)
    picture.draft("L", (picture.width // step, picture.height // step))
    picture.load()


def best(work: Callable[[], object], runs: int = RUNS) -> float:
    times = []
    for _ in range(runs):
        started = time.process_time()
        work()
        times.append(time.process_time() - started)
    return min(times) * 1000


if __name__ == "__main__":
    main()
