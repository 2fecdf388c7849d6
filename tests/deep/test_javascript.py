"""JavaScript in real Chromium: each section as a person uses and sees it."""

import pytest
import runner
from playwright.sync_api import expect

SAMPLE = runner.SAMPLES["javascript"]


@pytest.fixture(scope="module", params=["", "/pre"], ids=["root", "prefix"])
def url(request, tmp_path_factory):
    tmp = tmp_path_factory.mktemp("javascript")
    folder = runner.copy(SAMPLE, tmp)

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
    yield page
    assert errors == []


def send(page, form, button, **fields):
    """Fill in the form's fields by their labels, and press its button."""
    for name, text in fields.items():
        label = name.replace("_", " ")
        page.locator(form).get_by_label(label, exact=True).fill(text)

    page.locator(form).get_by_role("button", name=button).click()
    return page.locator(form).get_by_role("status")


def test_data_of_the_server_is_on_the_page_letter_by_letter(start):
    caption = start.locator("#caption")
    expect(caption).to_have_text(
        "Cups a day, \"double\" & 'single' <b>shots</b>"
    )
    chart = start.locator("#chart").get_by_role("listitem")
    expect(chart).to_have_text(
        ["</script> ▮ 1", "coffee ▮▮▮▮▮▮▮▮▮ 9", "tea ▮▮▮▮ 4"]
    )
    assert start.locator("b").count() == 0


def test_a_content_policy_may_forbid_inline_scripts(page, url):
    def add_policy(route):
        response = route.fetch()
        policy = {"Content-Security-Policy": "script-src 'self'"}
        route.fulfill(response=response, headers=response.headers | policy)

    page.route(f"{url}/", add_policy)
    page.goto(f"{url}/")
    expect(page.locator("#chart").get_by_role("listitem")).to_have_count(3)
    status = send(page, "#user", "Show", User="1")
    expect(status).to_contain_text("Ada")


def test_the_script_makes_urls(start):
    status = send(start, "#user", "Show", User="2")
    expect(status).to_have_text("Zoë, zoe@example.org")
    status = send(start, "#user", "Show", User="99")
    expect(status).to_have_text("There is no user 99.")


def test_a_form_is_sent_by_fetch(start, url):
    room = {"Name": "<i>Лес</i>", "Description": "\"Talk\" & 'listen'"}
    status = send(start, "#room", "Open a room", **room)
    expect(status).to_have_text("Room 1 is open.")
    item = start.locator("#rooms").get_by_role("listitem")
    expect(item).to_have_text("<i>Лес</i>: \"Talk\" & 'listen'")
    assert start.url == f"{url}/"


def test_rejected_form_shows_the_reason_and_keeps_its_text(start):
    # Let the server check what the browser would check itself.
    start.evaluate("document.querySelector('#room').noValidate = true")
    status = send(start, "#room", "Open a room", Name="Flask")
    expect(status).to_have_text(
        "The description must be 1 to 80 characters long."
    )
    expect(start.locator("#room").get_by_label("Name")).to_have_value("Flask")


def test_a_wrong_login_says_so_and_a_right_one_moves_on(start, url):
    form = {"Username": "admin", "Password": "no"}
    status = send(start, "#login", "Log in", **form)
    expect(status).to_have_text("The username or the password is wrong.")
    assert start.url == f"{url}/"
    send(start, "#login", "Log in", Password="secret")
    start.wait_for_url(f"{url}/welcome")
    expect(start.get_by_role("heading")).to_have_text("Welcome")
    start.get_by_role("link", name="Back").click()
    start.wait_for_url(f"{url}/")


def test_a_fragment_takes_the_place_of_another(start):
    place = start.locator("#geology-fact")
    seen = {place.inner_text()}

    # Each worker has a turn of its own.
    for _ in range(5):
        with start.expect_response("**/geology_fact"):
            status = send(start, "#fact", "Another fact")

        expect(status).to_have_text("")
        seen.add(place.inner_text())
        expect(place.locator("p")).to_have_count(1)

    assert seen == {"Obsidian holds < 1 % water.", "Pumice is stone & air."}


def test_a_list_is_shown(start):
    send(start, "#list", "List the users")
    users = start.locator("#users").get_by_role("listitem")
    expect(users).to_have_text(["1: Ada", "2: Zoë"])


def test_json_is_sent_and_the_response_or_its_error_is_shown(start):
    start.evaluate("document.querySelector('#update').noValidate = true")
    fields = {"New_username": "Ada L.", "New_email": "ada@new.example"}
    status = send(start, "#update", "Change", **fields)
    expect(status).to_have_text("User 1 is Ada L., ada@new.example.")
    status = send(start, "#update", "Change", New_email="")
    expect(status).to_have_text("The email must be 1 to 80 characters long.")
    status = send(start, "#update", "Change", User="99")
    expect(status).to_have_text("There is no user 99.")


def test_page_recovers_from_a_network_that_was_down(start):
    start.context.set_offline(True)
    status = send(start, "#list", "List the users")
    expect(status).not_to_be_empty()
    start.context.set_offline(False)
    send(start, "#list", "List the users")
    expect(status).to_have_text("")
    expect(start.locator("#users").get_by_role("listitem")).to_have_count(2)


def test_page_names_the_status_of_an_error_that_is_not_json(start):
    start.route(
        "**/users",
        lambda route: route.fulfill(
            status=502, content_type="text/html", body="<h1>Bad Gateway</h1>"
        ),
    )
    status = send(start, "#list", "List the users")
    expect(status).to_have_text("The status is 502.")


def test_the_keyboard_is_enough(start):
    field = start.locator("#user").get_by_label("User")
    field.focus()
    start.keyboard.press("ArrowUp")
    start.keyboard.press("Enter")
    status = start.locator("#user").get_by_role("status")
    expect(status).to_contain_text("Zoë")
    expect(field).to_be_focused()
