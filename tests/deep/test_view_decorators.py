"""View decorators in Chromium and on gunicorn, and inside a blueprint."""

import json
import re
from concurrent.futures import ThreadPoolExecutor

import pytest
import runner

ADMIN = {"username": "admin", "password": "secret"}
FOREIGN = [
    "//evil.example",
    "/\\evil.example",
    "/\t/evil.example",
    "http:evil.example",
    "https://evil.example/",
    "javascript:document.title=1",
]
# A view of a user, whose URLs need quotes.
FILES = """

@app.get("/files/<path:name>")
@login_required
def show_file(name):
    return [name, request.args.get("q")]
"""
# Print the target for every `next` of up to four of these characters.
ACCEPTED = r"""
import itertools, json
from app import is_local
from flask import redirect

texts = (
    "".join(chars)
    for length in range(1, 5)
    for chars in itertools.product("/\\\t\n .:@?#e%", repeat=length)
)
print(json.dumps([redirect(it).location for it in texts if is_local(it)]))
"""
FACTORY = """
from demo import bp
from flask import Flask


def create_app():
    app = Flask(__name__)
    app.config.from_prefixed_env()
    app.register_blueprint(bp)
    return app
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    to = tmp_path_factory.mktemp("view_decorators")
    folder = runner.copy(runner.SAMPLES["view_decorators"], to)

    with (folder / "app.py").open("a", encoding="utf-8") as app:
        app.write(FILES)

    with runner.boot(
        folder,
        log=to / "log",
        gunicorn=True,
        prefix="/pre",
        FLASK_SECRET_KEY="one for both workers",
    ) as server:
        yield server
        assert not server.complaints()


def log_in(page, password=ADMIN["password"]):
    page.get_by_label("Username").fill(ADMIN["username"])
    page.get_by_label("Password").fill(password)

    with page.expect_navigation():
        page.get_by_role("button", name="Log in").click()


def test_login_leads_back_to_the_page_and_logout_ends_it(server, page):
    page.goto(f"{server.url}/")
    page.get_by_role("link", name="The secret page").click()
    assert page.url.startswith(f"{server.url}/login?next=")

    log_in(page, "guess")
    assert page.url == f"{server.url}/login"
    assert "wrong" in page.get_by_role("alert").inner_text()

    log_in(page)
    assert page.url == f"{server.url}/secret_page?page=2"
    assert "page 2. Only admin" in page.inner_text("main")

    page.get_by_role("link", name="Back").click()

    with page.expect_navigation():
        page.get_by_role("button", name="Log out").click()

    assert page.url == f"{server.url}/"
    assert "not logged in" in page.inner_text("main")


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/files/c%23", ["c#", None]),
        ("/files/50%2525", ["50%25", None]),
        ("/files/a%20b?q=x%3Fy%26%2B", ["a b", "x?y&+"]),
        ("/files/what%3F?q=a\\b", ["what?", "a\\b"]),
        ("/files/%C3%A9?q=%C3%A9", ["é", "é"]),
    ],
)
def test_login_leads_back_to_a_url_with_its_quoting(server, page, path, shown):
    page.goto(server.url + path)
    log_in(page)
    assert json.loads(page.inner_text("body")) == shown


def test_browser_stays_on_this_host_for_all_that_is_accepted(server, page):
    folder = runner.SAMPLES["view_decorators"]
    done = runner.python("-c", ACCEPTED, cwd=folder)
    accepted = json.loads(done.stdout)
    assert len(accepted) > 500
    page.goto(f"{server.url}/login")
    leaving = """([urls, base]) => urls.filter(
        (url) => new URL(url, base).host != new URL(base).host)"""

    for base in (page.url, "https://localhost/pre/login"):
        assert page.evaluate(leaving, [accepted, base]) == []
        # These do leave, so the test can fail.
        assert len(page.evaluate(leaving, [FOREIGN, base])) >= 5


def test_form_on_another_site_cannot_log_out(server, page):
    page.goto(f"{server.url}/login")
    log_in(page)
    [cookie] = page.context.cookies()
    assert cookie["httpOnly"]
    assert cookie["sameSite"] == "Lax"

    form = f'<form method="post" action="{server.url}/logout"><button>Go'
    page.route(
        "http://evil.example/**",
        lambda route: route.fulfill(body=form, content_type="text/html"),
    )
    page.goto("http://evil.example/")

    with page.expect_navigation():
        page.get_by_role("button", name="Go").click()

    assert page.url == f"{server.url}/"
    page.goto(f"{server.url}/secret_page")
    assert "Only admin" in page.inner_text("main")


def test_each_worker_returns_one_report_to_all_visitors(server):
    def report(_):
        return runner.fetch(f"{server.url}/cached").json()["generated_at"]

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(report, range(40)))
        assert len(set(pool.map(report, range(40)))) <= 2


def test_views_work_in_a_blueprint_after_the_edits_of_the_readme(tmp_path):
    folder = runner.copy(runner.SAMPLES["view_decorators"], tmp_path)
    text = (folder / "app.py").read_text(encoding="utf-8")
    start = text.index("app = Flask(")
    end = text.index("USERS =")
    blueprint = 'bp = Blueprint("demo", __name__, url_prefix="/demo")\n\n'
    text = text[:start] + blueprint + text[end:]
    text = text.replace("    Flask,\n", "    Blueprint,\n")
    text = text.replace("@app.before_request", "@bp.before_app_request")
    text = re.sub(r"(?m)^(@?)app\.", r"\1bp.", text)
    text = re.sub(r'(url_for|@bp\.endpoint)\("', r'\1("demo.', text)
    (folder / "demo.py").write_text(text, encoding="utf-8")
    (folder / "app.py").write_text(FACTORY, encoding="utf-8")

    for path in (folder / "templates").iterdir():
        text = path.read_text(encoding="utf-8")
        text = text.replace("url_for('", "url_for('demo.")
        path.write_text(text, encoding="utf-8")

    (folder / "templates" / "demo").mkdir()
    values = folder / "templates" / "values.html"
    values.rename(folder / "templates" / "demo" / "values.html")

    with runner.boot(
        folder, log=tmp_path / "log", FLASK_SECRET_KEY="a key"
    ) as server:
        for path in ("/", "/login", "/cached", "/templated", "/endpoint"):
            assert runner.fetch(f"{server.url}/demo{path}").status == 200

        reply = runner.fetch(f"{server.url}/demo/secret_page?page=2")
        [back] = re.findall(
            r"^/demo/login\?next=(.+)", reply.headers["Location"]
        )
        form = ADMIN | {"next": back.replace("%3D", "=")}
        reply = runner.fetch(f"{server.url}/demo/login", form)
        assert reply.headers["Location"] == "/demo/secret_page?page=2"
        cookie = {"Cookie": reply.headers["Set-Cookie"].partition(";")[0]}
        url = server.url + reply.headers["Location"]
        assert "Only admin" in runner.fetch(url, headers=cookie).text
        assert not server.complaints()
