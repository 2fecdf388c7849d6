"""Method overrides on gunicorn and in Chromium: bodies, CSRF, and the page."""

import http.client
import json
from contextlib import closing

import pytest
import runner
from playwright.sync_api import expect

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
CSRF = """
from flask_wtf import CSRFProtect

app.secret_key = "for this test alone"
CSRFProtect(app)
"""


@pytest.fixture
def connection(tmp_path):
    """A connection that stays open, and so stays with one worker."""
    folder = runner.copy(runner.SAMPLES["method_overrides"], tmp_path)

    with (
        runner.boot(folder, log=tmp_path / "log", gunicorn=True) as server,
        closing(
            http.client.HTTPConnection(
                "127.0.0.1", server.port, timeout=runner.PATIENCE
            )
        ) as connection,
    ):
        yield connection
        assert not server.complaints()


def ask(connection, method, path, body=None, override=None, chunked=False):
    """Return (status, JSON or None)."""
    headers = FORM | ({"X-HTTP-Method-Override": override} if override else {})
    body = iter([body[:4], body[4:]]) if chunked else body
    connection.request(method, path, body, headers)
    response = connection.getresponse()
    text = response.read()
    is_json = response.headers["Content-Type"] == "application/json"
    return response.status, json.loads(text) if is_json else None


@pytest.mark.parametrize("chunked", [False, True])
def test_body_stays_readable_on_gunicorn(connection, chunked):
    _, note = ask(connection, "POST", "/notes", b"text=milk")
    path = f"/notes/{note['id']}"
    reply = ask(connection, "POST", path, b"text=tea", "PUT", chunked)
    assert reply == (200, note | {"text": "tea"})
    reply = ask(connection, "POST", path, b"text=tea", "DELETE", chunked)
    assert reply == (204, None)
    assert ask(connection, "GET", path)[0] == 404


def test_csrf_protection_checks_overridden_methods(tmp_path):
    folder = runner.copy(runner.SAMPLES["method_overrides"], tmp_path)

    with (folder / "app.py").open("a", encoding="utf-8") as app:
        app.write(CSRF)

    with runner.boot(folder, log=tmp_path / "log", gunicorn=True) as server:
        for override in ("PUT", "PATCH", "DELETE", "GET", "OPTIONS"):
            headers = {"X-HTTP-Method-Override": override}
            url = f"{server.url}/notes/1"
            reply = runner.fetch(url, {"text": "tea"}, headers=headers)
            # A POST isn't allowed here at all.
            assert reply.status in (400, 405), override


def test_person_adds_changes_and_deletes_a_note(page, tmp_path):
    folder = runner.copy(runner.SAMPLES["method_overrides"], tmp_path)

    # `flask run` has one process, and so one dict of notes.
    with runner.boot(folder, log=tmp_path / "log") as server:
        page.goto(server.url)
        page.get_by_label("New note").fill("<b>milk")
        page.get_by_role("button", name="POST").click()
        text = page.get_by_label("Text of note 1")
        expect(text).to_have_value("<b>milk")

        for method in ("PUT", "PATCH"):
            text.fill(f"by {method}")

            with page.expect_navigation():
                page.get_by_role("button", name=method).click()

            expect(text).to_have_value(f"by {method}")

        page.evaluate("document.forms[1].noValidate = true")
        text.fill("")
        page.get_by_role("button", name="PUT").click()
        alert = page.get_by_role("alert")
        expect(alert).to_have_text("The server responded with 400.")
        page.get_by_role("button", name="DELETE").click()
        expect(text).to_have_count(0)
