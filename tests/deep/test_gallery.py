"""gallery: all samples in one process, and their pages in Chromium."""

import contextlib
import html
import re
import shlex
import shutil
import sys
import time
from http.client import HTTPException
from urllib.parse import urlsplit

import pytest
import runner
from axe_playwright_python.sync_playwright import Axe
from test_samples import commands, matches

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


def copied(tmp_path_factory):
    """Copy all samples and the workshops, for a gallery to serve."""
    folder = tmp_path_factory.mktemp("all") / "samples"

    for sample in runner.SAMPLES.values():
        runner.copy(sample, folder)

    shutil.copy(runner.ROOT / "README.md", folder.parent)
    return folder


@contextlib.contextmanager
def serving(samples):
    log = samples.parent / "log"

    with runner.boot(samples / "gallery", log=log, **LOCALE) as server:
        yield server
        assert not server.complaints()


@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    return copied(tmp_path_factory)


@pytest.fixture(scope="module")
def server(samples):
    with serving(samples) as server:
        yield server


@pytest.fixture(scope="module")
def untouched(tmp_path_factory):
    """A gallery whose samples nobody else has used."""
    with serving(copied(tmp_path_factory)) as server:
        yield server


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
        if not re.match(r"https?:|/live/|/zip/|/$|#", link):
            assert re.match(r"/pattern/(\w+)/", link)[1] in OTHERS

    # The sample writes only into its instance folder.
    files = runner.contents(runner.SAMPLES[name]).keys()
    assert runner.contents(samples / name).keys() == files


@pytest.mark.parametrize(
    ("path", "scheme", "width"),
    [
        ("/", "light", 1400),
        ("/?q=cookie", "dark", 360),
        ("/workshop/an-hour/flashing/", "light", 360),
        ("/pattern/flashing/", "dark", 1400),
        ("/pattern/flashing/#live", "dark", 360),
        ("/pattern/flashing/#present", "light", 1400),
    ],
)
def test_page_is_accessible(server, page, path, scheme, width):
    page.set_viewport_size({"width": width, "height": 740})
    page.emulate_media(color_scheme=scheme)
    page.goto(server.url + path)
    found = Axe().run(page, options=OPTIONS)
    assert not found.violations_count, found.generate_report()
    # The page fits a phone, too.
    assert page.evaluate("document.scrollingElement.scrollWidth") == width


@pytest.mark.parametrize("name", OTHERS)
def test_source_is_the_whole_file_when_it_is_copied(server, page, name):
    page.route("**/live/**", lambda route: route.abort())
    page.goto(f"{server.url}/pattern/{name}/")
    code = page.evaluate(
        "getSelection().selectAllChildren(document.querySelector('pre')),"
        "getSelection().toString()"
    )
    source = (runner.SAMPLES[name] / "app.py").read_text(encoding="utf-8")
    assert code.strip() == source.strip()


def test_buttons_copy_a_file_and_the_commands(server, page):
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(f"{server.url}/pattern/flashing/")
    clipboard = "navigator.clipboard.readText()"
    page.get_by_role("button", name="Copy app.py").click()
    page.get_by_role("status").get_by_text("Copied").wait_for()
    source = runner.SAMPLES["flashing"] / "app.py"
    assert page.evaluate(clipboard) == source.read_text(encoding="utf-8")
    page.get_by_role("button", name="Copy the commands").first.click()
    page.wait_for_function(f"{clipboard}.then(text => text.includes('pip'))")
    assert page.evaluate(clipboard) == (
        "pip install -r requirements.txt\nflask --app app run --port 8001"
    )


def test_arrow_keys_follow_a_workshop(server, page):
    page.goto(server.url)
    page.get_by_role("link", name="Half a day").click()

    for title in ("Template Inheritance", "Message Flashing"):
        page.get_by_role("heading", level=1, name=title, exact=True).wait_for()
        # The script that listens for keys runs before this event.
        page.wait_for_load_state("domcontentloaded")
        page.keyboard.press("ArrowRight")

    page.get_by_text("Half a day, 3 of 4").wait_for()
    page.wait_for_load_state("domcontentloaded")
    page.keyboard.press("ArrowLeft")
    page.get_by_text("Half a day, 2 of 4").wait_for()


def test_tabs_and_sections_show_the_file_that_they_name(server, page):
    page.goto(f"{server.url}/pattern/javascript/")
    shown = page.locator(".file:visible")
    assert shown.get_attribute("data-file") == "app.py"
    page.get_by_role("link", name="static/page.js").click()
    page.locator("[data-file='static/page.js']:visible").wait_for()
    assert shown.count() == 1
    page.go_back()
    page.locator("[data-file='app.py']:visible").wait_for()

    page.goto(f"{server.url}/pattern/file_uploads/")
    page.get_by_role("link", name="An Easier Solution").click()
    page.locator("[data-file='static/upload.js']:visible").wait_for()

    # There is no room for the app beside the code, so it's a tab.
    page.set_viewport_size({"width": 800, "height": 740})
    page.goto(f"{server.url}/pattern/file_uploads/")
    live = page.locator("iframe")
    assert not live.is_visible()
    page.get_by_role("link", name="Live app").click()
    live.wait_for()
    assert shown.count() == 0


# -- Present ----------------------------------------------------------------


