"""Every address of ours in a notice leads to an item or to a person, however it is written."""

import json

import pytest

from goodhoster.model.notices import Carrier, RawNotice, ReadNotice
from goodhoster.notices.reading.doubts import names_without_item
from goodhoster.notices.reading.formats.free_text import CONFIRM, FRONT_PAGE, OWN_SITE
from goodhoster.notices.reading.named_addresses import MOST_ADDRESSES
from goodhoster.notices.reading.reader import read
from goodhoster.notices.reading.url_finder import BLANK, ODD_HOST, SEPARATOR, SHORTENED, WILDCARD, WRAPPED

HOST = "anna.example"


def mail(body: str, kind: str = "text/plain") -> bytes:
    head = f"From: desk@hotline.example\nTo: abuse@hoster.example\nSubject: Report\nContent-Type: {kind}; charset=utf-8"
    return f"{head}\n\n{body}\n".encode()


def both(text: str, html: str) -> bytes:
    parts = (("text/plain", text), ("text/html", html))
    body = "".join(f"--b\nContent-Type: {kind}; charset=utf-8\n\n{content}\n" for kind, content in parts)
    head = "From: desk@hotline.example\nTo: abuse@hoster.example\nSubject: Report\nMIME-Version: 1.0"
    return f'{head}\nContent-Type: multipart/alternative; boundary="b"\n\n{body}--b--\n'.encode()


def named(notice: ReadNotice) -> tuple[str, ...]:
    return names_without_item(notice, notice.items, lambda names: frozenset(names) & {HOST, f"www.{HOST}"})


def of_mail(raw: bytes) -> ReadNotice:
    return read(RawNotice(Carrier.MAIL, raw))


@pytest.mark.parametrize(
    "raw",
    [
        both(f"http://{HOST}/two.jpg", f'<a href="http://{HOST}/pic.jpg">http://{HOST}/two.jpg</a>'),
        both(f"http://{HOST}/two.jpg", f'http://{HOST}/two.jpg <img src="http://{HOST}/pic.jpg">'),
        both(f"http://{HOST}/two.jpg", f"http://{HOST}/two.jpg <p style=\"background:url('http://{HOST}/pic.jpg')\">"),
        mail(f'<p>http://{HOST}/two.jpg <img src="http://{HOST}/pic.jpg">', "text/html"),
        mail(f"<p>http://{HOST}/two.jpg <!-- http://{HOST}/pic.jpg -->", "text/html"),
        mail(f'<p>http://{HOST}/two.jpg <form action="http://{HOST}/pic.jpg">', "text/html"),
        mail(f"http://{HOST}/two.jpg\nh[tt]p://{HOST}/pic.jpg"),
        mail(f"http://{HOST}/two.jpg\nhttp%3A%2F%2Fanna%2Eexample%2Fpic%2Ejpg"),
        mail(f"http://{HOST}/two.jpg\n(http)://{HOST}/pic.jpg"),
        mail(f"http://{HOST}/two.jpg\nh t t p : / / {HOST} / pic.jpg"),
        mail(f"http://{HOST}/two.jpg\n//{HOST}/pic.jpg"),
        mail(f'http://{HOST}/two.jpg\n{{"url":"http:\\/\\/{HOST}\\/pic.jpg"}}'),
        mail(f"http://{HOST}/two.jpg\nanna dot example slash pic dot jpg"),
        mail(f"http://{HOST}/two.jpg\nand there, too: /pic.jpg"),
        mail(f'http://{HOST}/two.jpg\n{{"path":"/pic.jpg"}}'),
        mail(f"http://{HOST}/two.jpg\npath:/pic.jpg"),
        mail(f'<p>http://{HOST}/two.jpg <a href="/pic.jpg">', "text/html"),
    ],
)
def test_an_address_that_was_not_read_keeps_the_notice_open_beside_one_that_was(raw: bytes) -> None:
    notice = of_mail(raw)
    assert [item.urls for item in notice.items] == [(f"http://{HOST}/two.jpg",)]
    assert named(notice) == (f"{HOST}/pic.jpg",)


