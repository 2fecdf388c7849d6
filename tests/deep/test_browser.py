"""Each sample's pages in Chromium, as a person uses them.

A view is `/`, a page that links lead to, or a response to a form: as it is
sent first, once again, empty, and with wrong text. Flask's own error pages
need only be well-formed.
"""

import re
from pathlib import Path
from typing import NamedTuple

import html5lib
import pytest
from axe_playwright_python.sync_playwright import Axe
from clients import Act, Client
from html5lib.constants import E

QUESTIONS = Path(__file__).with_name("browser.js").read_text("utf-8")
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
RULES = {
    "light": {"type": "tag", "values": [*TAGS, "best-practice"]},
    # The dark differs by nothing but colors.
    "dark": {
        "type": "rule",
        "values": ["color-contrast", "link-in-text-block"],
    },
}
# axe takes no canvas for a background, so paint it where the page has none.
PAINTED = ":where(html) { background: Canvas }"
MOST = 30  # pages of one sample
PHONE, DESK = (
    {"width": 360, "height": 740},
    {"width": 1280, "height": 720},
)


class View(NamedTuple):
    url: str
    html: str
    sent: str = ""  # what it is the response to, or "" for a plain GET

    def __str__(self):
        return f"{self.url} {self.sent}"

    @property
    def kind(self):
        """What all views of the same page have in common."""
        path = self.url.partition("?")[0]
        return path, re.sub(r'value="[^"]*"|\d+', "", self.html)

    @property
    def bare(self):
        """Whether it is no page of the sample: an error, or plain JSON."""
        error = re.search(r"<title>\d{3} .+</title>\n<h1>", self.html)
        return error or self.html.startswith(("{", "["))


def ask(page, question):
    """Return what the function `question` of browser.js says of the page."""
    return page.evaluate(f"(() => {{ {QUESTIONS} return {question}() }})()")


@pytest.fixture
def page(tab):
    tab.set_viewport_size(DESK)
    tab.emulate_media(color_scheme="light")
    return tab


@pytest.fixture(scope="session")
def pages(live, surface, tab):
    """The views of `/` and of the HTML pages that links lead to."""
    todo, found = [f"{live.url}/"], {}

    while todo and len(found) < MOST:
        url = todo.pop(0)
        # Of pages that are alike, such as /items/1 and /items/2, open one.
        kind = re.sub(r"\d+", "0", url.removeprefix(live.url))

        if kind in found or not url.startswith(f"{live.url}/"):
            continue

        # Ask for the head alone, because a download can be long.
        head = tab.request.head(url)
        assert head.status in (200, 404), f"{head.status} for {url}"
        kinds = head.headers.get("content-type", "")

        if "html" in kinds and "content-disposition" not in head.headers:
            # Another worker can respond, and with something else.
            found[kind] = View(url, tab.goto(url).text())
            links = "Array.from(document.links, (link) => link.href)"
            todo += [link.partition("#")[0] for link in tab.evaluate(links)]

    assert not found["/"].bare
    return [view for view in found.values() if not view.bare]


@pytest.fixture(scope="session")
def replies(live, surface, pages):
    """The other views: responses to the forms of the pages."""
    found = {view.kind: view for view in pages}

    def judge(client, key, attack, answer, mark, cause):
        head, _, body = answer.decode("utf-8", "replace").partition("\r\n\r\n")
        head = head.lower()

        # Scripts fetch parts of pages, which are no pages.
        if (
            "\ncontent-type: text/html" in head
            and body.lower().startswith("<!doctype")
            and not re.match(r"http/1.1 30\d ", head)
        ):
            target = attack.head.split()[1].decode()
            view = View(live.url + target, body, f"{attack}")
            found.setdefault(view.kind, view)

    for method, target, fields, lines in surface.forms:
        client = Client(live.port, 97, judge)
        hidden = {k: v for k, v in fields.items() if "csrf" in k}
        empty = dict.fromkeys(fields, b"") | hidden
        wrong = {
            k: b"@x.php" if v[:1] == b"@" else b"x" for k, v in fields.items()
        }

        for sent in (fields, fields, empty, wrong | hidden):
            client.do(Act(method, target, sent, (), tuple(lines)))

    return [it for it in found.values() if it.sent and not it.bare]


def visit(page, view):
    """Open the view, and wait until its scripts have nothing to fetch."""
    if view.sent:
        page.route(
            view.url,
            lambda route: route.fulfill(
                content_type="text/html; charset=utf-8", body=view.html
            ),
        )

    page.goto(view.url)

    if page.locator("script").count():
        page.wait_for_load_state("networkidle")

    # Not before, because Chromium can lose a request in the meantime.
    if view.sent:
        page.unroute(view.url)


def test_pages_are_whole(pages, live, page):
    asked = []
    troubles = []

    def on_console(message):
        text = f"{message.text} {message.location['url']}"

        # Chromium requests an icon by itself; not every sample has one.
        if message.type in ("error", "warning") and not text.endswith(".ico"):
            troubles.append(text)

    def on_response(response):
        if response.status >= 400:
            troubles.append(f"{response.status} {response.url}")

    page.on("console", on_console)
    page.on("response", on_response)
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("requestfailed", lambda request: troubles.append(request.url))
    page.on("request", lambda request: asked.append(request.url))

    for view in pages:
        page.goto("about:blank")
        troubles.clear()
        visit(page, view)

        if not view.bare:
            # A page can be a 404 itself, if a link leads to it on purpose.
            found = [it for it in troubles if not it.endswith(view.url)]
            assert [*found, *ask(page, "flaws")] == [], view.url

    own = (f"{live.url}/", "about:", "blob:", "data:")
    assert [url for url in asked if not url.startswith(own)] == []


def test_html_has_no_errors(pages, replies):
    for view in pages + replies:
        parser = html5lib.HTMLParser()
        parser.parse(view.html)
        found = [(line, E[code] % it) for (line, _), code, it in parser.errors]
        assert found == [], view


def test_pages_are_accessible(pages, replies, page):
    """axe-core finds nothing, in the light and in the dark."""
    views = {view.kind: view for view in pages + replies if not view.bare}

    for view in views.values():
        visit(page, view)
        page.add_style_tag(content=PAINTED)

        for scheme, rules in RULES.items():
            page.emulate_media(color_scheme=scheme)
            # Without `color-scheme: light dark`, the canvas stays white.
            dark = [light < 0.18 for light in ask(page, "grounds")]
            assert set(dark) == {scheme == "dark"}, f"{view} is not {scheme}"
            options = {"runOnly": rules, "resultTypes": ["violations"]}
            found = Axe().run(page, options=options)
            report = found.generate_report()
            assert not found.violations_count, f"{view} {scheme}\n{report}"


def test_pages_fit_a_phone(pages, replies, page):
    page.set_viewport_size(PHONE)

    for view in pages + replies:
        visit(page, view)
        width = page.evaluate("document.scrollingElement.scrollWidth")
        assert width == PHONE["width"], f"{view} is {width} px wide"


def test_the_tab_key_reaches_everything_in_order(pages, page):
    page.goto(pages[0].url)
    wanted = ask(page, "outlines")
    reached = []

    # Some fields, dates for one, stop the key more than once.
    for _ in range(4 * len(wanted) + 4):
        page.keyboard.press("Tab")
        place, ringed = ask(page, "focus")

        if 0 <= place not in reached:
            reached.append(place)
            assert ringed, f"the focus cannot be seen on {wanted[place]}"

        if len(reached) == len(wanted):
            break

    assert reached == list(range(len(wanted))), wanted
