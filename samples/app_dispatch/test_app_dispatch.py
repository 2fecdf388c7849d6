import re
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Event, Semaphore

import app as sample
import pytest
from app import SubdomainDispatcher, app
from flask import Flask, url_for
from werkzeug.test import create_environ, run_wsgi_app

# How each app is reached: (host, path, what its page says).
PLACES = {
    "main": ("localhost", "/", "the main site"),
    "backend": ("localhost", "/backend/", "the backend"),
    "red path": ("localhost", "/red/", "tenant red, reached by path"),
    "red host": ("red.localhost", "/", "tenant red, reached by subdomain"),
    "blue path": ("localhost", "/blue/", "tenant blue, reached by path"),
    "blue host": ("blue.localhost", "/", "tenant blue, reached by subdomain"),
}
PATHS = ["/", "/missing", "/red/", "/backend/", "/static/x"]


@pytest.fixture(autouse=True)
def no_tenants(monkeypatch):
    monkeypatch.setattr(sample, "apps", {})


@pytest.fixture
def client():
    return app.test_client()


def ask(host, path="/", method="GET", **environ):
    """Answer one request without cookies. No host, no `Host` header."""
    environ = create_environ(method=method, environ_overrides=environ)
    # As a server gives it. The test client would tidy it up.
    environ["PATH_INFO"] = path
    del environ["HTTP_HOST"]
    if host is not None:
        environ["HTTP_HOST"] = host
    body, status, headers = run_wsgi_app(app, environ)
    return int(status[:3]), b"".join(body).decode(), headers


def visits(page):
    """Return the first number in the text that a person sees."""
    text = re.sub(r"<style>.*?</style>|<[^>]+>", "", page)
    return int(re.search(r"\d+", text)[0])


# -- Working with this Document ---------------------------------------------


def test_the_app_is_still_a_flask_app():
    assert isinstance(app, Flask)
    with app.test_request_context():
        assert url_for("index") == "/"


@pytest.mark.parametrize("prefix", ["", "/pre"])
@pytest.mark.parametrize("host", ["localhost:8000", "127.0.0.1:8000", "[::1]"])
def test_the_main_site_links_to_all_others(client, host, prefix):
    page = client.get("/", base_url=f"http://{host}{prefix}").text
    links = re.findall(r'href="(.*?)"', page)
    port = ":8000" if ":8000" in host else ""
    assert links == [
        f"{prefix}/backend/",
        f"{prefix}/red/",
        f"{prefix}/blue/",
        f"http://red.localhost{port}{prefix}/",
        f"http://blue.localhost{port}{prefix}/",
    ]


@pytest.mark.parametrize("prefix", ["", "/pre"])
@pytest.mark.parametrize("place", PLACES)
def test_each_app_counts_visits_in_a_session_of_its_own(client, place, prefix):
    for host, path, _ in PLACES.values():
        client.get(path, base_url=f"http://{host}{prefix}")

    host, path, text = PLACES[place]
    response = client.get(path, base_url=f"http://{host}{prefix}")
    assert response.status_code == 200
    assert text in response.text
    assert visits(response.text) == 2


@pytest.mark.parametrize("prefix", ["", "/pre"])
@pytest.mark.parametrize("place", PLACES)
def test_each_cookie_has_its_own_name_and_path(client, place, prefix):
    host, path, text = PLACES[place]
    response = client.get(path, base_url=f"http://{host}{prefix}")
    [cookie] = response.headers.getlist("Set-Cookie")
    name = text.removeprefix("the ").split(",")[0].split(" site")[0]
    assert cookie.startswith(f"session-{name.replace(' ', '-')}=")
    path = f"{prefix}{path}".rstrip("/") or "/"
    assert cookie.endswith(f"; HttpOnly; Path={path}; SameSite=Lax")


@pytest.mark.parametrize("owner", ["/", "/backend/", "/red/", "/blue/"])
def test_a_cookie_is_worthless_at_another_app(owner):
    cookie = app.test_client().get(owner).headers["Set-Cookie"]
    value = cookie.split(";")[0].split("=")[1]

    for path in ("/", "/backend/", "/red/", "/blue/"):
        client = app.test_client()
        cookie = client.get(path).headers["Set-Cookie"]
        name = cookie.split("=")[0]
        client.set_cookie(name, value, path=path.rstrip("/") or "/")
        count = visits(client.get(path).text)
        # At its own app it counts, so it was well copied.
        assert count == (2 if path == owner else 1)


