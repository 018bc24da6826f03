"""Addresses spelled with look-alikes or words, names of files beside an address, and links below a base."""

import base64
import json

import pytest

from goodhoster.model.notices import Carrier, RawNotice, ReadNotice
from goodhoster.notices.reading.doubts import names_without_item
from goodhoster.notices.reading.formats.free_text import CONFIRM
from goodhoster.notices.reading.reader import read
from goodhoster.notices.reading.url_finder import (
    GLUED,
    INVISIBLE,
    LOOKALIKE,
    ODD_HOST,
    SEPARATOR,
    SHORTENED,
    WILDCARD,
)

HOST = "anna.example"
ITEM = f"http://{HOST}/album/two.jpg"


def mail(body: str, kind: str = "text/plain", more: str = "") -> bytes:
    head = "From: desk@hotline.example\nTo: abuse@hoster.example\nSubject: Report\nMIME-Version: 1.0"
    if not more:
        return f"{head}\nContent-Type: {kind}; charset=utf-8\n\n{body}\n".encode()
    inner = f"--b\nContent-Type: {kind}; charset=utf-8\n\n{body}\n--b\n{more}\n--b--\n"
    return f'{head}\nContent-Type: multipart/mixed; boundary="b"\n\n{inner}'.encode()


def of_mail(raw: bytes) -> ReadNotice:
    return read(RawNotice(Carrier.MAIL, raw))


def named(notice: ReadNotice) -> tuple[str, ...]:
    return names_without_item(notice, notice.items, lambda names: frozenset(names) & {HOST, f"www.{HOST}"})


@pytest.mark.parametrize(
    "written",
    [
        # other forms of slashes, colons, dots and letters
        "ｈｔｔｐ：／／anna.example／ｐｉｃ．ｊｐｇ",
        "http：//anna.example／pic.jpg",
        "http:∕∕anna.example∕pic.jpg",
        "http:⁄⁄anna.example⁄pic.jpg",
        "anna·example/pic.jpg",
        "anna․example/pic.jpg",
        "anna。example／pic.jpg",
        "аnna.example/pic.jpg",
        # words for dots and slashes
        "anna<dot>example/pic.jpg",
        "anna_dot_example/pic.jpg",
        "anna-dot-example-slash-pic-dot-jpg",
        "anna[d]example/pic.jpg",
        "anna[,]example/pic.jpg",
        "anna(dot)example(slash)pic(dot)jpg",
        "anna punkt example schrägstrich pic punkt jpg",
        "anna punt example schuine streep pic punt jpg",
        "anna point example/pic.jpg",
        "anna . example / pic . jpg",
        "anna .example/pic.jpg",
        "anna,example/pic.jpg",
        "anna_example/pic.jpg",
        # encoded
        "http:=2F=2Fanna.example=2Fpic=2Ejpg",
        base64.b64encode(f"http://{HOST}/pic.jpg".encode()).decode(),
        # another program's host
        "https://anna-example.translate.goog/pic.jpg",
        "https://anna-example.cdn.ampproject.org/pic.jpg",
    ],
)
def test_an_address_spelled_otherwise_is_named(written: str) -> None:
    assert f"{HOST}/pic.jpg" in named(of_mail(mail(f"{ITEM}\n{written}\n")))


@pytest.mark.parametrize(
    ("written", "path"),
    [
        (f"{ITEM}, pic.jpg", "pic.jpg"),
        (f"{ITEM}; dito pic.jpg", "pic.jpg"),
        (f"{ITEM} / pic.jpg / last.jpg", "last.jpg"),
        (f"{ITEM} (and pic.jpg)", "pic.jpg"),
        (f"{ITEM} - pic.jpg", "pic.jpg"),
        (f"In {ITEM} also:\n- pic.jpg\n- last.jpg", "last.jpg"),
        (f"{ITEM}\n               pic.jpg", "pic.jpg"),
        (f"{ITEM}\nFile name: pic.jpg", "pic.jpg"),
        (f"{ITEM}\nand album\\pic.jpg", "album/pic.jpg"),
        (f"{ITEM}\nand .../album/pic.jpg", "album/pic.jpg"),
        (f"{ITEM}\n<path>pic.jpg</path>", "pic.jpg"),
        (f'{ITEM}\n{{"host": "{HOST}", "path": "pic.jpg"}}', "pic.jpg"),
        (f"{ITEM}\n{HOST}: pic.jpg", "pic.jpg"),
        (f"{ITEM}\nfilm.mp4, too", "film.mp4"),
        (f"{ITEM}\nand my pic (1).jpg", "(1).jpg"),
        (f"{ITEM}\nand /view.php?id=5", "view.php?id=5"),
        (f"{ITEM}\nand /gallery/12345", "gallery/12345"),
        (f"{ITEM}\nand /other/", "other/"),
    ],
)
def test_a_name_or_a_path_alone_is_one_at_the_items_hosts(written: str, path: str) -> None:
    found = named(of_mail(mail(written)))
    assert any(address.startswith(f"{HOST}/") and address.endswith(path) for address in found), found


