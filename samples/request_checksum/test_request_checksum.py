import hashlib
import io
from types import SimpleNamespace

import pytest
from app import ChecksumCalcStream, app
from flask import request, request_started

FORM = (
    b'--limit\r\nContent-Disposition: form-data; name="text"\r\n\r\nhello\r\n'
    b'--limit\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n'
    b"\r\nhello\r\n--limit--\r\nan epilogue"
)
# This is the checksum of b"hello".
HELLO = "sha-256=:LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=:"
MULTIPART = "multipart/form-data; boundary=limit"
BODIES = {
    "application/json": b'{"text": "hello"}',
    "application/octet-stream": bytes(range(256)) * 1000,
    "application/x-www-form-urlencoded": b"text=hello&text=again",
    MULTIPART: FORM,
}


def gunicorn_body(body):
    """Return a stream with read() but no readinto(), like gunicorn's."""
    return SimpleNamespace(read=io.BytesIO(body).read)


def send(body, content_type="text/plain", headers=None):
    gunicorn = {"wsgi.input": gunicorn_body(body), "wsgi.input_terminated": 1}
    return app.test_client().post(
        "/special-api",
        data=body,
        content_type=content_type,
        headers=headers,
        environ_overrides=gunicorn,
    )


# -- Request Content Checksums ----------------------------------------------


@pytest.mark.parametrize("content_type", BODIES)
def test_checksum_covers_every_byte_of_any_type(content_type):
    body = BODIES[content_type]
    response = send(body, content_type)
    assert response.status_code == 200
    assert response.json["sha256"] == hashlib.sha256(body).hexdigest()
    assert response.json["length"] == len(body)


def test_text_reader_can_read_the_stream():
    stream = ChecksumCalcStream(gunicorn_body("é\nü".encode()))
    lines = list(io.TextIOWrapper(stream, encoding="utf-8"))
    assert lines == ["é\n", "ü"]


def test_stream_hashes_only_what_is_read():
    stream = ChecksumCalcStream(gunicorn_body(b"hello"))
    assert stream.read(2) == b"he"
    assert stream.hash.digest() == hashlib.sha256(b"he").digest()
    assert stream.length == 2


def test_get_data_reads_the_stream_that_hashes():
    with app.test_request_context(method="POST", data=b"hello"):
        assert request.get_data() == b"hello"
        assert request.stream.length == 5


def test_form_is_parsed_while_it_is_hashed():
    response = send(FORM, MULTIPART)
    assert response.json["form"] == ["text"]
    assert response.json["files"] == ["file"]


@pytest.mark.parametrize(
    "read",
    [
        lambda: request.stream.read(3),
        lambda: request.get_data() and request.form,
    ],
)
@pytest.mark.parametrize("content_type", BODIES)
def test_checksum_stays_the_same_when_a_hook_reads_the_body_first(
    read, content_type
):
    with request_started.connected_to(lambda app: read(), app):
        test_checksum_covers_every_byte_of_any_type(content_type)


def test_special_api_accepts_a_matching_content_digest():
    response = send(b"hello", headers={"Content-Digest": HELLO})
    assert response.status_code == 200


@pytest.mark.parametrize("sent", [HELLO.lower(), HELLO[:-1], "", "é"])
def test_special_api_returns_400_when_the_content_digest_differs(sent):
    response = send(b"hello", headers={"Content-Digest": sent})
    assert response.status_code == 400
    assert "Content-Digest" in response.text


def test_page_has_a_form_for_the_api():
    page = app.test_client().get("/").text
    assert 'action="/special-api"' in page
    assert 'formenctype="multipart/form-data"' in page