def test_a_cookie_of_a_tenant_is_good_on_either_way(client):
    cookie = client.get("/red/").headers["Set-Cookie"]
    name, value = cookie.split(";")[0].split("=")
    client.set_cookie(name, value, domain="red.localhost")
    page = client.get("/", base_url="http://red.localhost").text
    assert visits(page) == 2


def test_a_forged_cookie_is_worthless(client):
    client.set_cookie("session-main", "eyJ2aXNpdHMiOjQxfQ.aaaaaa.bbbbbb")
    assert visits(client.get("/").text) == 1


# -- Combining Applications -------------------------------------------------


def test_the_backend_is_an_app_below_a_path():
    status, page, _ = ask("localhost", "/backend/")
    assert status == 200
    assert "This is the backend." in page


@pytest.mark.parametrize("name", ["backend", "red", "blue"])
def test_a_missing_slash_is_added(name):
    status, _, headers = ask("localhost", f"/{name}", SCRIPT_NAME="/pre")
    assert status == 308
    assert headers["Location"] == f"http://localhost/pre/{name}/"


@pytest.mark.parametrize("host", ["localhost", "red.localhost"])
@pytest.mark.parametrize("path", ["/", "/backend/", "/red/"])
def test_a_wrong_method_is_no_server_error(host, path):
    status, _, headers = ask(host, path, "POST")
    if status == 405:
        assert set(headers["Allow"].split(", ")) == {"GET", "HEAD", "OPTIONS"}
    else:
        assert (status, host) == (404, "red.localhost")


# -- Dispatch by Subdomain --------------------------------------------------


@pytest.mark.parametrize(
    "host",
    [
        "red.localhost",
        "red.localhost:8000",
        "RED.LocalHost",
        "red.localhost.",
        "Red.Localhost.:8000",
    ],
)
def test_a_host_below_the_domain_is_a_tenant(host):
    status, page, _ = ask(host)
    assert status == 200
    assert "tenant red, reached by subdomain" in page


@pytest.mark.parametrize(
    "host",
    [
        None,
        "",
        "localhost",
        "LOCALHOST:8000",
        "localhost.",
        "127.0.0.1",
        "127.0.0.1:8000",
        "[::1]",
        "[::1]:8000",
        "[red.localhost]",
        "redlocalhost",
        "red-localhost",
        "localhost.red",
        "red.localhost.example.com",
        "example.com",
        "red",
        "red.localhost evil",
    ],
)
def test_any_other_host_is_the_main_site(host):
    for path, text in (
        ("/", "the main site"),
        ("/backend/", "the backend"),
        ("/red/", "tenant red, reached by path"),
    ):
        status, page, _ = ask(host, path, SERVER_NAME="blue.localhost")
        assert status == 200
        assert text in page


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "host",
    [
        "green.localhost",
        "GREEN.localhost.:8000",
        "a.red.localhost",
        "red.red.localhost",
        "localhost.localhost",
        "backend.localhost",
        "re_d.localhost",
        "xn--red.localhost",
        "<script>.localhost",
    ],
)
def test_an_unknown_subdomain_is_not_found_on_every_path(host, path):
    for method in ("GET", "POST", "OPTIONS"):
        status, page, headers = ask(host, path, method)
        assert status == 404
        assert "<script>" not in page
        assert "Set-Cookie" not in headers


def test_a_subdomain_goes_before_a_path():
    for path in ("/blue/", "/red/", "/backend/"):
        assert ask("red.localhost", path)[0] == 404


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "host", ["red..localhost", "red.localhost..", ".localhost", "a..b"]
)
def test_a_refused_host_is_a_bad_request(host, path):
    assert ask(host, path)[0] == 400


def test_the_domain_is_a_setting_in_any_case():
    served = []
    dispatch = SubdomainDispatcher(lambda *_: served.append("main"), "Ex.com")
    for host in ("ex.com", "redex.com", "red.localhost"):
        dispatch({"HTTP_HOST": host}, None)
    assert served == ["main"] * 3
    page, status, _ = run_wsgi_app(
        dispatch, create_environ(base_url="http://red.EX.com")
    )
    assert status == "200 OK"
    assert b"tenant red" in b"".join(page)


def test_a_tenant_is_one_app_however_it_is_reached():
    ask("red.localhost")
    first = sample.apps["red"]
    ask("localhost", "/red/")
    assert sample.apps == {"red": first}


