"""HTTP method overrides: PUT, PATCH and DELETE through a POST.

Docs: https://flask.palletsprojects.com/patterns/methodoverrides/
Run:  flask --app app run --port 8000
Try:  curl -i localhost:8000/notes -d text=milk
      curl localhost:8000/notes/1 -d text=tea -H "X-HTTP-Method-Override: PUT"
"""

from itertools import count

from flask import Flask, abort, render_template, request, url_for
from werkzeug.exceptions import HTTPException

app = Flask(__name__)
app.config["MAX_CONTENT_LENGTH"] = 1_000_000
app.config.from_prefixed_env()

# This process's own: another worker has others, and a restart none.
notes = {}
numbers = count(1)


@app.errorhandler(HTTPException)
def json_error(error):
    # The error's own response has its headers, such as Allow.
    response = error.get_response()
    response.data = app.json.dumps({"error": error.description})
    response.content_type = "application/json"
    return response


# -- Adding HTTP Method Overrides -------------------------------------------


class HTTPMethodOverrideMiddleware:
    """Makes of a POST what its header X-HTTP-Method-Override says."""

    allowed_methods = frozenset({"PUT", "PATCH", "DELETE"})

    def __init__(self, app):
        self.app = app

    def __call__(self, environ, start_response):
        method = environ.get("HTTP_X_HTTP_METHOD_OVERRIDE", "").upper()
        is_post = environ["REQUEST_METHOD"] == "POST"

        # Nothing but POST: caches and CSRF checks trust a GET to change
        # nothing, and so it must neither be overridden nor come of it.
        if is_post and method in self.allowed_methods:
            environ["method_override.original_method"] = "POST"
            environ["REQUEST_METHOD"] = method

        return self.app(environ, start_response)


app.wsgi_app = HTTPMethodOverrideMiddleware(app.wsgi_app)


@app.before_request
def check_request():
    # Here for all, as an answer like 404 or 405 reads no body itself.
    body = request.get_data()

    if request.content_length is None:
        # A chunked body is cut off at the limit; to read on there is a 413.
        request.stream.read(1)
    elif len(body) < request.content_length:
        abort(400, "The body is shorter than its Content-Length.")

    header = request.headers.get("X-HTTP-Method-Override")

    # With a good override, a POST is none any more.
    if request.method == "POST" and header is not None:
        abort(400, "An override can be PUT, PATCH or DELETE.")


@app.get("/")
def index():
    return render_template("index.html", notes=list(notes.values()))


def sent_text() -> str:
    text = request.form.get("text", "")

    if not 1 <= len(text) <= 200:
        abort(400, "Send a form with a text of 1 to 200 characters.")

    return text


@app.post("/notes")
def add_note():
    text = sent_text()
    note = {"id": next(numbers), "text": text}
    notes[note["id"]] = note
    return note, 201, {"Location": url_for("one_note", note_id=note["id"])}


@app.route("/notes/<int:note_id>", methods=["GET", "PUT", "PATCH", "DELETE"])
def one_note(note_id):
    note = notes.get(note_id) or abort(404, "There is no such note.")

    if request.method == "DELETE":
        notes.pop(note_id, None)
        return "", 204

    if request.method in ("PUT", "PATCH"):
        # Not a new note: it would bring back what another thread deletes.
        note["text"] = sent_text()

    return note
