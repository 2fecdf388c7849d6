"""Checksums of bodies over real sockets, with a length and in chunks."""

import hashlib
import json
import re
from base64 import b64encode
from contextlib import closing, suppress
from http.client import HTTPConnection
from pathlib import Path

import pytest
import runner

FOLDER = runner.ROOT / "samples" / "request_checksum"
MULTIPART = "multipart/form-data; boundary=limit"
PIECE = bytes(range(250)) * 4000  # a megabyte
START = (
    b"--limit\r\n"
    b'Content-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
)
END = b"\r\n--limit--\r\n"
BODIES = {
    "application/json": [b'{"text": "hello"}'],
    "application/octet-stream": [PIECE, PIECE],
    "application/x-www-form-urlencoded": [b"text=hello", b"&text=again"],
    "text/plain": [],
    # What follows the last limit is an epilogue.
    MULTIPART: [START, PIECE, END, PIECE[:100_000]],
}
FRAMINGS = pytest.mark.parametrize("chunked", [False, True])


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    tmp = tmp_path_factory.mktemp("request_checksum")
    folder = runner.copy(FOLDER, tmp)

    # Werkzeug stores the files of a form in TMPDIR.
    with runner.boot(
        folder, log=tmp / "log", gunicorn=True, TMPDIR=str(tmp)
    ) as server:
        yield server
        assert not server.complaints(), server.complaints()


def send(server, pieces, content_type, *, chunked=False, digest=None):
    """Post the pieces, and return the status and the text of the response."""
    headers = {"Content-Type": content_type}

    if chunked:
        headers["Transfer-Encoding"] = "chunked"
    else:
        headers["Content-Length"] = str(sum(map(len, pieces)))

    if digest:
        headers["Content-Digest"] = f"sha-256=:{b64encode(digest).decode()}:"

    with closing(
        HTTPConnection("127.0.0.1", server.port, timeout=runner.PATIENCE)
    ) as connection:
        # A server that rejects a body might close before it gets all of it.
        with suppress(ConnectionError):
            connection.request(
                "POST", "/special-api", pieces, headers, encode_chunked=chunked
            )

        response = connection.getresponse()
        return response.status, response.read().decode()


def checksum(pieces):
    found = hashlib.sha256()

    for piece in pieces:
        found.update(piece)

    return found


@FRAMINGS
@pytest.mark.parametrize("content_type", BODIES)
def test_checksum_covers_every_byte(server, content_type, chunked):
    pieces = BODIES[content_type]
    expected = checksum(pieces)
    status, text = send(
        server,
        pieces,
        content_type,
        chunked=chunked,
        digest=expected.digest(),
    )
    found = json.loads(text)
    assert status == 200
    assert found["sha256"] == expected.hexdigest()
    assert found["length"] == sum(map(len, pieces))
    status, text = send(
        server, pieces, content_type, chunked=chunked, digest=bytes(32)
    )
    assert status == 400
    assert "Content-Digest" in text


@FRAMINGS
def test_development_server_hashes_the_same(tmp_path, chunked):
    folder = runner.copy(FOLDER, tmp_path)

    with runner.boot(folder, log=tmp_path / "log") as server:
        for content_type in BODIES:
            test_checksum_covers_every_byte(server, content_type, chunked)

        assert not server.complaints(), server.complaints()


@FRAMINGS
@pytest.mark.parametrize("content_type", ["text/plain", MULTIPART])
def test_limit_in_the_settings_is_respected(tmp_path, content_type, chunked):
    folder = runner.copy(FOLDER, tmp_path)
    pieces = [START, PIECE, END]
    limit = str(sum(map(len, pieces)) + 1)

    with runner.boot(
        folder,
        log=tmp_path / "log",
        gunicorn=True,
        FLASK_MAX_CONTENT_LENGTH=limit,
    ) as server:
        status, text = send(server, pieces, content_type, chunked=chunked)
        assert status == 200
        assert json.loads(text)["sha256"] == checksum(pieces).hexdigest()
        pieces.append(b"too much")
        status, _ = send(server, pieces, content_type, chunked=chunked)
        assert status == 413


def peaks(server):
    """Return the peak of each worker's memory, in kB."""
    return [
        int(
            re.search(
                r"VmHWM:\s+(\d+)",
                Path(f"/proc/{pid}/status").read_text(encoding="utf-8"),
            )[1]
        )
        for pid in server.workers()
    ]


@FRAMINGS
@pytest.mark.parametrize("content_type", ["text/plain", MULTIPART])
def test_memory_stays_flat_while_a_large_body_arrives(
    server, content_type, chunked
):
    # Both workers have to be warm before their memory is measured.
    for kind in [*BODIES] * 4:
        send(server, BODIES[kind], kind)

    before = peaks(server)
    pieces = [START, *[PIECE] * 200, END]
    status, text = send(server, pieces, content_type, chunked=chunked)
    assert status == 200
    assert json.loads(text)["sha256"] == checksum(pieces).hexdigest()
    after = peaks(server)
    growth = [new - old for old, new in zip(before, after, strict=True)]
    assert max(growth) < 10_000


def test_each_button_of_the_page_sends_the_form(server, page, tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("content", encoding="utf-8")

    for button, form, files in (
        ("Send as a form", ["text"], ["file"]),
        ("Send as plain text", [], []),
    ):
        page.goto(server.url)
        page.set_input_files("input[name=file]", path)
        page.click(f"text={button}")
        page.wait_for_url("**/special-api", timeout=runner.PATIENCE * 1000)
        found = json.loads(page.inner_text("body"))
        assert (found["form"], found["files"]) == (form, files)
        assert len(found["sha256"]) == 64
