from concurrent.futures import ThreadPoolExecutor
from io import BytesIO

import pytest
from app import app, notes
from flask import request

OVERRIDE = "X-HTTP-Method-Override"


@pytest.fixture(params=[False, True], ids=["flask run", "gunicorn"])
def client(request):
    notes.clear()
    client = app.test_client()

    if request.param:
        client.environ_base["wsgi.input_terminated"] = True

    return client


@pytest.fixture
def note(client):
    """The path of a note that says milk."""
    return client.post("/notes", data={"text": "milk"}).location


def override(client, path, method, text=None, **kwargs):
    """Send a POST that is to be another method."""
    data = None if text is None else {"text": text}
    headers = {OVERRIDE: method}
    return client.post(path, data=data, headers=headers, **kwargs)


# -- Adding HTTP Method Overrides -------------------------------------------


@pytest.mark.parametrize("method", ["PUT", "PATCH", "put", "Patch"])
def test_a_post_becomes_put_or_patch_with_its_body(client, note, method):
    response = override(client, note, method, "tea")
    assert response.status_code == 200
    assert response.json["text"] == "tea"
    assert client.get(note).json == response.json


@pytest.mark.parametrize("method", ["DELETE", "delete"])
def test_a_post_becomes_delete(client, note, method):
    response = override(client, note, method)
    assert response.status_code == 204
    assert response.data == b""
    assert client.get(note).status_code == 404


def test_the_body_of_a_delete_stays_readable(client, note):
    with client:
        override(client, note, "DELETE", "why not")
        assert request.method == "DELETE"
        assert request.form["text"] == "why not"


def test_the_method_that_was_sent_is_kept(client, note):
    key = "method_override.original_method"

    with client:
        override(client, note, "patch", "tea")
        assert request.environ["REQUEST_METHOD"] == "PATCH"
        assert request.environ[key] == "POST"

    with client:
        client.patch(note, data={"text": "tea"})
        assert key not in request.environ


@pytest.mark.parametrize(
    "value",
    [
        "GET",
        "HEAD",
        "POST",
        "OPTIONS",
        "TRACE",
        "CONNECT",
        "",
        "PUTT",
        " PUT ",
        "DELETE\t",
        "PUT, DELETE",
        "P\xdcT",
    ],
)
def test_any_other_override_of_a_post_is_refused(client, note, value):
    for path in (note, "/notes", "/", "/missing"):
        response = override(client, path, value, "tea")
        assert response.status_code == 400
        assert response.json == {
            "error": "An override can be PUT, PATCH or DELETE."
        }

    assert [kept["text"] for kept in notes.values()] == ["milk"]


def test_two_overrides_are_refused(client, note):
    headers = [(OVERRIDE, "PUT"), (OVERRIDE, "DELETE")]
    assert client.post(note, headers=headers).status_code == 400


@pytest.mark.parametrize("value", ["DELETE", "PUT", "POST", "GET", "nonsense"])
def test_an_override_does_nothing_on_any_other_method(client, note, value):
    headers = {OVERRIDE: value}
    plain = client.get(note)
    response = client.get(note, headers=headers)
    assert response.data == plain.data
    assert response.headers == plain.headers
    response = client.head(note, headers=headers)
    assert (response.status_code, response.data) == (200, b"")
    assert "PUT" in client.options(note, headers=headers).allow
    assert client.get("/missing", headers=headers).status_code == 404
    response = client.put(note, headers=headers, data={"text": "tea"})
    assert response.json["text"] == "tea"
    assert client.delete(note, headers=headers).status_code == 204


def test_a_link_and_a_form_of_another_site_cannot_override(client, note):
    client.get(f"{note}?_method=DELETE")
    response = client.post(f"{note}?_method=DELETE", data={"_method": "PUT"})
    assert response.status_code == 405
    # Their scripts may only set the header if this says so.
    response = client.options(note, headers={"Origin": "http://evil.test"})
    assert "Access-Control-Allow-Headers" not in response.headers
    assert client.get(note).json["text"] == "milk"


def test_the_methods_themselves_work_too(client, note):
    assert client.put(note, data={"text": "tea"}).json["text"] == "tea"
    assert client.patch(note, data={"text": "oil"}).json["text"] == "oil"
    assert client.get(note).json["text"] == "oil"
    assert client.head(note).status_code == 200
    assert client.delete(note).status_code == 204
    assert client.delete(note).status_code == 404


def test_a_new_note_says_where_it_is(client):
    response = client.post("/notes", data={"text": "milk"})
    assert response.status_code == 201
    assert set(response.json) == {"id", "text"}
    assert response.location == f"/notes/{response.json['id']}"
    assert client.get(response.location).json == response.json


@pytest.mark.parametrize("text", ["m", "日" * 200, "\0", "<b>", "a\r\nb"])
def test_a_text_of_1_to_200_characters_is_taken(client, note, text):
    assert client.post("/notes", data={"text": text}).json["text"] == text
    assert override(client, note, "PUT", text).json["text"] == text


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"data": {"text": ""}},
        {"data": {"text": "x" * 201}},
        {"data": {"txet": "milk"}},
        {"query_string": {"text": "milk"}},
        {"json": {"text": "milk"}},
        {"data": "text=milk"},
        {"data": b"--x", "content_type": "multipart/form-data; boundary=x"},
    ],
)
def test_any_other_text_is_refused_and_changes_nothing(client, note, body):
    for method, path in (("POST", "/notes"), ("PUT", note), ("PATCH", note)):
        response = client.open(path, method=method, **body)
        assert response.status_code == 400
        assert "1 to 200 characters" in response.json["error"]

    assert [kept["text"] for kept in notes.values()] == ["milk"]


