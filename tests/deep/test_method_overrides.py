"""method_overrides: bodies on gunicorn, CSRF protection, and the page."""

import pytest
import runner
from playwright.sync_api import expect

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
CSRF = """
from flask_wtf import CSRFProtect

app.secret_key = "for this test alone"
CSRFProtect(app)
"""


def override(url, method, body=b"text=tea"):
    headers = FORM | {"X-HTTP-Method-Override": method}
    return runner.fetch(url, body=body, headers=headers)


# http.client sends a list in chunks.
@pytest.mark.parametrize("body", [b"text=tea", [b"te", b"xt=tea"]])
def test_body_stays_readable_on_gunicorn(fresh, tmp_path, body):
    with runner.boot(
        fresh, log=tmp_path / "log", gunicorn=True, workers=1
    ) as server:
        note = runner.fetch(f"{server.url}/notes", {"text": "milk"}).json()
        url = f"{server.url}/notes/{note['id']}"
        assert override(url, "PUT", body).json() == note | {"text": "tea"}
        assert override(url, "DELETE", body).status == 204
        assert runner.fetch(url).status == 404


def test_csrf_protection_checks_overridden_methods(fresh, tmp_path):
    """As the README says under *Before production*."""
    with (fresh / "app.py").open("a", encoding="utf-8") as app:
        app.write(CSRF)

    with runner.boot(fresh, log=tmp_path / "log") as server:
        for method in ("PUT", "PATCH", "DELETE"):
            reply = override(f"{server.url}/notes/1", method)
            assert reply.status == 400
            assert "CSRF" in reply.text


def test_person_adds_changes_and_deletes_a_note(fresh, tmp_path, page):
    # `flask run` has one process, and so one dict of notes.
    with runner.boot(fresh, log=tmp_path / "log") as server:
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

        # Let the server check what the browser would check itself.
        page.evaluate("document.forms[1].noValidate = true")
        text.fill("")
        page.get_by_role("button", name="PUT").click()
        expect(page.get_by_role("alert")).to_contain_text("400")
        page.get_by_role("button", name="DELETE").click()
        expect(text).to_have_count(0)
