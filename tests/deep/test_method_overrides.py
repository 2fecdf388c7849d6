"""Method overrides on gunicorn: bodies, kept connections, CSRF."""

import http.client
import json
import re
import socket
from contextlib import suppress

import pytest
import runner
from playwright.sync_api import expect

OVERRIDE = "X-HTTP-Method-Override"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
CSRF = """
from flask_wtf import CSRFProtect

app.secret_key = "for this test alone"
CSRFProtect(app)
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    to = tmp_path_factory.mktemp("method_overrides")
    folder = runner.copy(runner.SAMPLES["method_overrides"], to)

    with runner.boot(folder, log=to / "log", gunicorn=True) as server:
        yield server
        assert not server.complaints()


@pytest.fixture
def connection(server):
    """A connection that stays open, and so stays with one worker."""
    connection = http.client.HTTPConnection(
        "127.0.0.1", server.port, timeout=runner.PATIENCE
    )
    yield connection
    connection.close()


@pytest.fixture
def note(connection):
    """A note of the connection's worker, as the server gave it."""
    status, note = ask(connection, "POST", "/notes", b"text=milk")
    assert status == 201
    return note


@pytest.fixture
def path(note):
    return f"/notes/{note['id']}"


def smuggled(path, times=4000):
    """Return a body full of requests, more than gunicorn would drain."""
    request = f"DELETE {path} HTTP/1.1\r\nHost: localhost\r\n\r\n"
    return request.encode() * times


def ask(connection, method, path, body=None, chunked=False, **headers):
    """Return (status, JSON or None) of a request."""
    headers = {name.replace("_", "-"): headers[name] for name in headers}

    if chunked:
        body = iter((body[:4096], body[4096:]))

    connection.request(method, path, body, FORM | headers)
    response = connection.getresponse()
    text = response.read()
    return response.status, json.loads(text) if text else None


def override(connection, path, method, body=None, chunked=False):
    headers = {OVERRIDE: method}
    return ask(connection, "POST", path, body, chunked, **headers)


@pytest.mark.parametrize("chunked", [False, True])
def test_the_body_is_readable(connection, note, path, chunked):
    for method in ("PUT", "patch"):
        text = f"{method} {'x' * 190}"
        body = f"text={text}".encode()
        answer = override(connection, path, method, body, chunked)
        assert answer == (200, note | {"text": text})
        assert ask(connection, "GET", path) == answer

    assert override(connection, path, "DELETE", b"", chunked) == (204, None)
    assert ask(connection, "GET", path)[0] == 404


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize(
    ("method", "target", "value", "status"),
    [
        ("POST", "NOTE", "GET", 400),
        ("POST", "NOTE", "", 400),
        ("POST", "NOTE", "PUT", 400),
        ("POST", "/notes", "PUT", 405),
        ("POST", "/notes/0", "PATCH", 404),
        ("POST", "/missing", "DELETE", 404),
        ("GET", "NOTE", "DELETE", 200),
        ("PUT", "NOTE", "DELETE", 400),
    ],
)
def test_a_body_is_never_taken_for_the_next_request(
    connection, note, path, chunked, method, target, value, status
):
    kept = connection.sock
    target = target.replace("NOTE", path)
    headers = {OVERRIDE: value}
    body = smuggled(path)
    answer = ask(connection, method, target, body, chunked, **headers)
    assert answer[0] == status
    assert ask(connection, "GET", path) == (200, note)
    # The same socket: the server had no need to close it.
    assert connection.sock is kept


@pytest.mark.parametrize("chunked", [False, True])
def test_a_delete_with_a_body_deletes_one_note(
    connection, note, path, chunked
):
    kept = connection.sock
    _, other = ask(connection, "POST", "/notes", b"text=tea")
    other_path = f"/notes/{other['id']}"
    body = smuggled(other_path)
    answer = override(connection, path, "DELETE", body, chunked)
    assert answer == (204, None)
    assert ask(connection, "GET", path)[0] == 404
    assert ask(connection, "GET", other_path) == (200, other)
    assert connection.sock is kept


@pytest.mark.parametrize("value", ["PUT", "GET"])
def test_of_a_body_beyond_the_limit_nothing_is_taken_for_a_request(
    server, value
):
    body = smuggled("/notes/1", 40_000)
    head = (
        f"POST /notes HTTP/1.1\r\nHost: localhost\r\n{OVERRIDE}: {value}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    answer = b""

    with socket.create_connection(("127.0.0.1", server.port)) as peer:
        peer.settimeout(runner.PATIENCE)

        # The server may close the connection while it is being sent to.
        with suppress(ConnectionError):
            peer.sendall(head.encode() + body)

        with suppress(ConnectionError):
            while data := peer.recv(65536):
                answer += data

    statuses = re.findall(rb"^HTTP/1.1 (\d+)", answer, re.M)
    assert statuses in ([], [b"413"])


def test_a_chunked_body_beyond_the_limit_is_not_cut_off(connection, path):
    body = b"text=tea&more=" + b"x" * 1_000_000
    assert override(connection, path, "PUT", body, chunked=True)[0] == 413


def test_half_a_body_is_refused(server):
    with socket.create_connection(("127.0.0.1", server.port)) as peer:
        peer.sendall(
            b"POST /notes HTTP/1.1\r\nHost: localhost\r\n"
            b"Content-Type: application/x-www-form-urlencoded\r\n"
            b"Content-Length: 99\r\n\r\ntext=mi"
        )
        peer.shutdown(socket.SHUT_WR)
        peer.settimeout(runner.PATIENCE)
        answer = peer.recv(65536)

    assert answer.startswith(b"HTTP/1.1 400")


def test_csrf_protection_is_not_gone_round(tmp_path):
    folder = runner.copy(runner.SAMPLES["method_overrides"], tmp_path)
    app = folder / "app.py"
    app.write_text(app.read_text() + CSRF)

    with runner.boot(folder, log=tmp_path / "log", gunicorn=True) as server:
        connection = http.client.HTTPConnection("127.0.0.1", server.port)

        for method in ("PUT", "PATCH", "DELETE"):
            answer = override(connection, "/notes/1", method, b"text=tea")
            assert answer == (400, {"error": "The CSRF token is missing."})

        for method in ("GET", "HEAD", "OPTIONS", "TRACE"):
            answer = override(connection, "/notes/1", method, b"text=tea")
            assert answer[0] == 400
            assert "An override can be" in answer[1]["error"]

        connection.close()


def test_what_a_cache_may_keep_does_not_depend_on_the_header(connection, path):
    for method in ("GET", "HEAD"):
        answers = []

        for headers in ({}, {OVERRIDE: "DELETE"}, {OVERRIDE: "GET"}):
            connection.request(method, path, headers=headers)
            response = connection.getresponse()
            del response.headers["Date"]
            answers.append((response.getheaders(), response.read()))

        assert answers == answers[:1] * 3


def test_a_person_adds_changes_and_deletes_a_note(page, tmp_path):
    folder = runner.copy(runner.SAMPLES["method_overrides"], tmp_path)

    # Under `flask run` there is one process, and so one dict of notes.
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

        text.fill("")
        page.get_by_role("button", name="PUT").click()
        alert = page.get_by_role("alert")
        expect(alert).to_contain_text("1 to 200 characters")
        page.get_by_role("button", name="DELETE").click()
        expect(text).to_have_count(0)
        page.get_by_label("New note").fill("tea")

    page.get_by_role("button", name="POST").click()
    expect(alert).to_have_text("The server does not answer.")
