"""Request content checksums: hash a body while it is being read.

Docs: https://flask.palletsprojects.com/patterns/requestchecksum/
Run:  flask --app app run --port 8000
Try:  curl localhost:8000/special-api -F text=hello -F file=@app.py
      curl localhost:8000/special-api --json '{"text": "hello"}'
"""

import hashlib
import io
from base64 import b64encode
from functools import cached_property

from flask import Flask, Request, abort, render_template_string, request

app = Flask(__name__)
app.config.from_prefixed_env()


# -- Request Content Checksums ----------------------------------------------


class ChecksumCalcStream(io.RawIOBase):
    """A stream that wraps another one, and hashes every byte read from it."""

    def __init__(self, stream):
        self.stream = stream
        self.hash = hashlib.sha256()
        self.length = 0

    # Wrappers such as io.TextIOWrapper require this.
    def readable(self):
        return True

    # RawIOBase builds read(), readline(), and iteration on this method.
    def readinto(self, buffer):
        # Call read(), because gunicorn's stream has no readinto().
        data = self.stream.read(len(buffer))
        buffer[: len(data)] = data
        self.hash.update(data)
        self.length += len(data)
        return len(data)


class ChecksumRequest(Request):
    # Cache the wrapper under a name of its own, because form parsing replaces
    # a cached `stream` with one that has no hash.
    @cached_property
    def checksum_stream(self):
        return ChecksumCalcStream(super().stream)

    # Everything that reads the body, such as form and get_data(), uses this.
    @property
    def stream(self):
        return self.checksum_stream


app.request_class = ChecksumRequest


@app.post("/special-api")
def special_api():
    # Accessing these parses the body of a form, and hashes it on the way.
    form = list(request.form)
    files = list(request.files)

    # Read the rest, because a body that isn't a form hasn't been read yet.
    while request.stream.read(64 * 1024):
        pass

    checksum = request.stream.hash
    digest = b64encode(checksum.digest()).decode()
    sent = request.headers.get("Content-Digest")

    if sent is not None and sent != f"sha-256=:{digest}:":
        abort(400, "Content-Digest isn't the SHA-256 checksum of the body.")

    return {
        "sha256": checksum.hexdigest(),
        "length": request.stream.length,
        "form": form,
        "files": files,
    }


@app.get("/")
def index():
    return render_template_string(PAGE)


PAGE = """\
<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width">
  <meta name="color-scheme" content="light dark">
  <title>Request Content Checksums</title>
  <style>
    body { font-family: sans-serif; line-height: 1.6; margin: 2rem }
  </style>
</head>
<body>
<main>
<h1>Request Content Checksums</h1>
<form method="post" action="{{ url_for('special_api') }}">
  <p><label>Text <input name="text" value="hello"></label></p>
  <p><label>File <input name="file" type="file"></label></p>
  <p><button formenctype="multipart/form-data">Send as a form</button>
    <button formenctype="text/plain">Send as plain text</button></p>
</form>
</main>
</body>
</html>
"""
