import re
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from app import app, users
from werkzeug.security import check_password_hash, generate_password_hash

ADA = {
    "username": "Ada.L-1815",
    "email": "ada@example.com",
    "password": "correct horse",
    "confirm": "correct horse",
    "accept_tos": "y",
}


def quick_hash(password):
    """The real hash is slow, as it should be."""
    return generate_password_hash(password, "pbkdf2:sha256:1")


@pytest.fixture(autouse=True)
def _nobody_yet(monkeypatch):
    monkeypatch.setattr("app.generate_password_hash", quick_hash)
    users.clear()


@pytest.fixture
def client():
    return app.test_client()


def token(client, **kwargs):
    page = client.get("/register", **kwargs).text
    return re.search(r'name="csrf_token".* value="(.+?)"', page)[1]


def register(client, *without, **form):
    """Send Ada's form, changed or `without` some fields, and its token."""
    form = ADA | {"csrf_token": token(client)} | form
    form = {name: form[name] for name in form if name not in without}
    return client.post("/register", data=form)


def errors(response):
    """Return {field: [errors]} as the page connects them."""
    found = {}

    for tag in re.findall(r'<input [^>]*-invalid="true"[^>]*>', response.text):
        name = re.search(r' name="(\w+)"', tag)[1]
        where = re.search(r' aria-describedby="([\w-]+)"', tag)[1]
        block = re.search(rf'id="{where}">(.*?)</ul>', response.text, re.S)[1]
        found[name] = re.findall("<li>(.*?)</li>", block)

    assert response.text.count("<li>") == sum(map(len, found.values()))
    return found


# -- The Forms --------------------------------------------------------------


@pytest.mark.parametrize(
    "username",
    [
        "ada",
        "a" * 26,
        "    ",
        "ada l",
        " adal",
        "adal\n",
        "\tadal",
        "ad\0min",
        "ad\u200bmin",  # zero width space
        "ad\u00admin",  # soft hyphen
        "\u202eadmin",  # right to left
        "ａｄｍｉｎ",  # noqa: RUF001 (full width)
        "\u0430dmin",  # a Cyrillic a
        "admin\u0301",  # combining accent
        "ﬁona",  # ligature
        "adm\u0131n",  # dotless i
    ],
    ids=ascii,
)
def test_a_name_that_is_too_short_too_long_or_looks_like_another(
    client, username
):
    response = register(client, username=username)
    assert response.status_code == 422
    assert errors(response).keys() == {"username"}
    assert users == {}


@pytest.mark.parametrize(
    "email",
    [
        "notanemail",
        "    ",
        "@example.com",
        "ada@",
        "ada@localhost",
        "ada@@example.com",
        "ada@example.com\n",
        "ada@example.com, eve@example.com",
        "a\0da@example.com",
        "a\u200bda@example.com",
        "ａｄａ@example.com",  # noqa: RUF001 (full width)
        "ada@ｅxample.com",  # noqa: RUF001 (full width)
        "a" * 300 + "@example.com",
    ],
    ids=ascii,
)
def test_what_is_no_email_address(client, email):
    response = register(client, email=email)
    assert response.status_code == 422
    assert errors(response).keys() == {"email"}
    assert users == {}


def test_a_password_of_seven_characters_is_too_short(client):
    response = register(client, password="1234567", confirm="1234567")
    assert errors(response).keys() == {"password"}
    assert register(client, password="8" * 8, confirm="8" * 8).location


def test_passwords_that_differ(client):
    response = register(client, confirm="correct horsf")
    assert response.status_code == 422
    assert errors(response) == {"confirm": ["Passwords must match."]}


@pytest.mark.parametrize(
    "answer", ["n", "N", "no", "off", "0", "false", "False", "", " ", "\0"]
)
def test_what_is_not_a_yes_is_no_consent(client, answer):
    response = register(client, accept_tos=answer)
    assert response.status_code == 422
    assert errors(response).keys() == {"accept_tos"}
    assert users == {}


@pytest.mark.parametrize("field", ADA)
def test_no_field_may_be_missing_or_empty(client, field):
    for response in (
        register(client, field),
        register(client, **{field: ""}),
    ):
        assert response.status_code == 422
        assert "This field is required." in errors(response)[field]

    assert users == {}


# -- In the View ------------------------------------------------------------


def test_a_registration_leads_to_the_login_and_says_so_once(client):
    response = register(client)
    assert response.status_code == 303
    assert response.location == "/login"
    login = client.get("/login")
    assert "Thanks for registering." in login.text
    assert "<form" not in login.text
    assert "Thanks for registering." not in client.get("/login").text
    assert "<li>Ada.L-1815</li>" in client.get("/").text


def test_only_a_hash_of_the_password_is_kept(client):
    register(client)
    [user] = users.values()
    assert "correct horse" not in str(user)
    assert check_password_hash(user["password_hash"], "correct horse")


@pytest.mark.parametrize("name", ["Ada.L-1815", "ada.l-1815", "ADA.L-1815"])
def test_a_name_that_is_taken_in_any_case_is_an_error_of_its_field(
    client, name
):
    register(client)
    response = register(client, username=name, email="eve@example.com")
    assert response.status_code == 422
    assert errors(response) == {"username": ["This name is taken."]}
    [user] = users.values()
    assert user["email"] == "ada@example.com"


