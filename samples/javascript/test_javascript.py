import html
import json
import re

import pytest
from app import CAPTION, CHART_DATA, ROOMS, USERS, app


@pytest.fixture
def client(monkeypatch):
    for id, user in USERS.items():
        monkeypatch.setitem(USERS, id, dict(user))

    yield app.test_client()
    ROOMS.clear()


def script_data(page, id):
    """Return what a script reads from the JSON element of the page."""
    text = re.search(rf'<script [^>]*id="{id}">(.*?)</script>', page, re.S)[1]
    return json.loads(text)


def post_json(client, body, **options):
    options.setdefault("content_type", "application/json")
    return client.post("/user/1", data=body, **options)


# -- Rendering Templates ----------------------------------------------------


def test_data_in_a_script_element_arrives_whole(client):
    page = client.get("/").text
    assert script_data(page, "chart-data") == CHART_DATA
    assert "</script><b>" not in page


def test_data_in_an_attribute_arrives_whole(client):
    [value] = re.findall(r"data-caption='([^']*)'", client.get("/").text)
    assert json.loads(html.unescape(value)) == CAPTION


def test_the_page_has_no_inline_script(client):
    page = client.get("/").text
    scripts = re.findall(r"<script ([^>]*)>", page)
    assert len(scripts) == 3
    assert all("application/json" in one or "src=" in one for one in scripts)
    assert not re.search(r"\son\w+=", page)
    assert "<noscript>" in page


# -- Generating URLs --------------------------------------------------------


@pytest.mark.parametrize("prefix", ["", "/pre", "/a/</script>'\""])
def test_the_script_knows_the_root(client, prefix):
    page = client.get("/", environ_overrides={"SCRIPT_NAME": prefix}).text
    assert script_data(page, "urls")["script_root"] == prefix


def test_every_url_stays_below_a_prefix(client):
    base = "http://localhost/pre"
    page = client.get("/", base_url=base).text
    assert script_data(page, "urls")["users"] == "/pre/users"
    assert 'src="/pre/static/page.js"' in page
    assert set(re.findall(r'action="(.*?)"', page)) == {
        "/pre/rooms",
        "/pre/login",
        "/pre/geology_fact",
    }
    assert 'href="/pre/"' in client.get("/welcome", base_url=base).text


# -- Making a Request with fetch --------------------------------------------


def test_a_room_is_made_from_form_data(client):
    room = {"name": "Лес & <b>", "description": "Talk about Flask here."}
    response = client.post("/rooms", data=room)
    assert response.status_code == 201
    assert response.json.items() >= room.items()
    assert ROOMS[response.json["id"]] == response.json
    assert "<li>Лес &amp; &lt;b&gt;: Talk" in client.get("/").text


def test_form_data_of_a_script_is_multipart(client):
    room = {"name": "Flask", "description": "Talk."}
    response = client.post(
        "/rooms", data=room, content_type="multipart/form-data"
    )
    assert response.status_code == 201


@pytest.mark.parametrize("text", [None, "", " ", "x" * 81, "\0", "a\u202eb"])
@pytest.mark.parametrize("field", ["name", "description"])
def test_a_wrong_field_is_named_and_nothing_is_stored(client, field, text):
    room = {"name": "Flask", "description": "Talk."} | {field: text}
    form = {name: text for name, text in room.items() if text is not None}
    response = client.post("/rooms", data=form)
    assert response.status_code == 400
    assert response.json["error"].startswith(f"Send {field} as ")
    assert ROOMS == {}


def test_a_file_is_no_name(client):
    files = {"name": (b"", "x.txt"), "description": "Talk."}
    response = client.post(
        "/rooms", data=files, content_type="multipart/form-data"
    )
    assert response.status_code == 400


# -- Following Redirects ----------------------------------------------------


def test_a_login_redirects_to_a_page(client):
    form = {"username": "admin", "password": "secret"}
    response = client.post("/login", data=form)
    assert response.status_code == 303
    assert response.location == "/welcome"
    assert "<h1>Welcome</h1>" in client.get(response.location).text


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"username": "admin"},
        {"username": "admin", "password": "Secret"},
        {"username": "Admin", "password": "secret"},
        {"password": "secret"},
    ],
)
def test_a_wrong_login_is_an_error_for_the_script(client, form):
    response = client.post("/login", data=form)
    assert response.status_code == 401
    assert response.json == {"error": "Wrong username or password."}


# -- Replacing Content ------------------------------------------------------


def test_the_fact_is_a_fragment_and_another_one_each_time(client):
    facts = {client.get("/geology_fact").text for _ in range(2)}
    assert facts == {
        "<p>Obsidian holds &lt; 1 % water.</p>",
        "<p>Pumice is stone &amp; air.</p>",
    }


def test_the_page_includes_the_same_fragment(client):
    page = client.get("/").text
    assert re.search(r'id="geology-fact"[^>]*>\s*<p>(Obsidian|Pumice) ', page)


# -- Return JSON from Views -------------------------------------------------


def test_a_view_returns_an_object(client):
    response = client.get("/user/1")
    assert response.content_type == "application/json"
    assert response.json == {
        "id": 1,
        "username": "Ada",
        "email": "ada@example.org",
    }


