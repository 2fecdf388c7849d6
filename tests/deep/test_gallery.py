"""gallery: all samples in one process, and their pages in Chromium."""

import ast
import contextlib
import re
import sys
import time
from http.client import HTTPException

import pytest
import runner
from axe_playwright_python.sync_playwright import Axe

OTHERS = [name for name in runner.SAMPLES if name != "gallery"]
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
OPTIONS = {
    "runOnly": {"type": "tag", "values": [*TAGS, "best-practice"]},
    "resultTypes": ["violations"],
    # Each sample has tests of its own.
    "iframes": False,
}
# In this locale, Python's default encoding is ASCII.
LOCALE = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    """A copy of all samples, for the gallery to serve."""
    folder = tmp_path_factory.mktemp("all") / "samples"

    for sample in runner.SAMPLES.values():
        runner.copy(sample, folder)

    return folder


@pytest.fixture(scope="module")
def server(samples, tmp_path_factory):
    log = tmp_path_factory.mktemp("log") / "log"

    with runner.boot(samples / "gallery", log=log, **LOCALE) as server:
        yield server
        assert not server.complaints()


@pytest.mark.parametrize("name", OTHERS)
def test_every_sample_is_live(server, samples, name):
    reply = runner.fetch(f"{server.url}/live/{name}/")
    assert reply.status in (200, 302), reply.text
    reply = runner.fetch(f"{server.url}/pattern/{name}/")
    assert reply.status == 200
    assert "can't be loaded" not in reply.text
    assert f'src="/live/{name}/"' in reply.text

    # READMEs link to those of other samples.
    for link in re.findall(r'<a href="(.+?)"', reply.text):
        if not re.match(r"https?:|/live/|/$", link):
            assert re.match(r"/pattern/(\w+)/", link)[1] in OTHERS

    # The sample writes only into its instance folder.
    files = runner.contents(runner.SAMPLES[name]).keys()
    assert runner.contents(samples / name).keys() == files


@pytest.mark.parametrize("path", ["/", "/pattern/flashing/"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1400])
def test_page_is_accessible(server, page, path, scheme, width):
    page.set_viewport_size({"width": width, "height": 740})
    page.emulate_media(color_scheme=scheme)
    page.goto(server.url + path)
    # Paint the background, because axe takes every page for a white one.
    page.add_style_tag(content=":where(html) { background: Canvas }")
    found = Axe().run(page, options=OPTIONS)
    assert not found.violations_count, found.generate_report()


@pytest.mark.parametrize("name", OTHERS)
def test_source_is_valid_python_when_it_is_copied(server, page, name):
    page.route("**/live/**", lambda route: route.abort())
    page.set_viewport_size({"width": 360, "height": 740})
    page.goto(f"{server.url}/pattern/{name}/")
    code = page.evaluate(
        "getSelection().selectAllChildren(document.querySelector('.source')),"
        "getSelection().toString()"
    )
    source = (runner.SAMPLES[name] / "app.py").read_text(encoding="utf-8")
    assert ast.dump(ast.parse(code)) == ast.dump(ast.parse(source))
    comments = re.findall(r"^ *(# .+?)(?: -+)?$", source, re.M)
    assert [line for line in comments if line not in code] == []
    # The page fits a phone, too.
    assert page.evaluate("document.scrollingElement.scrollWidth") == 360


def test_arrow_keys_lead_through_all_patterns(server, page):
    page.goto(server.url)
    links = page.locator("h3 a")
    titles = links.all_inner_texts()
    assert len({*titles}) == len(OTHERS)
    links.first.click()

    for title in titles[:-1]:
        page.get_by_role("heading", level=1, name=title, exact=True).wait_for()
        # The script that listens for keys runs before this event.
        page.wait_for_load_state("domcontentloaded")
        page.keyboard.press("ArrowRight")

    page.get_by_role("heading", level=1, name=titles[-1]).wait_for()
    page.keyboard.press("ArrowLeft")
    page.get_by_role("heading", level=1, name=titles[-2]).wait_for()


def test_sample_works_inside_its_page(server, page):
    page.goto(f"{server.url}/pattern/flashing/")
    live = page.frame_locator("iframe")
    live.get_by_label("Text").fill("Seen in the gallery")
    live.get_by_role("button", name="Flash").click()
    live.get_by_text("Seen in the gallery").wait_for()


def test_answer_is_hidden_until_it_is_opened(server, page):
    page.goto(f"{server.url}/pattern/flashing/")
    answer = page.locator("details p").first
    assert not answer.is_visible()
    page.get_by_text("Answer", exact=True).click()
    assert answer.is_visible()


def test_commands_are_copied_without_the_prompt(server, page):
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(f"{server.url}/pattern/flashing/")
    page.get_by_role("button", name="Copy the commands").first.click()
    page.get_by_role("status").get_by_text("Copied").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == (
        "pip install -r requirements.txt\nflask --app app run --port 8000"
    )


def test_search_filters_while_you_type(server, page):
    page.goto(server.url)
    cards = page.locator(".cards li")
    texts = cards.all_inner_texts()
    found = [text for text in texts if "flashing" in text.lower()]
    assert 0 < len(found) < len(texts)
    page.get_by_label("Search").press_sequentially("Flashing")
    page.get_by_role("status").get_by_text(f"{len(found)} found").wait_for()
    assert page.locator(".cards li:visible").all_inner_texts() == found


def test_pages_work_without_javascript(server, browser):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{server.url}/?q=flashing")
    page.get_by_role("link", name="Message Flashing").click()
    page.get_by_role("link", name="templates/layout.html").click()
    page.get_by_text("get_flashed_messages").first.wait_for()
    assert page.get_by_role("link", name="Flask's documentation").count() == 1
    context.close()


def edit(source, text, url, wanted):
    """Save a file, and request a page until it contains what is wanted."""
    deadline = time.monotonic() + runner.PATIENCE
    saved, reply = 0, None

    while True:
        # Save again after a while, because the reloader doesn't notice a
        # change to a file that it hasn't looked at before.
        if time.monotonic() > saved + 5:
            source.write_text(text, encoding="utf-8")
            saved = time.monotonic()

        # The server can restart in the middle of a response.
        with contextlib.suppress(OSError, HTTPException):
            reply = runner.fetch(url)

            if re.search(wanted, f"{reply.status} {reply.text}"):
                return

        assert time.monotonic() < deadline, f"{wanted} isn't in {reply}"
        time.sleep(0.1)


def test_edit_is_live_and_an_error_is_shown_under_debug(tmp_path):
    for name in ("gallery", "flashing", "deferred_callbacks"):
        runner.copy(runner.SAMPLES[name], tmp_path)

    source = tmp_path / "deferred_callbacks" / "app.py"
    text = source.read_text(encoding="utf-8")
    flask = ["-m", "flask", "--app", "app", "run", "--debug", "--port", "0"]

    with runner.started(
        [sys.executable, *flask],
        cwd=tmp_path / "gallery",
        log=tmp_path / "log",
        env=runner.environment(),
        ready=r"(?s)(http://127\.0\.0\.1:\d+).*Debugger is active",
    ) as (_, match):
        url = f"{match[1]}/live/deferred_callbacks/"
        edit(source, text, url, "Hello!")
        good_morning = text.replace('"Hello"', '"Good morning"')
        edit(source, good_morning, url, "Good morning!")
        edit(source, text + "\n1 +\n", url, "^503 (?s:.*)SyntaxError")
        other = f"{match[1]}/live/flashing/"
        edit(source, text + "\n1 +\n", other, "^200 ")
        edit(source, text, url, "Hello!")