@pytest.mark.parametrize(
    "outer",
    [
        f"https://web.archive.example/web/2024/http://{HOST}/pic.jpg",
        f"https://proxy.example/{HOST}/pic.jpg",
        f"https://images.example/?imgurl=http%3A%2F%2F{HOST}%2Fpic.jpg&x=1",
    ],
)
def test_an_address_inside_another_one_is_named(outer: str) -> None:
    notice = of_mail(mail(f"http://{HOST}/two.jpg\n{outer}"))
    assert named(notice) == (f"{HOST}/pic.jpg",)


def test_so_it_is_in_what_comes_by_the_programming_interface() -> None:
    body = {"urls": [f"http://{HOST}/two.jpg"], "reason": f"more is at http://{HOST}/pic.jpg", "good_faith": True}
    assert named(read(RawNotice(Carrier.DSA_JSON, json.dumps(body).encode()))) == (f"{HOST}/pic.jpg",)


def test_one_behind_more_than_are_compared_is_not_passed_over() -> None:
    others = "\n".join(f"//other{number}.test/x.jpg" for number in range(MOST_ADDRESSES))
    text = f"http://{HOST}/two.jpg\n{others}\n//{HOST}/pic.jpg"
    by_mail = of_mail(mail(text).replace(b"//other", b"h[tt]p://other"))
    body = {"urls": [f"http://{HOST}/two.jpg"], "reason": text, "good_faith": True}
    by_api = read(RawNotice(Carrier.DSA_JSON, json.dumps(body).encode()))
    for notice in (by_mail, by_api):
        assert any("addresses in it were not compared" in left for left in notice.unread)


@pytest.mark.parametrize(
    "body",
    [
        f"http://{HOST}/a/two.jpg and again: http://{HOST}/a/two.jpg.",
        f"[http://{HOST}/a/two.jpg](http://{HOST}/a/two.jpg)",
        f"(http://{HOST}/a/two.jpg), <http://{HOST}/a/two.jpg>",
        f"hxxp://anna[.]example/a/two.jpg, that is http://{HOST}/a/two.jpg#top",
        f"http://{HOST}/a/b%20c.jpg\nhttp://{HOST}/a/b%20c.jpg",
        f"Host: {HOST}\nhttp://{HOST}/a/two.jpg\n",
        f"https://eur01.safelinks.protection.outlook.com/?url=http%3A%2F%2F{HOST}%2Fa%2Ftwo.jpg&data=05%7C01",
        f"http://{HOST}/a/two.jpg?x=1&y=2\n",
    ],
)
def test_what_only_repeats_an_item_is_no_address_more(body: str) -> None:
    notice = of_mail(mail(body))
    assert notice.items
    assert named(notice) == ()


@pytest.mark.parametrize(
    "markup", [f'<img src="http://{HOST}/pic.jpg">', f'<a style="background:url(//{HOST}/pic.jpg)">x</a>']
)
def test_a_person_reads_the_whole_address_where_no_item_leads(markup: str) -> None:
    assert named(of_mail(mail(f"<p>See this {markup}", "text/html"))) == (f"{HOST}/pic.jpg",)


