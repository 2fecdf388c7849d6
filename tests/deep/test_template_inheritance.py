"""template_inheritance in Chromium: all pages look alike."""

import pytest
import runner

PATHS = ("/", "/about", "/hello/Ada", "/missing")
FRAME = """['nav', 'main'].map((name) => {
  const { x, y, width } = document.querySelector(name).getBoundingClientRect();
  return [x, y, width];
})"""


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    folder = tmp_path_factory.mktemp("deep")
    sample = runner.copy(runner.SAMPLES["template_inheritance"], folder)

    # Under a prefix, where a style sheet is most easily lost.
    with runner.boot(
        sample, log=folder / "log", gunicorn=True, prefix="/pre"
    ) as server:
        yield server.url
        assert not server.complaints()


@pytest.mark.parametrize("width", [1200, 360])
def test_every_page_has_the_same_frame(url, page, width):
    page.set_viewport_size({"width": width, "height": 740})
    frames = []

    for path in PATHS:
        page.goto(url + path)
        frames.append(page.evaluate(FRAME))

    assert frames == [frames[0]] * len(PATHS)


def test_child_adds_its_style_to_the_layout(url, page):
    page.goto(f"{url}/")
    weights = page.evaluate(
        "['.important', 'li'].map((one) =>"
        " getComputedStyle(document.querySelector(one)).fontWeight)"
    )
    assert len(set(weights)) == 2
    assert page.evaluate("document.styleSheets.length") == 2


def test_long_name_wraps_on_a_phone(url, page):
    page.set_viewport_size({"width": 360, "height": 740})
    page.goto(f"{url}/hello/{'x' * 500}")
    assert page.evaluate("document.scrollingElement.scrollWidth") == 360


@pytest.mark.parametrize(
    "name", ["<img src=x onerror=alert(1)>", '" http-equiv=refresh x="']
)
def test_hostile_name_is_only_shown(url, page, name):
    page.goto(f"{url}/hello/{name}")
    assert page.locator("h1").inner_text() == f"Hello, {name}!"
    assert page.title() == f"Hello, {name} - Template Inheritance"
    assert page.locator("img, meta[http-equiv]").count() == 0


def test_links_lead_to_all_pages(url, page):
    page.goto(f"{url}/")

    for link, heading in [
        ("About", "About"),
        ("Hello, Ada", "Hello, Ada!"),
        ("Start", "Template Inheritance"),
        ("A missing page", "Not found"),
    ]:
        page.get_by_role("link", name=link, exact=True).first.click()
        page.get_by_role("heading", level=1, name=heading).wait_for()
