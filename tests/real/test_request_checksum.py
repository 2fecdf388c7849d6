"""Checksums of bodies over real sockets, plain and chunked, up to 1 GB."""

import contextlib
import hashlib
import json
import re
import socket
import subprocess
import time
from base64 import b64encode
from pathlib import Path

import pytest
import runner

FOLDER = runner.ROOT / "samples" / "request_checksum"
JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data; boundary=limit"
MEGABYTE = 1_000_000
START = (
    b'--limit\r\nContent-Disposition: form-data; name="file";'
    b' filename="a"\r\n\r\n'
)
END = b"\r\n--limit--\r\n"
BODIES = [
    (b'{"text": "hello"}', JSON),
    (b"text=hello&text=again", FORM),
    (START + bytes(2 * MEGABYTE) + END + b"an epilogue", MULTIPART),
    (b"some text\n", "text/plain"),
    (bytes(range(256)) * 10_000, "application/octet-stream"),
    (b"", "text/plain"),
]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    tmp = tmp_path_factory.mktemp("request_checksum")
    folder = runner.copy(FOLDER, tmp)

    # Files of a form lie in TMPDIR while they are checked.
    with runner.boot(
        folder, log=tmp / "log", gunicorn=True, TMPDIR=str(tmp)
    ) as server:
        yield server


def chunks(pieces):
    for piece in pieces:
        yield b"%x\r\n%b\r\n" % (len(piece), piece)

    yield b"0\r\n\r\n"


def send(server, pieces, content_type, *, length=None, cut=False, digest=None):
    """Post the pieces, chunked unless a Content-Length is given.

    Returns (status, parsed answer). With `cut` the body ends before its end.
    """
    head = (
        "POST /special-api HTTP/1.1\r\nHost: localhost\r\n"
        f"Connection: close\r\nContent-Type: {content_type}\r\n"
    )
    head += f"Content-Digest: {digest}\r\n" if digest else ""

    if length is None:
        head += "Transfer-Encoding: chunked\r\n"
        pieces = chunks(pieces)
    else:
        head += f"Content-Length: {length}\r\n"

    with socket.create_connection(
        ("127.0.0.1", server.port), timeout=runner.PATIENCE
    ) as connection:
        # A server that refuses early may close before all is sent.
        with contextlib.suppress(ConnectionError):
            connection.sendall(head.encode() + b"\r\n")

            for piece in pieces:
                if cut and piece == b"0\r\n\r\n":
                    break

                connection.sendall(piece)

        if cut:
            connection.shutdown(socket.SHUT_WR)

        received = b""

        with contextlib.suppress(ConnectionError):
            while data := connection.recv(65536):
                received += data

    head, _, body = received.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body)


def sha256sum(body):
    done = subprocess.run(
        ["sha256sum"], input=body, capture_output=True, check=True
    )
    return done.stdout.split()[0].decode()


@pytest.mark.parametrize("chunked", [False, True], ids=["plain", "chunked"])
@pytest.mark.parametrize(
    # Named by number: pytest would put the body into the environment.
    ("body", "content_type"),
    BODIES,
    ids=map(str, range(len(BODIES))),
)
def test_checksums_equal_those_of_sha256sum(
    server, body, content_type, chunked
):
    pieces = [body[at : at + 9000] for at in range(0, len(body), 9000)]
    length = None if chunked else len(body)
    expected = sha256sum(body)
    digest = f"sha-256=:{b64encode(bytes.fromhex(expected)).decode()}:"
    status, found = send(
        server, pieces, content_type, length=length, digest=digest
    )
    assert status == 200
    assert (found["sha256"], found["length"]) == (expected, len(body))
    digest = f"sha-256=:{b64encode(bytes(32)).decode()}:"
    status, found = send(
        server, pieces, content_type, length=length, digest=digest
    )
    assert status == 400
    assert "The body is not the one" in found["error"]


