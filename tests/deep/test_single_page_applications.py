"""single_page_applications in Chromium, as a person walks through it."""

import pytest
from playwright.sync_api import expect

NAME = "Single-Page Applications"
pytestmark = pytest.mark.parametrize("served", ["", "/pre"], indirect=True)


def follow(page, name):
    page.get_by_role("link", name=name, exact=True).click()


def sees(page, heading):
    """Wait until the view with this heading is there."""
    title = NAME if heading == NAME else f"{heading} - {NAME}"
    expect(page.get_by_role("heading")).to_have_text(heading)
    expect(page).to_have_title(title)


def test_links_and_history_change_the_view_but_not_the_page(start, served):
    heading = start.get_by_role("heading")
    sees(start, NAME)
    expect(heading).not_to_be_focused()
    # This is gone as soon as another page is loaded.
    start.evaluate("window.remembered = true")

    for link, path in (
        ("Items", "/items"),
        ("Lamp", "/items/2"),
        ("All items", "/items"),
        ("Самовар", "/items/3"),
        ("About", "/about"),
    ):
        follow(start, link)
        sees(start, "Items" if path == "/items" else link)
        # So that a screen reader reads it.
        expect(heading).to_be_focused()
        assert start.url == served.url + path

    start.go_back()
    sees(start, "Самовар")
    start.go_back()
    sees(start, "Items")
    start.go_forward()
    sees(start, "Самовар")
    assert start.evaluate("window.remembered")


def test_deep_link_can_be_opened_and_reloaded(start, served):
    start.goto(f"{served.url}/items/2")
    sees(start, "Lamp")
    expect(start.get_by_text("It's bright & <i>small</i>.")).to_be_visible()
    start.reload()
    sees(start, "Lamp")
    start.goto(f"{served.url}/no/such/view")
    sees(start, "Page not found")
    follow(start, "Home")
    sees(start, NAME)
    assert start.url == f"{served.url}/"


def test_error_is_shown_until_the_next_view(start, served):
    start.goto(f"{served.url}/items/99")
    sees(start, "Sorry")
    alert = start.get_by_role("alert")
    expect(alert).to_have_text("The server responded with 404.")
    start.context.set_offline(True)
    follow(start, "Items")
    expect(alert).not_to_contain_text("404")
    start.context.set_offline(False)
    follow(start, "Items")
    sees(start, "Items")


def test_late_response_does_not_replace_the_next_view(start):
    held = []
    start.route("**/api/items", lambda route: held.append(route.continue_))

    with start.expect_request("**/api/items"):
        follow(start, "Items")

    follow(start, "About")
    sees(start, "About")

    with start.expect_response("**/api/items"):
        held[0]()

    # The browser runs what waits for the first response before this.
    start.evaluate("fetch('api/items/1').then((it) => it.text())")
    sees(start, "About")


@pytest.mark.parametrize(
    ("link", "modifiers"),
    [
        ('<a href="about">x</a>', ["ControlOrMeta"]),
        ('<a href="heartbeat">x</a>', []),
        ('<a href="about" target="_blank">x</a>', []),
        ('<a href="about" download>x</a>', []),
        ('<a href="about#part">x</a>', []),
        ('<a href="http://127.0.0.1:9/about">x</a>', []),
        ('<svg><a href="about"><text y="20">x</text></a></svg>', []),
    ],
)
def test_browser_handles_all_other_links(start, link, modifiers):
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
    start.get_by_text("x", exact=True).click(modifiers=modifiers)
    assert start.evaluate("window.left")
    sees(start, NAME)
