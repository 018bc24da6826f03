"""Writes down what the reference implementation makes of made-up pictures, for the tests to compare ours with.

The reference is `pdqhash`, which has to be built with a C++ compiler; so that nobody needs one for `./dev test`, its
answers are kept. After a change of the pictures: `./dev bench --list` (installs it), then
`PYTHONPATH=. .venv/bin/python tools/reference_pdq.py`.
"""

from __future__ import annotations

import importlib.metadata
import io
import json
from pathlib import Path

import numpy as np
import pdqhash
from PIL import Image

from tests.unit.checking.reference import DULL, FILE, PICTURES, Sample, dull


def main() -> None:
    """Make the file anew."""
    made_with = f"pdqhash {importlib.metadata.version('pdqhash')}"
    hashes = {sample.name: _hashes(sample) for sample in PICTURES}
    qualities = {str(seed): _quality(dull(seed)) for seed in DULL}
    answers = {"made_with": made_with, "hashes": hashes, "qualities": qualities}
    Path(FILE).write_text(json.dumps(answers, indent=1) + "\n", encoding="ascii")


def _hashes(sample: Sample) -> list[str]:
    """As it is, turned, mirrored: eight."""
    vectors, _ = pdqhash.compute_dihedral(_pixels(sample.file()))
    return [np.packbits(vector).tobytes().hex() for vector in vectors]


def _quality(file: bytes) -> int:
    return int(pdqhash.compute(_pixels(file))[1])


def _pixels(file: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(file)).convert("RGB"))


if __name__ == "__main__":
    main()
