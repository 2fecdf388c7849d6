"""Faults of Flask, Werkzeug, gunicorn and extensions, shown without a sample.

Each test asserts the fault as it is, so it fails when upstream fixes it. Then
delete the test and its line in attacks.toml, and the samples must handle such
requests as well.
"""

import decimal
import json
import math
import sys

import bson
import pytest
import runner
from flask import Flask, request
from flask_sqlalchemy import SQLAlchemy
from flask_wtf import CSRFProtect
from hostile import ATTACKS, chunked, exchange
from kombu import Connection
from mongoengine import DecimalField, Document, IntField

BARE = """
from flask import Flask, request

app = Flask(__name__)
app.add_url_rule("/", view_func=lambda: request.get_data(), methods=["POST"])
"""
PART = b"--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--\r\n"


@pytest.fixture
def app():
    return Flask(__name__)


@pytest.fixture
def send_json(app):
    """A function: post to a view that returns the JSON."""

    @app.post("/")
    def view():
        value = request.get_json()
        return value if isinstance(value, str) else [value]

    client = app.test_client()
    kind = "application/json"
    return lambda text: client.post("/", data=text, content_type=kind)


def test_every_exception_for_upstream_is_shown_here():
    assert ATTACKS.upstream.keys() <= globals().keys()


# -- Flask ------------------------------------------------------------------


def test_json_nested_too_deep(send_json):
    """get_json() responds with 400 to a ValueError, not a RecursionError."""
    assert send_json("[" * 100_000).status_code == 500


def test_json_with_a_lone_surrogate(send_json):
    """get_json() accepts a string that no response can contain."""
    assert send_json(r'"\ud800"').status_code == 500


def test_json_with_nan(send_json):
    """get_json() accepts NaN, and jsonify() sends what isn't JSON."""
    assert send_json("NaN").text == "[NaN]\n"

    # MongoEngine expects a TypeError or a ValueError.
    with pytest.raises(OverflowError):
        IntField().validate(math.inf)

    with pytest.raises(decimal.InvalidOperation):
        DecimalField(min_value=0).validate("NaN")


def test_a_host_with_broken_punycode(app):
    """Before Python 3.13, its codec raises what Werkzeug doesn't expect."""
    with app.test_request_context(headers={"Host": "xn--a.b"}):
        if sys.version_info >= (3, 13):
            assert request.url == "http://xn--a.b/"
            return

        with pytest.raises(UnicodeError):
            print(request.url)


# -- gunicorn ---------------------------------------------------------------


def test_broken_chunks(tmp_path):
    """gunicorn raises in the app, and Flask takes it for the app's fault."""
    (tmp_path / "app.py").write_text(BARE, "utf-8")
    log = tmp_path / "log"

    with runner.boot(tmp_path, log=log, gunicorn=True, workers=1) as server:
        for end in (b"z\r\n", b"3\r\nabcd", b""):
            attack = chunked("POST", "/", "text/plain", b"x", end, cut=True)
            answer = exchange(server.port, attack)
            assert answer.startswith(b"HTTP/1.1 500 "), end


# -- Extensions -------------------------------------------------------------


def test_a_part_without_a_name(app):
    """Flask-WTF expects that each field of a form has a name."""
    app.secret_key = "secret"
    app.add_url_rule("/", view_func=lambda: "", methods=["POST"])
    CSRFProtect(app)
    kind = "multipart/form-data; boundary=b"
    response = app.test_client().post("/", data=PART, content_type=kind)
    assert response.status_code == 500


def test_a_long_number_of_a_page(app):
    """Flask-SQLAlchemy accepts numbers that no database accepts."""
    app.config["SQLALCHEMY_DATABASE_URI"] = "sqlite://"
    db = SQLAlchemy(app)

    class User(db.Model):
        id = db.Column(db.Integer, primary_key=True)

    with app.test_request_context(f"/?page={2**63}"):
        db.create_all()

        with pytest.raises(OverflowError):
            db.paginate(db.select(User))

        with pytest.raises(OverflowError):
            db.get_or_404(User, 2**63)

        db.session.remove()
        db.engine.dispose()


def test_a_message_that_is_half_written(tmp_path, monkeypatch):
    """Kombu reads a file that its writer has opened, but not yet written."""
    names = ("data_folder_in", "data_folder_out", "control_folder")
    options = dict.fromkeys(names, f"{tmp_path}")

    with Connection("filesystem://", transport_options=options) as connection:
        queue = connection.SimpleQueue("tasks")
        # The writer calls this between the two.
        dumps = "kombu.transport.filesystem.dumps"
        monkeypatch.setattr(dumps, lambda _: queue.get_nowait())

        with pytest.raises(json.JSONDecodeError):
            queue.put("message")


def test_json_with_a_long_number():
    """MongoEngine expects a ValueError for a number that it cannot store."""
    IntField().validate(2**70)

    with pytest.raises(OverflowError):
        bson.encode({"year": 2**70})

    with pytest.raises(decimal.InvalidOperation):
        DecimalField().to_python(1e30)


def test_json_with_a_field_called_self():
    """MongoEngine mistakes it for the argument of its constructor."""
    with pytest.raises(TypeError, match="'self'"):
        Document(self=1)
