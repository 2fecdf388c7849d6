"""request_checksum: bodies over real sockets, with a length and in chunks."""

import hashlib

import pytest
import runner
from helpers import flat_memory, together

MULTIPART = "multipart/form-data; boundary=b"
START = (
    b'--b\r\nContent-Disposition: form-data; name="a"; filename="a"\r\n\r\n'
)
END = b"\r\n--b--\r\n"
PIECE = bytes(range(250)) * 4000  # a megabyte
BODIES = {
    "application/json": [b'{"text": "hello"}'],
    "application/octet-stream": [PIECE, PIECE],
    "application/x-www-form-urlencoded": [b"text=hello", b"&text=again"],
    "text/plain": [],
    # What follows the end is an epilogue.
    MULTIPART: [START, PIECE, END, PIECE[:100_000]],
}
FRAMINGS = pytest.mark.parametrize("chunked", [False, True])


def send(server, content_type, pieces, chunked=False):
    """Post the pieces. Return the status."""
    headers = {"Content-Type": content_type}

    # http.client sends a list in chunks if it doesn't know the length.
    if not chunked:
        headers["Content-Length"] = str(sum(map(len, pieces)))

    url = f"{server.url}/special-api"
    reply = runner.fetch(url, body=pieces, headers=headers)

    if reply.status == 200:
        body = b"".join(pieces)
        assert reply.json()["sha256"] == hashlib.sha256(body).hexdigest()
        assert reply.json()["length"] == len(body)

    return reply.status


@FRAMINGS
@pytest.mark.parametrize("gunicorn", [False, True])
def test_checksum_covers_every_byte(fresh, tmp_path, gunicorn, chunked):
    with runner.boot(fresh, log=tmp_path / "log", gunicorn=gunicorn) as server:
        for content_type, pieces in BODIES.items():
            assert send(server, content_type, pieces, chunked) == 200


@FRAMINGS
def test_limit_in_the_settings_ends_the_stream(fresh, tmp_path, chunked):
    log = tmp_path / "log"

    with runner.boot(fresh, log=log, FLASK_MAX_CONTENT_LENGTH="9") as server:
        assert send(server, "text/plain", [b"x" * 8], chunked) == 200
        assert send(server, "text/plain", [b"x" * 10], chunked) == 413


@FRAMINGS
@pytest.mark.parametrize("content_type", ["text/plain", MULTIPART])
def test_memory_stays_flat(boot, content_type, chunked):
    body = [START, *[PIECE] * 100, END]

    with boot() as server:
        # These are enough to reach both workers.
        together(lambda _: send(server, content_type, [START, END]), 32)

        with flat_memory(server, 10_000):
            assert send(server, content_type, body, chunked) == 200
