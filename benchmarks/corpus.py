"""Ordinary pictures to measure with: wallpapers of Debian's packages and the samples of scikit-image and scikit-learn.

Fetched once into build/corpus (200 MB); nothing of it is committed.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from importlib.util import find_spec
from itertools import islice
from pathlib import Path

from PIL import Image

FOLDER = Path(__file__).parents[1] / "build" / "corpus"
PACKAGES = (
    "gnome-backgrounds",
    "lomiri-wallpapers-16.04",
    "lomiri-wallpapers-20.04",
    "mate-backgrounds",
    "plasma-workspace-wallpapers",
    "ukui-wallpapers",
)
_SAMPLES = (("skimage", "data"), ("sklearn", "datasets/images"))
_SMALLEST = 400
_SIZE = re.compile(r"_\d+x\d+\Z")
_ENDINGS = {".jpg", ".jpeg", ".png", ".webp"}


def photos(most: int) -> Iterator[Image.Image]:
    """Up to so many pictures in colour, the larger side at most 4,000 pixels, no two of the same motif."""
    return islice((_colours(path) for path in _files() if _fits(path)), most)


def _fits(path: Path) -> bool:
    with Image.open(path) as picture:
        return min(picture.size) >= _SMALLEST and picture.mode in {"RGB", "RGBA", "P"}


def _colours(path: Path) -> Image.Image:
    with Image.open(path) as picture:
        found = picture.convert("RGB")
    found.thumbnail((4000, 4000))
    return found


def _files() -> Iterator[Path]:
    """One of each folder of sizes or variants (light and dark, day and night), in an order that mixes the sources."""
    _fetch()
    paths = sorted(path for path in FOLDER.rglob("*") if path.suffix in _ENDINGS)
    motifs: dict[str, Path] = {}
    for path in paths:
        motif = path.parts[path.parts.index("contents") - 1] if "contents" in path.parts else _SIZE.sub("", path.stem)
        motifs[motif.rstrip("0123456789").removesuffix("-d").removesuffix("-l").removesuffix("-dark")] = path
    for package, folder in _SAMPLES:
        spec = find_spec(package)
        if spec and spec.origin:
            samples = sorted((Path(spec.origin).parent / folder).iterdir())
            motifs |= {path.stem: path for path in samples if path.suffix in _ENDINGS}
    yield from sorted(motifs.values(), key=lambda path: path.stem[::-1])


def _fetch() -> None:
    if FOLDER.exists():
        return
    new = FOLDER.with_suffix(".new")
    new.mkdir(parents=True, exist_ok=True)
    subprocess.run(["apt-get", "download", "--quiet=2", *PACKAGES], cwd=new, check=True)  # noqa: S607 - whichever PATH finds
    for package in new.glob("*.deb"):
        subprocess.run(["dpkg-deb", "--extract", package.name, "."], cwd=new, check=True)  # noqa: S607 - the same
        package.unlink()
    new.rename(FOLDER)
