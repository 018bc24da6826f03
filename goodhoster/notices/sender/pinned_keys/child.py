"""The process that checks signed mails.

`python -m goodhoster.notices.sender.pinned_keys.child CHANNEL`, with a pipe as standard input whose other end its
parent has. It and the programs that it runs have limits of memory and processor time, no
rights, and write nowhere.
"""

from __future__ import annotations

import base64
import json
import socket
import sys
from dataclasses import asdict
from datetime import datetime
from typing import Any

from goodhoster.linux import frames
from goodhoster.linux.confinement import allow_cpu_seconds, confine
from goodhoster.notices.reading.mail import LARGEST_MAIL
from goodhoster.notices.sender.pinned_keys.checks import CheckInput
from goodhoster.notices.sender.pinned_keys.signature_checks import Pin, SignatureResult, prove

_MEMORY = 512 << 20  # bytes of address space, of it and of each program
_CPU_SECONDS = 10


def main() -> None:
    """Check mails until the parent is gone, in the middle of one too."""
    confine("gh-prover", _MEMORY, written=2 * LARGEST_MAIL)
    with socket.socket(fileno=int(sys.argv[1])) as channel:
        while (frame := frames.receive(channel)) is not None:
            allow_cpu_seconds(_CPU_SECONDS)
            frames.send(channel, _proven(json.loads(frame)))


def _proven(asked: dict[str, Any]) -> bytes:
    pins = [Pin(pin["notifier"], *map(base64.b64decode, (pin["smime"], pin["openpgp"]))) for pin in asked["pins"]]
    given = CheckInput(datetime.fromisoformat(asked["at"]), asked["search"])
    proof = prove(base64.b64decode(asked["raw"]), pins, given)
    return json.dumps(_plain(proof) if proof else None).encode()


def _plain(proof: SignatureResult) -> dict[str, Any]:
    signed_at = proof.signed_at.isoformat() if proof.signed_at else ""
    return asdict(proof) | {"signed_at": signed_at, "content": base64.b64encode(proof.content).decode()}


if __name__ == "__main__":
    main()
