"""Characters that look like others: wide forms, slashes, dots, letters of other scripts.

People use them to make an address unclickable, and forgers to make one look like another.
"""

from __future__ import annotations

import unicodedata

SLASH_WORDS = (
    "slash|forward slash|schr\u00e4gstrich|schraegstrich|schuine streep|barra|barre oblique|uko\u015bnik"
    "|lom[i\u00ed]tko|snedstreck|skr\u00e5strek|skr\u00e5streg|kauttaviiva|perjel|e\u011fik \u00e7izgi"
    "|\u0441\u043b[\u0435\u044d]\u0448|\u043a\u043e\u0441\u0430\u044f \u0447\u0435\u0440\u0442\u0430"
    "|\u659c\u6760|\u659c\u7dda|\u30b9\u30e9\u30c3\u30b7\u30e5|\uc2ac\ub798\uc2dc"
)
"""What people write for a slash that is not to be clicked, as part of a regular expression."""
_SIGNS = {
    "/": "\u2044\u2215\u2571\u27cb\u29f8\u3033\u2afd",
    "\\": "\u2216\u29f5\u29f9",
    ":": "\u02d0\u05c3\u0589\u1803\u2236\ua789",
    ".": "\u00b7\u0387\u06d4\u0701\u0702\u2022\u2024\u2027\u2219\u22c5\u2e31\u2e33\u3002\u30fb\ua4f8\uff65",
    "-": "\u2010\u2011\u2012\u2013\u2212",
}
_LETTERS = {
    "a": "\u0430\u03b1\u0251", "b": "\u0432", "c": "\u0441\u03f2", "d": "\u0501", "e": "\u0435\u0454\u04bd",
    "g": "\u0261", "h": "\u043d\u04bb\u0570", "i": "\u0456\u03b9\u0131", "j": "\u0458\u03f3", "k": "\u043a\u03ba",
    "l": "\u04cf", "m": "\u043c", "n": "\u0578\u03b7", "o": "\u043e\u03bf\u0585", "p": "\u0440\u03c1", "q": "\u051b",
    "s": "\u0455", "t": "\u0442\u03c4", "u": "\u03c5\u057d", "v": "\u03bd\u0475", "w": "\u051d\u03c9",
    "x": "\u0445\u03c7", "y": "\u0443\u03b3\u04af",
}  # fmt: skip
_MEANT = {ord(one): plain for plain, alike in (_SIGNS | _LETTERS).items() for one in alike}
_IN_PLACE_OF = {ord(one): plain for plain, alike in _SIGNS.items() if plain != "-" for one in alike}


def folded(text: str) -> str:
    """Text with every look-alike replaced by what it looks like; the same where it has none."""
    return text if text.isascii() else unicodedata.normalize("NFKC", text).translate(_MEANT)


def has_odd_signs(text: str) -> bool:
    """Whether a text has another form of a letter, a slash, a colon or a dot than people type.

    Accents written apart from their letters are none: some systems name files so.
    """
    if text.isascii():
        return False
    whole = unicodedata.normalize("NFC", text)
    return unicodedata.normalize("NFKC", whole).translate(_IN_PLACE_OF) != whole


def mixes_scripts(label: str) -> bool:
    """Whether a word has Latin letters beside those of other scripts that look like them."""
    latin = any("a" <= character <= "z" for character in label.lower())
    return latin and any(ord(character) in _MEANT and character.isalpha() for character in label.lower())
