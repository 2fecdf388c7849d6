"""What only sockets, workers and a browser show of app_dispatch."""

import re
import socket
from concurrent.futures import ThreadPoolExecutor

import pytest
import runner

MAIN, BACKEND = "the main site", "the backend"
BY_PATH, BY_HOST = "red, reached by path", "red, reached by subdomain"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("a copy")
    return runner.copy(runner.SAMPLES["app_dispatch"], place)


def serve(folder, log, prefix=""):
    """Two workers of four threads, which read each other's sessions."""
    return runner.boot(
        folder,
        log=log,
        gunicorn=True,
        prefix=prefix,
        FLASK_SECRET_KEY="of both workers",
    )


@pytest.fixture(scope="module", params=["", "/pre"])
def server(request, folder, tmp_path_factory):
    log = tmp_path_factory.mktemp("log") / "log"

    with serve(folder, log, request.param) as server:
        yield server
        assert not server.complaints()


def raw(server, path, *headers, version="1.1", method="GET"):
    """Send a request as it is; return the status and the page."""
    prefix = server.url.partition(f":{server.port}")[2]
    lines = [
        f"{method} {prefix}{path} HTTP/{version}",
        *headers,
        "Connection: close",
    ]

    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.settimeout(runner.PATIENCE)
        request = "\r\n".join([*lines, "", ""])
        connection.sendall(request.encode("latin-1"))
        answer = connection.makefile("rb").read().decode()

    return int(answer.split()[1]), answer


@pytest.mark.parametrize(
    ("headers", "version", "text"),
    [
        ([], "1.0", MAIN),
        (["Host: localhost"], "1.0", MAIN),
        (["Host: localhost"], "1.1", MAIN),
        (["Host: LOCALHOST.:8000"], "1.1", MAIN),
        (["Host: 127.0.0.1:8000"], "1.1", MAIN),
        (["Host: [::1]:8000"], "1.1", MAIN),
        (["Host: redlocalhost"], "1.1", MAIN),
        (["Host: red.localhost.example.com"], "1.1", MAIN),
        (["Host: red.localhost"], "1.0", BY_HOST),
        (["Host: red.localhost"], "1.1", BY_HOST),
        (["Host: RED.Localhost.:8000"], "1.1", BY_HOST),
    ],
)
def test_every_form_of_host(server, headers, version, text):
    status, page = raw(server, "/", *headers, version=version)
    assert status == 200
    assert text in page

    if text == MAIN:
        for path, other in (("/backend/", BACKEND), ("/red/", BY_PATH)):
            status, page = raw(server, path, *headers, version=version)
            assert status == 200
            assert other in page


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("green.localhost", 404),
        ("a.red.localhost", 404),
        ("red..localhost", 400),
        ("red.localhost..", 400),
        (".localhost", 400),
    ],
)
def test_an_unknown_or_refused_host_on_every_path(server, host, status):
    for path in ("/", "/red/", "/backend/", "/missing"):
        for method in ("GET", "POST"):
            got, page = raw(server, path, f"Host: {host}", method=method)
            assert got == status, (path, method)
            assert "Set-Cookie" not in page


@pytest.mark.parametrize(
    "path", ["//red/", "/%2Fred/", "/./red/", "/RED/", "/green/", "/r%C3%A9d/"]
)
def test_a_path_that_is_no_tenants_is_not_found(server, path):
    assert raw(server, path, "Host: localhost")[0] == 404


def test_first_requests_from_sixteen_clients_at_once(folder, tmp_path):
    """Both workers make both tenants, and no visitor is turned away."""
    places = (
        ("localhost", "/", MAIN),
        ("localhost", "/backend/", BACKEND),
        ("localhost", "/red/", BY_PATH),
        ("red.localhost", "/", BY_HOST),
    )

    def visit(place):
        host, path, text = place
        status, page = raw(server, path, f"Host: {host}")
        return status == 200 and text in page

    with (
        serve(folder, tmp_path / "log") as server,
        ThreadPoolExecutor(16) as pool,
    ):
        assert all(pool.map(visit, places * 60))
        assert not server.complaints()


def test_another_domain(folder, tmp_path):
    with runner.boot(
        folder, log=tmp_path / "log", FLASK_DOMAIN="Example.COM"
    ) as server:
        for host, text in (
            ("example.com", MAIN),
            ("red.localhost", MAIN),
            ("RED.example.com:80", BY_HOST),
        ):
            assert text in raw(server, "/", f"Host: {host}")[1]

        assert raw(server, "/", "Host: green.example.com")[0] == 404


def test_a_browser_keeps_a_count_for_each_place(server, page):
    """Every link of the main site works, and no app sees another's visits."""
    page.goto(f"{server.url}/")
    links = page.eval_on_selector_all("a", "found => found.map((a) => a.href)")
    assert len(links) == len(set(links)) == 5

    for count in (1, 2):
        for link in links:
            page.goto(link)
            text = page.locator("p").inner_text()
            assert int(re.search(r"\d+", text)[0]) == count, (link, text)

    page.goto(f"{server.url}/")
    assert "visits: 2." in page.locator("p").inner_text()
