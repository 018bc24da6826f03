"""Plain HTML pages: no script, nothing from elsewhere, kept by nobody on the way."""

from __future__ import annotations

from aiohttp import web

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; form-action 'self'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_NO_INDEX = {"X-Robots-Tag": "noindex"}


def html_page(language: str, title: str, body: str, status: int = 200) -> web.Response:
    """A page; title and body are HTML already."""
    html = (
        f'<!DOCTYPE html>\n<html lang="{language}"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width"><title>{title}</title></head>'
        f"<body><main><h1>{title}</h1>\n{body}\n</main></body></html>\n"
    )
    return web.Response(text=html, status=status, content_type="text/html", headers=HEADERS | _NO_INDEX)


def language_wanted(request: web.Request) -> str:
    """The language that the browser asks for first, as two letters."""
    return request.headers.get("Accept-Language", "")[:2].lower()
