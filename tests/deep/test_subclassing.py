"""Subclassing on gunicorn: what only a socket can send."""

import re
import socket

import pytest
import runner
from playwright.sync_api import expect


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    to = tmp_path_factory.mktemp("subclassing")
    folder = runner.copy(runner.SAMPLES["subclassing"], to)

    with runner.boot(folder, log=to / "log", gunicorn=True) as server:
        yield server
        assert not server.complaints()


def ask(server, head, body=b""):
    """Send a request as raw bytes; return (status, head, body)."""
    head += b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
    address = ("127.0.0.1", server.port)

    with socket.create_connection(address, timeout=runner.PATIENCE) as peer:
        peer.sendall(head + body)
        answer = b"".join(iter(lambda: peer.recv(65536), b""))

    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), head.decode("latin-1"), body


def chunked(size):
    """Return header lines and a form of `size` bytes in chunks."""
    lines = b"Content-Type: application/x-www-form-urlencoded\r\n"
    lines += b"Transfer-Encoding: chunked\r\n\r\n"
    form = b"a=" + b"x" * (size - 2)
    return lines + b"%x\r\n%s\r\n0\r\n\r\n" % (len(form), form)


def test_a_chunked_form_is_taken_whole_or_refused(server):
    status, _, body = ask(server, b"POST /params", chunked(999_999))
    assert status == 200
    assert body.count(b"x") == 999_997
    assert ask(server, b"POST /params", chunked(1_000_001))[0] == 413


def test_raw_bytes_in_the_query_are_refused(server):
    assert ask(server, b"GET /params?a=\xff", b"\r\n")[0] == 400


@pytest.mark.parametrize(
    "given", [b"caf\xc3\xa9-4711", b"\xff" * 9, b"a\tb-order-4711", b"x" * 99]
)
def test_a_request_id_that_is_not_plain_is_replaced(server, given):
    lines = b"X-Request-ID: " + given + b"\r\n\r\n"
    status, head, _ = ask(server, b"GET /params", lines)
    assert status == 200
    assert re.search(r"^X-Request-ID: [0-9a-f]{32}\r?$", head, re.M)


def test_two_request_ids_in_one_request_are_replaced(server):
    lines = b"X-Request-ID: order-4711\r\nX-Request-ID: order-4712\r\n\r\n"
    _, head, _ = ask(server, b"DELETE /nothing", lines)
    assert head.count("X-Request-ID") == 1
    assert re.search(r"^X-Request-ID: [0-9a-f]{32}\r?$", head, re.M)


def test_a_person_sees_the_parameters_and_deletes_nothing(server, page):
    for button in ("Send in the query", "Send as a form"):
        page.goto(server.url)
        page.get_by_role("button", name=button).click()
        body = page.locator("body")
        expect(body).to_contain_text('[["b","1"],["a","2"],["b","3"]]')

    page.goto(server.url)
    page.get_by_role("button", name="Delete nothing").click()
    output = page.get_by_role("status")
    expect(output).to_have_text(re.compile("^204, X-Request-ID [0-9a-f]{32}$"))
