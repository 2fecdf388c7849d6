"""The single-page application in real Chromium, as a person walks it."""

import pytest
import runner
from playwright.sync_api import expect

NAME = "Single-Page Applications"


@pytest.fixture(scope="module", params=["", "/pre"], ids=["root", "prefix"])
def url(request, tmp_path_factory):
    tmp = tmp_path_factory.mktemp("single_page_applications")
    folder = runner.copy(runner.SAMPLES["single_page_applications"], tmp)

    with runner.boot(
        folder, log=tmp / "log", gunicorn=True, prefix=request.param
    ) as server:
        yield server.url
        assert not server.complaints()


@pytest.fixture
def start(page, url):
    """The page `/`, and no error of a script until the test has ended."""
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(f"{url}/")
    sees(page, NAME)
    # Gone as soon as another page is loaded.
    page.evaluate("window.remembered = true")
    yield page
    assert errors == []


def is_remembered(page):
    return page.evaluate("window.remembered === true")


def follow(page, name):
    page.get_by_role("link", name=name, exact=True).click()


def sees(page, heading):
    """Wait until the view with this heading is there, whole."""
    expect(page.get_by_role("heading")).to_have_text(heading)
    expect(page).to_have_title(
        NAME if heading == NAME else f"{heading} - {NAME}"
    )


def test_links_change_the_view_and_the_address_but_not_the_page(start, url):
    follow(start, "Items")
    sees(start, "Items")
    assert start.url == f"{url}/items"
    follow(start, "Lamp")
    sees(start, "Lamp")
    assert start.url == f"{url}/items/2"
    expect(start.get_by_text("It's bright & <i>small</i>.")).to_be_visible()
    follow(start, "All items")
    sees(start, "Items")
    follow(start, "Самовар")
    sees(start, "Самовар")
    follow(start, "About")
    sees(start, "About")
    follow(start, "Home")
    sees(start, NAME)
    assert start.url == f"{url}/"
    assert is_remembered(start)


def test_back_and_forward_walk_through_the_views(start, url):
    follow(start, "Items")
    sees(start, "Items")
    follow(start, "Compass")
    sees(start, "Compass")
    start.go_back()
    sees(start, "Items")
    start.go_back()
    sees(start, NAME)
    start.go_forward()
    sees(start, "Items")
    assert start.url == f"{url}/items"
    assert is_remembered(start)


@pytest.mark.parametrize("path", ["items/2"])
def test_a_deep_link_is_opened_reloaded_and_left(start, url, path):
    start.goto(f"{url}/{path}")
    sees(start, "Lamp")
    start.reload()
    sees(start, "Lamp")
    assert start.url == f"{url}/{path}"
    follow(start, "All items")
    sees(start, "Items")
    assert start.url == f"{url}/items"


def test_what_is_no_view_is_told_in_words(start, url):
    start.goto(f"{url}/no/such/view")
    sees(start, "Page not found")
    follow(start, "Home")
    sees(start, NAME)
    start.goto(f"{url}/items/99")
    sees(start, "Sorry")
    expect(start.get_by_role("alert")).to_have_text(
        "The server responded with 404."
    )


def test_error_of_the_api_is_shown_in_words(start):
    start.route(
        "**/api/items",
        lambda route: route.fulfill(
            status=502, content_type="text/html", body="<h1>Bad Gateway</h1>"
        ),
    )
    follow(start, "Items")
    sees(start, "Sorry")
    expect(start.get_by_role("alert")).to_have_text(
        "The server responded with 502."
    )
    start.unroute("**/api/items")
    follow(start, "Items")
    sees(start, "Items")
    start.context.set_offline(True)
    follow(start, "Compass")
    sees(start, "Sorry")
    expect(start.get_by_role("alert")).not_to_be_empty()
    start.context.set_offline(False)
    assert is_remembered(start)


def test_a_late_answer_does_not_replace_the_next_view(start):
    held = []

    def hold(route):
        held.append(route)

    start.route("**/api/items", hold)

    with start.expect_request("**/api/items"):
        follow(start, "Items")

    follow(start, "About")
    sees(start, "About")

    with start.expect_response("**/api/items/1") as answer:
        held[0].continue_()
        start.evaluate("fetch('api/items/1').then((it) => it.text())")

    assert answer.value.ok
    sees(start, "About")


def test_the_keyboard_is_enough_and_the_focus_follows(start):
    start.keyboard.press("Tab")
    start.keyboard.press("Tab")
    items = start.get_by_role("link", name="Items", exact=True)
    expect(items).to_be_focused()
    start.keyboard.press("Enter")
    sees(start, "Items")
    expect(start.get_by_role("heading")).to_be_focused()
    start.keyboard.press("Tab")
    expect(start.get_by_role("link", name="Compass")).to_be_focused()
    start.keyboard.press("Enter")
    sees(start, "Compass")
    expect(start.get_by_role("heading")).to_be_focused()
    start.go_back()
    sees(start, "Items")


def test_the_first_view_takes_no_focus(start):
    expect(start.get_by_role("heading")).not_to_be_focused()


def test_a_screen_reader_hears_where_it_is(start):
    follow(start, "Items")
    sees(start, "Items")
    expect(start.locator("body")).to_match_aria_snapshot(
        """
        - navigation "Main":
          - link "Home"
          - link "Items"
          - link "About"
        - main:
          - heading "Items" [level=1]
          - list:
            - listitem:
              - link "Compass"
            - listitem
            - listitem
        - contentinfo
        """
    )


def test_browser_handles_every_link_that_is_not_to_a_view(start, url):
    with start.context.expect_page() as opened:
        start.get_by_role("link", name="About").click(
            modifiers=["ControlOrMeta"]
        )

    sees(opened.value, "About")
    sees(start, NAME)
    follow(start, "heartbeat")
    start.wait_for_url(f"{url}/heartbeat")
    expect(start.locator("body")).to_contain_text("healthy")
    start.go_back()
    sees(start, NAME)
    follow(start, "items as JSON")
    start.wait_for_url(f"{url}/api/items")


@pytest.mark.parametrize(
    "link",
    [
        '<a href="about" target="_blank">x</a>',
        '<a href="about" download>x</a>',
        '<a href="about#part">x</a>',
        '<a href="http://127.0.0.1:9/about">x</a>',
        '<svg><a href="about"><text y="20">x</text></a></svg>',
    ],
)
def test_browser_handles_a_link_that_is_not_plain(start, link):
    start.evaluate(
        """(link) => {
            document.querySelector("footer").innerHTML = link
            document.addEventListener("click", (event) => {
                window.left = !event.defaultPrevented
                event.preventDefault()
            })
        }""",
        link,
    )
    start.get_by_text("x", exact=True).click()
    assert start.evaluate("window.left") is True
    sees(start, NAME)
