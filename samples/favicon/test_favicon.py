import re

import pytest
from app import app


@pytest.fixture
def client():
    return app.test_client()


# -- Adding a favicon -------------------------------------------------------


def test_page_links_icons_that_exist(client):
    head = client.get("/").text.partition("</head>")[0]
    icons = re.findall(r'<link rel="([\w-]+)"\s+href="([^"]+)"', head)
    assert [rel for rel, _ in icons] == ["icon", "icon", "apple-touch-icon"]

    for _, url in icons:
        response = client.get(url, buffered=True)
        assert response.status_code == 200
        assert response.mimetype.startswith("image/")


def test_favicon_is_at_the_root(client):
    response = client.get("/favicon.ico", buffered=True)
    # This is how an icon file with three images starts.
    assert response.data.startswith(b"\0\0\1\0\3\0")


def test_favicon_has_its_type_on_every_machine(client, monkeypatch):
    monkeypatch.setattr(
        "mimetypes.guess_type", lambda *args, **kwargs: ("text/plain", None)
    )
    response = client.get("/favicon.ico", buffered=True)
    assert response.content_type == "image/vnd.microsoft.icon"


def test_browsers_cache_the_favicon_and_revalidate_it(client):
    first = client.get("/favicon.ico", buffered=True)
    assert first.cache_control.max_age == 24 * 60 * 60
    headers = {"If-None-Match": first.headers["ETag"]}
    again = client.get("/favicon.ico", headers=headers, buffered=True)
    assert again.status_code == 304


def test_links_and_redirect_include_the_prefix(client):
    base = "http://localhost/pre"
    page = client.get("/", base_url=base).text
    urls = re.findall(r'(?:href|src)="([^"]+)"', page)
    assert urls
    assert all(url.startswith("/pre/") for url in urls)
    response = client.get("/apple-touch-icon.png", base_url=base)
    assert response.status_code in (302, 303)
    assert response.location == "/pre/static/apple-touch-icon.png"