def test_a_name_alone_is_sought_at_our_host_however_many_others_stand_before_it() -> None:
    others = "\n".join(f"http://other{number}.test/x.jpg" for number in range(20))
    assert named(of_mail(mail(f"{others}\n{ITEM}\nalso: pic.jpg"))) == (f"{HOST}/pic.jpg",)
    assert named(of_mail(mail(f"{others}\nalso: pic.jpg"))) == ()


@pytest.mark.parametrize(
    "link",
    [
        '<a href="pic.jpg">this</a>',
        "<img src='pic.jpg'>",
        "<video poster=pic.jpg></video>",
        '<img data-src="./pic.jpg">',
    ],
)
@pytest.mark.parametrize("base", ["", f'<base href="http://{HOST}/">', f"<base target=x href='http://{HOST}/x'>"])
def test_relative_links_are_named(link: str, base: str) -> None:
    assert f"{HOST}/pic.jpg" in named(of_mail(mail(f"{base}<p>{ITEM}</p>{link}", "text/html")))


def test_below_a_base_a_link_needs_no_file_name() -> None:
    markup = f'<base href="http://{HOST}/album/"><p>{ITEM}</p><a href="view?id=5">and this</a>'
    assert f"{HOST}/album/view?id=5" in named(of_mail(mail(markup, "text/html")))
    own = f'<base href="http://hotline.example/"><p>{ITEM}</p><a href="terms.html">terms</a>'
    assert named(of_mail(mail(own, "text/html"))) == ()


def test_a_mail_that_is_enclosed_in_base64_is_looked_through() -> None:
    inner = base64.b64encode(f"Subject: x\n\nhttp://{HOST}/pic.jpg\n".encode()).decode()
    enclosed = f"Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\n{inner}"
    assert f"{HOST}/pic.jpg" in named(of_mail(mail(ITEM, more=enclosed)))


@pytest.mark.parametrize(
    ("written", "doubt"),
    [
        (f"http://{HOST}／pic.jpg", ODD_HOST),
        (f"http://{HOST}/pic．jpg", LOOKALIKE),
        (f"http://{HOST}/ｐｉｃ.jpg", LOOKALIKE),
        (f"http://{HOST}/album∕pic.jpg", LOOKALIKE),
        ("http://аnna.example/pic.jpg", ODD_HOST),
        (f"http://{HOST}/two.jpg,/pic.jpg", SEPARATOR),
        (f"http://{HOST}/album/?pic.jpg", SEPARATOR),
        (f"http://{HOST}/?file=pic.jpg", SEPARATOR),
        *(
            (f"http://{HOST}/?file=pic.{kind}", SEPARATOR)
            for kind in ("heic", "avif", "tiff", "jxl", "m4v", "ts", "tgz")
        ),
    ],
)
def test_what_only_looks_like_an_address_is_never_certain(written: str, doubt: str) -> None:
    (item,) = of_mail(mail(written)).items
    assert doubt in item.doubts


@pytest.mark.parametrize(
    "body",
    [
        f"{ITEM}\nFolder: /album/\nFile: two.jpg",
        f"{ITEM}\nand again: album/two.jpg",
        f"http://{HOST}/polka-dot-dress.jpg\nFile: polka-dot-dress.jpg",
        f"http://{HOST}/a,b.jpg?x=2f&y=3a.jpg\nhttp://{HOST}/a,b.jpg?x=2f&y=3a.jpg"[:40],
        f"http://{HOST}/me\u0301.jpg\nhttp://{HOST}/me\u0301.jpg",
        f"http://{HOST}/b%20c.jpg\nb c.jpg",
        f"<http://{HOST}/al\nbum/two.jpg>",
        f"{ITEM}\n[cid:image001.png@01D9] <image002.png> [image: logo.png]",
        f"{ITEM}\nhttps://portal.hotline.example/shot?f=shot.png\n",
        f"http://{HOST}/view?id=31&n=2f2e3a\nhttp://{HOST}/view?id=31&n=2f2e3a",
        f"{ITEM}\nhe/she and/or IBAN NL00/12, 192.0.2.0/24, 30/11/2026, application/zip, Europe/Amsterdam",
    ],
)
def test_what_only_repeats_an_item_or_is_no_address_needs_nobody(body: str) -> None:
    notice = of_mail(mail(body))
    assert named(notice) == ()
    assert notice.doubts == (CONFIRM,)


