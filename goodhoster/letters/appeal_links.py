"""Links to the form for objections, in statements of reasons.

A link has the letter's name and a code that only this machine can compute: nothing is kept for it, and nobody can make
one up. It is good for as long as the letter's measure is known.
"""

from __future__ import annotations

from goodhoster.letters.message_ids import LetterCodes

_PURPOSE = "appeal"


def appeal_link(below: str, codes: LetterCodes, letter: str) -> str:
    """The link for a letter of that name; empty where there are no pages."""
    return f"{below.rstrip('/')}/appeal/{letter}/{codes.code(letter, _PURPOSE)}" if below else ""


def is_appeal_link(codes: LetterCodes, letter: str, code: str) -> bool:
    """Whether this machine made that code for a letter of that name."""
    return codes.fits(letter, code, _PURPOSE)
