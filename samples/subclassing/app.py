"""Subclassing Flask: a request and an application with habits of their own.

Docs: https://flask.palletsprojects.com/patterns/subclassing/
Run:  flask --app app run --port 8000
Try:  curl "localhost:8000/params?b=1&a=2&b=3"
      curl -i -X DELETE localhost:8000/nothing -H "X-Request-ID: order-4711"
"""

import re
from urllib.parse import parse_qsl
from uuid import uuid4

from flask import Flask, Request, abort, render_template, request
from werkzeug.exceptions import HTTPException
from werkzeug.utils import cached_property

FORM = "application/x-www-form-urlencoded"
# Not \w, which knows the letters and digits of every script.
REQUEST_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")


# -- Subclassing Flask ------------------------------------------------------


class MyRequest(Request):
    @cached_property
    def request_id(self) -> str:
        """The caller's X-Request-ID if it is harmless, otherwise a new one."""
        given = self.headers.get("X-Request-ID", "")
        return given if REQUEST_ID.fullmatch(given) else uuid4().hex

    @cached_property
    def params(self) -> list[tuple[str, str]]:
        """Names and values in the order sent: the query's, then the form's.

        Ask for it before `form`, which leaves nothing of the body. Aborts
        with 400 (not UTF-8), 413 (too large) or 415 (another kind of body).
        """
        body = self.get_data()

        # A chunked body is cut off at the limit; to read on there is a 413.
        if self.content_length is None:
            self.stream.read(1)

        if self.mimetype != FORM and (body or self.mimetype):
            abort(415, f"Send parameters in the query or as {FORM}.")

        try:
            return parse_qsl(
                b"&".join((self.query_string, body)).decode(),
                keep_blank_values=True,
                errors="strict",
            )
        except UnicodeDecodeError:
            abort(400, "Send parameters in UTF-8.")


class MyFlask(Flask):
    request_class = MyRequest

    # Every answer comes through here, errors included. Flask 3.2 changes what
    # `dispatch_request` and `process_response` are called with, not this.
    def make_response(self, rv):
        # Flask itself calls it a mistake that a view returns None.
        response = super().make_response(("", 204) if rv is None else rv)

        # False where an answer is made outside a request, as in a command.
        if request:
            response.headers["X-Request-ID"] = request.request_id

        return response


app = MyFlask(__name__)
app.config["MAX_CONTENT_LENGTH"] = 1_000_000
app.config.from_prefixed_env()


@app.get("/")
def index():
    return render_template("index.html")


@app.route("/params", methods=["GET", "POST"])
def params():
    return request.params


@app.delete("/nothing")
def nothing():
    app.logger.info("Nothing deleted, request %s", request.request_id)


@app.errorhandler(HTTPException)
def json_error(error):
    # The error's own response has its headers, such as Allow.
    response = error.get_response()
    response.data = app.json.dumps({"error": error.description})
    response.content_type = "application/json"
    return response