def test_a_view_returns_a_list(client):
    users = client.get("/users").json
    assert users == [client.get(f"/user/{id}").json for id in USERS]


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("/user/99", "There is no user 99."),
        (f"/user/{2**70}", f"There is no user {2**70}."),
        ("/user/abc", ""),
        ("/user/-1", ""),
        (f"/user/{'9' * 5000}", ""),
    ],
)
def test_a_missing_user_is_a_json_error(client, path, sentence):
    response = client.get(path)
    assert response.status_code == 404
    assert response.content_type == "application/json"
    assert response.json["error"].startswith(sentence)


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("POST", "/users", {"GET", "HEAD", "OPTIONS"}),
        ("DELETE", "/user/1", {"GET", "HEAD", "OPTIONS", "POST"}),
        ("GET", "/rooms", {"OPTIONS", "POST"}),
        ("GET", "/login", {"OPTIONS", "POST"}),
    ],
)
def test_a_wrong_method_is_json_and_says_what_is_allowed(
    client, method, path, allowed
):
    response = client.open(path, method=method)
    assert response.status_code == 405
    assert set(response.allow) == allowed
    assert "error" in response.json


@pytest.mark.parametrize("path", ["/missing", "/static/missing.js"])
def test_a_page_answers_errors_as_a_page(client, path):
    response = client.get(path)
    assert response.status_code == 404
    assert response.mimetype == "text/html"
    assert client.post("/welcome").mimetype == "text/html"


def test_head_works_wherever_get_does(client):
    for path in ("/", "/users", "/user/1", "/geology_fact", "/welcome"):
        response = client.head(path)
        assert (response.status_code, response.data) == (200, b"")


# -- Receiving JSON in Views ------------------------------------------------


def test_a_user_is_changed_in_part(client):
    response = client.post("/user/1", json={"username": " Ада "})
    assert response.status_code == 200
    changed = {"id": 1, "username": "Ада", "email": "ada@example.org"}
    assert response.json == changed
    assert client.get("/user/1").json == changed


def test_a_user_is_changed_in_whole(client):
    user = {"username": "</script>", "email": "new@example.org"}
    assert client.post("/user/2", json=user).status_code == 200
    assert client.get("/user/2").json == {"id": 2, **user}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"{}",
        b"[]",
        b"null",
        b'"username"',
        b'[{"username": "Ada"}]',
        b"username=Ada",
        b'{"username": "\xff"}',
        b"[" * 100_000,
        b'{"username":' * 50_000,
        b"NaN",
        b"9" * 5000,
    ],
)
@pytest.mark.parametrize("terminated", [False, True])
def test_a_body_that_is_no_object_is_refused(client, body, terminated):
    response = post_json(
        client, body, environ_overrides={"wsgi.input_terminated": terminated}
    )
    assert response.status_code == 400
    assert "JSON object" in response.json["error"]


@pytest.mark.parametrize(
    "value",
    [
        '""',
        '" "',
        "1",
        "null",
        "true",
        "NaN",
        "-Infinity",
        "[]",
        "{}",
        r'"\ud800"',
        r'"\u0000"',
        f'"{"x" * 81}"',
    ],
)
@pytest.mark.parametrize("field", ["username", "email"])
def test_a_wrong_value_is_named_and_nothing_is_changed(client, field, value):
    other = "email" if field == "username" else "username"
    body = f'{{"{other}": "new", "{field}": {value}}}'
    response = post_json(client, body)
    assert response.status_code == 400
    assert response.json["error"].startswith(f"Send {field} as ")
    assert client.get("/user/1").json["username"] == "Ada"
    assert client.get("/user/1").json["email"] == "ada@example.org"


@pytest.mark.parametrize("field", ["id", "admin", "", r"\ud800", "x" * 5000])
def test_an_unknown_field_is_named_and_nothing_is_changed(client, field):
    response = post_json(client, f'{{"username": "new", "{field}": "x"}}')
    assert response.status_code == 400
    assert response.json["error"].startswith(f"There is no field '{field[:9]}")
    assert len(response.json["error"]) < 120
    assert client.get("/user/1").json["username"] == "Ada"


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", ""]
)
def test_another_content_type_is_refused(client, content_type):
    response = post_json(
        client, b'{"username": "Eve"}', content_type=content_type
    )
    assert response.status_code == 415
    assert "application/json" in response.json["error"]
    assert client.get("/user/1").json["username"] == "Ada"


def test_a_missing_user_cannot_be_changed(client):
    response = client.post("/user/99", json={"username": "Eve"})
    assert response.status_code == 404
    assert 99 not in USERS


@pytest.mark.parametrize("path", ["/user/1", "/rooms", "/login"])
def test_a_large_body_is_refused(client, path):
    body = b'{"username": "Eve"}'.ljust(1_000_001)
    response = client.post(path, data=body, content_type="application/json")
    assert response.status_code == 413
    assert "error" in response.json


@pytest.mark.parametrize(
    ("path", "content_type", "body"),
    [
        ("/user/1", "application/json", b'{"username": "Eve"}'),
        (
            "/rooms",
            "application/x-www-form-urlencoded",
            b"name=Eve&description=Eve&more=",
        ),
    ],
)
def test_a_chunked_body_is_not_cut_off_and_then_believed(
    client, path, content_type, body
):
    response = client.post(
        path,
        data=body.ljust(2_000_000),
        content_type=content_type,
        headers={"Transfer-Encoding": "chunked"},
        environ_overrides={"wsgi.input_terminated": True},
    )
    assert response.status_code == 413
    assert "error" in response.json
    assert client.get("/user/1").json["username"] == "Ada"
    assert ROOMS == {}


def test_a_chunked_body_is_read(client):
    response = post_json(
        client,
        b'{"username": "Eve"}',
        headers={"Transfer-Encoding": "chunked"},
        environ_overrides={"wsgi.input_terminated": True},
    )
    assert response.json["username"] == "Eve"


def test_a_refused_host_is_a_bad_request(client):
    response = client.get("/user/1", headers={"Host": "red..localhost"})
    assert response.status_code == 400
    assert "error" in response.json
