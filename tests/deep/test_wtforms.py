"""wtforms: the form as a person fills it in, and as another site sends it."""

from playwright.sync_api import expect

ADA = {
    "username": "ada.lovelace",
    "email": "ada@example.com",
    "password": "correct horse",
    "confirm": "correct horse",
}


def send(page, **changes):
    """Fill in the form, and send it."""
    for name, text in (ADA | changes).items():
        page.locator(f"[name={name}]").fill(text)

    page.get_by_label("I accept the terms").check()
    # Let the server check what the browser would check itself.
    page.evaluate("document.forms[0].noValidate = true")
    page.get_by_role("button", name="Register").click()


def test_form_names_the_errors_and_keeps_what_was_typed(start, served):
    start.get_by_role("link", name="register").click()
    # The browser demands the first field, and sends nothing.
    start.get_by_role("button", name="Register").click()
    username = start.get_by_label("Username")
    expect(username).to_be_focused()
    expect(start.locator(".errors")).to_have_count(0)
    send(start, email="notanemail", confirm="corect horse")
    email = start.get_by_label("Email address")
    confirm = start.get_by_label("Repeat password")
    # A screen reader reads the description with the field.
    expect(email).to_have_accessible_description("Invalid email address.")
    expect(confirm).to_have_accessible_description("The passwords must match.")
    expect(username).to_have_accessible_description("")
    expect(username).to_have_value(ADA["username"])
    expect(email).to_have_value("notanemail")
    expect(start.get_by_label("New password")).to_be_empty()
    expect(start.get_by_label("I accept the terms")).to_be_checked()
    send(start)
    expect(start).to_have_url(f"{served.url}/login")
    expect(start.get_by_role("status")).to_have_text("Thanks for registering.")


def test_another_site_can_register_nobody(served, page, from_another_site):
    # The victim has a session, and even the token is known.
    tab = page.context.new_page()
    tab.goto(f"{served.url}/register")
    token = tab.locator("[name=csrf_token]").input_value()
    form = ADA | {"accept_tos": "y", "csrf_token": token}
    assert from_another_site(f"{served.url}/register", **form).status == 400
    # The victim's own form still works.
    send(tab, username="victim")
    expect(tab).to_have_url(f"{served.url}/login")
