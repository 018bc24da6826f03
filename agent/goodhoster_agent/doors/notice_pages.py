"""The pages of the web form (DSA Art. 16) in Dutch and English.

Plain HTML, no script, nothing from elsewhere.
"""

from __future__ import annotations

from html import escape
from typing import Literal

from goodhoster.model.notice_status import Notice, NoticeState

Language = Literal["nl", "en"]

_WORDS: dict[Language, dict[str, str]] = {
    "en": {
        "title": "Report material that shows the sexual abuse of children",
        "intro": "Tell us exactly where it is. You may stay anonymous. Do not send us the material itself, and do not "
        "save or share it.",
        "urls": "Addresses (URLs), one on each line",
        "reason": "What is there, and why is it illegal?",
        "name": "Your name (not needed)",
        "email": "Your e-mail address (not needed; with it, you get an answer)",
        "faith": "I believe in good faith that what I say here is right and complete.",
        "send": "Send",
        "thanks": "We have received your report",
        "number": "Its number is",
        "status": "Here you can see how it stands; keep this address, nobody else knows it:",
        "unread": "No program could read it, so one of us will. You may also correct this and send it again:",
        "wrong": "This could not be accepted",
        "back": "Go back, correct it, and send it again.",
        "received": "We have it and it is waiting its turn.",
        "open": "It is being handled.",
        "needs-person": "A member of our staff is looking at it.",
        "done": "It was handled.",
        "other": '<a href="?lang=nl" lang="nl">Nederlands</a>',
    },
    "nl": {
        "title": "Meld materiaal dat seksueel misbruik van kinderen toont",
        "intro": "Vertel ons precies waar het staat. U mag anoniem blijven. Stuur ons het materiaal zelf niet, en "
        "bewaar of deel het niet.",
        "urls": "Adressen (URL's), één per regel",
        "reason": "Wat staat daar, en waarom is het verboden?",
        "name": "Uw naam (hoeft niet)",
        "email": "Uw e-mailadres (hoeft niet; met adres krijgt u antwoord)",
        "faith": "Ik meen te goeder trouw dat wat ik hier zeg juist en volledig is.",
        "send": "Verstuur",
        "thanks": "Wij hebben uw melding ontvangen",
        "number": "Het nummer is",
        "status": "Hier ziet u hoe het ermee staat; bewaar dit adres, niemand anders kent het:",
        "unread": "Geen programma kon het lezen, dus een medewerker leest het. U kunt dit ook verbeteren en het "
        "opnieuw sturen:",
        "wrong": "Dit kon niet worden aangenomen",
        "back": "Ga terug, verbeter het en verstuur het opnieuw.",
        "received": "Wij hebben de melding en zij wacht op haar beurt.",
        "open": "De melding wordt behandeld.",
        "needs-person": "Een medewerker kijkt ernaar.",
        "done": "De melding is afgehandeld.",
        "other": '<a href="?lang=en" lang="en">English</a>',
    },
}


def form_page(language: Language) -> str:
    """The empty form."""
    w = _WORDS[language]
    return _page(
        language,
        w["title"],
        f"""<p>{w["other"]}</p><p>{w["intro"]}</p>
<form method="post" action="/notice?lang={language}"><input type="hidden" name="language" value="{language}">
<p><label for="urls">{w["urls"]}</label><br><textarea id="urls" name="urls" rows="6" cols="80" required></textarea></p>
<p><label for="reason">{w["reason"]}</label><br><textarea id="reason" name="reason" rows="4" cols="80"
 required></textarea></p>
<p><label for="name">{w["name"]}</label><br><input id="name" name="name" autocomplete="name"></p>
<p><label for="email">{w["email"]}</label><br><input id="email" name="email" type="email" autocomplete="email"></p>
<p><input id="good_faith" name="good_faith" type="checkbox" value="true" required>
<label for="good_faith">{w["faith"]}</label></p>
<p><button>{w["send"]}</button></p></form>""",
    )


def receipt_page(language: Language, notice_id: str, status_path: str, unread: str = "") -> str:
    """The confirmation of receipt, and what could not be read in the notice."""
    w, path = _WORDS[language], escape(status_path)
    number = f"<p>{w['number']} <strong>{escape(notice_id)}</strong>.</p>"
    doubt = f"<p>{w['unread']}</p><p>{escape(unread)}</p>" if unread else ""
    return _page(language, w["thanks"], f'{number}{doubt}<p>{w["status"]}<br><a href="{path}">{path}</a></p>')


def refusal_page(language: Language, why: str) -> str:
    """The page that says what is wrong with what was sent."""
    w = _WORDS[language]
    return _page(language, w["wrong"], f"<p>{escape(why)}</p><p>{w['back']}</p>")


def status_page(language: Language, notice_id: str, notice: Notice | None) -> str:
    """The state of a notice, without an address or a name in it. None: it waits to be read."""
    state = notice.state if notice else NoticeState.RECEIVED
    return _page(language, escape(notice_id), f"<p>{_WORDS[language][state]}</p>")


def _page(language: Language, title: str, body: str) -> str:
    return f"""<!DOCTYPE html>
<html lang="{language}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title></head><body><main><h1>{title}</h1>
{body}
</main></body></html>
"""
