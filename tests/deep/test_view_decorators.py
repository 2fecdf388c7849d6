"""view_decorators: the login and its redirects, as Chromium takes them."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
import runner
from flask import Flask

KEY = "one for both workers"
FOREIGN = [
    "//evil.example",
    "////evil.example",
    "/\t/evil.example",
    "/\\evil.example",
    "http:evil.example",
    "https:evil.example",
    "http://evil.example/",
    "https://evil.example/",
    "javascript:document.title=1",
]
# Prints, for every accepted text of up to four of these characters, where
# the login would send the browser.
ACCEPTED = """
import itertools, json
from app import is_local
from flask import redirect

texts = (
    "".join(chars)
    for length in range(1, 5)
    for chars in itertools.product("/\\\\\\t\\n .:@?#e%", repeat=length)
)
accepted = filter(is_local, texts)
print(json.dumps([redirect(text).location for text in accepted]))
"""


@pytest.fixture(scope="module")
def server(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("view_decorators")
    log = folder / "log"
    folder = runner.copy(runner.SAMPLES["view_decorators"], folder)
    prefix = getattr(request, "param", "/pre")
    settings = {"prefix": prefix, "FLASK_SECRET_KEY": KEY}

    with runner.boot(folder, log=log, gunicorn=True, **settings) as server:
        yield server
        assert not server.complaints()


def signer():
    """Return what signs the sessions of the server under test."""
    app = Flask("signer")
    app.secret_key = KEY
    return app.session_interface.get_signing_serializer(app)


def log_in(page, guess=None):
    page.get_by_label("Username").fill("admin")
    page.get_by_label("Password").fill(guess or "secret")
    page.get_by_role("button", name="Log in").click()


@pytest.mark.parametrize("server", ["", "/pre"], indirect=True)
def test_a_person_is_led_to_the_login_and_back(server, page):
    page.goto(f"{server.url}/")
    page.get_by_role("link", name="The secret page").click()
    assert page.url.startswith(f"{server.url}/login?next=")

    log_in(page, "guess")
    assert page.url == f"{server.url}/login"
    assert "Wrong username" in page.get_by_role("alert").inner_text()

    log_in(page)
    assert page.url == f"{server.url}/secret_page?page=2"
    assert "Page 2, for admin alone." in page.inner_text("body")

    page.get_by_role("link", name="Back").click()
    assert page.url == f"{server.url}/"

    with page.expect_navigation():
        page.get_by_role("button", name="Log out").click()

    assert page.url == f"{server.url}/"
    page.goto(f"{server.url}/secret_page?q=%26%20%C3%A9&page=3")
    log_in(page)
    assert page.url == f"{server.url}/secret_page?q=%26%20%C3%A9&page=3"


def test_no_foreign_next_takes_a_browser_away(server, page):
    requests = []
    page.on("request", lambda request: requests.append(request.url))

    for url in FOREIGN:
        page.goto(f"{server.url}/login")
        page.evaluate(
            "(url) => document.querySelector('[name=next]').value = url", url
        )
        log_in(page)
        assert page.url == f"{server.url}/", url
        assert "You are admin" in page.inner_text("body")

    assert [url for url in requests if not url.startswith(server.url)] == []


def test_all_that_is_accepted_stays_on_this_host(server, page):
    folder = runner.SAMPLES["view_decorators"]
    done = runner.python("-c", ACCEPTED, cwd=folder)
    accepted = json.loads(done.stdout)
    assert len(accepted) > 500
    page.goto(f"{server.url}/login")
    away = """([urls, base]) => urls.filter(
        (url) => new URL(url, base).host != new URL(base).host)"""

    for base in (page.url, "https://localhost/pre/login"):
        assert page.evaluate(away, [accepted, base]) == []
        # The question is a good one: these do lead away.
        assert len(page.evaluate(away, [FOREIGN, base])) >= 8


def test_a_planted_session_does_not_become_a_login(server, page):
    planted = signer().dumps({"cart": "planted"})
    cookie = {"name": "session", "value": planted, "url": server.url}
    page.context.add_cookies([cookie])
    page.goto(f"{server.url}/secret_page")
    log_in(page)
    assert page.url == f"{server.url}/secret_page"
    [cookie] = page.context.cookies()
    assert signer().loads(cookie["value"]) == {"user": "admin"}
    assert cookie["httpOnly"]
    assert cookie["sameSite"] == "Lax"
    known = {"Cookie": f"session={planted}"}
    reply = runner.fetch(f"{server.url}/secret_page", headers=known)
    assert reply.status == 303


def test_a_form_on_another_site_cannot_log_out(server, page):
    page.goto(f"{server.url}/login")
    log_in(page)
    form = f'<form method="post" action="{server.url}/logout"><button>Go'
    page.route(
        "http://evil.example/**",
        lambda route: route.fulfill(body=form, content_type="text/html"),
    )
    page.goto("http://evil.example/")

    with page.expect_navigation():
        page.get_by_role("button", name="Go").click()

    assert page.url == f"{server.url}/login"
    page.goto(f"{server.url}/secret_page")
    assert "for admin alone" in page.inner_text("body")


def test_each_worker_keeps_one_answer_for_all_strangers(server):
    def ask(number):
        return runner.fetch(f"{server.url}/cached").json()["generated_at"]

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(ask, range(40)))
        times = set(pool.map(ask, range(40)))

    assert 1 <= len(times) <= 2
    mine = {"Cookie": f"session={signer().dumps({'user': 'admin'})}"}
    reply = runner.fetch(f"{server.url}/cached", headers=mine)
    assert reply.json()["generated_at"] not in times
