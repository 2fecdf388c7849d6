import struct
from html.parser import HTMLParser

import pytest
from app import app

PNG = b"\x89PNG\r\n\x1a\n"
ICO_TYPE = "image/vnd.microsoft.icon"


@pytest.fixture
def client():
    return app.test_client()


def elements(html):
    """Return [(tag, {attribute: value})] of what a browser would see."""
    found = []
    parser = HTMLParser()
    parser.handle_starttag = lambda *one: found.append((one[0], dict(one[1])))
    parser.feed(html)
    return found


def png_size(data):
    """Return (width, height) of a PNG image."""
    assert data.startswith(PNG)
    return struct.unpack(">II", data[16:24])


# -- Adding a favicon -------------------------------------------------------


def test_the_page_links_its_icons(client):
    page = client.get("/").text
    [head, body] = page.split("<body>")
    links = [attrs for tag, attrs in elements(head) if tag == "link"]
    assert [link["rel"] for link in links] == [
        "icon",
        "icon",
        "apple-touch-icon",
    ]
    assert "link" not in [tag for tag, _ in elements(body)]

    for link in links:
        response = client.get(link["href"], buffered=True)
        assert response.status_code == 200
        assert response.mimetype.startswith("image/")


def test_the_icon_is_sent_from_the_root(client):
    response = client.get("/favicon.ico", buffered=True)
    assert response.status_code == 200
    assert response.content_type == ICO_TYPE
    head = client.head("/favicon.ico", buffered=True)
    assert head.content_length == len(response.data)
    assert head.data == b""


def test_the_type_does_not_depend_on_the_machine(client, monkeypatch):
    monkeypatch.setattr(
        "mimetypes.guess_type", lambda *args, **kwargs: ("image/x-icon", None)
    )
    response = client.get("/favicon.ico", buffered=True)
    assert response.content_type == ICO_TYPE


def test_the_icon_holds_three_sizes(client):
    data = client.get("/favicon.ico", buffered=True).data
    assert struct.unpack("<HHH", data[:6]) == (0, 1, 3)
    sizes = []

    for start in range(6, 6 + 3 * 16, 16):
        width, height, *_, size, offset = struct.unpack(
            "<BBBBHHII", data[start : start + 16]
        )
        image = data[offset : offset + size]
        assert png_size(image) == (width, height)
        assert image.endswith(b"IEND\xaeB`\x82")
        sizes.append(width)

    assert sizes == [16, 32, 48]


@pytest.mark.parametrize(
    "path",
    ["/favicon.ico", "/static/icon.svg", "/static/apple-touch-icon.png"],
)
def test_browsers_keep_an_icon_for_a_day_and_then_ask(client, path):
    first = client.get(path, buffered=True)
    assert first.cache_control.max_age == 24 * 60 * 60
    assert first.cache_control.public

    for header, value in [
        ("If-None-Match", first.headers["ETag"]),
        ("If-Modified-Since", first.headers["Last-Modified"]),
    ]:
        again = client.get(path, headers={header: value}, buffered=True)
        assert again.status_code == 304
        assert again.data == b""
        assert again.cache_control.max_age == 24 * 60 * 60

    changed = client.get(
        path, headers={"If-None-Match": '"other"'}, buffered=True
    )
    assert changed.status_code == 200


# -- See also ---------------------------------------------------------------


def test_the_touch_icon_is_a_redirect_to_a_static_file(client):
    response = client.get("/apple-touch-icon.png")
    assert response.status_code == 308
    assert response.location.endswith("/static/apple-touch-icon.png")
    response = client.get(response.location, buffered=True)
    assert response.content_type == "image/png"
    assert png_size(response.data) == (180, 180)
    assert client.head("/apple-touch-icon.png").status_code == 308


def test_the_redirect_is_made_for_each_request(client):
    for base in ("http://localhost/pre", "http://localhost", "https://a.test"):
        response = client.get("/apple-touch-icon.png", base_url=base)
        assert response.location == f"{base}/static/apple-touch-icon.png"


def test_links_stay_below_a_prefix(client):
    page = client.get("/", base_url="http://localhost/pre").text
    links = [
        attrs.get("href") or attrs["src"]
        for tag, attrs in elements(page)
        if tag in ("a", "img", "link")
    ]
    assert len(links) == 10
    links.remove("https://en.wikipedia.org/wiki/Favicon")
    assert all(link.startswith("/pre/") for link in links)


def test_nothing_can_be_posted(client):
    for path in ("/", "/favicon.ico", "/apple-touch-icon.png"):
        response = client.post(path)
        assert response.status_code == 405
        assert response.allow == {"GET", "HEAD", "OPTIONS"}


def test_a_refused_host_is_a_bad_request(client):
    for path in ("/", "/favicon.ico", "/apple-touch-icon.png"):
        response = client.get(path, headers={"Host": "red..localhost"})
        assert response.status_code == 400
