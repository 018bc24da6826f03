"""Forms of text, charsets, documents and orders as senders write them: the right reading, or a doubt."""

import base64
import io
import zipfile

import pytest

from goodhoster.errors import HiddenLinkError
from goodhoster.model.notices import Carrier, NoticeFormat, RawNotice, ReadNotice
from goodhoster.notices.reading.charsets import decoded
from goodhoster.notices.reading.formats.free_text import CONFIRM, DISAGREE, MISLEADING
from goodhoster.notices.reading.reader import ENCLOSED, read
from goodhoster.notices.reading.rewritten_links import original_of
from goodhoster.notices.reading.url_finder import QUOTED, items_in

A = "http://anna.nt.example/a.jpg"


def mail(body: str, *heads: str, subject: str = "Notice") -> ReadNotice:
    head = "\n".join(("From: desk@free.example", "To: abuse@hoster.example", f"Subject: {subject}", *heads))
    return read(RawNotice(Carrier.MAIL, f"{head}\n\n{body}\n".encode()))


def parts(*leaves: tuple[str, str], kind: str = "mixed") -> ReadNotice:
    body = "".join(f"--b\nContent-Type: {what}\n\n{text}\n" for what, text in leaves)
    return mail(f"{body}--b--", f"Content-Type: multipart/{kind}; boundary=b")


def urls(notice: ReadNotice) -> list[str]:
    return [item.urls[0] for item in notice.items]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (f"\u201e{A}\u201c", [A]),
        (f"\u00bb{A}\u00ab", [A]),
        (f"\u300c{A}\u300d", [A]),
        (f"'{A}'", [A]),
        (f"*{A}*", [A]),
        (f"({A}).", [A]),
        (f"[url={A}]x[/url]", [A]),
        (f"{A}&gt;", [A]),
        (f"{A}, {A[:-5]}b.jpg", [A, f"{A[:-5]}b.jpg"]),
        (f"{A};192.0.2.1;2026-03-01", [A]),
        ("\u8bf7" + A + "\u3002", [A]),
        ("anna[.]nt[.]example/a.jpg", ["anna[.]nt[.]example/a.jpg"]),
        ("h00p://anna_._nt_._example/a.jpg", ["h00p://anna_._nt_._example/a.jpg"]),
        ("http://web.archive.org/web/2020/http://a.example/x", ["http://web.archive.org/web/2020/http://a.example/x"]),
        ("see e.g/or 192.0.2.0/24 and a.b", []),
        ("x@anna.nt.example/a", []),
    ],
)
def test_urls_in_text(text: str, found: list[str]) -> None:
    items = items_in(text)
    assert [item.urls[0] for item in items] == found
    assert not any(item.doubts for item in items)


@pytest.mark.parametrize(
    "text",
    [
        "http://anna.nt.example/\nphotos/x.jpg",
        "http://anna.nt.example/my photo.jpg",
        f"{A};jsessionid=1",
        "http://anna.nt.example/n\u200c1.png",
        "anna[.]nt[.]example",
        "http://anna.nt.example/ahttp://anna.nt.example/b",
        "https://protect-eu.mimecast.com/s/AbC?domain=anna.nt.example",
    ],
)
def test_what_can_be_read_in_two_ways_has_a_doubt(text: str) -> None:
    assert all(item.doubts for item in items_in(text))


def test_a_piece_of_a_url_is_never_taken_for_its_directory() -> None:
    for text in ("http://anna.nt.example/\nphotos/x.jpg", "<http://anna.nt.example/pho\ntos/x.jpg>"):
        assert [item.urls for item in items_in(text)] == [("http://anna.nt.example/photos/x.jpg",)]


@pytest.mark.parametrize(
    "url",
    [
        "https://eur01.safelinks.protection.outlook.com/?url=http%3A%2F%2Fanna.nt.example%2Fa.jpg&data=05",
        "https://urldefense.proofpoint.com/v1/url?u=http://anna.nt.example/a.jpg&k=x",
        "https://urldefense.proofpoint.com/v2/url?u=http-3A__anna.nt.example_a.jpg&d=x",
        "https://urldefense.com/v3/__http://anna.nt.example/a.jpg__;!!A!b$",
        "https://urldefense.com/v3/__http://anna.nt.example/a*jpg__;Lg!!A!b$",
        "https://linkprotect.cudasvc.com/url?a=http%3a%2f%2fanna.nt.example%2fa.jpg&c=E",
        "https://secure-web.cisco.com/1x/http%3A%2F%2Fanna.nt.example%2Fa.jpg",
        "https://eu-west-1.protection.sophos.com/?d=nt.example&u="
        + base64.urlsafe_b64encode(A.encode()).decode().rstrip("="),
        A,
    ],
)
def test_what_a_mail_gateway_rewrote_is_undone(url: str) -> None:
    assert original_of(url) == A