def test_of_two_requests_at_once_one_gets_the_name(client, monkeypatch):
    both = Barrier(2)

    def hash_together(password):
        both.wait(timeout=10)
        return quick_hash(password)

    # Nobody has stored anything before both have passed all checks.
    monkeypatch.setattr("app.generate_password_hash", hash_together)
    names = ["adal", "ADAL"]

    with ThreadPoolExecutor(2) as pool:
        responses = list(
            pool.map(
                lambda name: register(app.test_client(), username=name), names
            )
        )

    assert sorted(one.status_code for one in responses) == [303, 422]
    assert len(users) == 1
    assert b"This name is taken." in b"".join(one.data for one in responses)


def test_a_form_without_its_token_is_refused(client):
    response = register(client, "csrf_token")
    assert response.status_code == 400
    assert "The CSRF token is missing." in response.text
    assert users == {}


@pytest.mark.parametrize("forged", ["x", "a.b.c", "\0", "ａ"])  # noqa: RUF001
def test_a_forged_token_is_refused(client, forged):
    response = register(client, csrf_token=forged)
    assert response.status_code == 400
    assert "The CSRF token is invalid." in response.text
    assert users == {}


def test_a_form_from_another_site_is_refused(client):
    """There the browser leaves the cookie out, and the token is not known.

    The attacker can get a token, but only that of their own session.
    """
    token(client)
    mine = token(app.test_client())

    for victim in (client, app.test_client()):
        response = victim.post("/register", data=ADA | {"csrf_token": mine})
        assert response.status_code == 400

    query = {"csrf_token": token(client)}
    response = client.post("/register", query_string=query, data=ADA)
    assert response.status_code == 400
    assert users == {}


def test_a_field_without_a_name_is_refused(client):
    part = "--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--\r\n"
    kind = "multipart/form-data; boundary=b"
    response = client.post("/register", data=part, content_type=kind)
    assert response.status_code == 400
    assert "needs a name" in response.text


def test_a_token_that_is_too_old_is_refused(client, monkeypatch):
    monkeypatch.setitem(app.config, "WTF_CSRF_TIME_LIMIT", -1)
    response = register(client)
    assert response.status_code == 400
    assert "The CSRF token has expired." in response.text


@pytest.mark.parametrize(
    "body",
    [b"{", b"[" * 100_000, b"[1]", b'{"username": 1}', b'{"email": ["a"]}'],
    ids=len,
)
def test_a_body_of_json_is_an_empty_form(client, body):
    response = client.post(
        "/register",
        data=body,
        content_type="application/json",
        headers={"X-CSRFToken": token(client)},
    )
    assert response.status_code == 422
    assert errors(response).keys() == ADA.keys()


def test_the_session_is_kept_from_scripts_and_from_other_sites(client):
    header = client.get("/register").headers["Set-Cookie"]
    assert "HttpOnly" in header
    assert "SameSite=Lax" in header


def test_a_form_is_read_on_a_real_server(client):
    response = client.post(
        "/register",
        data=ADA | {"csrf_token": token(client)},
        environ_overrides={"wsgi.input_terminated": True},
    )
    assert response.status_code == 303


def test_a_large_form_is_refused(client):
    response = register(client, username="a" * 1_000_001)
    assert response.status_code == 413
    assert users == {}


# -- Forms in Templates -----------------------------------------------------


def test_a_new_form_shows_no_error(client):
    response = client.get("/register")
    assert response.status_code == 200
    assert errors(response) == {}


def test_each_error_stands_beside_its_field(client):
    response = register(client, *ADA)
    assert response.status_code == 422
    required = ["This field is required."]
    assert errors(response) == dict.fromkeys(ADA, required)


def test_what_was_typed_is_kept_but_never_the_passwords(client):
    page = register(client, username="ada", confirm="another horse").text
    assert 'value="ada"' in page
    assert 'value="ada@example.com"' in page
    assert re.search(r"<input checked .*?accept_tos", page)
    assert "horse" not in page


def test_what_was_typed_is_escaped(client):
    page = register(client, username='"><script>', email="<b>@x").text
    assert 'value="&#34;&gt;&lt;script&gt;"' in page
    assert 'value="&lt;b&gt;@x"' in page
    register(client, username="<script>")
    assert "<li>&lt;script&gt;</li>" in client.get("/").text


def test_every_field_has_a_label_and_the_attributes_that_were_given(client):
    page = client.get("/register").text

    for name in ADA:
        assert f'<label for="{name}">' in page
        assert f'id="{name}"' in page

    assert page.count('autocomplete="new-password"') == 2
    assert 'maxlength="25" minlength="4"' in page


def test_head_answers_as_get_does(client):
    for path in ("/", "/register", "/login"):
        assert client.head(path).status_code == 200


def test_links_forms_and_redirects_stay_below_a_prefix(client):
    base = "http://localhost/pre"
    pages = [client.get(path, base_url=base).text for path in ("/", "/login")]
    form = {"csrf_token": token(client, base_url=base)}
    pages.append(client.post("/register", data=form, base_url=base).text)
    paths = re.findall(r'(?:href|action)="(.*?)"', "".join(pages))
    assert len(paths) == 4
    assert all(path.startswith("/pre/") for path in paths)
    response = client.post("/register", data=ADA | form, base_url=base)
    assert response.location == "/pre/login"


def test_a_refused_host_is_a_bad_request(client):
    for path in ("/", "/register", "/login", "/missing"):
        response = client.get(path, headers={"Host": "red..localhost"})
        assert response.status_code == 400
