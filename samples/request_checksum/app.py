"""Request content checksums: hash each byte of a body as it is read.

Docs: https://flask.palletsprojects.com/patterns/requestchecksum/
Run:  flask --app app run --port 8000
Try:  curl localhost:8000/special-api -F text=hello -F file=@app.py
      curl localhost:8000/special-api --json '{"text": "hello"}'
"""

import hashlib
import hmac
import io
import json
import re
from base64 import b64encode
from functools import cached_property

from flask import Flask, Request, abort, render_template, request
from werkzeug.exceptions import HTTPException
from werkzeug.wsgi import get_input_stream

PARSED_WHOLE = 1_000_000  # bytes, for what is held in memory to be parsed
DIGEST = re.compile("([a-z*][a-z0-9_.*-]*)=:([A-Za-z0-9+/]*={0,2}):")

app = Flask(__name__)
app.config["MAX_CONTENT_LENGTH"] = 1_000_000_000
# Of each part of a form 500 kB may be held in memory: 50 MB in all.
app.config["MAX_FORM_PARTS"] = 100
app.config.from_prefixed_env()


# -- Request Content Checksums ----------------------------------------------


class ChecksumCalcStream(io.RawIOBase):
    """Hash what is read from `stream`, whichever way it is read.

    Reading ends the request with 413 beyond `limit` bytes, and with 400 if
    there are less than `expected`.
    """

    def __init__(self, stream, limit, expected):
        self.stream, self.limit, self.expected = stream, limit, expected
        self.sha256 = hashlib.sha256()
        self.length = 0

    # read(), readline() and iteration of io.RawIOBase all come down to this.
    def readinto(self, buffer):
        size = self.stream.readinto(buffer)
        self.sha256.update(memoryview(buffer)[:size])
        self.length += size

        if self.length > self.limit:
            abort(413)

        # Gunicorn does not notice.
        if size == 0 and self.length < self.expected:
            abort(400, "The body is shorter than its Content-Length.")

        return size


class ChecksumRequest(Request):
    @cached_property
    def checksum(self):
        limit = self.max_content_length

        if self.is_json or self.mimetype.endswith("/x-www-form-urlencoded"):
            limit = min(limit, PARSED_WHOLE)

        # Werkzeug refuses a body of exactly its limit, so it gets one more.
        stream = get_input_stream(self.environ, max_content_length=limit + 1)
        return ChecksumCalcStream(stream, limit, self.content_length or 0)

    # Everything that reads a body, and be it before the view, reads this.
    @property
    def stream(self):
        return self.checksum

    def make_form_data_parser(self):
        parser = super().make_form_data_parser()
        # Otherwise a broken form is taken for an empty one.
        parser.silent = False
        return parser


app.request_class = ChecksumRequest


def parse_json():
    """Return the keys of a JSON object; ValueError if it is not JSON."""
    value = json.loads(request.get_data())
    # Python reads more than JSON allows: NaN, Infinity, half a character.
    json.dumps(value, ensure_ascii=False, allow_nan=False).encode()

    if not isinstance(value, dict):
        abort(400, "Send a JSON object.")

    return list(value)


def verify_digest(header, digest):
    """End with 400 unless a Content-Digest (RFC 9530) is this SHA-256."""
    members = [DIGEST.fullmatch(part.strip()) for part in header.split(",")]
    sent = all(members) and dict(m.groups() for m in members).get("sha-256")

    if not sent:
        abort(400, "Send a Content-Digest like sha-256=:BASE64:")

    # The time must not tell how much of it was right.
    if not hmac.compare_digest(sent, b64encode(digest).decode()):
        abort(400, "The body is not the one that Content-Digest promises.")


@app.post("/special-api")
def special_api():
    try:
        keys = parse_json() if request.is_json else []
        form, files = list(request.form), list(request.files)
    except (ValueError, RecursionError):
        abort(400, f"The body is not valid {request.mimetype}.")

    # A type that nothing here parses is still unread, and only streams past.
    while request.stream.read(2**18):
        pass

    sha256 = request.checksum.sha256

    if "Content-Digest" in request.headers:
        verify_digest(request.headers["Content-Digest"], sha256.digest())

    return {
        "sha256": sha256.hexdigest(),
        "length": request.checksum.length,
        "form": form,
        "files": files,
        "json": keys,
    }


@app.errorhandler(HTTPException)
def json_error(error):
    # An API answers in JSON, a page in HTML.
    if request.path != "/special-api":
        return error

    response = error.get_response()
    response.data = json.dumps({"error": error.description})
    response.content_type = "application/json"
    return response


@app.get("/")
def index():
    return render_template("index.html")