def test_what_a_gateway_keeps_to_itself_is_said() -> None:
    with pytest.raises(HiddenLinkError, match="does not tell"):
        original_of("https://protect-eu.mimecast.com/s/AbC?domain=anna.nt.example")


def test_text_and_html_that_disagree_are_never_the_union() -> None:
    notice = parts(("text/plain", A), ("text/html", '<a href="http://bob.example/b.jpg">x</a>'), kind="alternative")
    assert (urls(notice), notice.doubts) == ([A], (CONFIRM, DISAGREE))
    assert "bob.example" in notice.mentions
    agreed = parts(("text/plain", A), ("text/html", f'<a href="{A}">x</a>'), kind="alternative")
    assert (urls(agreed), agreed.doubts) == ([A], (CONFIRM,))


def test_a_link_that_leads_elsewhere_than_its_words_say() -> None:
    notice = mail(f'<a href="http://bob.example/b.jpg">{A}</a>', "Content-Type: text/html")
    assert (urls(notice), notice.doubts) == ([A], (CONFIRM, MISLEADING))


@pytest.mark.parametrize(
    ("charset", "codec"),
    [
        ("gb2312", "gb18030"),
        ("Shift_JIS", "cp932"),
        ("koi8-r", "koi8-r"),
        ("cp850", "cp850"),
        ("macintosh", "mac-roman"),
        ("utf-16", "utf-16"),
        ("iso-2022-jp", "iso2022_jp"),
        ("x-unknown", "utf-8"),
    ],
)
def test_charsets_by_their_real_names(charset: str, codec: str) -> None:
    text = {"koi8-r": "\u0434\u0430 ", "cp850": "\u00e9 ", "mac-roman": "\u00e9 "}.get(codec, "\u65e5\u672c ") + A
    assert decoded(text.encode(codec), charset) == text


def test_the_hosters_own_mailbox_hides_no_customer_below_its_domain() -> None:
    head = "From: helpdesk@hoster.example\nTo: abuse@hoster.example\nSubject: x"
    body = "See http://klant7.hoster.example/a.jpg and https://www.hoster.example/contact"
    notice = read(RawNotice(Carrier.MAIL, f"{head}\n\n{body}\n".encode()))
    assert urls(notice) == ["http://klant7.hoster.example/a.jpg"]


@pytest.mark.parametrize(
    ("subject", "reference"),
    [
        ("[EXT] [M0123456789] Verzoek Ref. 12345", "M0123456789"),
        ("[SPAM] Abuse Ref. AB-12345", "AB-12345"),
        ("[External] Ticket#2026030110000011", "2026030110000011"),
        ("Abuse (Case ID: 77-1234)", "77-1234"),
        ("Kenmerk 2026/0012", "2026/0012"),
        ("Aktenzeichen: 12-AB-34", "12-AB-34"),
        ("[EXTERNAL] abuse", ""),
        ("Abuse [IR-2026-4]", "IR-2026-4"),
    ],
)
def test_references(subject: str, reference: str) -> None:
    assert mail(A, subject=subject).reference == reference


def test_the_mail_that_is_answered_is_the_reference_where_there_is_no_other() -> None:
    assert mail(A, "In-Reply-To: <N1@hoster.example>").reference == "N1@hoster.example"
    assert mail(f"{A}\nOur ref: ZX-99\n", "In-Reply-To: <N1@hoster.example>").reference == "ZX-99"


@pytest.mark.parametrize(
    ("text", "hours"),
    [
        ("to be removed in any event within one hour of receipt of this removal order", 1),
        ("Deadline: 60 minutes", 1),
        ("Termijn: \u00e9\u00e9n uur", 1),
        ("Verwijderen binnen een uur na ontvangst", 1),
        ("Frist: innerhalb von zwei Stunden", 2),
        ("dans un d\u00e9lai d'une heure", 1),
        ("Deadline: 12 hours\nIn any case within six (6) hours.", 6),
        ("Remove it without delay.", 1),
        ("Termijn:\n1 uur", 1),
    ],
)
def test_terms_in_words(text: str, hours: int) -> None:
    order = mail(f"Removal order\n{text}\nURL: {A}").order
    assert order
    assert order.term == hours * 3600.0


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("Vertrouwelijk: ja, tot 1 juli 2026", True),
        ("Confidential:\nyes", True),
        ("Vertraulich: ja", True),
        ("The content provider must not be informed.", True),
        ("Confidential: no", False),
        ("Vertrouwelijk: nee", False),
        ("Nothing is said.", False),
    ],
)
def test_in_doubt_an_order_is_confidential(text: str, secret: bool) -> None:  # noqa: FBT001
    order = mail(f"Removal order\n{text}\nURL: {A}").order
    assert order
    assert order.confidential is secret


