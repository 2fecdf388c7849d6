import random
from http.cookies import SimpleCookie

import pytest
from app import app, flash_within_cookie
from flask import get_flashed_messages, session

ADMIN = {"username": "admin", "password": "secret"}
MARKUP = "<script>alert(1)</script>"


@pytest.fixture
def client():
    return app.test_client()


def notify(client, category, text, **kwargs):
    form = {"category": category, "text": text}
    return client.post("/notify", data=form, **kwargs)


# -- Simple Flashing --------------------------------------------------------


def test_the_right_login_flashes_on_the_next_page_and_only_there(client):
    response = client.post("/login", data=ADMIN)
    assert response.status_code == 303
    assert response.location == "/"
    assert "You were successfully logged in" in client.get("/").text
    assert "You were successfully logged in" not in client.get("/").text


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"username": "admin"},
        {"password": "secret"},
        {"username": "admin", "password": ""},
        {"username": "admin", "password": "Secret"},
        {"username": "Admin", "password": "secret"},
    ],
)
def test_a_wrong_login_is_refused_on_the_same_page(client, form):
    response = client.post("/login", data=form)
    assert response.status_code == 401
    assert response.text.count("Invalid credentials") == 1
    assert "successfully" not in client.get("/").text


def test_what_was_typed_is_kept_but_never_the_password(client):
    form = {"username": f'"{MARKUP}', "password": "hunter2"}
    page = client.post("/login", data=form).text
    assert "&lt;script&gt;alert(1)" in page
    assert MARKUP not in page
    assert "hunter2" not in page


def test_the_login_page_has_a_form(client):
    page = client.get("/login").text
    assert 'name="username"' in page
    assert 'name="password"' in page


def test_the_cookie_is_kept_from_scripts_and_other_sites(client):
    cookie = client.post("/login", data=ADMIN).headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie


def test_the_key_is_not_a_published_one():
    assert len(app.config["SECRET_KEY"]) >= 32


# -- Flashing With Categories -----------------------------------------------


@pytest.mark.parametrize("category", ["message", "info", "warning"])
def test_a_message_is_shown_with_its_category(client, category):
    response = notify(client, category, "Hi")
    assert response.status_code == 303
    assert response.location == "/"
    assert (
        f'<li class="{category}">{category}: Hi</li>' in client.get("/").text
    )


@pytest.mark.parametrize("category", [None, "", "fatal", "Error", MARKUP])
def test_an_unknown_category_is_refused(client, category):
    form = {"text": "kept"} | ({"category": category} if category else {})
    response = client.post("/notify", data=form)
    assert response.status_code == 400
    assert "Choose a category" in response.text
    assert 'value="kept"' in response.text
    assert MARKUP not in response.text
    assert "kept" not in client.get("/").text


@pytest.mark.parametrize("text", [None, "", "    ", "x" * 201])
def test_a_text_of_the_wrong_length_is_refused(client, text):
    form = {"category": "info"} | ({"text": text} if text else {})
    response = client.post("/notify", data=form)
    assert response.status_code == 400
    assert "1 to 200 characters" in response.text
    assert "<option selected>info</option>" in response.text


def test_markup_is_shown_as_text(client):
    notify(client, "error", MARKUP)
    notify(client, "info", MARKUP)
    page = client.get("/").text
    assert page.count("&lt;script&gt;alert(1)&lt;/script&gt;") == 2
    assert MARKUP not in page


@pytest.mark.parametrize("seed", range(20))
def test_the_cookie_stays_within_what_browsers_keep(client, seed):
    # Characters drawn by chance hardly compress, unlike "x" * 200.
    draw = random.Random(seed)
    texts = [
        "".join(map(chr, draw.choices(range(0x10000, 0x110000), k=200)))
        for _ in range(6)
    ]

    for text in texts:
        cookie = notify(client, "error", text).headers["Set-Cookie"]
        assert len(cookie) <= 4093
        assert "session" in SimpleCookie(cookie)

    page = client.get("/").text
    shown = [text for text in texts if text in page]
    assert shown
    assert shown == texts[-len(shown) :]


def test_the_newest_message_stays_whatever_else_is_in_the_session():
    with app.test_request_context():
        session["other"] = random.Random(1).randbytes(5000)
        flash_within_cookie("first")
        flash_within_cookie("second")
        assert get_flashed_messages() == ["second"]


def test_a_large_body_is_refused(client):
    assert notify(client, "info", "x" * 1_000_001).status_code == 413


# -- Filtering Flash Messages -----------------------------------------------


def test_errors_stand_in_a_block_of_their_own_and_nothing_is_lost(client):
    for category in ("message", "error", "info", "error", "warning"):
        notify(client, category, f"text of {category}")

    page = client.get("/").text
    before, _, rest = page.partition('<ul class="errors"')
    errors, _, others = rest.partition('<ul class="flashes"')
    assert "text of" not in before
    assert errors.count("text of error") == 2
    assert errors.count("text of") == 2
    assert others.count("text of") == 3
    assert "text of" not in client.get("/").text


def test_without_messages_there_is_no_block(client):
    page = client.get("/").text
    assert '<ul class="errors"' not in page
    assert '<ul class="flashes"' not in page


def test_head_leaves_the_messages_for_the_page(client):
    notify(client, "info", "still here")
    notify(client, "error", "this too")
    assert client.head("/").status_code == 200
    assert client.head("/login").status_code == 200
    page = client.get("/").text
    assert "still here" in page
    assert "this too" in page


def test_links_forms_and_redirects_stay_below_a_prefix(client):
    base = "http://localhost/pre"
    page = client.get("/", base_url=base).text
    assert 'href="/pre/login"' in page
    assert 'action="/pre/notify"' in page
    assert notify(client, "info", "x", base_url=base).location == "/pre/"
    response = client.post("/login", data=ADMIN, base_url=base)
    assert response.location == "/pre/"