def test_an_attachments_name_is_no_address() -> None:
    logo = (
        'Content-Type: text/plain; name="evidence.zip"\nContent-Disposition: attachment; filename="evidence.zip"\n\nx'
    )
    assert named(of_mail(mail(f"{ITEM}\nSee evidence.zip.", more=logo))) == ()


def test_a_column_of_file_names_tells_no_addresses() -> None:
    rows = f"url,filename,note\nhttp://{HOST}/d?id=5,one.jpg,\nhttp://{HOST}/d?id=6,two.jpg,see also three.jpg\n"
    attached = f'Content-Type: text/csv; name="l.csv"\nContent-Disposition: attachment; filename="l.csv"\n\n{rows}'
    assert named(of_mail(mail("The list.", more=attached))) == (f"{HOST}/three.jpg",)


def test_every_address_column_of_a_list_is_named() -> None:
    rows = f"url,thumbnail url\n{ITEM},http://{HOST}/t/two.jpg\n{ITEM},t/three.jpg\n"
    attached = f'Content-Type: text/csv; name="l.csv"\nContent-Disposition: attachment; filename="l.csv"\n\n{rows}'
    notice = of_mail(mail("The list.", more=attached))
    assert f"{HOST}/t/three.jpg" in named(notice)
    assert any(item.doubts or notice.doubts for item in notice.items)


def a_list(rows: str) -> ReadNotice:
    attached = f'Content-Type: text/csv; name="l.csv"\nContent-Disposition: attachment; filename="l.csv"\n\n{rows}'
    return of_mail(mail("The list.", more=attached))


@pytest.mark.parametrize(
    ("cell", "doubt"),
    [
        (f"http://{HOST}/album/pic#1.jpg", SEPARATOR),
        (f"http://{HOST}/album/a1.jpg; pic.jpg", SEPARATOR),
        (f'"http://{HOST}/album/a1.jpg, pic.jpg"', SEPARATOR),
        (f"http://{HOST}/album/?pic.jpg", SEPARATOR),
        (f"http://{HOST}/album/pic...", SHORTENED),
        (f"http://{HOST}/album/pic…", SHORTENED),
        (f"http://{HOST}/album/pic [truncated]", SHORTENED),
        (f"http://{HOST}/album/pic*", WILDCARD),
        (f"http://*.{HOST}/pic.jpg", WILDCARD),
        ("http://anna/album/pic.jpg", ODD_HOST),
        ("http://аnna.example/pic.jpg", ODD_HOST),
        (f"http://{HOST}/pic．jpg", LOOKALIKE),
        (f'"http://{HOST}/a1.jpg http://{HOST}/pic.jpg"', GLUED),
        (f'"http://{HOST}/album/pic\n1.jpg"', INVISIBLE),
    ],
)
def test_a_piece_in_a_list_or_a_report_is_not_certain_either(cell: str, doubt: str) -> None:
    (item,) = a_list(f"url,ip\n{cell},192.0.2.1\n").items
    assert doubt in item.doubts
    report = {"Version": "3", "Report": {"SourceUrl": cell.strip('"')}}
    attached = f'Content-Type: application/json; name="xarf.json"\n\n{json.dumps(report)}'
    (item,) = of_mail(mail("A report.", more=attached)).items
    assert doubt in item.doubts


@pytest.mark.parametrize(
    "cell",
    [f"http://{HOST}/my pic (1).jpg", f'"http://{HOST}/a,b.jpg"', f"{HOST}/pic.jpg", "hxxp://anna[.]example/pic.jpg"],
)
def test_a_whole_address_in_a_list_is(cell: str) -> None:
    notice = a_list(f"url,ip\n{cell},192.0.2.1\n")
    assert [item.doubts for item in notice.items] == [()]
    assert (notice.doubts, named(notice)) == ((), ())


@pytest.mark.parametrize("column", ["path", "file", "website", "source page"])
def test_columns_that_repeat_a_part_of_the_address_need_nobody(column: str) -> None:
    notice = a_list(f"url,{column}\n{ITEM},/album/two.jpg\nhttp://{HOST}/b.jpg,http://other.test/thread/1\n")
    assert (notice.doubts, named(notice)) == ((), ())
    assert named(a_list(f"url,{column}\n{ITEM},/album/more.jpg\n")) == (f"{HOST}/album/more.jpg",)


@pytest.mark.parametrize(
    "written",
    [
        f"http://{HOST}/album/\n\npic.jpg",
        f"http://{HOST}/album/\n- pic.jpg",
        f"http://{HOST}/album/pic<1>.jpg",
        f"http://{HOST}/album/pic>>",
    ],
)
def test_a_directory_or_a_beginning_with_more_below_is_not_certain(written: str) -> None:
    (item,) = of_mail(mail(written)).items
    assert item.doubts