def test_presentation_leads_through_the_pattern(server, page):
    page.goto(f"{server.url}/workshop/an-hour/template_inheritance/")
    page.get_by_role("button", name="Present").click()
    title = page.locator("#slide-title")
    titles = []

    while not titles or titles[-1] != "Answer":
        titles.append(title.inner_text())
        assert len(titles) < 20
        code = page.locator("#slide .line")

        if code.count():
            size = code.first.evaluate("e => getComputedStyle(e).fontSize")
            assert float(size.removesuffix("px")) >= 28

        # A remote control sends this key. It scrolls a long section first.
        while title.inner_text() == titles[-1] != "Answer":
            page.keyboard.press("PageDown")

    assert titles[0] == "Template Inheritance"
    assert "templates/layout.html" in " ".join(titles)
    assert titles[-2:] == ["Predict", "Answer"]
    page.keyboard.press("ArrowRight")
    page.wait_for_url("**/flashing/#present")
    page.get_by_role("heading", level=2, name="Message Flashing").wait_for()


def test_keys_work_after_a_click_anywhere(server, page):
    page.goto(f"{server.url}/pattern/flashing/#present")
    title = page.locator("#slide-title")
    page.keyboard.press("ArrowRight")
    page.get_by_text("2 / ").wait_for()
    page.locator("#slide").click()
    page.keyboard.press("p")
    assert title.inner_text() == "Predict"
    page.locator("#place").click()
    page.keyboard.press("a")
    assert title.inner_text() == "Answer"

    page.keyboard.press("l")
    live = page.frame_locator("#slide iframe")
    live.get_by_label("Text").fill("apple")
    # A key that's meant for the app does nothing else.
    live.get_by_label("Text").press("a")
    assert title.inner_text() == "Live app"
    page.locator("#slide iframe").click(position={"x": 600, "y": 400})
    page.keyboard.press("l")
    assert title.inner_text() == "Answer"
    page.keyboard.press("Escape")
    page.locator("#stage").wait_for(state="hidden")


# -- Live -------------------------------------------------------------------


@pytest.mark.parametrize("name", OTHERS)
def test_page_of_a_sample_requests_only_its_own_urls(server, page, name):
    """A script with a fixed URL, such as /events, works only at the root."""
    requests, url = [], f"{server.url}/live/{name}/"
    page.context.on("request", lambda request: requests.append(request.url))
    page.goto(url)

    for number in range(page.get_by_role("button").count()):
        # Each in a tab of its own, because a button can lead to another page.
        tab = page.context.new_page()
        tab.on("websocket", lambda socket: requests.append(socket.url))
        tab.goto(url)
        button = tab.get_by_role("button").nth(number)

        if button.is_visible():
            button.click(no_wait_after=True)

    for tab in page.context.pages:
        tab.wait_for_load_state()

    paths = [urlsplit(url).path for url in requests]
    assert [it for it in paths if not it.startswith(f"/live/{name}/")] == []

    # Some requests start only when something else has happened.
    for file in runner.contents(runner.SAMPLES[name]):
        if file.endswith((".js", ".html", "app.py")):
            text = (runner.SAMPLES[name] / file).read_text(encoding="utf-8")
            fixed = r"""(?:fetch|Source|Socket|assign|replace|open)\(["'`]/"""
            assert not re.search(fixed, text), f"{name}/{file}"


@pytest.mark.parametrize("name", OTHERS)
def test_commands_to_try_work_right_here(untouched, tmp_path, name):
    """Commands from the page print what the README says."""
    page = runner.fetch(f"{untouched.url}/pattern/{name}/").text
    here = page.partition('id="try-it"')[2].partition("</section>")[0]
    blocks = re.findall(r"<pre><code.*?>(.*?)</code></pre>", here, re.S)
    blocks = "\n".join(f"```console\n{block}```" for block in blocks)
    readme = runner.section(runner.SAMPLES[name], "Try it")
    shown = [command for command, _ in commands(html.unescape(blocks))]
    expected = [text for _, text in commands(readme)]
    assert len(shown) == len(expected) > 0

    for command, text in zip(shown, expected, strict=True):
        words = shlex.split(command)

        if words[0] == "curl":
            output = runner.run(words, cwd=tmp_path).stdout
            output = output.replace(f"/live/{name}", "")
            host = f"127.0.0.1:{untouched.port}"
            output = output.replace(host, "localhost:8000")
            output = output.replace(f":{untouched.port}", ":8000")
            assert matches(text, output), f"{command}\n{text}\n{output}"


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


@pytest.mark.parametrize("query", ["cookie", "get_db", "Flash mess", "zzz"])
def test_search_ranks_while_you_type_as_the_server_does(server, page, query):
    page.goto(f"{server.url}/?q={query}")
    cards = page.locator("#found li")
    expected = cards.all_inner_texts()
    assert (query == "zzz") == (not expected)
    page.goto(server.url)
    page.get_by_role("searchbox").press_sequentially(query)
    found = f"{len(expected)} found"
    page.get_by_role("status").get_by_text(found, exact=True).wait_for()
    assert cards.all_inner_texts() == expected
    assert page.locator("#course").is_hidden()
    nothing = page.get_by_text("No sample mentions")
    assert nothing.is_visible() == (query == "zzz")


def test_pages_work_without_javascript(server, scriptless):
    page = scriptless
    page.goto(f"{server.url}/?q=flashing")
    page.get_by_role("link", name="Message Flashing").click()
    page.get_by_text("get_flashed_messages(").first.wait_for()
    page.frame_locator("iframe").get_by_label("Text").wait_for()
    assert page.get_by_role("link", name="Flask's documentation").count() == 1


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
