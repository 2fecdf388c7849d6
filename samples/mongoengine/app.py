"""MongoDB with MongoEngine: store documents, and validate their fields.

Docs: https://flask.palletsprojects.com/patterns/mongoengine/
Run:  flask --app app run --port 8000
Try:  curl localhost:8000/movies --json '{"title": "Alien", "year": 1979}'
      curl "localhost:8000/movies?since=1970"
"""

from contextlib import suppress

import mongoengine as me
import mongomock
import pymongo
from flask import Flask, abort, render_template, request, url_for
from werkzeug.exceptions import HTTPException

PER_PAGE = 20

app = Flask(__name__)
app.config.from_prefixed_env()


# -- Configuration ----------------------------------------------------------

uri = app.config.get("MONGODB_URI")

if not uri:
    app.logger.warning("FLASK_MONGODB_URI isn't set. Restarts lose all data.")

me.connect(
    "movies",
    host=uri,
    # Without a URI, mongomock imitates a server in this process.
    mongo_client_class=pymongo.MongoClient if uri else mongomock.MongoClient,
    # If the server is down, stop waiting after 3 seconds instead of 30.
    serverSelectionTimeoutMS=3000,
    # Without this, MongoEngine warns about the format of UUIDs.
    uuidRepresentation="standard",
)


# -- Mapping Documents ------------------------------------------------------


class Imdb(me.EmbeddedDocument):
    # Without sparse=True, only one movie could lack an imdb_id.
    imdb_id = me.StringField(max_length=20, unique=True, sparse=True)
    rating = me.DecimalField(min_value=0, max_value=10)
    votes = me.IntField(min_value=0, max_value=10**9)


class Movie(me.Document):
    # Without min_length=1, a required title could still be empty.
    title = me.StringField(required=True, min_length=1, max_length=200)
    year = me.IntField(min_value=1800, max_value=2200)
    rated = me.StringField(max_length=20)
    director = me.StringField(max_length=200)
    actors = me.ListField(me.StringField(max_length=200))
    imdb = me.EmbeddedDocumentField(Imdb)

    def to_dict(self):
        data = self.to_mongo().to_dict()
        data["id"] = str(data.pop("_id"))
        return data


# Create the index at startup. Otherwise, MongoEngine creates it on first use,
# and concurrent requests could store duplicates in the meantime.
with suppress(pymongo.errors.ConnectionFailure):
    Movie.ensure_indexes()


# -- Creating Data ----------------------------------------------------------


@app.post("/movies")
def add():
    data = request.get_json()

    if not isinstance(data, dict):
        abort(400, "Send a JSON object.")

    if "imdb" in data and not isinstance(data["imdb"], dict):
        abort(400, "The field imdb must be a JSON object.")

    try:
        if "imdb" in data:
            # Build the Imdb here. If MongoEngine built it, a _cls in the data
            # could choose another class.
            data["imdb"] = Imdb(**data["imdb"])

        # Without force_insert, data with an existing id would replace a movie.
        movie = Movie(**data).save(force_insert=True)
    except me.FieldDoesNotExist as error:
        abort(400, str(error))
    except me.ValidationError as error:
        return {"errors": error.to_dict()}, 400
    except me.NotUniqueError:
        abort(409, "A movie with this id or imdb_id exists.")

    return movie.to_dict(), 201, {"Location": url_for("show", id=movie.id)}


# -- Queries ----------------------------------------------------------------


def get_or_404(id):
    # A malformed id raises a ValidationError.
    try:
        return Movie.objects.get(id=id)
    except (me.DoesNotExist, me.ValidationError):
        abort(404, f"There is no movie {id}.")


def number(name, least):
    """Return a number from the query string, or abort with 400."""
    text = request.args.get(name) or str(least)

    # Limit the length, because MongoDB's integers have at most 64 bits.
    if not (text.isdecimal() and len(text) < 9 and int(text) >= least):
        abort(400, f"Send {name} as a whole number from {least} to 99999999.")

    return int(text)


@app.get("/movies")
def search():
    movies = Movie.objects.order_by("-id")

    # Read only values from the request, never the names of fields or
    # operators. Otherwise, visitors could write their own queries.
    if actor := request.args.get("actor"):
        movies = movies.filter(actors=actor)

    if since := number("since", 0):
        movies = movies.filter(year__gte=since)

    page = number("page", 1)
    movies = movies.skip((page - 1) * PER_PAGE).limit(PER_PAGE)
    return [movie.to_dict() for movie in movies]


@app.get("/movies/<id>")
def show(id):
    return get_or_404(id).to_dict()


@app.delete("/movies/<id>")
def delete(id):
    get_or_404(id).delete()
    return "", 204


# All sections use the functions below.


@app.errorhandler(pymongo.errors.ConnectionFailure)
def unavailable(error):
    app.logger.error("MongoDB: %s", error)
    return {"error": "The database is unavailable. Try again later."}, 503


# Return errors as JSON, so that the page's script can show the message.
@app.errorhandler(HTTPException)
def json_error(error):
    # Change the error's own response, because it has headers such as Allow.
    response = error.get_response()
    response.data = app.json.dumps({"error": error.description})
    response.content_type = "application/json"
    return response


@app.get("/")
def index():
    movies = Movie.objects.order_by("-id").limit(PER_PAGE)
    return render_template("index.html", movies=movies)
