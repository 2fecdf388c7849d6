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


def token(client):
    page = client.get("/register").text
    return re.search(r'name="csrf_token".* value="(.+?)"', page)[1]


def register(client, **changes):
    """Send the form with its token. A change to None leaves a field out."""
    form = ZOE | {"csrf_token": token(client)} | changes
    form = {name: text for name, text in form.items() if text is not None}
    return client.post("/register", data=form)


def errors(response, field):
    """Return the text that the page shows beside a field."""
    found = re.search(
        rf'<ul[^>]* id="{field}-errors".*?>(.*?)</ul>',
        response.text,
        re.DOTALL,
    )
    assert found, f"There are no errors beside {field}."
    return found[1]


# -- The Forms --------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "text", "error"),
    [
        ("username", "", "required"),
        ("username", "abc", "between 4 and 25"),
        ("username", "x" * 26, "between 4 and 25"),
        ("email", None, "required"),
        ("email", "zoe", "Invalid email"),
        ("password", "1234567", "at least 8"),
        ("confirm", "correct house", "must match"),
        ("accept_tos", None, "required"),
    ],
)
def test_form_shows_an_error_beside_a_bad_field(client, field, text, error):
    response = register(client, **{field: text})
    assert response.status_code == 422
    assert error in errors(response, field)
    assert users == {}


@pytest.mark.parametrize("email", ["jörg@example.com", "zoe@müller.de"])
def test_form_accepts_the_addresses_of_real_people(client, email):
    assert register(client, email=email).status_code in (302, 303)


def test_rule_for_the_name_rejects_a_taken_one():
    users["zoë-maria"] = {}

    with app.test_request_context(method="POST", data=ZOE):
        form = RegistrationForm()
        assert not form.validate()
        assert "taken" in form.username.errors[0]

    # A part of a taken name is free.
    other = ZOE | {"username": "Maria"}

    with app.test_request_context(method="POST", data=other):
        form = RegistrationForm()
        form.validate()
        assert not form.username.errors


def test_form_rejects_a_taken_name_in_any_case(client):
    register(client)
    response = register(client, username="ZOË-maria")
    assert response.status_code == 422
    assert "taken" in errors(response, "username")
    assert len(users) == 1


# -- In the View ------------------------------------------------------------


def test_registration_redirects_to_the_login_with_a_message(client):
    response = register(client)
    assert response.status_code in (302, 303)
    assert response.location == "/login"
    assert "Thanks for registering" in client.get("/login").text
    assert "Thanks for registering" not in client.get("/login").text
    assert "Zoë-Maria" in client.get("/").text


def test_registration_stores_only_a_hash_of_the_password(client):
    register(client)
    [user] = users.values()
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
    assert client.post("/register", data={}).status_code == 400
    assert users == {}


def test_token_works_after_a_long_lunch(client):
    assert app.config["WTF_CSRF_TIME_LIMIT"] is None
    assert register(client).status_code in (302, 303)


def test_cookie_is_hidden_from_other_sites(client):
    cookie = client.get("/register").headers["Set-Cookie"]
    assert "SameSite=Lax" in cookie


# -- Forms in Templates -----------------------------------------------------


@pytest.mark.parametrize("email", ["zoe", "zoe@example.com"])
def test_macro_shows_a_label_an_input_and_the_errors(email):
    with app.test_request_context(method="POST", data=ZOE | {"email": email}):
        form = RegistrationForm()
        form.validate()
        macro = app.jinja_env.get_template("_formhelpers.html").module
        html = macro.render_field(form.email, autocomplete="email")

    has_error = email == "zoe"
    assert ">Email address</label>" in html
    assert f'value="{email}"' in html
    assert 'autocomplete="email"' in html
    assert ("Invalid email address." in html) is has_error
    assert ('id="email-errors"' in html) is has_error
    assert ('aria-describedby="email-errors"' in html) is has_error
    assert ('aria-invalid="true"' in html) is has_error


def test_page_keeps_what_was_typed_but_not_the_password(client):
    page = register(client, email="zoe", password="short").text
    assert 'value="Zoë-Maria"' in page
    assert 'value="zoe"' in page
    assert "short" not in page


def test_page_shows_markup_as_text(client):
    page = register(client, username='<b>"', email="<script>").text
    assert "&lt;script&gt;" in page
    assert "<script>" not in page
    assert "<b>" not in page