@pytest.mark.parametrize(
    ("written", "doubt"),
    [
        (f"hxxp://{HOST}[/pic.jpg", SEPARATOR),
        (f"http://{HOST}/album[/pic2.jpg", SEPARATOR),
        (f"http://{HOST}</pic.jpg>", SEPARATOR),
        (f'http://{HOST}"/pic.jpg"', SEPARATOR),
        *(
            (f"http://{HOST}/album/{behind}", doubt)
            for doubt, behinds in {
                BLANK: (
                    "|pic.jpg",
                    "<pic.jpg>",
                    " [file: pic.jpg]",
                    " -> pic.jpg",
                    ": pic.jpg",
                    "\nFile name: pic.jpg",
                ),
                SEPARATOR: (
                    '"pic.jpg"',
                    "`pic.jpg`",
                    "«pic.jpg»",
                    "\u00a0pic.jpg",
                    "pic^1.jpg",
                    "pic##.jpg",
                    "#/pic.jpg",
                ),
                SHORTENED: ("pic. . .", "pic [truncated]", "pic (truncated)", "pic <snip>", "pic etc.", "pic +3 more"),
                WRAPPED: ("pic\n.jpg", "pic\n(1).jpg"),
            }.items()
            for behind in behinds
        ),
        (f"http://{HOST}/|pic.jpg", BLANK),
        (f'http://{HOST}"pic.jpg"', SEPARATOR),
        (f"http://{HOST}/x^y.jpg", SEPARATOR),
        ("http://anna/pic.jpg", ODD_HOST),
        ("http://anna..example/pic.jpg", ODD_HOST),
        ("http://anna@example/pic.jpg", ODD_HOST),
        (f"http://{HOST}/*", WILDCARD),
        (f"http://{HOST}/***", WILDCARD),
        (f"http://{HOST}/album/*.jpg", WILDCARD),
        (f"http://*.{HOST}/two.jpg", WILDCARD),
        (f"http://{HOST}/pic\u2026", SHORTENED),
        (f"http://{HOST}/album/pic...", SHORTENED),
        (f"http://{HOST}/album/...", SHORTENED),
        (f"http://{HOST}/al.../picture.jpg", SHORTENED),
        (f"http://{HOST}/[REDACTED]/picture.jpg", SHORTENED),
        ("http__anna.example/pic.jpg", ODD_HOST),
        ("http://anna(stop)example/pic.jpg", ODD_HOST),
    ],
)
def test_a_piece_of_an_address_is_never_certain(written: str, doubt: str) -> None:
    (item,) = of_mail(mail(f"This one:\n{written}\n")).items
    assert doubt in item.doubts


@pytest.mark.parametrize("word", ["dot", "punkt", "punt", "point", "punto", "ponto", "nokta", "kropka"])
def test_a_dot_is_undone_in_many_languages(word: str) -> None:
    (item,) = of_mail(mail(f"http://anna({word})example/pic.jpg")).items
    assert item.doubts == ()


@pytest.mark.parametrize(
    "written",
    [
        f"**http://{HOST}/pic.jpg**",
        f"[url]http://{HOST}/pic.jpg[/url]",
        "hxxp:// anna [.] example/pic.jpg",
        f'"http://{HOST}/pic.jpg"',
        f"<b>http://{HOST}/pic.jpg</b>",
        f"http://{HOST}/pic.jpg.",
        f"http://{HOST}/pic.jpg|NL|127.0.0.1",
    ],
)
def test_signs_around_an_address_are_no_part_of_it(written: str) -> None:
    (item,) = of_mail(mail(written)).items
    assert item.doubts == ()


@pytest.mark.parametrize(
    "written",
    [
        f"http://{HOST}/gallery/12345",
        f"http://{HOST}/gallery/ (12)",
        f"1. http://{HOST}/a/b, please",
        f"<http://{HOST}/a/b>",
        f"http://{HOST}/a/b;http://{HOST}/a/b",
        f"http://{HOST}/pic.jpg\n-- \nHotline, see /terms.html on our site",
        f"http://{HOST}/pic.jpg\nWebsite: www.{HOST}",
    ],
)
def test_what_an_honest_sender_writes_every_day_needs_nobody(written: str) -> None:
    notice = of_mail(mail(written))
    assert notice.doubts == (CONFIRM,)
    assert {item.doubts for item in notice.items} == {()}
    assert named(notice) == ()


@pytest.mark.parametrize("above", ["On the site http://anna.example/ we found:", "Site: https://www.anna.example"])
def test_a_front_page_beside_an_address_on_it_waits_for_a_person(above: str) -> None:
    site, picture = of_mail(mail(f"{above}\n\nhttp://{HOST}/pic.jpg")).items
    assert FRONT_PAGE in site.doubts
    assert picture.doubts == ()
    (alone,) = of_mail(mail(f"http://{HOST}/")).items
    assert alone.doubts == ()


