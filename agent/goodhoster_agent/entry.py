"""Entry of the process `goodhoster`.

Applications run `goodhoster doors ask` once for each upload: it is answered before the library of the command line is
loaded, which takes longer than the answer. Every other command is in `cli.py`.
"""

from __future__ import annotations

import sys

_ASK = ["doors", "ask"]


def main() -> None:
    """Run the command `goodhoster`, and end the process with its exit code."""
    if sys.argv[1:3] == _ASK:
        from goodhoster.client.__main__ import run as ask  # noqa: PLC0415 - see above

        sys.exit(ask(sys.argv[3:], "goodhoster doors ask"))
    from goodhoster_agent.cli import main as run  # noqa: PLC0415 - see above

    run()
