import importlib
import runpy
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from types import SimpleNamespace

import pytest
from app import app
from flask.cli import routes_command
from markupsafe import escape

OTHER_VIEWS = """
from flask.views import MethodView

async def index():
    return "from an async view"

class user(MethodView):
    def get(self, username="nobody"):
        return f"{username} read"

    async def post(self, username="nobody"):
        return f"{username} written", 201
"""
COUNTING_VIEWS = """
import log

log.loaded.append(__name__)

def index():
    return "ok"

def user(username=None):
    return "ok"
"""


@pytest.fixture
def start(monkeypatch):
    """Return a function that starts the sample anew, with no view loaded.

    What it returns has the names of `app.py`.
    """

    def start_anew():
        sys.modules.pop("views", None)
        file = Path(app.root_path) / "app.py"
        return SimpleNamespace(**runpy.run_path(str(file), run_name="app"))

    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    yield start_anew
    sys.modules.pop("views", None)


@pytest.fixture
def client(start):
    return start().app.test_client()


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Return a function that writes a module, found before the sample's."""

    def write_module(text, name="views"):
        (tmp_path / f"{name}.py").write_text(text)
        importlib.invalidate_caches()

    monkeypatch.syspath_prepend(tmp_path)
    return write_module


def check(sample):
    """Run `flask check-views`; return its exit code and what it printed."""
    result = sample.app.test_cli_runner().invoke(args=["check-views"])
    return result.exit_code, result.output


# -- Converting to Centralized URL Map --------------------------------------


def test_the_map_holds_every_url_and_view(start):
    rules = start().app.url_map.iter_rules()
    assert {(rule.rule, rule.endpoint) for rule in rules} >= {
        ("/", "views.index"),
        ("/user/", "views.user"),
        ("/user/<username>", "views.user"),
        ("/status", "status"),
    }


def test_the_start_page_links_to_everything(client):
    page = client.get("/").text
    assert "<h1>Lazily Loading Views</h1>" in page

    for path in ("/", "/user/", "/user/ada", "/status"):
        assert f'href="{path}"' in page
        assert client.get(path).status_code == 200
        assert client.head(path).status_code == 200


def test_one_view_answers_at_two_urls(client):
    assert "Hello, stranger!" in client.get("/user/").text
    assert "Hello, grace!" in client.get("/user/grace").text
    assert client.get("/user").location.endswith("/user/")


@pytest.mark.parametrize("name", ["<img src=x>", "日本語", "\0", "x" * 9999])
def test_any_name_in_the_url_is_shown_and_escaped(client, name):
    response = client.get(f"/user/{name}")
    assert response.status_code == 200
    assert f"Hello, {escape(name)}!" in response.text


def test_a_wrong_method_is_refused_and_loads_no_view(client):
    response = client.post("/user/ada")
    assert response.status_code == 405
    assert set(response.allow) == {"GET", "HEAD", "OPTIONS"}
    assert client.get("/status").json == {"loaded": []}


def test_links_stay_below_a_prefix(client):
    page = client.get("/", base_url="http://localhost/pre").text
    assert 'href="/pre/user/ada"' in page
    assert 'href="/pre/status"' in page


def test_a_refused_host_is_a_bad_request(client):
    response = client.get("/", headers={"Host": "red..localhost"})
    assert response.status_code == 400


# -- Loading Late -----------------------------------------------------------


def test_a_view_module_is_loaded_by_the_first_request_for_it(client):
    assert "views" not in sys.modules
    assert client.get("/status").json == {"loaded": []}
    assert client.get("/missing").status_code == 404
    assert client.get("/status").json == {"loaded": []}
    client.get("/user/")
    assert client.get("/status").json == {"loaded": ["views"]}


def test_listing_the_routes_loads_no_view(start):
    runner = start().app.test_cli_runner()
    result = runner.invoke(routes_command)
    assert "/user/<username>" in result.output
    assert "views" not in sys.modules


def test_concurrent_first_requests_load_a_module_once(
    start, write, monkeypatch
):
    loaded = []
    monkeypatch.setitem(sys.modules, "log", SimpleNamespace(loaded=loaded))
    write(COUNTING_VIEWS)
    app = start().app
    together = Barrier(16)

    def visit(number):
        together.wait(10)
        return app.test_client().get("/user/" if number % 2 else "/").text

    with ThreadPoolExecutor(16) as pool:
        assert set(pool.map(visit, range(16))) == {"ok"}

    assert loaded == ["views"]


def test_a_view_is_found_once(client, write):
    write("def index(): return 'first'")
    assert client.get("/").text == "first"
    sys.modules["views"].index = None
    assert client.get("/").text == "first"


def test_two_modules_may_name_a_view_alike(start, write):
    write("def index(): return 'the other index'", name="other_views")
    sample = start()
    sample.url("other_views.index", ["/other"])
    client = sample.app.test_client()
    assert client.get("/other").text == "the other index"
    assert "Hello, world!" in client.get("/").text
    assert client.get("/status").json == {"loaded": ["other_views", "views"]}


def test_a_view_may_be_async(client, write):
    write(OTHER_VIEWS)
    assert client.get("/").text == "from an async view"


def test_a_view_may_be_a_class(client, write):
    write(OTHER_VIEWS)
    assert client.get("/user/").text == "nobody read"
    assert client.get("/user/ada").text == "ada read"


def test_the_map_names_the_methods(start, write):
    write(OTHER_VIEWS)
    sample = start()
    sample.url("views.user", ["/people"], endpoint="people", methods=["POST"])
    client = sample.app.test_client()
    assert client.post("/people").text == "nobody written"
    assert client.get("/people").status_code == 405


def test_a_mended_module_works_at_the_next_request(client, write):
    for broken in ("def index(", "import a_missing_module", "1 / 0"):
        write(broken)
        assert client.get("/").status_code == 500
        assert client.get("/status").json == {"loaded": []}

    write("def index(): return 'mended'")
    assert client.get("/").text == "mended"


def test_every_view_of_the_map_is_there(start):
    assert check(start()) == (0, "")
    assert "views" in sys.modules


@pytest.mark.parametrize(
    ("views", "reason"),
    [
        ("def index(): ...", "module 'views' has no attribute 'user'"),
        ("def index(): ...\nuser = 'x'", "it cannot be called"),
        ("def index(): ...\nclass user: ...", "type object 'user' has no"),
        ("import a_missing_module", "No module named 'a_missing_module'"),
    ],
)
def test_a_view_that_is_not_there_is_named(start, write, views, reason):
    write(views)
    code, output = check(start())
    assert code == 1
    assert f"views.user: {reason}" in output


def test_all_views_that_are_not_there_are_named_at_once(start, write):
    write("")
    code, output = check(start())
    assert code == 1
    assert output.count("\n") == 2
    assert "views.index: " in output
    assert "views.user: " in output
