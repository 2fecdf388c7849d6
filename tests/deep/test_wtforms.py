"""wtforms: the form as a person fills it in, and as another site sends it."""

import pytest
import runner

ADA = {
    "username": "ada.lovelace",
    "email": "ada@example.com",
    "password": "correct horse",
    "confirm": "correct horse",
    "accept_tos": "y",
}
SITE = "http://evil.example/"


@pytest.fixture(scope="module")
def server(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("wtforms")
    log = folder / "log"
    folder = runner.copy(runner.SAMPLES["wtforms"], folder)
    prefix = getattr(request, "param", "/pre")
    settings = {"prefix": prefix, "FLASK_SECRET_KEY": "one for both workers"}

    with runner.boot(folder, log=log, gunicorn=True, **settings) as server:
        yield server
        assert not server.complaints()


def fill_in(page, **form):
    for name, text in (ADA | form).items():
        if name != "accept_tos":
            page.locator(f"[name={name}]").fill(text)
        elif text:
            page.get_by_label("I accept the terms").check()


def send(page):
    """Send the form; return the answer once it is the page."""
    # Let the server have its say, where the browser would say no itself.
    page.evaluate("document.forms[0].noValidate = true")

    with page.expect_navigation() as answer:
        page.get_by_role("button", name="Register").click()

    return answer.value


def described(page, label):
    """Return what a screen reader says of a field beyond its name."""
    field = page.get_by_label(label)
    ids = field.get_attribute("aria-describedby") or ""
    return [page.locator(f"#{one}").inner_text() for one in ids.split()]


@pytest.mark.parametrize("server", ["", "/pre"], indirect=True)
def test_a_form_filled_in_wrong_and_then_right(server, page):
    page.goto(f"{server.url}/")
    page.get_by_role("link", name="register").click()

    # Empty: the browser asks for the first field, and nothing is sent.
    page.get_by_role("button", name="Register").click()
    assert page.evaluate("document.activeElement.name") == "username"
    assert page.locator(".errors").count() == 0

    assert send(page).status == 422
    assert page.url == f"{server.url}/register"
    assert page.locator(".errors").count() == 5
    assert described(page, "Username") == ["This field is required."]

    name = f"Ada{server.port}"
    fill_in(page, username=name, email="notanemail", confirm="corect horse")
    send(page)
    assert described(page, "Email address") == ["Invalid email address."]
    assert described(page, "Repeat password") == ["The passwords must match."]
    assert described(page, "Username") == []
    assert page.get_by_label("Username").input_value() == name
    assert page.get_by_label("Email address").input_value() == "notanemail"
    assert page.get_by_label("New password").input_value() == ""
    assert page.get_by_label("I accept the terms").is_checked()

    # Neighbours, so that a look shows that nothing lies over the other.
    field = page.get_by_label("Email address").bounding_box()
    error = page.locator("#email-errors").bounding_box()
    assert 0 <= error["y"] - (field["y"] + field["height"]) < 40

    fill_in(page, username=name)
    send(page)
    assert page.url == f"{server.url}/login"
    assert page.get_by_role("status").inner_text() == "Thanks for registering."
    page.reload()
    assert page.get_by_role("status").count() == 0


def test_the_back_button_and_a_reload_register_nobody_twice(server, page):
    page.goto(f"{server.url}/register")
    fill_in(page, username="once.only")
    send(page)
    posts = []
    page.on("request", lambda request: posts.append(request.method))
    page.reload()
    page.go_back()
    assert page.url == f"{server.url}/register"
    assert "POST" not in posts


def attack(page, server, form):
    """Open a page of another site, and let it send `form` here."""
    fields = "".join(
        f'<input name="{name}" value="{value}">'
        for name, value in form.items()
    )
    html = f'<form method="post" action="{server.url}/register">{fields}'
    page.route(
        f"{SITE}**",
        lambda route: route.fulfill(body=html, content_type="text/html"),
    )
    page.goto(SITE)

    with page.expect_navigation() as answer:
        page.evaluate("document.forms[0].submit()")

    return answer.value.status


def test_a_form_on_another_site_registers_nobody(server, page, browser):
    # The victim is here in another tab, with a session and a token.
    tab = page.context.new_page()
    tab.goto(f"{server.url}/register")
    assert attack(page, server, ADA | {"username": "victim1"}) == 400

    # The attacker has a session of their own, and so a token.
    other = browser.new_context()
    other.set_default_timeout(runner.PATIENCE * 1000)
    theirs = other.new_page()
    theirs.goto(f"{server.url}/register")
    token = theirs.locator("[name=csrf_token]").input_value()
    other.close()
    form = ADA | {"username": "victim2", "csrf_token": token}
    assert attack(page, server, form) == 400

    # Even the victim's own token is of no use without the victim's cookie.
    token = tab.locator("[name=csrf_token]").input_value()
    form = ADA | {"username": "victim3", "csrf_token": token}
    assert attack(page, server, form) == 400

    tab.reload()
    fill_in(tab, username="victim4")
    send(tab)
    assert tab.url == f"{server.url}/login"

    for path in ["/"] * 20:  # both workers
        assert "victim1" not in runner.fetch(server.url + path).text
