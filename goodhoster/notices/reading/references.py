"""The notifier's own number of a notice, by which its system recognises our answer."""

from __future__ import annotations

import re

from goodhoster.notices.reading.mail import Mail

_FILE_NUMBER = re.compile(r"\[(M\d{10})\]")
"""Of the Dutch hotline's system (SCART)."""
_VALUE = r"[\[(#]?(?=[\w./-]{0,42}\d)([A-Za-z0-9][\w./-]{1,40}\w)"
_ALWAYS = (
    r"(?:ref(?:erence|erentie)?|kenmerk|zaaknummer|meldingsnummer|aktenzeichen|gesch\u00e4ftszeichen|az"
    r"|vorgang(?:snummer)?)\b\.?"
)
"""Words that are followed by nothing else; those of `_WITH_MARK` have other meanings, too."""
_WITH_MARK = r"(?:ticket|case|incident|report|dossier|zaak|file)\b\.?"
_NUMBER = r"(?:\s?(?:id|no|nr|number|nummer)\b\.?)"
_MARK = r"\s{0,3}[:#=]{1,2}\s{0,8}"
_LABELLED = re.compile(
    rf"\b(?:{_ALWAYS}{_NUMBER}?(?:{_MARK}|\s{{1,3}})|{_WITH_MARK}(?:{_NUMBER}(?:{_MARK}|\s{{1,3}})|{_MARK}))" + _VALUE,
    re.IGNORECASE,
)
_OF_TEXT = re.compile(
    rf"^[\s>*]{{0,8}}(?:\w{{2,10}}\s)?(?:{_ALWAYS}|{_WITH_MARK}){_NUMBER}?\*?{_MARK}\*?" + _VALUE,
    re.IGNORECASE | re.MULTILINE,
)
_IN_BRACKETS = re.compile(r"\[#?((?=[^\]]{0,44}\d)[A-Za-z0-9][\w.#/ -]{1,40}\w)\]")
_TAGS = re.compile(
    r"\[(?:ext(?:ern(?:al)?)?|spam\d*|external mail|bulk|suspected spam|urgent|fwd?|re)\s?\d*\]", re.IGNORECASE
)
"""What mail servers write before a subject."""
_LOOKED_AT = 20_000  # characters of the text


def reference_of(mail: Mail, text: str = "") -> str:
    """Reference that the sender gave the notice; empty where there is none.

    The first of: the hotline's file number; what the subject has behind a label (`Ref.`, `Kenmerk`, `Aktenzeichen`,
    …) or in brackets; what stands behind a label in the text; the mail that this one answers.
    """
    subject = _TAGS.sub(" ", mail.header("Subject"))
    if found := _FILE_NUMBER.search(subject):
        return found[1]
    for pattern, where in ((_LABELLED, subject), (_IN_BRACKETS, subject), (_OF_TEXT, text[:_LOOKED_AT])):
        if found := pattern.search(where):
            return found[1].strip()
    answered = mail.header("In-Reply-To").strip("<> ")
    return answered if re.fullmatch(r"[^\s<>]{3,200}", answered) else ""
