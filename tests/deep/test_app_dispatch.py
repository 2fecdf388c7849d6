"""app_dispatch: hosts and paths as sent, and its links in a browser."""

import socket
from concurrent.futures import ThreadPoolExecutor

import pytest
import runner

MAIN, BACKEND, RED = "the main site", "the backend", "the tenant red"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("a copy")
    return runner.copy(runner.SAMPLES["app_dispatch"], place)


@pytest.fixture(scope="module", params=["", "/pre"])
def server(request, folder, tmp_path_factory):
    log = tmp_path_factory.mktemp("log") / "log"
    prefix = request.param

    with runner.boot(folder, log=log, gunicorn=True, prefix=prefix) as server:
        yield server
        assert not server.complaints()


def raw(server, path, *headers, version="1.1"):
    """Send a GET as it is. Return the status and the response."""
    prefix = server.url.partition(f":{server.port}")[2]
    lines = [f"GET {prefix}{path} HTTP/{version}", *headers]
    request = "\r\n".join([*lines, "Connection: close", "", ""])

    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.settimeout(runner.PATIENCE)
        connection.sendall(request.encode("latin-1"))
        response = connection.makefile("rb").read().decode()

    return int(response.split()[1]), response


@pytest.mark.parametrize("version", ["1.0", "1.1"])
@pytest.mark.parametrize(
    ("host", "text"),
    [
        ("localhost", MAIN),
        ("LOCALHOST:8000", MAIN),
        ("127.0.0.1:8000", MAIN),
        ("[::1]:8000", MAIN),
        ("redlocalhost", MAIN),
        ("localhost:99999", MAIN),
        ("red.localhost.example.com", MAIN),
        ("red.localhost", RED),
        ("RED.Localhost:8000", RED),
    ],
)
def test_host_selects_the_app(server, version, host, text):
    status, page = raw(server, "/", f"Host: {host}", version=version)
    assert status == 200
    assert text in page


def test_request_without_a_host_is_for_the_main_site(server):
    for path, text in (("/", MAIN), ("/backend/", BACKEND), ("/red/", RED)):
        status, page = raw(server, path, version="1.0")
        assert status == 200
        assert text in page


@pytest.mark.parametrize(
    "host", ["green.localhost", "a.red.localhost", "red..localhost"]
)
def test_unknown_subdomain_is_not_found_on_any_path(server, host):
    for path in ("/", "/red/", "/backend/", "/missing"):
        assert raw(server, path, f"Host: {host}")[0] == 404


@pytest.mark.parametrize(
    "path", ["//red/", "/%2Fred/", "/./red/", "/RED/", "/green/", "/r%C3%A9d/"]
)
def test_path_of_no_tenant_is_not_found(server, path):
    assert raw(server, path, "Host: localhost")[0] == 404


def test_concurrent_first_requests_reach_their_apps(folder, tmp_path):
    places = [
        ("localhost", "/", MAIN),
        ("localhost", "/backend/", BACKEND),
        ("localhost", "/red/", RED),
        ("red.localhost", "/", RED),
    ]

    def visit(place):
        host, path, text = place
        return text in raw(server, path, f"Host: {host}")[1]

    with (
        runner.boot(folder, log=tmp_path / "log", gunicorn=True) as server,
        ThreadPoolExecutor(16) as pool,
    ):
        assert all(pool.map(visit, places * 40))
        assert not server.complaints()


def test_domain_is_a_setting_in_any_case(folder, tmp_path):
    log = tmp_path / "log"

    with runner.boot(folder, log=log, FLASK_DOMAIN="Example.COM") as server:
        for host, text in (
            ("example.com", MAIN),
            ("red.localhost", MAIN),
            ("RED.example.com:80", RED),
        ):
            assert text in raw(server, "/", f"Host: {host}")[1]


def test_every_link_of_the_main_site_works_in_a_browser(server, page):
    # The address that `flask run` prints, which has no subdomains.
    page.goto(f"{server.url}/")
    links = page.eval_on_selector_all("a", "found => found.map((a) => a.href)")
    names = ["backend", "tenant red", "tenant blue", "tenant red"]
    assert len(links) == 5

    for link, name in zip(links, [*names, "tenant blue"], strict=True):
        assert page.goto(link).status == 200
        assert f"the {name}, at {link}" in page.inner_text("main")