@pytest.mark.parametrize("number", ["999", "0", "9" * 19, "9" * 5000, "-1"])
def test_a_note_that_is_not_there_is_404_whatever_the_method(client, number):
    for method in ("GET", "PUT", "PATCH", "DELETE"):
        response = client.open(f"/notes/{number}", method=method)
        assert response.status_code == 404
        assert "error" in response.json

    for method in ("PUT", "PATCH", "DELETE"):
        response = override(client, f"/notes/{number}", method, "tea")
        assert response.status_code == 404


def test_a_method_that_is_not_there_says_which_ones_are(client, note):
    response = override(client, "/notes", "DELETE")
    assert response.status_code == 405
    assert set(response.allow) == {"POST", "OPTIONS"}
    assert "error" in response.json
    response = client.post(note)
    assert response.status_code == 405
    assert {"PUT", "PATCH", "DELETE"} <= set(response.allow)


def test_a_body_as_large_as_the_limit_is_read(client, note):
    data = "text=tea&more=".ljust(1_000_000, "x")
    form = "application/x-www-form-urlencoded"
    response = client.put(note, data=data, content_type=form)
    assert response.json["text"] == "tea"


def test_a_larger_body_is_refused(client, note):
    data = {"text": "tea", "more": "x" * 1_000_000}
    assert client.post("/notes", data=data).status_code == 413
    headers = {OVERRIDE: "PUT"}
    assert client.post(note, data=data, headers=headers).status_code == 413
    assert [kept["text"] for kept in notes.values()] == ["milk"]


@pytest.mark.parametrize(
    ("environ", "code"),
    [
        # A chunked body that goes on behind the limit.
        ({"CONTENT_LENGTH": "", "HTTP_TRANSFER_ENCODING": "chunked"}, 413),
        # A client that went away in the middle.
        ({"CONTENT_LENGTH": "999999"}, 400),
    ],
)
def test_half_a_body_changes_nothing(note, environ, code):
    size = 1_000_001 if code == 413 else 90
    environ |= {"wsgi.input_terminated": True}
    response = app.test_client().post(
        note,
        data="text=tea&more=".ljust(size, "x"),
        content_type="application/x-www-form-urlencoded",
        headers={OVERRIDE: "PUT"},
        environ_overrides=environ,
    )
    assert response.status_code == code
    assert [kept["text"] for kept in notes.values()] == ["milk"]


@pytest.mark.parametrize(
    ("path", "headers", "code"),
    [
        ("/notes/999", {OVERRIDE: "PUT"}, 404),
        ("/notes", {OVERRIDE: "PUT"}, 405),
        ("/notes", {OVERRIDE: "GET"}, 400),
        ("/missing", {}, 404),
        ("/", {}, 405),
    ],
)
def test_a_refusal_leaves_no_body_on_the_connection(path, headers, code):
    body = BytesIO(b"x" * 100_000)
    response = app.test_client().post(
        path,
        headers=headers,
        environ_overrides={
            "wsgi.input": body,
            "wsgi.input_terminated": True,
            "CONTENT_LENGTH": "100000",
        },
    )
    assert response.status_code == code
    assert body.read() == b""


def test_a_larger_body_is_refused_whatever_the_override(client):
    data = "x" * 1_000_001
    response = client.post("/notes", data=data, headers={OVERRIDE: "GET"})
    assert response.status_code == 413


def test_a_change_does_not_bring_back_a_deleted_note(
    client, note, monkeypatch
):
    def delete_meanwhile():
        notes.clear()
        return "tea"

    monkeypatch.setattr("app.sent_text", delete_meanwhile)
    client.put(note)
    assert notes == {}


def test_concurrent_posts_get_numbers_of_their_own(client):
    def post(number):
        return app.test_client().post("/notes", data={"text": str(number)})

    with ThreadPoolExecutor(8) as pool:
        added = [response.json for response in pool.map(post, range(200))]

    assert [note["text"] for note in added] == [*map(str, range(200))]
    assert {note["id"] for note in added} == set(notes)
    assert len(notes) == 200


def test_the_start_page_shows_the_notes_escaped(client):
    client.post("/notes", data={"text": '<b>"milk"</b>'})
    page = client.get("/").text
    assert "<h1>Adding HTTP Method Overrides</h1>" in page
    assert "&lt;b&gt;&#34;milk&#34;&lt;/b&gt;" in page


def test_links_stay_below_a_prefix(client):
    base = "http://localhost/pre"
    note = client.post("/notes", data={"text": "milk"}, base_url=base)
    assert note.location.startswith("/pre/notes/")
    page = client.get("/", base_url=base).text
    assert 'action="/pre/notes"' in page
    assert f'action="{note.location}"' in page


def test_a_refused_host_is_a_bad_request(client):
    response = client.get("/", headers={"Host": "red..localhost"})
    assert response.status_code == 400
