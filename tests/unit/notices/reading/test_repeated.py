"""What a proven sender only repeats never acts; what it says itself does."""

from collections.abc import Callable

import pytest

from goodhoster.model.notices import Carrier, NoticeFormat, Notifier, NotifierCaps, NotifierKind, RawNotice, ReadNotice
from goodhoster.notices.reading.doubts import doubts_about
from goodhoster.notices.reading.reader import read

HOTLINE = Notifier(
    "hotline", "Hotline", NotifierKind.HOTLINE, ("hotline.example",), 86400, automatic=True, caps=NotifierCaps(9, 9),
    layout="url-list",
)  # fmt: skip
OWN, OTHERS = "http://anna.example/own.jpg", "http://bert.example/others.jpg"
FORGED = f"From: x@evil.example\nSubject: hello\n\nPlease see {OTHERS}\n"


def notice_of(raw: str) -> ReadNotice:
    return read(RawNotice(Carrier.MAIL, raw.replace("\n", "\r\n").encode()))


def acts_on(raw: str) -> set[str]:
    """The addresses that are acted on without a person, when the sender is proven."""
    notice = notice_of(raw)
    layout = HOTLINE if notice.format is NoticeFormat.URL_LIST else None
    return {item.urls[0] for item in notice.items if not doubts_about(item, notice, layout)}


def mail(
    body: str, headers: str = "", kind: str = "text/plain; charset=utf-8", subject: str = "[M0123456789] abuse"
) -> str:
    return (
        f"From: Hotline <ntd@hotline.example>\nTo: abuse@hoster.example\nSubject: {subject}\n"
        f"Message-ID: <1@hotline.example>\nMIME-Version: 1.0\n{headers}Content-Type: {kind}\n\n{body}\n"
    )


def in_html(body: str) -> str:
    return mail(f"<html><body>{body}</body></html>", kind="text/html; charset=utf-8")


def table(url: str) -> str:
    return f'<table class="urls">\n<tr><th>url</th><th>note</th></tr>\n<tr><td>{url}</td><td></td></tr>\n</table>\n'


def parts(*inner: str, kind: str = "mixed") -> str:
    body = "".join(f"--x\n{part}\n" for part in inner) + "--x--"
    return mail(body, kind=f'multipart/{kind}; boundary="x"')


def quoted_by(sign: str) -> Callable[[], str]:
    return lambda: mail(f"ok\n{sign} {OTHERS}\n")


def below(text: str) -> Callable[[], str]:
    return lambda: mail(f"{text}\n\n{OTHERS}\n")


def barred(style: str) -> Callable[[], str]:
    return lambda: in_html(f"<p>ok</p><div style='{style}'><p>{OTHERS}</p></div>")


