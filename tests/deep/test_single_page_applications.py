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
    expect(page.get_by_role("main")).to_have_attribute("aria-busy", "false")
    expect(page).to_have_title(
        NAME if heading == NAME else f"{heading} - {NAME}"
    )


def test_links_change_the_view_and_the_address_but_not_the_page(start, url):
    follow(start, "Items")
    sees(start, "Items")
    assert start.url == f"{url}/items"
    follow(start, 'The "<b>" lamp')
    sees(start, 'The "<b>" lamp')
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


def test_a_link_to_the_view_that_is_shown_adds_no_step_back(start):
    follow(start, "Items")
    sees(start, "Items")
    follow(start, "Items")
    sees(start, "Items")
    start.go_back()
    sees(start, NAME)


@pytest.mark.parametrize("path", ["items/2", "items/2/"])
def test_a_deep_link_is_opened_reloaded_and_left(start, url, path):
    start.goto(f"{url}/{path}")
    sees(start, 'The "<b>" lamp')
    start.reload()
    sees(start, 'The "<b>" lamp')
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
    expect(start.get_by_role("alert")).to_have_text("There is no item 99.")


def test_a_failing_api_is_told_in_words_and_tried_again(start):
    start.route(
        "**/api/items",
        lambda route: route.fulfill(
            status=502, content_type="text/html", body="<h1>Bad Gateway</h1>"
        ),
    )
    follow(start, "Items")
    sees(start, "Sorry")
    expect(start.get_by_role("alert")).to_have_text(
        "The server failed with status 502."
    )
    start.unroute("**/api/items")
    start.get_by_role("button", name="Try again").click()
    sees(start, "Items")


def test_a_cut_network_is_told_in_words_and_tried_again(start):
    start.context.set_offline(True)
    follow(start, "About")
    sees(start, "About")
    follow(start, "Items")
    sees(start, "Sorry")
    alert = start.get_by_role("alert")
    expect(alert).to_have_text("The server cannot be reached.")
    start.get_by_role("button", name="Try again").click()
    sees(start, "Sorry")
    start.context.set_offline(False)
    start.get_by_role("button", name="Try again").click()
    sees(start, "Items")
    assert is_remembered(start)


def test_a_broken_answer_is_told_in_words(start):
    start.route(
        "**/api/items",
        lambda route: route.fulfill(
            content_type="application/json", body='[{"id": 1,'
        ),
    )
    follow(start, "Items")
    sees(start, "Sorry")
    expect(start.get_by_role("alert")).not_to_be_empty()


def test_a_late_answer_does_not_replace_the_next_view(start):
    held = []

    def hold(route):
        held.append(route)

    start.route("**/api/items", hold)

    with start.expect_request("**/api/items"):
        follow(start, "Items")

    expect(start.get_by_role("main")).to_have_attribute("aria-busy", "true")
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
    expect(start.get_by_role("heading")).to_be_focused()


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
    current = start.locator("[aria-current=page]")
    expect(current).to_have_text("Items")
    follow(start, "Compass")
    sees(start, "Compass")
    expect(current).to_have_count(0)


def test_what_is_no_view_is_left_to_the_browser(start, url):
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