def test_a_link_through_a_gateway_leads_where_its_words_say() -> None:
    link = f"https://eur01.safelinks.protection.outlook.com/?url=http%3A%2F%2F{HOST}%2Fa%2Ftwo.jpg&amp;data=05%7C01"
    for words in (f"http://{HOST}/a/two.jpg", "hxxp://anna[.]example/a/two.jpg"):
        notice = of_mail(mail(f'<p><a href="{link}">{words}</a>', "text/html"))
        assert notice.doubts == (CONFIRM,), words
        assert len(notice.items) == 1


@pytest.mark.parametrize("name", ["We found the following", "Please remove these URLs", "Wij vonden het volgende"])
def test_a_forgers_name_makes_no_own_words_of_an_attribution(name: str) -> None:
    """A help desk puts the name that somebody gave himself above what he wrote, and signs all of it."""
    notice = of_mail(mail(f"Thank you.\n\n{name}, 30 Nov 2026, 10:00:\n\nhttp://{HOST}/pic.jpg"))
    assert any("quoted" in doubt for doubt in notice.doubts)


def test_what_lotus_notes_frames_is_somebody_elses() -> None:
    frame = "|---------+----------->\n|         |  Abuse    |\n|---------+----------->\n"
    frame += "  >----------------|\n  |  To: hotline   |\n"
    notice = of_mail(mail(f"Thanks\n\n{frame}  >----------------|\n\nhttp://{HOST}/pic.jpg"))
    assert any("quoted" in doubt for doubt in notice.doubts)


@pytest.mark.parametrize("above", ["", "Please remove:\n"])
def test_a_name_that_a_line_break_cuts_may_be_either(above: str) -> None:
    (item,) = of_mail(mail(f"{above}http://{HOST}/gl/lo\nng-name.png\n")).items
    assert item.urls == (f"http://{HOST}/gl/long-name.png", f"http://{HOST}/gl/lo")
    assert item.doubts


@pytest.mark.parametrize(
    ("subject", "body"),
    [
        ("Read: report", "Your message was read on Monday."),
        ("Gelesen: report", "Ihre Nachricht"),
        ("Gelezen: melding", ""),
        ("Not read: report", ""),
        ("Mail delivery failed: returning message to sender", "A message that you sent could not be delivered."),
        ("Undeliverable: report", ""),
        ("Unzustellbar: report", ""),
        ("About your mail", "Your message to abuse was read on Monday."),
        ("About your mail", "Your message could not be delivered to one of its recipients."),
        ("About your mail", "Delivery has failed to these recipients or groups:"),
        ("About your mail", "Ihr Anliegen wurde unter der Nummer 4711 erfasst."),
        ("About your mail", "I am out of office until Monday."),
    ],
)
def test_a_receipt_or_a_bounce_without_its_headers_repeats_what_others_wrote(subject: str, body: str) -> None:
    raw = mail(f"{body}\nhttp://{HOST}/pic.jpg").replace(b"Subject: Report", f"Subject: {subject}".encode())
    assert any("repeat" in doubt or "somebody else" in doubt for doubt in of_mail(raw).doubts), of_mail(raw).doubts


OWN = b"From: info@anna.example\nTo: abuse@hoster.example\nSubject: We were broken into\n\n%s\n"


def test_who_reports_their_own_site_alone_is_read_and_a_person_looks() -> None:
    (item,) = of_mail(OWN % b"http://anna.example/img/p01.png").items
    assert (item.urls[0], OWN_SITE in item.doubts) == ("http://anna.example/img/p01.png", True)


def test_beside_the_address_of_another_the_own_site_is_a_footer() -> None:
    notice = of_mail(OWN % b"http://bert.example/p.jpg\n\n-- \nhttp://anna.example/contact.html")
    assert [item.urls[0] for item in notice.items] == ["http://bert.example/p.jpg"]
