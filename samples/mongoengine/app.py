"""MongoDB with MongoEngine: documents whose fields are checked.

Docs: https://flask.palletsprojects.com/patterns/mongoengine/
Run:  flask --app app run --port 8000
Try:  curl localhost:8000/movies --json '{"title": "Alien", "year": 1979}'
"""

import json
from contextlib import nullcontext
from threading import RLock
from typing import ClassVar

import mongoengine as me
import mongomock
import pymongo
from bson import ObjectId
from flask import Flask, abort, render_template, request, url_for
from werkzeug import exceptions

PER_PAGE = 20

app = Flask(__name__)
app.config["MAX_CONTENT_LENGTH"] = 1_000_000
app.config.from_prefixed_env()


# -- Configuration ----------------------------------------------------------

uri = app.config.get("MONGODB_URI")
me.connect(
    "flask_patterns",  # unless the URI names a database
    host=uri,
    mongo_client_class=pymongo.MongoClient if uri else mongomock.MongoClient,
    uuidRepresentation="standard",
    connect=False,  # but at first use: workers may not share connections
    serverSelectionTimeoutMS=1000,  # for a server that is away
    timeoutMS=1000,  # for one that hangs
)
# mongomock is not made for several threads at once, as a server is.
turn = nullcontext() if uri else RLock()

if not uri:
    app.logger.warning("No FLASK_MONGODB_URI: films live in this process.")


@app.errorhandler(exceptions.HTTPException)
def json_error(error):
    if not request.path.startswith("/movies"):  # a 404 may have no view
        return error

    response = error.get_response()
    response.data = app.json.dumps({"error": error.description})
    response.content_type = "application/json"
    return response


@app.errorhandler(pymongo.errors.PyMongoError)
@app.errorhandler(me.OperationError)
def unavailable(error):
    app.logger.error("MongoDB: %s", error)
    message = "The database does not answer. Try again later."
    return json_error(exceptions.ServiceUnavailable(message))


# -- Mapping Documents ------------------------------------------------------


VISIBLE = {"min_length": 1, "max_length": 200, "regex": r"\s*[^\s\0-\x1f\x7f]"}


class Imdb(me.EmbeddedDocument):
    # Sparse, or a second film without an imdb_id would be a duplicate.
    imdb_id = me.StringField(min_length=1, unique=True, sparse=True)
    rating = me.FloatField(min_value=0, max_value=10)
    votes = me.IntField(min_value=0, max_value=2**63 - 1)


class Movie(me.Document):
    title = me.StringField(required=True, **VISIBLE)
    year = me.IntField(min_value=1800, max_value=2200)
    rated = me.StringField(min_length=1, max_length=20)
    director = me.StringField(**VISIBLE)
    actors = me.ListField(me.StringField(**VISIBLE))
    imdb = me.EmbeddedDocumentField(Imdb)

    # Indexes are made at first use: never, if the server is away just then.
    meta: ClassVar = {"auto_create_index_on_save": True, "ordering": ["-id"]}

    def to_dict(self) -> dict:
        data = self.to_mongo().to_dict()
        return {"id": str(data.pop("_id")), **data}


# -- Creating Data ----------------------------------------------------------

# MongoEngine takes "1999", True and 1999.5 for whole numbers; JSON does not.
JSON_TYPES = {me.StringField: str, me.IntField: int, me.ListField: list}
JSON_TYPES |= {me.FloatField: float | int, me.EmbeddedDocumentField: dict}


def json_object() -> dict:
    """Return the body as a dict, or abort with 400, 413 or 415."""
    request.get_data()
    # A chunked body is cut off at the limit; to read on there is a 413.
    request.stream.read(1)

    try:
        data = request.get_json()
        # Neither NaN nor half a character ("\ud800") can be stored.
        json.dumps(data, allow_nan=False, ensure_ascii=False).encode()
    except (exceptions.BadRequest, RecursionError, ValueError):
        data = None

    return data if isinstance(data, dict) else abort(400, "No JSON object.")


def fill(document, data: dict):
    """Set and return what `data` describes, or raise me.ValidationError."""
    for name, given in data.items():
        field = document._fields.get(name)
        wanted = JSON_TYPES.get(type(field), ())

        if not isinstance(given, wanted) or isinstance(given, bool):
            reason = "Wrong type" if wanted else "There is no such field"
            raise me.ValidationError(errors={name: reason})

        # Not Movie(**data): that converts the values before it looks.
        value = fill(field.document_type(), given) if wanted is dict else given
        setattr(document, name, value)

    return document


@app.errorhandler(me.ValidationError)
def invalid(error):
    return {"error": "Nothing was stored.", "fields": error.to_dict()}, 400


@app.errorhandler(me.NotUniqueError)
def duplicate(error):
    return {"error": "There is a film with this imdb_id."}, 409


@app.post("/movies")
def add():
    movie = fill(Movie(), json_object())

    with turn:
        movie.save()

    return movie.to_dict(), 201, {"Location": url_for("show", id=movie.id)}


@app.patch("/movies/<id>")
def change(id):
    movie = fill(get_or_404(id), json_object())

    try:
        with turn:
            # Without a condition, this brings a deleted film back.
            movie.save(save_condition={"id": movie.id})
    except me.SaveConditionError:
        abort(404, "There is no such film.")

    return movie.to_dict()


# -- Queries ----------------------------------------------------------------


def get_or_404(id: str) -> Movie:
    with turn:  # to ask for what is no id at all raises ValidationError.
        movie = ObjectId.is_valid(id) and Movie.objects(id=id).first()

    return movie or abort(404, "There is no such film.")


def number(name: str, least: int) -> int:
    """Return a number of the query that MongoDB can hold, or abort."""
    text = request.args.get(name) or str(least)
    good = text.isdecimal() and len(text) < 9 and int(text) >= least
    return int(text) if good else abort(400, f"{name}: {least} to 99999999.")


@app.get("/movies")
def search():
    start = (number("page", 1) - 1) * PER_PAGE

    with turn:
        movies = Movie.objects

        if actor := request.args.get("actor"):
            movies = movies.filter(actors=actor)  # only the value is theirs

        if since := number("since", 0):
            movies = movies.filter(year__gte=since)

        return [movie.to_dict() for movie in movies[start : start + PER_PAGE]]


@app.get("/movies/<id>")
def show(id):
    return get_or_404(id).to_dict()


@app.delete("/movies/<id>")
def delete(id):
    with turn:
        get_or_404(id).delete()

    return "", 204


# -- Documentation ----------------------------------------------------------


@app.get("/")
def index():
    with turn:
        return render_template("index.html", movies=Movie.objects[:PER_PAGE])
