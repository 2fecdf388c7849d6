import pytest
from app import HTTPMethodOverrideMiddleware, app, notes
from werkzeug.test import create_environ
from werkzeug.wrappers import Request


@pytest.fixture
def client():
    notes.clear()
    return app.test_client()


@pytest.fixture
def note(client):
    return client.post("/notes", data={"text": "milk"}).json


def override(client, note, method, text="tea"):
    headers = {"X-HTTP-Method-Override": method}
    form = {"text": text}
    return client.post(f"/notes/{note['id']}", data=form, headers=headers)


def through_middleware(method, header, **environ):
    """Return what the application behind the middleware finds in environ."""
    environ["REQUEST_METHOD"] = method
    environ["HTTP_X_HTTP_METHOD_OVERRIDE"] = header
    middleware = HTTPMethodOverrideMiddleware(lambda environ, _: environ)
    return middleware(environ, None)


# -- Adding HTTP Method Overrides -------------------------------------------


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "delete"])
def test_middleware_replaces_the_method_of_a_post(method):
    environ = through_middleware("POST", method)
    assert environ["REQUEST_METHOD"] == method.upper()


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT"])
def test_middleware_leaves_any_other_method_alone(method):
    environ = through_middleware(method, "DELETE")
    assert environ["REQUEST_METHOD"] == method


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "FOO", ""])
def test_middleware_leaves_a_post_when_the_override_is_not_allowed(method):
    environ = through_middleware("POST", method)
    assert environ["REQUEST_METHOD"] == "POST"


def test_middleware_keeps_the_body_of_a_delete():
    post = create_environ(method="POST", data=b"reason")
    environ = through_middleware("POST", "DELETE", **post)
    assert Request(environ).get_data() == b"reason"


def test_note_is_created_and_shown_at_its_location(client):
    response = client.post("/notes", data={"text": "milk"})
    assert response.status_code == 201
    assert response.json["text"] == "milk"
    assert client.get(response.location).json == response.json
    assert 'value="milk"' in client.get("/").text


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_override_changes_a_note(client, note, method):
    response = override(client, note, method)
    assert response.json == {"id": note["id"], "text": "tea"}
    assert client.get(f"/notes/{note['id']}").json == response.json


def test_override_deletes_a_note(client, note):
    other = client.post("/notes", data={"text": "tea"}).json
    assert override(client, note, "DELETE").status_code == 204
    assert client.get(f"/notes/{note['id']}").status_code == 404
    assert client.get(f"/notes/{other['id']}").json == other


def test_override_returns_404_when_the_note_is_gone(client, note):
    override(client, note, "DELETE")
    assert override(client, note, "DELETE").status_code == 404
    assert override(client, note, "PUT").status_code == 404


def test_post_without_an_override_is_not_allowed_on_a_note(client, note):
    assert client.post(f"/notes/{note['id']}").status_code == 405


@pytest.mark.parametrize("text", ["", "x" * 201])
def test_text_of_the_wrong_length_is_rejected(client, note, text):
    response = client.post("/notes", data={"text": text})
    assert response.status_code == 400
    assert override(client, note, "PUT", text).status_code == 400
    assert list(notes.values()) == [note]
