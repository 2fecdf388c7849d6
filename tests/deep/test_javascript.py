"""javascript in Chromium: each section as a person uses and sees it."""

import html
import re

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.parametrize("served", ["", "/pre"], indirect=True)


@pytest.fixture(autouse=True)
def policy(page):
    """Forbid inline scripts with the header that the README recommends."""

    def add_header(route):
        response = route.fetch()
        header = {"Content-Security-Policy": "script-src 'self'"}
        route.fulfill(response=response, headers=response.headers | header)

    page.route("**/", add_header)


def send(page, form, **fields):
    """Fill in the form, send it, and return the place of its message."""
    # Let the server check what the browser would check itself.
    page.eval_on_selector(form, "form => { form.noValidate = true }")

    for name, text in fields.items():
        page.fill(f"{form} [name={name}]", text)

    page.click(f"{form} button")
    return page.locator(f"{form} output")


def test_data_of_the_server_is_shown_letter_by_letter(start):
    expect(start.locator("#caption")).to_have_text(
        "Cups a day, \"double\" & 'single' <b>shots</b>"
    )
    expect(start.locator("#chart li")).to_have_text(
        ["</script> ▮ 1", "coffee ▮▮▮▮▮▮▮▮▮ 9", "tea ▮▮▮▮ 4"]
    )


@pytest.mark.parametrize(
    ("form", "fields", "message"),
    [
        ("#user", {"id": "2"}, "Zoë, zoe@example.org"),
        ("#user", {"id": "99"}, "There is no user 99."),
        ("#room", {"name": "A"}, "The description must be 1 to 80"),
        ("#login", {"username": "admin"}, "The username or the password is"),
        ("#update", {"username": "Ada", "email": "a@b.c"}, "is Ada, a@b.c."),
        ("#update", {"username": "Ada"}, "The email must be 1 to 80"),
    ],
)
def test_form_shows_the_response_or_its_error(start, form, fields, message):
    expect(send(start, form, **fields)).to_contain_text(message)


def test_new_room_is_listed_with_its_markup_as_text(start):
    status = send(start, "#room", name="<i>Лес</i>", description="\"&'")
    expect(status).to_contain_text("is open.")
    room = start.locator("#rooms li").last
    expect(room).to_have_text("<i>Лес</i>: \"&'")


def test_login_goes_to_the_page_of_the_redirect(start, served):
    send(start, "#login", username="admin", password="secret")
    start.wait_for_url(f"{served.url}/welcome")


def test_fragment_replaces_the_one_before(start):
    # Each worker alternates its two facts, so three requests get both.
    for _ in range(3):
        with start.expect_response("**/geology_fact") as response:
            send(start, "#fact")

        [fact] = re.findall("<p>(.+)</p>", response.value.text())
        place = start.locator("#geology-fact p")
        expect(place).to_have_text([html.unescape(fact)])


def test_list_is_shown_when_the_server_is_back(start):
    start.context.set_offline(True)
    status = send(start, "#list")
    expect(status).not_to_be_empty()
    start.context.set_offline(False)
    start.route("**/users", lambda route: route.fulfill(status=502))
    send(start, "#list")
    expect(status).to_have_text("The status is 502.")
    start.unroute("**/users")
    send(start, "#list")
    expect(status).to_be_empty()
    expect(start.locator("#users li")).to_have_text(["1: Ada", "2: Zoë"])