def test_an_enclosed_mail_is_read_but_never_certain() -> None:
    table = f'<table class="urls"><tr><th>url</th><th>note</th></tr><tr><td>{A}</td><td></td></tr></table>'
    inner = f"From: x@y.example\nSubject: [M0000000001] x\nContent-Type: text/plain\n\n{table}"
    notice = parts(("text/plain", "See below."), ("message/rfc822", inner))
    assert (urls(notice), notice.doubts[0]) == ([A], ENCLOSED)
    encoded = base64.encodebytes(inner.encode()).decode()
    named = 'application/octet-stream; name="n.eml"\nContent-Transfer-Encoding: base64'
    assert urls(parts(("text/plain", "See below."), (named, encoded))) == [A]


def spreadsheet(*rows: tuple[str, ...]) -> bytes:
    cells = "".join(
        "<row>" + "".join(f'<c t="inlineStr"><is><t>{cell}</t></is></c>' for cell in row) + "</row>" for row in rows
    )
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    rel = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006/relationships"
    files = {
        "[Content_Types].xml": "<Types/>",
        "_rels/.rels": f'<Relationships xmlns="{package}"><Relationship Id="r1" Type="{rel}/officeDocument" '
        'Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{main}" xmlns:r="{rel}"><sheets><sheet name="a" sheetId="1" r:id="r1"/>'
        "</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{package}"><Relationship Id="r1" '
        f'Type="{rel}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>',
        "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{main}"><sheetData>{cells}</sheetData></worksheet>',
    }
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return packed.getvalue()


def attached(kind: str, content: bytes) -> ReadNotice:
    encoded = base64.encodebytes(content).decode()
    return parts(("text/plain", "See the list."), (f"{kind}\nContent-Transfer-Encoding: base64", encoded))


def test_a_spreadsheet_that_names_its_columns_is_certain() -> None:
    kind = 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet; name="l.xlsx"'
    notice = attached(kind, spreadsheet(("URL", "IP"), (A, "192.0.2.1")))
    assert (notice.format, urls(notice), notice.doubts, notice.unread) == (NoticeFormat.URL_TABLE, [A], (), ())
    odd = attached(kind, spreadsheet(("URL", "status"), (A, "removed already")))
    assert odd.doubts == ("the list has columns that are not known: status",)


def test_documents_are_read_as_free_text_or_not_at_all() -> None:
    rtf = attached('application/rtf; name="a.rtf"', rb"{\rtf1\ansi Remove http://anna.nt.example/a.jpg now.\par}")
    assert (urls(rtf), rtf.doubts, rtf.unread) == ([A], (CONFIRM,), ())
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("word/document.xml", f"<w:document><w:p><w:t>{A}</w:t></w:p></w:document>")
    docx = attached('application/octet-stream; name="a.docx"', packed.getvalue())
    assert (urls(docx), docx.unread) == ([A], ())
    for kind in (
        'application/ms-tnef; name="winmail.dat"',
        'application/pdf; name="scan.pdf"',
        'image/png; name="i.png"',
    ):
        assert len(attached(kind, b"%PDF-1.4 broken").unread) == 1


def test_raw_bytes_in_the_api_stay_the_bytes_that_they_are() -> None:
    for body in (b"ip=192.0.2.1&urls=http://a.example/caf%E9.jpg", b"ip=192.0.2.1&urls=http://a.example/caf\xe9.jpg"):
        assert urls(read(RawNotice(Carrier.SCART_API, body))) == ["http://a.example/caf%E9.jpg"]


def test_the_web_form_takes_what_people_write_on_one_line() -> None:
    body = b"urls=http://a.example/1.jpg,+http://a.example/2.jpg;http://a.example/3.jpg&reason=x&good_faith=on"
    assert urls(read(RawNotice(Carrier.DSA_FORM, body))) == [f"http://a.example/{n}.jpg" for n in (1, 2, 3)]


@pytest.mark.parametrize(
    "text",
    [
        f"> {A}",
        f"Hello\n> > <{A}>",
        f"Hello\n-----Original Message-----\nFrom: x\n\n{A}",
        f"Begin forwarded message:\n{A}",
    ],
)
def test_what_the_sender_only_quotes_or_passes_on_has_a_doubt(text: str) -> None:
    assert [item.doubts for item in items_in(text)] == [(QUOTED,)]
    assert [item.doubts for item in items_in(f"{A}\n{text}")] == [()], "he says it himself, too"


