"""The page behind the link in a letter to a customer's contact.

Opening it shows a button, and pressing that is the answer: mail scanners open links, and some run scripts.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from html import escape
from typing import TYPE_CHECKING

from aiohttp import web

from goodhoster.model.customers.contact_requests import ContactRequest, RequestKind
from goodhoster_agent.doors.plain_pages import html_page, language_wanted

if TYPE_CHECKING:
    from goodhoster.customers.contacts.desk import ContactDesk

Contacts = Callable[[], "ContactDesk | None"]
"""None on a host without a register."""
_LONGEST_TOKEN = 100
_WORDS = {
    "en": {
        "verify": "Confirm that this address is read",
        "drill": "Drill: answer the test notice",
        "press": "Press the button to show that somebody reads mail at this address.",
        "button": "I read this",
        "thanks": "Thank you: we have your answer",
        "done": "You can close this page.",
        "gone": "This link is not valid (any more)",
        "why": "It was used already, it has expired, or it is not complete. Please look for a newer message of ours.",
    },
    "nl": {
        "verify": "Bevestig dat dit adres wordt gelezen",
        "drill": "Oefening: beantwoord de testmelding",
        "press": "Druk op de knop om te laten zien dat iemand de post op dit adres leest.",
        "button": "Ik lees dit",
        "thanks": "Dank u: wij hebben uw antwoord",
        "done": "U kunt deze pagina sluiten.",
        "gone": "Deze link werkt niet (meer)",
        "why": "Hij is al gebruikt, verlopen of niet volledig. Zoek naar een nieuwer bericht van ons.",
    },
    "de": {
        "verify": "Bestätigen Sie, dass diese Adresse gelesen wird",
        "drill": "Übung: Beantworten Sie die Testmeldung",
        "press": "Drücken Sie auf den Knopf, um zu zeigen, dass jemand die Post an dieser Adresse liest.",
        "button": "Ich lese dies",
        "thanks": "Danke: Wir haben Ihre Antwort",
        "done": "Sie können diese Seite schließen.",
        "gone": "Dieser Link gilt nicht (mehr)",
        "why": "Er wurde schon benutzt, ist abgelaufen oder unvollständig. Bitte suchen Sie nach einer neueren "
        "Nachricht von uns.",
    },
}


class ContactPages:
    """The request handler of the page."""

    def __init__(self, contacts: Contacts) -> None:
        self._contacts = contacts

    def add_to(self, app: web.Application) -> None:
        """Add the routes."""
        app.router.add_get("/contact/{token}", self._show)
        app.router.add_post("/contact/{token}", self._confirm)

    async def _show(self, request: web.Request) -> web.Response:
        return await asyncio.to_thread(self._shown, _token(request), language_wanted(request))

    async def _confirm(self, request: web.Request) -> web.Response:
        return await asyncio.to_thread(self._confirmed, _token(request), language_wanted(request))

    def _shown(self, token: str, wanted: str) -> web.Response:
        desk = self._contacts()
        found = desk.request_of_link(token) if desk else None
        if desk is None or found is None:
            return _gone(wanted)
        language = _language(desk, found, wanted)
        words = _WORDS[language]
        title = words["drill" if found.kind is RequestKind.DRILL else "verify"]
        form = f'<form method="post"><button>{words["button"]}</button></form>'
        return html_page(language, title, f"<p>{escape(found.id)}</p><p>{words['press']}</p>{form}")

    def _confirmed(self, token: str, wanted: str) -> web.Response:
        desk = self._contacts()
        found = desk.confirm(token) if desk else None
        if desk is None or found is None:
            return _gone(wanted)
        language = _language(desk, found, wanted)
        return html_page(language, _WORDS[language]["thanks"], f"<p>{_WORDS[language]['done']}</p>")


def _token(request: web.Request) -> str:
    return request.match_info["token"][:_LONGEST_TOKEN]


def _language(desk: ContactDesk, found: ContactRequest, wanted: str) -> str:
    """The language of the letter, else the browser's."""
    return next((one for one in (desk.language_of(found), wanted) if one in _WORDS), "en")


def _gone(wanted: str) -> web.Response:
    language = wanted if wanted in _WORDS else "en"
    words = _WORDS[language]
    return html_page(language, words["gone"], f"<p>{words['why']}</p>", 404)
