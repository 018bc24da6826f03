"""Links of a page: what it shows and what it leads to, whatever a customer wrote."""

import time

import pytest

from goodhoster.locating.page_links import LARGEST_PAGE, MOST_LINKS, links_on

AT = "https://anna.example/gallery/index.html"


def test_what_a_page_shows_and_what_it_leads_to() -> None:
    page = b"""<a href="next.html">more</a><img src='/p.jpg' srcset="a.webp 1x, b.webp 2x">
    <img src=image.php?id=3&amp;x=1>
    <video poster="film.jpg"><source src="film.mp4"></video><div style="background: url( 'back.png' )">
    <a href="https://elsewhere.example/x#part">x</a><a href="javascript:alert(1)">y</a><A HREF="next.html">again</A>"""
    shown, leads_to = links_on(page, AT)
    assert shown == [
        "https://anna.example/p.jpg",
        "https://anna.example/gallery/a.webp",
        "https://anna.example/gallery/b.webp",
        "https://anna.example/gallery/image.php?id=3&x=1",
        "https://anna.example/gallery/film.jpg",
        "https://anna.example/gallery/film.mp4",
        "https://anna.example/gallery/back.png",
    ]
    assert leads_to == ["https://anna.example/gallery/next.html", "https://elsewhere.example/x"]


def test_the_base_of_a_page_counts() -> None:
    shown, _ = links_on(b'<base target="x" href="/other/"><img src="p.jpg">', AT)
    assert shown == ["https://anna.example/other/p.jpg"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "piece",
    [
        b"<a ",
        b"href=",
        b'href="',
        b"href='",
        b"src=\"'",
        b"url(",
        b"<base ",
        b'<base href="',
        b"srcset=,",
        b"\xff\0",
        b"href=a ",
    ],
)
def test_a_hostile_page_ends_soon_with_a_bounded_number_of_links(piece: bytes) -> None:
    page = (piece * LARGEST_PAGE)[: 2 * LARGEST_PAGE]
    begun = time.process_time()
    shown, leads_to = links_on(page, AT)
    assert len(shown) + len(leads_to) <= 2 * MOST_LINKS
    assert time.process_time() - begun < 10, "it grows with the page, and with nothing else"


def test_ten_thousand_links_are_cut() -> None:
    page = b"".join(b'<img src="%d.jpg">' % number for number in range(10_000))
    shown, leads_to = links_on(page, AT)
    assert (len(shown), leads_to) == (MOST_LINKS, [])
