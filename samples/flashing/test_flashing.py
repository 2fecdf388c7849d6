import random

import pytest
from app import CATEGORIES, app
from flask import flash, render_template

ADMIN = {"username": "admin", "password": "secret"}


@pytest.fixture
def client():
    return app.test_client()


def notify(client, category, text):
    return client.post("/notify", data={"category": category, "text": text})


# -- Simple Flashing --------------------------------------------------------


def test_login_flashes_a_message_on_the_next_page_only(client):
    response = client.post("/login", data=ADMIN)
    assert response.status_code in (302, 303)
    assert response.location == "/"
    assert "You were successfully logged in" in client.get("/").text
    assert "You were successfully logged in" not in client.get("/").text


@pytest.mark.parametrize("field", ["username", "password"])
@pytest.mark.parametrize("text", ["", "x"])
def test_login_shows_an_error_on_the_same_page_when_a_field_is_wrong(
    client, field, text
):
    response = client.post("/login", data=ADMIN | {field: text})
    assert response.status_code == 401
    assert "password is wrong" in response.text
    assert "password is wrong" not in client.get("/").text


def test_session_has_a_long_key_and_a_lax_cookie():
    assert len(app.config["SECRET_KEY"]) >= 32
    assert app.config["SESSION_COOKIE_SAMESITE"] == "Lax"


def test_login_page_shows_a_form_without_an_error(client):
    page = client.get("/login").text
    assert 'name="password"' in page
    assert "password is wrong" not in page


# -- Flashing With Categories -----------------------------------------------


@pytest.mark.parametrize("category", CATEGORIES)
def test_notify_flashes_a_message_of_each_category(client, category):
    assert f"<option>{category}</option>" in client.get("/").text
    response = notify(client, category, "Hi there")
    assert response.status_code in (302, 303)
    assert response.location == "/"
    assert "Hi there" in client.get("/").text


def test_notify_returns_400_when_the_category_is_unknown(client):
    assert notify(client, "fatal", "Hi there").status_code == 400
    assert "Hi there" not in client.get("/").text


@pytest.mark.parametrize("text", ["", "   ", "x" * 201])
def test_notify_returns_400_when_the_text_has_the_wrong_length(client, text):
    assert notify(client, "info", text).status_code == 400


def test_cookie_stays_small_enough_when_the_text_is_longest(client):
    # Use random characters, because Flask compresses the cookie.
    characters = random.Random(1).choices(range(0x10000, 0x110000), k=200)
    text = "".join(map(chr, characters))
    cookie = notify(client, "info", text).headers["Set-Cookie"]
    assert len(cookie) <= 4093
    assert text in client.get("/").text


# -- Filtering Flash Messages -----------------------------------------------


def test_layout_shows_errors_in_a_block_of_their_own(client):
    for category in CATEGORIES:
        notify(client, category, f"Text of {category}")

    page = client.get("/").text
    errors, others = page.split('class="errors"')[1].split('class="flashes"')
    assert errors.count("Text of") == 1
    assert "Text of error" in errors
    assert others.count("Text of") == len(CATEGORIES) - 1


def test_layout_shows_no_empty_block(client):
    page = client.get("/").text
    assert 'class="errors"' not in page
    assert 'class="flashes"' not in page
    notify(client, "error", "Lost")
    assert 'class="flashes"' not in client.get("/").text


def test_layout_shows_a_category_that_it_does_not_know():
    with app.test_request_context():
        flash("Saved", "success")
        assert "Saved" in render_template("index.html")


def test_layout_shows_markup_as_text(client):
    notify(client, "error", "<script>")
    notify(client, "info", "<script>")
    assert client.get("/").text.count("&lt;script&gt;") == 2