@pytest.mark.parametrize("chunked", [False, True], ids=["plain", "chunked"])
@pytest.mark.parametrize(("body", "content_type"), BODIES[:5])
def test_a_body_that_ends_too_early_is_refused(
    server, body, content_type, chunked
):
    status, found = send(
        server,
        [body[: len(body) // 2]],
        content_type,
        length=None if chunked else len(body),
        cut=True,
    )
    assert status == 400
    assert found["error"]
    status, found = send(server, [b"next"], "text/plain", length=4)
    assert (status, found["length"]) == (200, 4)


@pytest.mark.parametrize("chunked", [False, True], ids=["plain", "chunked"])
@pytest.mark.parametrize(
    ("start", "content_type"), [(b'{"a": "b"}', JSON), (b"a=", FORM)]
)
def test_one_megabyte_is_parsed_and_a_byte_more_is_refused(
    server, start, content_type, chunked
):
    for size, expected in ((MEGABYTE, 200), (MEGABYTE + 1, 413)):
        status, found = send(
            server,
            [start.ljust(size)],
            content_type,
            length=None if chunked else size,
        )
        assert status == expected

    assert found["error"]


def test_an_empty_form_is_refused(server):
    status, found = send(server, [], MULTIPART, length=0)
    assert status == 400
    assert found["error"] == "The body is not valid multipart/form-data."


def test_a_connection_is_not_confused_by_a_refusal(server):
    bodies = [(b"{", JSON), (b"{}", JSON), (b"a", FORM), (b"[", JSON)]

    with socket.create_connection(
        ("127.0.0.1", server.port), timeout=runner.PATIENCE
    ) as connection:
        for body, content_type in bodies:
            connection.sendall(
                b"POST /special-api HTTP/1.1\r\nHost: localhost\r\n"
                b"Content-Type: %b\r\nContent-Length: %d\r\n\r\n%b"
                % (content_type.encode(), len(body), body)
            )

        connection.sendall(
            b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        )
        received = b""

        while data := connection.recv(65536):
            received += data

    found = re.findall(rb"HTTP/1.1 (\d+)", received)
    assert found == [b"400", b"200", b"200", b"400", b"200"]


def workers(server):
    """Return {process id: peak of resident memory in bytes}."""
    pid = server.process.pid
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    peaks = {}

    for child in children:
        status = Path(f"/proc/{child}/status").read_text()
        peaks[child] = int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) * 1024

    return peaks


@pytest.mark.parametrize(
    ("megabytes", "content_type", "chunked"),
    [
        (1000, "application/octet-stream", False),
        (200, "application/octet-stream", True),
        (200, MULTIPART, False),
        (200, MULTIPART, True),
    ],
    ids=["1 GB plain", "chunked", "multipart", "multipart chunked"],
)
def test_memory_stays_flat_while_a_body_streams_past(
    server, capsys, megabytes, content_type, chunked
):
    form = content_type == MULTIPART
    piece = bytes(range(250)) * 4000
    start, end = (START, END) if form else (b"", b"")
    size = len(start) + megabytes * MEGABYTE + len(end)
    expected = hashlib.sha256(start)

    def pieces():
        if form:
            yield start

        for _ in range(megabytes):
            expected.update(piece)
            yield piece

        if form:
            yield end

    # What a small body needs, both workers have by now.
    for body, kind in BODIES * 2:
        send(server, [body], kind, length=len(body))

    before = workers(server)
    began = time.monotonic()
    status, found = send(
        server, pieces(), content_type, length=None if chunked else size
    )
    seconds = time.monotonic() - began
    after = workers(server)
    expected.update(end)
    assert status == 200
    assert found["length"] == size
    assert found["sha256"] == expected.hexdigest()
    assert found["files"] == (["file"] if form else [])

    with capsys.disabled():
        print(
            f"\nrequest_checksum: {size:,} bytes,"
            f" {'chunked' if chunked else 'plain'}, {content_type},"
            f" {seconds:.1f} s, peak memory of a worker"
            f" {max(before.values()):,} -> {max(after.values()):,}"
        )

    assert len(before) == 2
    assert max(after[pid] - before[pid] for pid in before) < 10 * MEGABYTE


def test_more_than_a_gigabyte_is_refused(server):
    status, found = send(server, [], "text/plain", length=1_000_000_002)
    assert status == 413
    assert found["error"]


def test_each_button_of_the_page_shows_the_checksum(server, page, tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("content")

    for button, form, files in (
        ("Send as a form with a file", ["text"], ["file"]),
        ("Send urlencoded", ["text", "file"], []),
        ("Send as plain text", [], []),
    ):
        page.goto(f"{server.url}/")
        page.fill("input[name=text]", "hello")
        page.set_input_files("input[name=file]", path)
        page.click(f"text={button}")
        page.wait_for_url("**/special-api")
        found = json.loads(page.inner_text("body"))
        assert (found["form"], found["files"]) == (form, files)
        assert len(found["sha256"]) == 64
