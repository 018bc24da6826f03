"""The page behind the link in a statement of reasons: a form for the customer's objection.

Without the right link it says nothing, and the same to everybody; with it, no more than that there is a letter and what
became of the objection. Opening it does nothing: mail scanners open links.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from html import escape
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from aiohttp import web

from goodhoster.customers.standing.appeals import says_something
from goodhoster.errors import PassingError
from goodhoster.model.customers.standing import Appeal, AppealState
from goodhoster_agent.doors.http_server import read_body
from goodhoster_agent.doors.plain_pages import html_page, language_wanted

if TYPE_CHECKING:
    from goodhoster.takedowns.form_appeals import FormAppeals, FormState
    from goodhoster_agent.doors.rate_limit import RateLimit

Appeals = Callable[[], "FormAppeals | None"]
"""None on a host without a register."""
_LONGEST_NAME = 140
_LONGEST_CODE = 40
_LONGEST_TEXT = 20_000
"""Characters of an objection, as the desk keeps."""
_LARGEST_REQUEST = 200_000
"""Bytes of a request: each character may take nine."""
_WITHIN = 30.0  # seconds
_WORDS = {
    "en": {
        "title": "Object to our decision",
        "letter": "Our letter:",
        "intro": "Tell us why you do not agree. A member of our staff reads it and decides; that is free of charge. "
        "Please do not send us any of the material.",
        "label": "Your objection",
        "send": "Send",
        "empty": "Please write why you do not agree.",
        "long": "That is too long: at most 20,000 characters.",
        "thanks": "We have received your objection",
        "already": "We already had your objection",
        "kept": "What you wrote now was not added to it. To add something, please answer our letter.",
        "open": "number {id}: we decide by {deadline}",
        "decided": "number {id}: decided; we have written to you",
        "gone": "This page is not available",
        "why": "The link is not complete, or nothing is left to object to. You can also answer our letter.",
        "slow": "Please wait a moment, and try again",
        "later": "This cannot be accepted now: please try again in a minute",
    },
    "nl": {
        "title": "Bezwaar maken tegen ons besluit",
        "letter": "Onze brief:",
        "intro": "Schrijf waarom u het er niet mee eens bent. Een medewerker leest het en beslist; dat is kosteloos. "
        "Stuur ons het materiaal zelf niet.",
        "label": "Uw bezwaar",
        "send": "Versturen",
        "empty": "Schrijf alstublieft waarom u het er niet mee eens bent.",
        "long": "Dat is te lang: hoogstens 20.000 tekens.",
        "thanks": "Wij hebben uw bezwaar ontvangen",
        "already": "Wij hadden uw bezwaar al",
        "kept": "Wat u nu schreef, is er niet aan toegevoegd. Wilt u iets toevoegen, beantwoord dan onze brief.",
        "open": "nummer {id}: wij beslissen vóór {deadline}",
        "decided": "nummer {id}: er is beslist; wij hebben u geschreven",
        "gone": "Deze pagina is niet beschikbaar",
        "why": "De link is niet volledig, of er is niets meer om bezwaar tegen te maken. U kunt ook onze brief "
        "beantwoorden.",
        "slow": "Wacht alstublieft even en probeer het opnieuw",
        "later": "Dit kan nu niet worden aangenomen: probeer het over een minuut opnieuw",
    },
    "de": {
        "title": "Widerspruch gegen unsere Entscheidung",
        "letter": "Unser Schreiben:",
        "intro": "Schreiben Sie uns, warum Sie nicht einverstanden sind. Eine Person aus unserem Team liest es und "
        "entscheidet; das ist kostenlos. Bitte senden Sie uns das Material selbst nicht.",
        "label": "Ihr Widerspruch",
        "send": "Absenden",
        "empty": "Bitte schreiben Sie, warum Sie nicht einverstanden sind.",
        "long": "Das ist zu lang: höchstens 20.000 Zeichen.",
        "thanks": "Ihr Widerspruch ist eingegangen",
        "already": "Ihr Widerspruch lag uns schon vor",
        "kept": "Was Sie jetzt geschrieben haben, wurde nicht hinzugefügt. Wenn Sie etwas ergänzen möchten, antworten "
        "Sie bitte auf unser Schreiben.",
        "open": "Nummer {id}: wir entscheiden bis {deadline}",
        "decided": "Nummer {id}: entschieden; wir haben Ihnen geschrieben",
        "gone": "Diese Seite ist nicht verfügbar",
        "why": "Der Link ist nicht vollständig, oder es gibt nichts mehr, wogegen Sie Widerspruch einlegen könnten. "
        "Sie können auch auf unser Schreiben antworten.",
        "slow": "Bitte warten Sie einen Moment und versuchen Sie es erneut",
        "later": "Das kann jetzt nicht angenommen werden: bitte versuchen Sie es in einer Minute erneut",
    },
}


class AppealPages:
    """The request handler of the form."""

    def __init__(self, appeals: Appeals, rate_limit: RateLimit, address_of: Callable[[web.Request], str]) -> None:
        self._appeals = appeals
        self._rate_limit = rate_limit
        self._address_of = address_of

    def add_to(self, app: web.Application) -> None:
        """Add the routes."""
        app.router.add_get("/appeal/{letter}/{code}", self._show)
        app.router.add_post("/appeal/{letter}/{code}", self._send)

    async def _show(self, request: web.Request) -> web.Response:
        if too_fast := self._too_fast(request):
            return too_fast
        return await asyncio.to_thread(self._shown, *_link(request), language_wanted(request))

    async def _send(self, request: web.Request) -> web.Response:
        if too_fast := self._too_fast(request):
            return too_fast
        body = await read_body(request, _LARGEST_REQUEST, _WITHIN)
        text = None if body is None else _text_in(body)
        return await asyncio.to_thread(self._taken, *_link(request), text, language_wanted(request))

    def _too_fast(self, request: web.Request) -> web.Response | None:
        if self._rate_limit.admit(self._address_of(request)):
            return None
        language = _known(language_wanted(request))
        response = html_page(language, _WORDS[language]["slow"], "", 429)
        response.headers["Retry-After"] = "1"
        return response

    def _shown(self, letter: str, code: str, wanted: str) -> web.Response:
        appeals = self._appeals()
        state = appeals.link_state(letter, code) if appeals else None
        if state is None:
            return _gone(wanted)
        language = _known(state.language, wanted)
        words = _WORDS[language]
        if state.appeals:
            return html_page(language, words["thanks"], _numbers(language, state))
        return _form(language, state)

    def _taken(self, letter: str, code: str, text: str | None, wanted: str) -> web.Response:
        appeals = self._appeals()
        state = appeals.link_state(letter, code) if appeals else None
        if appeals is None or state is None:
            return _gone(wanted)
        language = _known(state.language, wanted)
        if text is None or not says_something(text) or len(text) > _LONGEST_TEXT:
            return _form_again(language, state, text)
        try:
            state = appeals.take(letter, code, text)
        except PassingError:
            return html_page(language, _WORDS[language]["later"], "", 503)
        return _receipt(language, state, text) if state else _gone(wanted)


def _link(request: web.Request) -> tuple[str, str]:
    return request.match_info["letter"][:_LONGEST_NAME], request.match_info["code"][:_LONGEST_CODE]


def _text_in(body: bytes) -> str | None:
    """The objection in a form; empty where there is none, None where it is no form."""
    try:
        found = parse_qs(body.decode("ascii", "replace"), max_num_fields=10).get("text", [""])
    except ValueError:
        return None
    return found[0].replace("\r\n", "\n")


def _known(*languages: str) -> str:
    return next((one for one in languages if one in _WORDS), "en")


def _form(language: str, state: FormState) -> web.Response:
    """The empty form."""
    return html_page(language, _WORDS[language]["title"], _fields(language, state))


def _form_again(language: str, state: FormState, text: str | None) -> web.Response:
    """The form with what is wrong: it is empty, too long, or could not be read."""
    words, long = _WORDS[language], text is None or len(text) > _LONGEST_TEXT
    problem = f'<p role="alert"><strong>{words["long" if long else "empty"]}</strong></p>'
    return html_page(language, words["title"], problem + _fields(language, state, text or ""), 413 if long else 422)


def _fields(language: str, state: FormState, text: str = "") -> str:
    words = _WORDS[language]
    return f"""<p>{words["letter"]} {escape(state.name)}</p><p>{words["intro"]}</p>
