"""Subclassing Flask: add your own values and methods to requests and apps.

Docs: https://flask.palletsprojects.com/patterns/subclassing/
Run:  flask --app app run --port 8000
Try:  curl -i "localhost:8000/params?b=1&a=2&b=3"
"""

from functools import cached_property
from urllib.parse import parse_qsl
from uuid import uuid4

from flask import Flask, Request, render_template, request

# -- Subclassing Flask ------------------------------------------------------


class MyRequest(Request):
    @cached_property
    def request_id(self):
        """A random id for this request."""
        return uuid4().hex

    @cached_property
    def params(self):
        """The query's name-value pairs, in the order sent."""
        # Replace bytes that aren't UTF-8, or a client could cause a 500.
        query = self.query_string.decode(errors="replace")
        return parse_qsl(query, keep_blank_values=True)


class MyFlask(Flask):
    # Every `request` in this app is a MyRequest.
    request_class = MyRequest

    def select_jinja_autoescape(self, filename: str | None) -> bool:
        # Ignore the ending .j2. Otherwise, Flask doesn't escape values in
        # index.html.j2. For a template string, the filename is None.
        if filename is not None:
            filename = filename.removesuffix(".j2")

        return super().select_jinja_autoescape(filename)


app = MyFlask(__name__)
app.config.from_prefixed_env()


@app.get("/")
def index():
    return render_template("index.html.j2")


@app.get("/params")
def params():
    return request.params


@app.after_request
def add_request_id(response):
    response.headers["X-Request-ID"] = request.request_id
    return response
