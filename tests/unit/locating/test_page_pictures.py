"""What stands on a page."""

import pytest

from goodhoster.locating.page_pictures import address_of, pictures_on

PAGE = b"""<body background="back.gif"><img src="a.jpg"><img srcset="b.jpg 1x, /c.jpg 2x"><img data-src=d.png>
<a href="e.jpg"><div style="color: red; background: URL( 'f.jpg' )"><input type=image src=g.png><object data=h.mp4>
<a href="page2.html"><img src="http://[::1/x.jpg"><img src="javascript:x.jpg"><IMG SRC=&#105;.jpg><embed src=j.webm>"""


def test_every_picture_that_a_page_shows_or_links_to_is_found() -> None:
    found = pictures_on(PAGE, "http://anna.example/x/")
    names = [url.removeprefix("http://anna.example/") for url in found]
    assert names == [
        *("x/back.gif", "x/a.jpg", "x/b.jpg", "c.jpg", "x/d.png", "x/e.jpg", "x/f.jpg", "x/g.png", "x/h.mp4"),
        *("x/i.jpg", "x/j.webm"),
    ]


@pytest.mark.parametrize(
    ("page", "url", "address"),
    [
        (b"anna/www/x/index.html", "http://anna.example/x", "http://anna.example/x/"),
        (b"anna/www/x/index.html", "http://anna.example/x?a=1", "http://anna.example/x/?a=1"),
        (b"anna/www/x/index.html", "http://anna.example/x/", "http://anna.example/x/"),
        (b"anna/www/x/index.html", "http://anna.example/x/index.html", "http://anna.example/x/index.html"),
        (b"anna/www/x/page.html", "http://anna.example/x/page.html", "http://anna.example/x/page.html"),
    ],
)
def test_a_directory_is_a_page_with_a_slash(page: bytes, url: str, address: str) -> None:
    assert address_of(page, url) == address