<form method="post"><p><label for="text">{words["label"]}</label><br>
<textarea id="text" name="text" rows="12" cols="70" maxlength="{_LONGEST_TEXT}" required>{escape(text)}</textarea></p>
<p><button>{words["send"]}</button></p></form>"""


def _receipt(language: str, state: FormState, text: str) -> web.Response:
    """What became of an objection that was sent: taken, or another was there before."""
    words = _WORDS[language]
    if any(one.text == text for one in state.appeals):
        return html_page(language, words["thanks"], _numbers(language, state), 201)
    return html_page(language, words["already"], f"<p>{words['kept']}</p>{_numbers(language, state)}", 409)


def _numbers(language: str, state: FormState) -> str:
    lines = "".join(f"<li>{escape(_status_text(language, one))}</li>" for one in state.appeals)
    return f"<p>{_WORDS[language]['letter']} {escape(state.name)}</p><ul>{lines}</ul>"


def _status_text(language: str, appeal: Appeal) -> str:
    words = _WORDS[language]["open" if appeal.state is AppealState.OPEN else "decided"]
    return words.format(id=appeal.id, deadline=f"{appeal.deadline:%Y-%m-%d %H:%M} UTC")


def _gone(wanted: str) -> web.Response:
    language = _known(wanted)
    return html_page(language, _WORDS[language]["gone"], f"<p>{_WORDS[language]['why']}</p>", 404)
