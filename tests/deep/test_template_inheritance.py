"""template_inheritance in Chromium: all pages look alike."""

import pytest

PATHS = ("/", "/about", "/hello/Ada", f"/hello/{'x' * 500}", "/missing")
FRAME = """['nav', 'main'].map((name) => {
  const { x, y, width } = document.querySelector(name).getBoundingClientRect();
  return [x, y, width];
})"""


@pytest.mark.parametrize("width", [1200, 360])
def test_every_page_has_the_same_frame(served, page, width):
    page.set_viewport_size({"width": width, "height": 740})
    frames = []

    for path in PATHS:
        page.goto(served.url + path)
        frames.append(page.evaluate(FRAME))
        # A long name wraps.
        assert page.evaluate("document.scrollingElement.scrollWidth") == width

    assert frames == [frames[0]] * len(PATHS)
