import re

import pytest
from app import RegistrationForm, app, users
from werkzeug.security import check_password_hash

ZOE = {
    "username": "Zoë-Maria",
    "email": "zoe@example.com",
    "password": "correct horse",
    "confirm": "correct horse",
    "accept_tos": "y",
}


@pytest.fixture
def client():
    users.clear()
    return app.test_client()


def register(client, **changes):
    """Send the form with its token. A change to None leaves a field out."""
    page = client.get("/register").text
    token = re.search(r'name="csrf_token".* value="(.+?)"', page)[1]
    form = ZOE | {"csrf_token": token} | changes
    return client.post("/register", data=form)


def validated(**changes):
    """Return a form that has checked its fields, without the view."""
    with app.test_request_context(method="POST", data=ZOE | changes):
        form = RegistrationForm()
        form.validate()
        return form


# -- The Forms --------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "text", "error"),
    [
        ("username", "abc", "between 4 and 25"),
        ("username", "x" * 26, "between 4 and 25"),
        ("email", "zoe", "Invalid email"),
        ("password", "1234567", "at least 8"),
        ("confirm", "correct house", "must match"),
        ("accept_tos", None, "required"),
    ],
)
def test_form_shows_an_error_beside_a_bad_field(client, field, text, error):
    response = register(client, **{field: text})
    assert response.status_code == 422
    beside = rf'id="{field}-errors".*?</ul>'
    assert error in "".join(re.findall(beside, response.text, re.DOTALL))
    assert users == {}


@pytest.mark.parametrize("email", ["jörg@example.com", "zoe@müller.de"])
def test_form_accepts_the_addresses_of_real_people(email):
    assert not validated(email=email).email.errors


def test_rule_for_the_name_rejects_a_taken_one_in_any_case(client):
    users["zoë-maria"] = {}
    assert "taken" in validated(username="ZOË-maria").username.errors[0]
    # A part of a taken name is free.
    assert not validated(username="Maria").username.errors


# -- In the View ------------------------------------------------------------


def test_registration_redirects_to_the_login_with_a_message(client):
    response = register(client)
    assert response.location == "/login"
    assert "Thanks for registering" in client.get("/login").text
    assert "Thanks for registering" not in client.get("/login").text
    assert "Zoë-Maria" in client.get("/").text


def test_registration_stores_only_a_hash_of_the_password(client):
    register(client)
    user = users["zoë-maria"]
    assert user["email"] == ZOE["email"]
    assert ZOE["password"] not in str(user)
    assert check_password_hash(user["password_hash"], ZOE["password"])


def test_page_is_200_and_shows_no_errors_at_first(client):
    response = client.get("/register")
    assert response.status_code == 200
    assert "-errors" not in response.text


def test_post_without_a_token_is_rejected(client):
    client.get("/register")
    assert client.post("/register", data=ZOE).status_code == 400
    assert users == {}


def test_token_works_after_a_long_lunch():
    assert app.config["WTF_CSRF_TIME_LIMIT"] is None


def test_cookie_is_not_sent_with_a_post_from_another_site(client):
    cookie = client.get("/register").headers["Set-Cookie"]
    assert "SameSite=Lax" in cookie


# -- Forms in Templates -----------------------------------------------------


@pytest.mark.parametrize(
    ("email", "has_error"), [("zoe", True), ("zoe@example.com", False)]
)
def test_macro_shows_a_label_an_input_and_the_errors(email, has_error):
    macro = app.jinja_env.get_template("_formhelpers.html").module
    field = validated(email=email).email
    html = macro.render_field(field, autocomplete="email")
    assert ">Email address</label>" in html
    assert f'value="{email}"' in html
    assert 'autocomplete="email"' in html
    assert ("Invalid email address." in html) is has_error
    assert ('id="email-errors"' in html) is has_error
    assert ('aria-describedby="email-errors"' in html) is has_error
    assert ('aria-invalid="true"' in html) is has_error


def test_page_keeps_what_was_typed_as_text_but_not_the_password(client):
    page = register(client, email='"><script>', password="short").text
    assert 'value="Zoë-Maria"' in page
    assert 'value="&#34;&gt;&lt;script&gt;"' in page
    assert "short" not in page