class WatchedLock:
    """A lock that tells how many have come to it."""

    def __init__(self, lock):
        self.lock = lock
        self.arrivals = Semaphore(0)

    def __enter__(self):
        self.arrivals.release()
        self.lock.acquire()

    def __exit__(self, *error):
        self.lock.release()


def test_fifty_first_requests_make_one_app_and_another_answers_meanwhile(
    monkeypatch,
):
    made = []
    making, go_on = Event(), Event()
    lock = WatchedLock(sample.locks["red"])
    create_app = sample.create_app

    def slow_create_app(tenant):
        made.append(tenant)
        if tenant == "red":
            making.set()
            assert go_on.wait(10)
        return create_app(tenant)

    def visit(number):
        if number % 2:
            return ask("localhost", "/red/")
        return ask("red.localhost")

    monkeypatch.setattr(sample, "create_app", slow_create_app)
    monkeypatch.setitem(sample.locks, "red", lock)

    with ThreadPoolExecutor(50) as threads:
        visitors = [threads.submit(visit, number) for number in range(50)]
        try:
            assert making.wait(10)
            for _ in visitors:
                assert lock.arrivals.acquire(timeout=10)
            # All fifty are here, red is being made, and the others answer.
            assert ask("blue.localhost")[0] == 200
            assert ask("localhost", "/blue/")[0] == 200
            assert ask("localhost", "/backend/")[0] == 200
            assert not any(visitor.done() for visitor in visitors)
        finally:
            go_on.set()

    assert [visitor.result()[0] for visitor in visitors] == [200] * 50
    assert made == ["red", "blue"]


def test_an_app_that_could_not_be_made_is_tried_again(monkeypatch):
    create_app = sample.create_app

    def fail(tenant):
        raise RuntimeError(tenant)

    for host, path in (("red.localhost", "/"), ("localhost", "/red/")):
        monkeypatch.setattr(sample, "create_app", fail)
        with pytest.raises(RuntimeError):
            ask(host, path)
        assert sample.apps == {}

    monkeypatch.setattr(sample, "create_app", create_app)
    assert ask("red.localhost")[0] == 200


def test_ten_thousand_unknown_names_leave_nothing_behind(monkeypatch):
    environ = create_environ()
    answers = Counter()

    def visit(names):
        for name in names:
            app(environ | {"HTTP_HOST": f"{name}.localhost"}, None)
            app(environ | {"PATH_INFO": f"/{name}/"}, None)

    # Whoever would answer only counts, so that this takes no time.
    by_subdomain = app.wsgi_app
    by_path = by_subdomain.app.app
    for part, name in ((by_subdomain, "unknown"), (by_path, "app")):
        monkeypatch.setattr(
            part, name, lambda *_, name=name: answers.update([name])
        )

    visit(f"warm-up-{number}" for number in range(100))
    before = sys.getallocatedblocks()
    visit(f"name-{number}" for number in range(10_000))
    # One object kept for each name would make ten thousand.
    assert sys.getallocatedblocks() - before < 1_000
    assert answers == {"unknown": 10_100, "app": 10_100}
    assert sample.apps == {}
    assert list(sample.locks) == ["red", "blue"]


# -- Dispatch by Path -------------------------------------------------------


@pytest.mark.parametrize("prefix", ["", "/pre"])
def test_a_path_that_starts_with_a_tenant_is_the_tenants(prefix):
    status, page, _ = ask("localhost", "/red/", SCRIPT_NAME=prefix)
    assert status == 200
    assert "tenant red, reached by path" in page
    assert ask("localhost", "/red/missing", SCRIPT_NAME=prefix)[0] == 404


@pytest.mark.parametrize(
    "path",
    [
        "/green/",
        "/RED/",
        "/redx/",
        "/re/",
        "//red/",
        "/./red/",
        "/%72ed/",
        "/red.localhost/",
        "/\xc3\xa9/",
        "/red\0/",
        "/main/red/",
    ],
)
def test_an_unknown_prefix_falls_through_to_the_main_site(path):
    status, _, headers = ask("localhost", path)
    assert status == 404
    assert "Set-Cookie" not in headers


@pytest.mark.parametrize("path", ["", "*"])
def test_a_path_without_a_slash_is_no_server_error(path):
    assert ask("localhost", path)[0] < 500
    assert ask("red.localhost", path)[0] < 500
