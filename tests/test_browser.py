"""Each sample's pages, met as a person meets them: in Chromium.

Visited are `/` and whatever HTML page of the sample it links to. A 404 that
is linked on purpose need only be readable.
"""

from pathlib import Path

import pytest

QUESTIONS = Path(__file__).with_name("browser.js").read_text()


def ask(page, question):
    """Return what the function `question` of browser.js says of the page."""
    return page.evaluate(f"(() => {{ {QUESTIONS} return {question}() }})()")


@pytest.fixture(scope="session")
def tab(live, browser):
    """The page that is used for all checks of a sample."""
    context = browser.new_context()
    yield context.new_page()
    context.close()


@pytest.fixture
def page(tab):
    tab.set_viewport_size({"width": 1280, "height": 720})
    tab.emulate_media(color_scheme="light")
    return tab


@pytest.fixture(scope="session")
def pages(live, tab):
    """[(URL, status)] of `/` and of the HTML pages that it links to."""
    tab.goto(f"{live.url}/")
    links = tab.evaluate("Array.from(document.links, (link) => link.href)")
    links = [link.partition("#")[0] for link in links]
    found = []

    for url in dict.fromkeys([tab.url, *links]):
        if not url.startswith(f"{live.url}/"):
            continue

        # The head alone: a download may be long.
        head = tab.request.head(url)
        assert head.status in (200, 404), f"{head.status} for {url}"

        if (
            head.headers.get("content-type", "").startswith("text/html")
            and "content-disposition" not in head.headers
        ):
            found.append((url, head.status))

    assert found[0][1] == 200
    return found


def test_pages_are_whole(pages, live, page, record_property):
    asked = []
    troubles = []

    def on_console(message):
        text = f"{message.text} {message.location['url']}"

        # Chromium asks for an icon by itself; not every sample has one.
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

    for url, status in pages:
        page.goto("about:blank")
        troubles.clear()
        page.goto(url)

        if page.locator("script").count():
            page.wait_for_load_state("networkidle")

        if status == 200:
            assert [*troubles, *ask(page, "flaws")] == [], url

    own = (f"{live.url}/", "about:", "blob:", "data:")
    assert [url for url in asked if not url.startswith(own)] == []
    record_property("inner", len(pages))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_are_readable(pages, page, scheme):
    page.emulate_media(color_scheme=scheme)

    for url, status in pages:
        page.goto(url)
        seen = ask(page, "colours")
        assert seen["faint"] == [], url

        if status == 200:
            # Without `color-scheme: light dark` the canvas stays white.
            dark = [luminance < 0.18 for luminance in seen["grounds"]]
            assert dark == [scheme == "dark"] * 2, f"{url} is not {scheme}"


def test_pages_fit_a_phone(pages, page):
    page.set_viewport_size({"width": 360, "height": 740})

    for url, _ in pages:
        page.goto(url)
        width = page.evaluate("document.scrollingElement.scrollWidth")
        assert width == 360, f"{url} is {width} px wide"


def test_the_tab_key_reaches_everything_in_order(pages, page):
    page.goto(pages[0][0])
    wanted = ask(page, "outlines")
    reached = []

    # Some fields, dates for one, stop the key more than once.
    for _ in range(4 * len(wanted) + 4):
        page.keyboard.press("Tab")
        place, ringed = ask(page, "focus")

        if 0 <= place not in reached:
            reached.append(place)
            assert ringed, f"the focus is not to be seen on {wanted[place]}"

        if len(reached) == len(wanted):
            break

    assert reached == list(range(len(wanted))), wanted
