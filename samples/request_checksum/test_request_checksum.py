import hashlib
import io
from base64 import b64encode

import pytest
from app import app
from flask import request

FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data; boundary=limit"
PARTS = (
    b"a preamble\r\n--limit\r\n"
    b'Content-Disposition: form-data; name="text"\r\n\r\nhello\r\n--limit\r\n'
    b'Content-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
    b"content\r\n--limit--\r\nan epilogue"
)
BODIES = [
    (b'{"text": "hello", "n": [1]}', "application/json"),
    (b'\n{"a": 1}\n', "application/problem+json"),
    (b"text=hello&empty=&text=again", FORM),
    (PARTS, MULTIPART),
    (b"some text\nof two lines", "text/plain"),
    (bytes(range(256)) * 1000, "application/octet-stream"),
    (b"no type", ""),
    (b"", "text/plain"),
    (b"", FORM),
]
# Werkzeug leaves the temporary file of a form that it gives up to Python.
LEFT_OPEN = pytest.mark.filterwarnings("ignore:Unclosed file:ResourceWarning")

# Servers differ in what they say about a body. The last one is chunked.
SERVERS = [
    {},
    {"wsgi.input_terminated": True},
    {
        "wsgi.input_terminated": True,
        "CONTENT_LENGTH": "",
        "HTTP_TRANSFER_ENCODING": "chunked",
    },
]


@pytest.fixture
def client():
    return app.test_client()


@pytest.fixture(params=SERVERS, ids=["werkzeug", "gunicorn", "chunked"])
def send(request, client):
    def send(data, content_type="text/plain", **headers):
        return client.post(
            "/special-api",
            data=data,
            content_type=content_type,
            headers={k.replace("_", "-"): v for k, v in headers.items()},
            environ_overrides=request.param,
        )

    return send


def read_before(monkeypatch, read):
    def hook():
        read()

    monkeypatch.setitem(app.before_request_funcs, None, [hook])


def digest(body, algorithm="sha256"):
    return b64encode(hashlib.new(algorithm, body).digest()).decode()


# -- Request Content Checksums ----------------------------------------------


@pytest.mark.parametrize(("body", "content_type"), BODIES)
def test_every_byte_of_every_type_is_hashed(send, body, content_type):
    response = send(body, content_type)
    assert response.status_code == 200
    assert response.json["sha256"] == hashlib.sha256(body).hexdigest()
    assert response.json["length"] == len(body)


@pytest.mark.parametrize(
    ("number", "form", "files", "keys"),
    [
        (0, [], [], ["text", "n"]),
        (1, [], [], ["a"]),
        (2, ["text", "empty"], [], []),
        (3, ["text"], ["file"], []),
        (4, [], [], []),
        (6, [], [], []),
    ],
)
def test_a_body_is_parsed_as_well(send, number, form, files, keys):
    found = send(*BODIES[number]).json
    assert (found["form"], found["files"], found["json"]) == (
        form,
        files,
        keys,
    )


@pytest.mark.parametrize(
    "read",
    [
        lambda: request.stream.read(3),
        lambda: request.stream.read(-1),
        lambda: request.stream.readline(-1),
        lambda: list(request.stream),
        lambda: request.stream.readinto(bytearray(5)),
        lambda: request.get_data(cache=False),
        lambda: request.form,
    ],
)
def test_it_does_not_matter_how_a_hook_has_read_before(
    send, monkeypatch, read
):
    read_before(monkeypatch, read)
    body = b"some text\nof two lines"
    found = send(body).json
    assert found["sha256"] == hashlib.sha256(body).hexdigest()
    assert found["length"] == len(body)


@pytest.mark.parametrize("number", range(4))
@pytest.mark.parametrize(
    "read",
    [
        lambda: request.get_data(cache=True),
        lambda: request.values,
        lambda: request.get_json(silent=True),
        lambda: request.get_data() and request.form,
    ],
)
def test_a_body_is_parsed_even_if_a_hook_has_done_so_before(
    send, monkeypatch, read, number
):
    expected = send(*BODIES[number]).json
    read_before(monkeypatch, read)
    assert send(*BODIES[number]).json == expected


def test_a_matching_digest_is_accepted(send):
    body = b"some text"

    for header in (
        f"sha-256=:{digest(body)}:",
        f"sha-512=:{digest(body, 'sha512')}:, sha-256=:{digest(body)}:",
        f"sha-256=:{digest(body)}: \t,unixsum=:AAAA:,*a_b-c.1=::",
        f"sha-256=:{digest(b'')}:, sha-256=:{digest(body)}:",
    ):
        assert send(body, Content_Digest=header).status_code == 200


@pytest.mark.parametrize("number", range(len(BODIES)))
def test_a_body_that_is_not_the_promised_one_is_refused(send, number):
    body, content_type = BODIES[number]
    right = f"sha-256=:{digest(body)}:"
    wrong = f"sha-256=:{digest(b'other')}:"
    assert send(body, content_type, Content_Digest=right).status_code == 200
    response = send(body, content_type, Content_Digest=wrong)
    assert response.status_code == 400
    assert "The body is not the one" in response.json["error"]


