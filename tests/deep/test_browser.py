"""Each sample's pages in Chromium, in the light, in the dark, and on a phone.

A page is `/`, what links lead to, or the response to a form: as it should be,
once again, empty, and wrong. Flask's own error pages belong to no sample.
"""

import re
from itertools import product

import html5lib
import pytest
import surface
from axe_playwright_python.sync_playwright import Axe
from conftest import opened
from crawl import crawl

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
OPTIONS = {
    "runOnly": {"type": "tag", "values": [*TAGS, "best-practice"]},
    "resultTypes": ["violations"],
}
# axe takes no canvas for a background, so paint it where the page has none.
PAINTED = ":where(html) { background: Canvas }"
GROUND = "getComputedStyle(document.documentElement).backgroundColor"
PHONE = {"width": 360, "height": 740}


@pytest.fixture(scope="session")
def pages(sample, live):
    """All pages, as {HTML: URL}."""
    client = surface.Client(live.url)
    replies = [(page.url, page.reply) for page in crawl(live)]
    forms = [
        it for it in surface.read(sample.name).asks if it.method == "POST"
    ]

    # As it should be, once again, empty, and wrong.
    for ask, word in product(forms, (None, None, b"", b"x.php")):
        fields = {
            name: value
            if word is None or name == "csrf_token"
            else value[: value.startswith(b"@")] + word
            for name, value in client.fields(ask.marked("good")).items()
        }
        path, reply = client.send(ask, fields)
        replies.append((live.url + path, reply))

    pages = {
        reply.body.decode("utf-8", "replace"): url for url, reply in replies
    }
    # Neither parts of pages, which scripts fetch, nor Flask's own pages.
    own = re.compile("(?i)<!doctype html>(?!\n<html lang=en>\n<title>)")
    pages = {html: url for html, url in pages.items() if own.match(html)}
    assert pages
    return pages


def visit(page, html, url):
    """Open the page, and wait until its scripts have nothing to fetch."""
    kind = "text/html; charset=utf-8"
    page.route(
        url, lambda it: it.fulfill(content_type=kind, body=html), times=1
    )
    page.goto(url)

    if page.locator("script").count():
        page.wait_for_load_state("networkidle")


def test_pages_load_without_errors_and_fit_a_phone(pages, live, browser):
    troubles = []
    own = (f"{live.url}/", "about:", "blob:", "data:")

    def on_console(message):
        url = message.location["url"]

        # Chromium requests an icon by itself; not every sample has one.
        if message.type in ("error", "warning") and not url.endswith(".ico"):
            troubles.append(f"{message.text} {url}")

    def on_request(request):
        if not request.url.startswith(own):
            troubles.append(request.url)

    with opened(browser, viewport=PHONE, is_mobile=True) as page:
        page.on("console", on_console)
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("request", on_request)
        page.on("requestfailed", lambda request: troubles.append(request.url))

        for html, url in pages.items():
            visit(page, html, url)
            width = page.evaluate("document.scrollingElement.scrollWidth")
            assert width == PHONE["width"], f"{url} is {width} px wide."
            assert troubles == [], url


def test_html_has_no_errors(pages):
    for html in pages:
        parser = html5lib.HTMLParser()
        parser.parse(html)
        assert parser.errors == [], html


def test_pages_are_accessible(pages, page):
    """axe-core finds nothing, in the light and in the dark."""
    for html, url in pages.items():
        visit(page, html, url)
        page.add_style_tag(content=PAINTED)
        grounds = set()

        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            grounds.add(page.evaluate(GROUND))
            found = Axe().run(page, options=OPTIONS)
            report = found.generate_report()
            assert not found.violations_count, f"{url} {scheme}\n{report}"

        # Without `color-scheme: light dark`, the canvas stays white.
        assert len(grounds) == 2, f"{url} is not dark in the dark."
