"""gallery: all samples in one process, met in Chromium."""

import contextlib
import re
import sys
import time
from http.client import HTTPException

import pytest
import runner

OTHERS = [name for name in runner.SAMPLES if name != "gallery"]


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

    with runner.boot(samples / "gallery", log=log) as server:
        yield server


@pytest.mark.parametrize("name", OTHERS)
def test_every_sample_is_live(server, name):
    reply = runner.fetch(f"{server.url}/live/{name}/")
    assert reply.status in (200, 302), reply.text
    page = runner.fetch(f"{server.url}/pattern/{name}/").text
    assert "could not be loaded" not in page
    assert f'src="/live/{name}/"' in page


def test_no_sample_writes_beside_its_instance_folder(server, samples):
    for name in OTHERS:
        runner.fetch(f"{server.url}/live/{name}/")
        assert runner.contents(samples / name) == runner.contents(
            runner.SAMPLES[name]
        )


def follow(page, link):
    """Click on a link, and wait until its page is there."""
    href = link.get_attribute("href")
    link.click()
    page.wait_for_url(f"**{href}")


def test_every_pattern_is_opened_from_the_index(server, page):
    page.goto(server.url)
    links = page.locator("h3 a")
    assert links.count() == len(OTHERS)

    for number in range(links.count()):
        title = links.nth(number).inner_text()
        follow(page, links.nth(number))
        assert page.get_by_role("heading", level=1).inner_text() == title
        assert page.locator("iframe").count() == 1
        assert page.get_by_role("heading", name="Teach it").count() == 1
        page.go_back()


def test_a_sample_is_used_inside_its_page(server, page):
    page.goto(f"{server.url}/pattern/flashing/")
    live = page.frame_locator("iframe")
    live.get_by_label("Text").fill("Seen in the gallery")
    live.get_by_role("button", name="Flash").click()
    live.get_by_text("message: Seen in the gallery").wait_for()


def test_the_commands_are_copied_without_their_prompt(server, page):
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(f"{server.url}/pattern/flashing/")
    page.get_by_role("button", name="Copy the commands").first.click()
    page.get_by_role("status").get_by_text("Copied").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == (
        "pip install -r requirements.txt\nflask --app app run --port 8000"
    )


def test_the_arrow_keys_walk_through_all_patterns(server, page):
    page.goto(server.url)
    first = page.locator("h3 a").first
    title = first.inner_text()
    follow(page, first)
    seen = [page.get_by_role("heading", level=1).inner_text()]
    assert seen == [title]

    for _ in OTHERS[1:]:
        after = page.locator("link[rel=next]").get_attribute("href")
        page.keyboard.press("ArrowRight")
        page.wait_for_url(f"**{after}")
        seen.append(page.get_by_role("heading", level=1).inner_text())

    assert len(set(seen)) == len(OTHERS)
    before = page.locator("link[rel=prev]").get_attribute("href")

    page.keyboard.press("ArrowLeft")
    page.wait_for_url(f"**{before}")
    assert page.get_by_role("heading", level=1).inner_text() == seen[-2]


def test_the_search_filters_while_one_types(server, page):
    page.goto(server.url)
    page.get_by_label("Search").press_sequentially("cookie that grew")
    assert page.locator(".cards li:visible h3").all_inner_texts() == [
        "Message Flashing"
    ]
    page.get_by_role("status").get_by_text("1 found").wait_for()
    page.get_by_role("button", name="Search").click()
    page.wait_for_url("**/?q=*")
    assert page.locator(".cards li h3").all_inner_texts() == [
        "Message Flashing"
    ]


def test_it_can_be_read_without_javascript(server, browser):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{server.url}/?q=flashing")
    follow(page, page.get_by_role("link", name="Message Flashing"))
    follow(page, page.get_by_role("link", name="templates/layout.html"))
    assert "get_flashed_messages" in page.locator(".source").inner_text()
    assert page.get_by_role("link", name="Flask's documentation").count() == 1
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1400])
def test_a_pattern_fits_the_screen(server, page, scheme, width):
    page.set_viewport_size({"width": width, "height": 800})
    page.emulate_media(color_scheme=scheme)
    questions = (runner.ROOT / "tests" / "browser.js").read_text()

    for name in ("flashing", "packages", "javascript"):
        page.goto(f"{server.url}/pattern/{name}/")
        got = page.evaluate("document.scrollingElement.scrollWidth")
        assert got == width, name
        seen = page.evaluate(f"(() => {{ {questions} return colours() }})()")
        assert seen["faint"] == [], name


def edit(source, text, url, wanted):
    """Save a file, and ask until the answer is the one wanted."""
    deadline = time.monotonic() + runner.PATIENCE
    saved, reply = 0, None

    while True:
        # The reloader looks once a second, and a file that it sees for the
        # first time is no change to it. Then a person saves once more.
        if time.monotonic() > saved + 5:
            source.write_text(text)
            saved = time.monotonic()

        # The server goes away in the midst of an answer, too.
        with contextlib.suppress(OSError, HTTPException):
            reply = runner.fetch(url)

            if re.search(wanted, f"{reply.status} {reply.text}"):
                return

        assert time.monotonic() < deadline, f"{wanted} is not in {reply}"


def test_with_debug_an_edit_is_live_and_a_broken_one_shown(tmp_path):
    for name in ("gallery", "flashing", "deferred_callbacks"):
        runner.copy(runner.SAMPLES[name], tmp_path)

    source = tmp_path / "deferred_callbacks" / "app.py"
    text = source.read_text()
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
        assert runner.fetch(other).status == 200
        edit(source, text, url, "Hello!")
