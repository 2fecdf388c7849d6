"""view_decorators: login and logout in Chromium, and inside a blueprint."""

import json
import re

import runner
from playwright.sync_api import expect

# Print the target for every `next` of up to four of these characters.
ACCEPTED = r"""
import itertools, json
from app import is_local
from flask import redirect

texts = map("".join, itertools.product(["", *"/\\\t\n .:@?#e%"], repeat=4))
print(json.dumps([redirect(it).location for it in texts if is_local(it)]))
"""
LEAVING = """urls => urls.filter(
    (url) => new URL(url, "https://localhost/login").host !== "localhost")"""

BLUEPRINT = """from flask import Blueprint

bp = Blueprint("demo", __name__, url_prefix="/demo")
"""


def log_in(page, word):
    page.get_by_label("Username").fill("admin")
    page.get_by_label("Password").fill(word)

    with page.expect_navigation():
        page.get_by_role("button", name="Log in").click()


def test_login_leads_back_to_the_page_and_logout_ends_it(start, served):
    start.get_by_role("link", name="The secret page").click()
    log_in(start, "guess")
    expect(start.get_by_role("alert")).to_contain_text("wrong")
    log_in(start, "secret")
    expect(start).to_have_url(f"{served.url}/secret_page?page=2")
    expect(start.locator("main")).to_contain_text("Only admin")
    start.get_by_role("link", name="Back").click()
    start.get_by_role("button", name="Log out").click()
    expect(start).to_have_url(f"{served.url}/")
    expect(start.locator("main")).to_contain_text("not logged in")


def test_browser_stays_on_this_host_for_all_that_is_local(fresh, page):
    accepted = json.loads(runner.python("-c", ACCEPTED, cwd=fresh).stdout)
    assert len(accepted) > 500
    foreign = ["//evil.example", "/\\evil.example", "/\t/evil.example"]
    # The foreign ones do leave, so the test can fail.
    assert page.evaluate(LEAVING, [*accepted, *foreign]) == foreign


def test_form_on_another_site_cannot_log_out(served, page, from_another_site):
    page.goto(f"{served.url}/login")
    log_in(page, "secret")
    from_another_site(f"{served.url}/logout")
    expect(page).to_have_url(f"{served.url}/")
    expect(page.locator("main")).to_contain_text("logged in as admin")


def test_blueprint_works_after_the_edits_of_the_readme(fresh, tmp_path, page):
    app, templates = fresh / "app.py", fresh / "templates"
    text = app.read_text(encoding="utf-8")
    text = text.replace("before_request", "before_app_request")
    text = re.sub(r"(?m)^(@?)app\.(?!config)", r"\1bp.", text)
    text = re.sub(r'(url_for|endpoint)\("', r'\1("demo.', text)
    text = text.replace("USERS =", f"{BLUEPRINT}USERS =")
    app.write_text(f"{text}\napp.register_blueprint(bp)\n", encoding="utf-8")

    for path in templates.iterdir():
        text = path.read_text(encoding="utf-8")
        text = text.replace("url_for('", "url_for('demo.")
        path.write_text(text, encoding="utf-8")

    (templates / "demo").mkdir()
    (templates / "values.html").rename(templates / "demo" / "values.html")

    with runner.boot(fresh, log=tmp_path / "log") as server:
        for path in ("", "cached", "templated", "endpoint"):
            assert page.goto(f"{server.url}/demo/{path}").status == 200

        page.goto(f"{server.url}/demo/secret_page?page=2")
        log_in(page, "secret")
        expect(page).to_have_url(f"{server.url}/demo/secret_page?page=2")
        expect(page.locator("main")).to_contain_text("Only admin")