@pytest.mark.parametrize(
    "header",
    [
        "",
        ",",
        "sha-256",
        "sha-256=",
        "sha-256=::",
        "sha-256={0}",
        "sha-256=:{0}",
        "sha-256=:{0}:,",
        "sha-256=:{0}: sha-256=:{0}:",
        'sha-256="{0}"',
        "SHA-256=:{0}:",
        "sha-256=:not base64:",
        "sha-256=:é:",
        "sha256=:{0}:",
        "sha-512=:{0}:",
        "sha-512=:{0}:, md5=:{0}:",
    ],
)
def test_a_digest_that_is_malformed_or_of_another_kind_is_refused(
    client, header
):
    header = {"Content-Digest": header.format(digest(b"text"))}
    response = client.post("/special-api", data=b"text", headers=header)
    assert response.status_code == 400
    assert "sha-256=:" in response.json["error"]


def test_digests_are_compared_in_constant_time(client, monkeypatch):
    compared = []
    monkeypatch.setattr(
        "hmac.compare_digest", lambda *both: compared.append(both)
    )
    header = {"Content-Digest": f"sha-256=:{digest(b'other')}:"}
    client.post("/special-api", data=b"text", headers=header)
    assert compared == [(digest(b"other"), digest(b"text"))]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"1",
        b"null",
        b'"text"',
        b"\xff",
        b'{"a": "\xff"}',
        b'{"a": NaN}',
        b'{"a": -Infinity}',
        b'{"a": "\\ud800"}',
        b'{"\\udfff": 1}',
        b"[" * 100_000,
        b'{"a": ' + b"1" * 5000 + b"}",
    ],
)
def test_json_that_is_broken_or_no_object_is_refused(client, body):
    response = client.post(
        "/special-api", data=body, content_type="application/json"
    )
    assert response.status_code == 400
    assert "JSON object" in response.text or "not valid" in response.text


@LEFT_OPEN
@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (PARTS, "multipart/form-data"),
        (PARTS, "multipart/form-data; boundary=other"),
        (PARTS[:-20], MULTIPART),
        (b"--limit\r\n\r\n\r\n--limit--", MULTIPART),
        (b"text=\xff", FORM),
    ],
)
def test_a_broken_form_is_refused(send, body, content_type):
    response = send(body, content_type)
    assert response.status_code == 400
    kind = content_type.partition(";")[0]
    assert response.json == {"error": f"The body is not valid {kind}."}


@pytest.mark.parametrize(
    ("start", "content_type"),
    [(b'{"a": "b"}', "application/json"), (b"text=", FORM)],
)
def test_what_is_parsed_whole_may_have_one_megabyte(send, start, content_type):
    body = start.ljust(1_000_000)
    response = send(body, content_type)
    assert response.status_code == 200
    assert response.json["length"] == 1_000_000
    response = send(body + b" ", content_type)
    assert response.status_code == 413
    assert response.json["error"]


@pytest.mark.parametrize("content_type", ["text/plain", MULTIPART])
def test_the_limit_is_exact(send, monkeypatch, content_type):
    limit = len(PARTS)
    monkeypatch.setitem(app.config, "MAX_CONTENT_LENGTH", limit)
    assert send(PARTS, content_type).json["length"] == limit
    assert send(PARTS + b"e", content_type).status_code == 413


def test_other_types_may_have_a_gigabyte(client):
    body = io.BytesIO(b"not all of it")

    for length, status in ((1_000_000_000, 400), (1_000_000_002, 413)):
        response = client.post(
            "/special-api",
            input_stream=body,
            environ_overrides={"CONTENT_LENGTH": str(length)},
        )
        assert response.status_code == status


def test_a_form_of_too_many_parts_is_refused(client):
    part = b'--limit\r\nContent-Disposition: form-data; name="a"\r\n\r\n\r\n'
    response = client.post(
        "/special-api", data=part * 101 + b"--limit--", content_type=MULTIPART
    )
    assert response.status_code == 413


@LEFT_OPEN
@pytest.mark.parametrize("environ", SERVERS[:2])
@pytest.mark.parametrize(
    ("body", "content_type"), [body for body in BODIES if body[1] != ""]
)
def test_a_body_shorter_than_announced_is_refused(
    client, environ, body, content_type
):
    length = {"CONTENT_LENGTH": str(len(body) + 1)}
    response = client.post(
        "/special-api",
        input_stream=io.BytesIO(body),
        content_type=content_type,
        environ_overrides=environ | length,
    )
    assert response.status_code == 400
    assert response.json["error"]


def test_the_api_answers_errors_in_json_and_the_page_in_html(client):
    response = client.get("/special-api")
    assert response.status_code == 405
    assert "not allowed" in response.json["error"]
    assert "POST" in response.headers["Allow"]
    response = client.post("/")
    assert response.status_code == 405
    assert response.content_type.startswith("text/html")
    response = client.post("/special-api", headers={"Host": "red..localhost"})
    assert response.status_code == 400


def test_the_page_has_a_form_and_a_command(client):
    page = client.get("/", base_url="http://localhost:8000/pre")
    assert page.status_code == 200
    assert "<h1>Request Content Checksums</h1>" in page.text
    assert 'action="/pre/special-api"' in page.text
    assert 'formenctype="multipart/form-data"' in page.text
    assert "curl http://localhost:8000/pre/special-api" in page.text
