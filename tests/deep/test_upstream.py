"""Faults of Flask, Werkzeug, gunicorn and extensions, shown without a sample.

Each test asserts the fault as it is, so it fails when upstream fixes it. Then
delete the test and its line in `hostile.UPSTREAM`, and the samples must handle
such requests as well.
"""

import decimal
import math

import bson
import hostile
import pytest
import runner
from flask import Flask, request, url_for
from flask_sqlalchemy import SQLAlchemy
from flask_wtf import CSRFProtect
from hostile import chunked, exchange, sized
from mongoengine import DecimalField, Document, IntField

APP = """
from flask import Flask, request

app = Flask(__name__)


@app.post("/")
def length():
    request.max_content_length = request.args.get("most", type=int)
    return f"{len(request.get_data())} bytes"
"""


@pytest.fixture
def app():
    return Flask(__name__)


@pytest.fixture
def db(app):
    """A table of Flask-SQLAlchemy, and views that read it."""
    app.config["SQLALCHEMY_DATABASE_URI"] = "sqlite://"
    db = SQLAlchemy(app)

    class User(db.Model):
        id = db.Column(db.Integer, primary_key=True)

    @app.get("/<int:id>")
    def detail(id):
        return {"id": db.get_or_404(User, id).id}

    @app.get("/")
    def index():
        return [user.id for user in db.paginate(db.select(User))]

    with app.app_context():
        db.create_all()
        engine = db.engine

    yield db
    engine.dispose()


@pytest.fixture
def gunicorn(tmp_path):
    """A function: send a request to a bare app, return its whole reply."""
    (tmp_path / "app.py").write_text(APP, "utf-8")

    with runner.boot(
        tmp_path, log=tmp_path / "log", gunicorn=True, workers=1
    ) as server:
        yield lambda attack: exchange(server.port, attack)


def send_json(app, body):
    """Post to a view that returns the JSON; return its response."""

    @app.post("/")
    def view():
        value = request.get_json()
        return value if isinstance(value, str) else [value]

    return app.test_client().post(
        "/", data=body, content_type="application/json"
    )


def test_every_exception_for_upstream_is_shown_here():
    assert hostile.UPSTREAM.keys() <= globals().keys()


# -- Flask ------------------------------------------------------------------


def test_json_nested_too_deep(app):
    """get_json() responds with 400 to a ValueError, not a RecursionError."""
    assert send_json(app, "[" * 100_000).status_code == 500


def test_json_with_a_lone_surrogate(app):
    """get_json() accepts a string that no response can contain."""
    assert send_json(app, r'"\ud800"').status_code == 500


def test_json_with_nan(app):
    """get_json() accepts NaN, and jsonify() sends what isn't JSON."""
    assert send_json(app, "NaN").text == "[NaN]\n"

    # MongoEngine expects a TypeError or a ValueError.
    with pytest.raises(OverflowError):
        IntField().validate(math.inf)

    with pytest.raises(decimal.InvalidOperation):
        DecimalField(min_value=0).validate("NaN")


def test_a_host_that_werkzeug_rejects(app):
    """An error page cannot use url_for(): there is no map of the URLs."""
    app.register_error_handler(
        400, lambda error: url_for("static", filename="x")
    )
    client = app.test_client()
    assert client.get("/", headers={"Host": ".."}).status_code == 500


def test_a_host_with_broken_punycode(app):
    """Werkzeug decodes the host for request.url, and expects no errors."""
    with (
        app.test_request_context(headers={"Host": "xn--a.b"}),
        pytest.raises(UnicodeError),
    ):
        print(request.url)


# -- Werkzeug and gunicorn --------------------------------------------------


def test_a_chunked_body_over_the_limit(gunicorn):
    """It is cut off at the limit, and nobody is told."""
    answer = gunicorn(chunked("POST", "/?most=10", "text/plain", b"x" * 50))
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert answer.endswith(b"10 bytes")


def test_a_short_body(gunicorn):
    """A body shorter than its Content-Length passes for a whole one."""
    answer = gunicorn(
        sized("POST", "/", "text/plain", b"x" * 5, more=4, cut=True)
    )
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert answer.endswith(b"5 bytes")


def test_broken_chunks(gunicorn):
    """gunicorn raises in the app, and Flask takes it for the app's fault."""
    for end in (b"z\r\n", b"3\r\nabcd", b""):
        answer = gunicorn(
            chunked("POST", "/", "text/plain", b"x", end=end, cut=True)
        )
        assert answer.startswith(b"HTTP/1.1 500 ")


# -- Extensions -------------------------------------------------------------


def test_a_part_without_a_name(app):
    """Flask-WTF expects that each field of a form has a name."""
    app.secret_key = "secret"
    app.add_url_rule("/", view_func=lambda: "", methods=["POST"])
    CSRFProtect(app)
    body = b"--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--\r\n"
    kind = "multipart/form-data; boundary=b"
    response = app.test_client().post("/", data=body, content_type=kind)
    assert response.status_code == 500


def test_a_long_number_in_a_path(app, db):
    """The converter `int` accepts what get_or_404() cannot look up."""
    client = app.test_client()
    assert client.get(f"/{2**63 - 1}").status_code == 404
    assert client.get(f"/{2**63}").status_code == 500


def test_a_long_number_of_a_page(app, db):
    """paginate() calculates an offset that no database accepts."""
    assert app.test_client().get(f"/?page={2**63}").status_code == 500


def test_json_with_a_long_number():
    """MongoEngine accepts a number that it or BSON cannot store."""
    IntField().validate(2**70)

    with pytest.raises(OverflowError):
        bson.encode({"year": 2**70})

    with pytest.raises(decimal.InvalidOperation):
        DecimalField().to_python(1e30)


def test_json_with_a_field_called_self():
    """MongoEngine mistakes it for the argument of its constructor."""
    with pytest.raises(TypeError, match="'self'"):
        Document(self=1)
