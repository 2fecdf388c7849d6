"""HTTP method overrides: accept PUT, PATCH, and DELETE as a POST and a header.

Docs: https://flask.palletsprojects.com/patterns/methodoverrides/
Run:  flask --app app run --port 8000
Try:  curl -i localhost:8000/notes -d text=milk
      curl localhost:8000/notes/1 -d text=tea -H "X-HTTP-Method-Override: PUT"
"""

from itertools import count

from flask import Flask, abort, render_template, request, url_for

app = Flask(__name__)
app.config.from_prefixed_env()

# These stand in for a database table. Each worker has its own.
notes = {}
ids = count(1)


# -- Adding HTTP Method Overrides -------------------------------------------


class HTTPMethodOverrideMiddleware:
    """Replace the method of a POST with the one in X-HTTP-Method-Override."""

    # Leave out GET, because CSRF checks skip GET requests.
    allowed_methods = frozenset(["PUT", "PATCH", "DELETE"])

    def __init__(self, app):
        self.app = app

    def __call__(self, environ, start_response):
        method = environ.get("HTTP_X_HTTP_METHOD_OVERRIDE", "").upper()
        is_post = environ["REQUEST_METHOD"] == "POST"

        # Override only a POST, because a GET must not change anything.
        if is_post and method in self.allowed_methods:
            environ["REQUEST_METHOD"] = method

        return self.app(environ, start_response)


app.wsgi_app = HTTPMethodOverrideMiddleware(app.wsgi_app)


@app.get("/")
def index():
    # Copy the notes, because another thread might add one during the loop.
    return render_template("index.html", notes=list(notes.values()))


def get_note(id):
    """Return the note, or abort with 404."""
    note = notes.get(id)

    if note is None:
        abort(404)

    return note


def form_text():
    """Return the form's text, or abort with 400."""
    text = request.form["text"]

    if not 1 <= len(text) <= 200:
        abort(400, "The text must be 1 to 200 characters long.")

    return text


@app.post("/notes")
def add_note():
    note = {"id": next(ids), "text": form_text()}
    notes[note["id"]] = note
    return note, 201, {"Location": url_for("show_note", id=note["id"])}


@app.get("/notes/<int:id>")
def show_note(id):
    return get_note(id)


@app.put("/notes/<int:id>")
@app.patch("/notes/<int:id>")
def edit_note(id):
    note = get_note(id)
    note["text"] = form_text()
    return note


@app.delete("/notes/<int:id>")
def delete_note(id):
    if notes.pop(id, None) is None:
        abort(404)

    return "", 204