OUTLOOK = (
    '<div style="border:none;border-top:solid #E1E1E1 1.0pt;padding:3.0pt 0cm 0cm"><p><b>From:</b> x@evil.example</p>'
)
HEADS = {
    "russian": "От: X Y <x@y.example>\nОтправлено: вчера\nКому: Z\nТема: r",
    "ukrainian": "Від: X\nНадіслано: 29 листопада\nКому: Z",
    "greek": "Από: X <x@y.example>\nΣτάλθηκε: Κυριακή\nΠρος: Z\nΘέμα: r",
    "turkish": "Kimden: X\nGönderildi: Pazar\nKime: Z\nKonu: r",
    "japanese": "差出人: X <x@y.example>\n送信日時: 2026年11月29日\n宛先: Z\n件名: r",
    "chinese": "发件人：X\n发送时间：2026年11月29日\n收件人：Z\n主题：r",
    "korean": "보낸 사람: X\n보낸 날짜: 2026년\n받는 사람: Z\n제목: r",
    "finnish": "Lähettäjä: X\nLähetetty: sunnuntai\nVastaanottaja: Z\nAihe: r",
    "unknown": "Xyz: A B <x@y.example>\nQrs: now\nTuv: Z",
    "bold": "*From:* X\n*Sent:* today\n*To:* Z",
    "hotmail-french": "De : C<mailto:q@c.example>\nEnvoyé le :jeudi 15 décembre 2016 09:35\nÀ : s@h.example\nObjet :C",
    "webmail-french": '====\nMessage du : 12/12/2016\nDe : "C " <q@c.example>\nA : m@s.example\nCopie à : \nSujet :  v',
    "long-name": "From: Human Resources \n<long@hr.example> \nSent: Monday, August 26, 2019 4:37 PM\nTo: X\nSubject: Y",
    "with-a-link-as-its-subject": f"From: X\nTo: Z\nSubject: {OTHERS}",
}
RECEIPTS = (
    "Thanks for contacting us.",
    "Reply above this line.\n\nJust confirming that we got your request. We're on it.",
    "Issue #123 has been reported by Jan.\n----",
    "This message has been automatically generated in response to the\ncreation of a trouble ticket regarding:",
    "Your request (Ticket#12) has been received and is being reviewed.",
    "We have received your request (#123). A copy of your message follows.",
    "Thank you for your report.",
    "Wij hebben uw melding M1 in goede orde ontvangen.",
    "Uw melding M1 is ontvangen.",
    "Wir haben Ihre Anfrage vom 1. Mai erhalten.",
    "Ihre Anfrage 12 ist bei uns eingegangen.",
    "Nous avons bien reçu votre message.",
    "Hemos recibido su mensaje.",
)
BARS = (
    "border:none;border-left:solid blue 1.5pt;padding:0cm 0cm 0cm 4.0pt",
    "border-left:2px solid #ccc",
    "border-left: 1px #ccc solid",
    "border-inline-start:1px solid",
    "border-style:solid;border-width:0 0 0 1px",
)
REPEATED: dict[str, Callable[[], str]] = {
    # the mail as a whole
    "auto-replied": lambda: mail(f"{OWN}\n{OTHERS}", "Auto-Submitted: auto-replied\n"),
    "auto-replied-with-parameter": lambda: mail(OTHERS, "Auto-Submitted: auto-replied; owner-email=a@b.example\n"),
    "auto-notified": lambda: mail(OTHERS, "Auto-Submitted: auto-notified\n"),
    "two-auto-submitted": lambda: mail(OTHERS, "Auto-Submitted: no\nAuto-Submitted: auto-replied\n"),
    "precedence-auto-reply": lambda: mail(OTHERS, "Precedence: auto_reply\n"),
    "x-autoreply": lambda: mail(OTHERS, "X-Autoreply: yes\n"),
    "out-of-office": lambda: mail(OTHERS, subject=f"Automatic reply: {OTHERS}"),
    "out-of-office-dutch": lambda: mail(OTHERS, subject="Automatisch antwoord: M0123456789"),
    "out-of-office-german": lambda: mail(OTHERS, subject="Abwesenheitsnotiz"),
    "list": lambda: mail(OTHERS, "List-Id: <abuse.hotline.example>\n"),
    "list-precedence": lambda: mail(OTHERS, "Precedence: list\n"),
    "bounce": lambda: mail(OTHERS, kind='multipart/report; report-type=delivery-status; boundary="x"'),
    "bounce-from-nobody": lambda: mail(f"Your mail could not be delivered: {OTHERS}", "Return-Path: <>\n"),
    "bounce-with-its-receivers": lambda: mail(OTHERS, "X-Failed-Recipients: a@b.example\n"),
    "piece-of-a-mail": lambda: mail(OTHERS, kind='message/partial; id="1"; number=1; total=1'),
    "attribution-in-another-part": lambda: parts(
        "Content-Type: text/plain\n\nOn Mon, 30 Nov 2026 at 10:00, X wrote:\n",
        f"Content-Type: text/plain\n\n{OTHERS}\n",
    ),
    "address-cut-by-a-quote": lambda: mail("see http://bert.example/\n> others.jpg"),
    "bounce-with-its-mail": lambda: parts(
        "Content-Type: text/plain\n\nYour mail could not be delivered.",
        "Content-Type: message/delivery-status\n\nReporting-MTA: dns; a.example\n\nAction: failed\n",
        f"Content-Type: message/rfc822\n\n{FORGED}", kind="report",
    ),
    "bounce-with-its-headers": lambda: parts(
        "Content-Type: text/plain\n\nIt could not be delivered.",
        f"Content-Type: text/rfc822-headers\n\nSubject: {OTHERS}\n", kind="report",
    ),
    "bounce-by-its-author": lambda: mail(OTHERS).replace("ntd@", "MAILER-DAEMON@"),
    "read-receipt": lambda: parts(
        f"Content-Type: text/plain\n\nread: {OTHERS}", kind="report; report-type=disposition-notification"
    ),
    # enclosed
    "enclosed": lambda: parts("Content-Type: text/plain\n\nFor you.", f"Content-Type: message/rfc822\n\n{FORGED}"),
    "enclosed-beside-own": lambda: parts(f"\n{OWN}", f"Content-Type: message/rfc822\n\n{FORGED}"),
    "digest": lambda: parts(f"\n{FORGED}", kind="digest"),
    "enclosed-table": lambda: parts(
        "Content-Type: text/plain\n\nFor you.",
        "Content-Type: message/rfc822\n\nSubject: [M0123456789] x\n\n" + table(OTHERS),
    ),
    # quoted in text
    "quoted": lambda: mail(f"Thank you.\n\n> Please see\n> {OTHERS}\n"),
    "quoted-without-blank": lambda: mail(f"Thank you.\n>{OTHERS}\n"),
    "quoted-twice": lambda: mail(f"Thank you.\n>> {OTHERS}\n> > {OTHERS}\n"),
    "quoted-with-initials": lambda: mail(f"Thank you.\nAB> {OTHERS}\n"),
    "quoted-table": lambda: mail("Thank you.\n" + "".join(f"> {line}\n" for line in table(OTHERS).splitlines())),
    "quoted-beside-own": lambda: mail(f"{OWN}\n\nOn Mon, 2 Mar 2026 at 11:00, X <x@evil.example> wrote:\n> {OTHERS}\n"),
    "wrote": lambda: mail(f"Thank you.\n\nOn Mon, 2 Mar 2026 at 11:00, X <x@evil.example> wrote:\n\n{OTHERS}\n"),
    "wrote-on-two-lines": lambda: mail(f"Thanks.\n\nOn Mon, 2 Mar 2026, X\n<x@evil.example> wrote:\n\n{OTHERS}\n"),
    "wrote-dutch": lambda: mail(f"Dank.\n\nOp ma 2 mrt 2026 om 11:00 schreef X <x@evil.example>:\n\n{OTHERS}\n"),
    "wrote-german": lambda: mail(f"Danke.\n\nAm 02.03.26 um 11:00 schrieb X:\n\n{OTHERS}\n"),
    "wrote-french": lambda: mail(f"Merci.\n\nLe lun. 2 mars 2026 à 11:00, X <x@evil.example> a écrit :\n\n{OTHERS}\n"),
    "original-message": lambda: mail(f"Thanks.\n\n-----Original Message-----\nFrom: X\n\n{OTHERS}\n"),
    "original-message-dutch": lambda: mail(f"Dank.\n\n-----Oorspronkelijk bericht-----\n{OTHERS}\n"),
    "original-message-german": lambda: mail(f"Danke.\n\n-----Ursprüngliche Nachricht-----\n{OTHERS}\n"),
    "forwarded-gmail": lambda: mail(f"FYI\n\n---------- Forwarded message ---------\nFrom: X\n\n{OTHERS}\n"),
    "forwarded-apple": lambda: mail(f"FYI\n\nBegin forwarded message:\n\nFrom: X\n\n{OTHERS}\n"),
    "outlook-head": lambda: mail(
        f"FYI\n\n________________________________\nFrom: X <x@evil.example>\nSent: Monday, 2 March 2026 11:00\nTo: Y\n"
        f"Subject: hello\n\n{OTHERS}\n"
    ),
    "outlook-head-dutch": lambda: mail(
        f"Dank\n\nVan: X\nVerzonden: maandag 2 maart 2026 11:00\nAan: Y\nOnderwerp: hallo\n\n{OTHERS}\n"
    ),
    "quoted-flowed": lambda: mail(f"Thank you. \n> {OTHERS}\n", kind="text/plain; format=flowed"),
    "quoted-within-a-table": lambda: mail(table(OTHERS).replace("<tr><td>", "> <tr><td>")),
    **{f"quoted-by-{sign}": quoted_by(sign) for sign in "|\uff1e\u203a\xbb\u300b\u2502\xa6\uff5c\u276f\u226b\u3009"},
    "quoted-behind-many-blanks": lambda: mail(f"ok\n            > {OTHERS}\n"),
    "quoted-behind-an-invisible-sign": lambda: mail(f"ok\n\u200b> {OTHERS}\n"),
    "quoted-behind-another-line-end": lambda: mail(f"ok\u2028> {OTHERS}\n"),
    "quoted-with-a-name": lambda: mail(f"ok\nEvilPerson> {OTHERS}\n"),
    "quoted-and-wrapped": lambda: mail(f"ok\n> see\n{OTHERS}\n"),
    "quoted-and-wrapped-twice": lambda: mail(f"ok\n> see\nthere:\n{OTHERS}\n"),
    "quoted-and-wrapped-below-an-attribution": lambda: mail(
        f"ok\nAm 29.11.2026 um 10:00 schrieb Evil:\n> see\n{OTHERS}\n"
    ),
    "wrote-without-a-date": lambda: mail(f"ok\nEvil schrieb:\n\uff1e {OTHERS}\n"),
    "wrote-without-a-date-or-a-sign": lambda: mail(f"ok\nEvil schrieb:\n{OTHERS}\n"),
    "wrote-polish": lambda: mail(f"ok\nW dniu 29.11.2026 o 10:00, Evil pisze:\n{OTHERS}\n"),
    "wrote-japanese": lambda: mail(f"ok\n2026年11月29日(日) 10:00 Evil <e@e.example>:\n{OTHERS}\n"),
    "wrote-japanese-wide-colon": lambda: mail(f"ok\n2026年11月29日(日) Evil：\n{OTHERS}\n"),
    "wrote-by-address": lambda: mail(f"ok\nEvil <e@e.example>:\n{OTHERS}\n"),
    "wrote-on-a-day": lambda: mail(f"ok\nNov 29, Evil:\n{OTHERS}\n"),
    "wrote-turkish": lambda: mail(f"ok\nEvil, 29 Kas 2026 Paz tarihinde şunu yazdı:\n{OTHERS}\n"),
    "wrote-on-two-lines-without-a-verb": lambda: mail(
        f"ok\nOn the 29th of November 2026 at ten in the morning in Amsterdam, our\nEvil Person:\n{OTHERS}\n"
    ),
    "name-above-a-quote": lambda: mail(f"ok\nEvil:\n\n> see\n{OTHERS}\n"),
    "wrote-without-a-colon": lambda: mail(f"ok\nOn 14 Nov 2018 08:14:43 -0200 John <j@x.example> wrote\n{OTHERS}\n"),
    "wrote-between-dashes": lambda: mail(f"ok\n---- On Tue, 22 Dec 2015 14:17:36 +0530 Sam wrote ----\n{OTHERS}\n"),
    "original-in-asterisks": lambda: mail(f"ok\n*-------- Original Message --------*\n{OTHERS}\n"),
    "forwarded-lotus": lambda: mail(f"ok\n----- Forwarded by Jan/NL/X on 02-11-2026 10:00 -----\n\n{OTHERS}\n"),
    "forwarded-yahoo-french": lambda: mail(
        f'ok\n----- Message transmis -----\nDe : J <j@x.example>À : "b@x.example" <b@x.example>Date : m\n{OTHERS}\n'
    ),
    "forwarded-yahoo-czech": lambda: mail(f"ok\n----- Přeposlaná zpráva -----\nOd: J <j@x.example>Komu: b\n{OTHERS}\n"),
    "help-desk-comment": lambda: mail(f"Hello.\n\nNick D, Dec 2, 2020, 10:43 PST\n\nPlease look at\n{OTHERS}\n"),
    "additional-comments": lambda: mail(f"Comments:\n2026-11-02 10:00:00 CET - Jan (Additional comments)\n{OTHERS}\n"),
    "colon-before-each-line": lambda: mail(f"ok\n: {OTHERS}\n"),
    "your-message": lambda: mail(f"Thank you.\n\nYour message:\n{OTHERS}\n"),
    "your-message-dutch": lambda: mail(f"Dank.\n\nUw melding:\n\n    {OTHERS}\n"),
    "you-wrote": lambda: mail(f"Thank you.\n\nYou wrote\n\n    {OTHERS}\n"),
    "ruled-line-and-half-a-head": lambda: mail(f"ok\n________________\nVon: X\nGesendet: heute\n\n{OTHERS}\n"),
    "attached-as-a-text": lambda: parts(
        "Content-Type: text/plain\n\nThe message that we got is attached.",
        f"Content-Type: text/plain; name=a.txt\nContent-Disposition: attachment; filename=a.txt\n\n{OTHERS}",
    ),
    "attached-as-a-text-by-its-name": lambda: parts(
        "Content-Type: text/plain\n\nFor you.",
        f"Content-Type: text/plain\nContent-Disposition: attachment; filename=original.txt\n\n{OTHERS}",
    ),
    **{f"head-{name}": below(f"ok\n\n{head}") for name, head in HEADS.items()},
    # acknowledged
    **{f"receipt-{n}": below(text) for n, text in enumerate(RECEIPTS)},
    "receipt-by-its-subject": lambda: mail(OTHERS, subject="[hotline.example #12] AutoReply: M0123456789"),
    "receipt-in-html": lambda: in_html(f"<p>Your request (Ticket#12) has <b>been</b><br>received.</p><p>{OTHERS}</p>"),
    # quoted in HTML
    **{f"bar-{n}": barred(style) for n, style in enumerate(BARS)},
    "bars-in-html": lambda: in_html(f"<p>Thanks</p><p>| {OTHERS}</p>"),
    "wrote-polish-in-html": lambda: in_html(f"<p>ok</p><p>W dniu 29.11.2026 o 10:00, Evil pisze:</p><p>{OTHERS}</p>"),
    "blockquote": lambda: in_html(f"<p>Thanks</p><blockquote type=cite><p>{OTHERS}</p></blockquote>"),
    "blockquote-nested": lambda: in_html(f"<blockquote>a<blockquote>b</blockquote>{OTHERS}</blockquote>"),
    "blockquote-ended-by-the-quoted": lambda: in_html(f"<blockquote>a</blockquote>{OTHERS}</blockquote>"),
    "blockquote-without-end": lambda: in_html(f"Thanks<blockquote>a<p>{OTHERS}"),
    "gmail": lambda: in_html(f'Thanks<br><div class="gmail_quote gmail_quote_container">On x wrote:<br>{OTHERS}</div>'),
    "outlook": lambda: in_html(f"<p>Thanks</p>{OUTLOOK}<p>{OTHERS}</p></div>"),
    "outlook-web": lambda: in_html(f'<p>Thanks</p><hr><div id="divRplyFwdMsg">From: x</div><div>{OTHERS}</div>'),
    "yahoo": lambda: in_html(f'Thanks<div class="yahoo_quoted">{OTHERS}</div>'),
    "thunderbird-forward": lambda: in_html(f'FYI<div class="moz-forward-container">{OTHERS}</div>'),
    "signs-in-html": lambda: in_html(f"<p>Thanks</p><p>&gt; {OTHERS}</p>"),
    "wrote-in-html": lambda: in_html(f"<p>Thanks</p><p>On 2 Mar 2026, X &lt;x@e.example&gt; wrote:</p><p>{OTHERS}</p>"),
    "original-in-html": lambda: in_html(f"<p>Thanks</p><p>-----Original Message-----</p><p>{OTHERS}</p>"),
    "link-in-a-quote": lambda: in_html(f'Thanks<blockquote><a href="{OTHERS}">this</a></blockquote>'),
    "table-in-a-quote": lambda: in_html(f"Thanks<blockquote>{table(OTHERS)}</blockquote>"),
    "quoted-in-one-form-only": lambda: parts(
        f"Content-Type: text/plain\n\nThanks\n> {OTHERS}",
        f'Content-Type: text/html\n\nThanks<div style="margin-left:1em">{OTHERS}</div>', kind="alternative",
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", REPEATED)
def test_what_is_only_repeated_never_acts_and_is_not_passed_over(kind: str) -> None:
    raw = REPEATED[kind]()
    assert OTHERS not in acts_on(raw)
    notice = notice_of(raw)
    assert notice.doubts or any(item.doubts for item in notice.items) or "bert.example" in notice.mentions


XARF = (
    'Content-Type: application/json; name="xarf.json"\n\n{"xarf_version": "4.0.0", "report_id":'
    ' "550e8400-e29b-41d4-a716-446655440000", "timestamp": "2026-03-02T11:00:00Z", "reporter": {"org": "a", "contact":'
    ' "a@b.example", "domain": "b.example"}, "sender": {"org": "a", "contact": "a@b.example", "domain": "b.example"},'
    ' "source_identifier": "192.0.2.1", "category": "content", "type": "csam", "classification": "baseline",'
    f' "detection_method": "hash_match", "url": "{OWN}"}}'
)
SAID: dict[str, Callable[[], str]] = {
    "plain": lambda: mail(f"Please remove {OWN}"),
    "auto-generated": lambda: mail(OWN, "Auto-Submitted: auto-generated\n"),
    "auto-generated-bulk-by-nobody": lambda: mail(
        OWN, "Auto-Submitted: auto-generated\nPrecedence: bulk\nReturn-Path: <>\nX-Auto-Response-Suppress: All\n"
    ),
    "table": lambda: mail(table(OWN)),
    "table-above-a-quote": lambda: mail(f"{table(OWN)}\n\n> hello\n"),
    "csv": lambda: parts(
        "Content-Type: text/plain\n\n(abuse urls in CSV attachment)\n> hello",
        'Content-Type: text/csv; name="urls-M0123456789.csv"\nContent-Disposition: attachment;'
        f' filename="urls-M0123456789.csv"\n\nurl;note\n{OWN};\n',
    ),
    "xarf": lambda: parts("Content-Type: text/plain\n\nsee the report\n> hello", XARF),
    "above-a-quote": lambda: mail(f"Please remove {OWN}\n\n> hello\n> there\n"),
    "below-a-quote": lambda: mail(f"On 2 Mar 2026, X <x@a.example> wrote:\n> hello\n\nPlease remove {OWN}\n"),
    "above-an-original": lambda: mail(f"Please remove {OWN}\n\n-----Original Message-----\nFrom: X\n\nhello"),
    "html-above-a-quote": lambda: in_html(f"<p>Please remove {OWN}</p><blockquote>hello</blockquote>"),
    "html-below-a-quote": lambda: in_html(f"<blockquote>hello</blockquote><p>Please remove {OWN}</p>"),
    "both-forms": lambda: parts(
        f"Content-Type: text/plain\n\nPlease remove {OWN}\n> hello",
        f"Content-Type: text/html\n\nPlease remove {OWN}<blockquote>hello</blockquote>", kind="alternative",
    ),
    "colon": lambda: mail(f"Please remove the following 3 addresses:\n{OWN}\n"),
    "labels": lambda: mail(f"Notice: M0123456789\nDate: 29 November 2026\nAddresses:\n{OWN}\n"),
    "between-quotes": lambda: mail(f"> hello\n\n{OWN}\n\n| there\n"),
    "a-table-with-borders": lambda: in_html(
        f'<table style="border-left:1px solid"><tr><td style="border-left:1px solid">{OWN}</td></tr></table>'
    ),
    "no-border": lambda: in_html(f'<div style="border-left:none">{OWN}</div>'),
    "thanks-for-looking": lambda: mail(f"Please remove {OWN}\nThank you for your cooperation."),
    "a-signature": lambda: mail(f"{OWN}\n--\nContact: ntd@hotline.example\nPhone: +31 20 1\nWeb: see our site\n"),
    "a-contact-block": lambda: mail(
        "Help Desk\ne-mail: incident@hotline.example\nPhone: 1800\nFAX: 1800\nWeb: http://hotline.example/\n\n"
        f"List of addresses:\n{OWN}\n"
    ),
    "a-list-as-a-text": lambda: parts(
        "Content-Type: text/plain\n\nThe addresses:",
        f"Content-Type: text/plain\nContent-Disposition: attachment; filename=urls.txt\n\n{OWN}",
    ),
    "minutes": lambda: mail(f"From 2 March on this address is abused:\n{OWN}\nDate: 2 March"),
}  # fmt: skip


@pytest.mark.parametrize(
    "quoted",
    [
        "On 1 Nov 2026, Jan wrote:\n> see\n> http://anna.example/quoted.jpg",
        "-----Original Message-----\nhttp://anna.example/quoted.jpg",
        "Found on 18 June 2026:\nhttp://anna.example/quoted.jpg",
        "Still online at 10:00 UTC:\nhttp://anna.example/quoted.jpg",
    ],
)
def test_what_is_quoted_beside_the_senders_own_is_held_and_not_lost(quoted: str) -> None:
    raw = mail(f"Please remove:\n\n{OWN}\n\n{quoted}\n")
    assert [item.urls[0] for item in notice_of(raw).items] == [OWN, "http://anna.example/quoted.jpg"]
    assert acts_on(raw) == {OWN}


def test_what_the_sender_repeats_of_its_own_is_one_item() -> None:
    raw = mail(f"Please remove:\n\n{OWN}\n\nOn 1 Nov 2026, we wrote:\n> {OWN}\n")
    assert [item.urls for item in notice_of(raw).items] == [(OWN,)]


@pytest.mark.parametrize("kind", SAID)
def test_what_the_sender_says_itself_acts(kind: str) -> None:
    assert acts_on(SAID[kind]()) == {OWN}


@pytest.mark.slow
@pytest.mark.parametrize(
    "hostile",
    ["<blockquote>" * 50_000, "<a x=" * 100_000, ">" * 500_000, "> \n" * 200_000, "On 1 wrote" * 50_000,
     "From: a\n" * 60_000, "-" * 500_000, "--a" * 100_000, "a wrote\n" * 60_000, "<table>\n> a\n" * 20_000],
)  # fmt: skip
def test_what_nobody_writes_is_read_quickly(hostile: str) -> None:
    for raw in (mail(hostile), in_html(hostile)):
        notice_of(raw)