def test_a_host_in_an_address_with_a_mailbox_in_it_is_a_mention() -> None:
    notice = mail("http://bert.example/p.jpg\nhttp://support.free.example/a.php?email=abuse@hoster.example&x=1")
    assert "support.free.example" in notice.mentions


@pytest.mark.slow
def test_what_was_not_looked_through_whole_is_unread() -> None:
    assert "more than 20000 names" in mail(" ".join(f"h{n}.example" for n in range(20_100))).unread[0]
    assert "first 4194304 characters only" in mail("x" * (5 << 20)).unread[0]


@pytest.mark.parametrize(
    "text",
    [
        "hxxp :// s04 [.] example / images / a [.] jpg",
        "hxxp://u05[.]example / images / a [.] jpg",
        "http://u06.example / images / a . jpg",
        "hxxp :// s11 [.] example / images / 2021 / a.jpg (if you can)",
        "http://r16.example/ images/a.jpg",
        "http://r17.example /images/a.jpg",
        "URL: https://u07.example/photos/\n     2021/a.jpg",
        "URL: https://s07.example/photos/\n     2021/a.jpg\nIP: 192.0.2.1",
        "* hxxps://t06[.]example/a/b/\n  c/d.jpg (seen today)",
        "URL: https://r12.example/photos/\n> 2021/a.jpg",
        "http://t07.example\n/photos/a.jpg",
        "http://t09.example/photos/\nb",
        "http://t10.example/photos/\n2",
        "http://t11.example/photos/\n----",
        "https://t08.example/easymeasure-\n>  pro?utm=1",
        "Please take this down: www.r15.example",
        'It opens at the site "www.r06.example".',
    ],
)
def test_a_piece_of_an_address_is_never_certain(text: str) -> None:
    """Otherwise the page of the whole site, or the directory above, would be what goes offline."""
    items = items_in(text)
    assert items
    assert all(item.doubts for item in items)


def test_the_whole_address_is_shown_to_the_person() -> None:
    shown = [items_in(text)[0].urls[0] for text in (
        "hxxp :// s04 [.] example / images / a [.] jpg",
        "http://t04.example/a/b/\nc/d/\ne.jpg",
        "* hxxps://t06.example/a/b/\n  c/d.jpg (seen today)",
    )]  # fmt: skip
    assert shown == [
        "hxxp://s04.example/images/a.jpg",
        "http://t04.example/a/b/c/d/e.jpg",
        "hxxps://t06.example/a/b/c/d.jpg",
    ]


@pytest.mark.parametrize(
    ("text", "certain"),
    [
        ("1. http://a.example/\n2. http://b.example/", ["http://a.example/", "http://b.example/"]),
        ("http://a.example/\nIP: 192.0.2.1", ["http://a.example/"]),
        ("http://a.example/\n- seen on 2026-11-30", ["http://a.example/"]),
        ("http://a.example/\n\nKind regards", ["http://a.example/"]),
        ("http://www.a.example/a.jpg\n\nHost: www.a.example IP: 192.0.2.1", ["http://www.a.example/a.jpg"]),
        (
            f"u01.example/{'long-name-' * 7}x\nu01.example/{'other-name-' * 6}y",
            [f"u01.example/{'long-name-' * 7}x", f"u01.example/{'other-name-' * 6}y"],
        ),
    ],
)
def test_what_only_stands_near_an_address_does_not_make_it_doubtful(text: str, certain: list[str]) -> None:
    assert [item.urls[0] for item in items_in(text) if not item.doubts] == certain


@pytest.mark.parametrize("name", ["Subject", "From", "Reply-To", "To", "Message-ID", "Date", "In-Reply-To"])
@pytest.mark.parametrize(
    "word", ["=?UTF-8?B?nnDus?=", "=?UTF-8?B?abcde?=", "=?UTF-8?Q?=ZZ?=", "=?nothing?B?YQ==?=", "=?UTF-8?B??="]
)
def test_a_word_that_cannot_be_decoded_keeps_no_mail_from_being_read(name: str, word: str) -> None:
    heads = {"From": "desk@free.example", "Subject": "Notice"} | {name: f"{word} <a@b.example>"}
    head = "\n".join(f"{one}: {value}" for one, value in heads.items())
    notice = read(RawNotice(Carrier.MAIL, f"{head}\n\n{A}\n".encode()))
    assert urls(notice) == [A]
