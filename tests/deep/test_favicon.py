"""favicon in Chromium: the tab fetches the icons, and they are images."""

import time

import pytest
import runner
from playwright.sync_api import expect

ICO = ("favicon.ico", "image/vnd.microsoft.icon")
SVG = ("static/icon.svg", "image/svg+xml")
WIDTHS = """images => Promise.all(images.map(async (image) => {
  await image.decode();
  return image.naturalWidth;
}))"""


@pytest.mark.parametrize(
    ("served", "path", "icons"),
    [("", "", [ICO, SVG]), ("/pre", "", [ICO, SVG]), ("", "missing", [ICO])],
    indirect=["served"],
)
def test_tab_fetches_the_linked_or_guessed_icons(served, page, path, icons):
    found = set()

    # Playwright hides the requests of the tab, which are of the type Other.
    # The protocol below it doesn't.
    def on_response(event):
        response = event["response"]

        if event["type"] == "Other" and response["status"] == 200:
            found.add((response["url"], response["mimeType"]))

    protocol = page.context.new_cdp_session(page)
    protocol.on("Network.responseReceived", on_response)
    protocol.send("Network.enable")
    page.goto(f"{served.url}/{path}")
    deadline = time.monotonic() + runner.PATIENCE

    while len(found) < len(icons) and time.monotonic() < deadline:
        page.wait_for_timeout(20)

    assert found == {(f"{served.url}/{name}", kind) for name, kind in icons}


def test_every_icon_is_an_image(served, page):
    page.goto(f"{served.url}/")
    assert page.eval_on_selector_all("img", WIDTHS) == [48, 150, 180]


def test_svg_has_another_color_in_the_dark(served, page):
    page.goto(f"{served.url}/static/icon.svg")
    rect = page.locator("rect")
    color = rect.evaluate("it => getComputedStyle(it).fill")
    page.emulate_media(color_scheme="dark")
    expect(rect).not_to_have_css("fill", color)
