"""Appeals by the web form, behind the link that a statement of reasons has.

Whoever does not have the link learns nothing, and cannot tell a letter that was sent from one that never was.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from goodhoster.letters.message_ids import LetterCodes, is_appeal_link
from goodhoster.model.customers.standing import Appeal, AppealChannel
from goodhoster.takedowns.letter_appeals import LetterAppeals


@dataclass(frozen=True, slots=True)
class FormState:
    """What the page behind a link shows; nothing of what the letter itself told."""

    name: str
    """What the letter is called in its subject: its reference, or the notice."""
    language: str
    """The customer's; empty where it is not known."""
    appeals: tuple[Appeal, ...]
    """Those about what the letter tells of."""


@dataclass(frozen=True, slots=True)
class FormAppeals:
    """Receiver of appeals by the web form."""

    letters: LetterAppeals
    codes: LetterCodes
    language_of: Callable[[str], str]

    def link_state(self, letter: str, code: str) -> FormState | None:
        """What is behind a link; None where it is not ours, or nothing is left to be appealed."""
        if not is_appeal_link(self.codes, letter, code):
            return None
        told = self.letters.told_in(letter)
        if not told:
            return None
        return FormState(
            self.letters.name_of(letter), self.language_of(told[0].customer), tuple(self.letters.known(told))
        )

    def take(self, letter: str, code: str, text: str) -> FormState | None:
        """Take in an appeal about what the letter tells of; None as in `link_state`.

        Whether it was taken is seen by its text: what was appealed before stays as it was.
        """
        if (state := self.link_state(letter, code)) is None or state.appeals:
            return state
        self.letters.open(letter, text, AppealChannel.FORM)
        return self.link_state(letter, code)
