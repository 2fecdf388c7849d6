from runpy import run_path
from unittest.mock import Mock

import mongoengine as me
import mongomock
import pymongo
import pytest
from app import PER_PAGE, Movie, app

ALIEN = {
    "title": "Alien",
    "year": 1979,
    "rated": "R",
    "director": "Ridley Scott",
    "actors": ["Sigourney Weaver", "John Hurt"],
    "imdb": {"imdb_id": "tt0078748", "rating": 8.5, "votes": 1_000_000},
}


@pytest.fixture
def client():
    Movie.drop_collection()
    return app.test_client()


def add(client, **data):
    return client.post("/movies", json=data)


# -- Configuration ----------------------------------------------------------


@pytest.fixture
def start(monkeypatch):
    """Return a function that starts the app anew, and returns its settings."""
    connect = Mock()
    monkeypatch.setattr(me, "connect", connect)

    def start():
        run_path(app.root_path + "/app.py")
        return connect.call_args.kwargs

    return start


def test_app_connects_to_the_uri_with_a_short_timeout(start, monkeypatch):
    monkeypatch.setenv("FLASK_MONGODB_URI", "mongodb://localhost/test")
    settings = start()
    assert settings["host"] == "mongodb://localhost/test"
    assert settings["mongo_client_class"] is pymongo.MongoClient
    assert settings["serverSelectionTimeoutMS"] == 3000
    assert settings["uuidRepresentation"] == "standard"


def test_app_needs_no_server_when_no_uri_is_set(start, monkeypatch):
    monkeypatch.delenv("FLASK_MONGODB_URI", raising=False)
    assert start()["mongo_client_class"] is mongomock.MongoClient


def test_start_creates_the_unique_index(start):
    me.get_db().drop_collection("movie")
    start()
    index = me.get_db()["movie"].index_information()["imdb.imdb_id_1"]
    assert index["unique"]


def test_app_starts_when_the_server_is_unavailable(start, monkeypatch):
    fail = Mock(side_effect=pymongo.errors.ServerSelectionTimeoutError)
    monkeypatch.setattr(me.Document, "ensure_indexes", fail)
    start()
    fail.assert_called_once()


def test_movies_return_503_when_the_server_is_unavailable(client, monkeypatch):
    fail = Mock(side_effect=pymongo.errors.ServerSelectionTimeoutError)
    monkeypatch.setattr(type(me.get_db()["movie"]), "find", fail)
    response = client.get("/movies")
    assert response.status_code == 503
    assert "unavailable" in response.json["error"]


# -- Mapping Documents ------------------------------------------------------


def test_movie_is_returned_as_it_was_added(client):
    response = add(client, **ALIEN)
    assert response.status_code == 201
    assert response.json == {"id": response.json["id"], **ALIEN}
    assert client.get(response.location).json == response.json


def test_many_movies_can_be_without_an_imdb_id(client):
    assert add(client, title="Alien").status_code == 201
    assert add(client, title="Brazil").status_code == 201


# -- Creating Data ----------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [
        [],
        {},
        {"title": ""},
        {"title": "x" * 201},
        {"title": {"$ne": None}},
        {"title__ne": "x", "title": "x"},
        {"title": "x", "actors": [5]},
        {"title": "x", "imdb": None},
        {"title": "x", "imdb": {"unknown": 1}},
        {"title": "x", "imdb": {"_cls": "Unknown", "votes": -1}},
    ],
)
def test_add_returns_400_when_the_data_is_invalid(client, data):
    assert client.post("/movies", json=data).status_code == 400
    assert Movie.objects.count() == 0


def test_add_names_the_field_that_is_invalid(client):
    response = add(client, title="x", imdb={"votes": -1})
    assert "votes" in response.json["errors"]["imdb"]
    assert "color" in add(client, title="x", color="red").json["error"]


def test_add_returns_409_when_the_imdb_id_exists(client):
    add(client, **ALIEN)
    response = add(client, **ALIEN)
    assert response.status_code == 409
    assert "imdb_id" in response.json["error"]
    assert Movie.objects.count() == 1


def test_add_does_not_replace_a_movie_with_the_same_id(client):
    movie = add(client, **ALIEN).json
    assert add(client, title="Brazil", id=movie["id"]).status_code == 409
    assert Movie.objects.get().title == "Alien"


# -- Queries ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("?actor=&since=&page=", ["Brazil", "Aliens", "Alien"]),
        ("?actor=Sigourney", []),
        ("?actor=Sigourney%20Weaver", ["Aliens", "Alien"]),
        ("?actor=Sigourney%20Weaver&since=1986", ["Aliens"]),
        ('?actor={"$ne":null}', []),
    ],
)
def test_search_finds_movies(client, query, found):
    add(client, **ALIEN)
    add(client, title="Aliens", year=1986, actors=["Sigourney Weaver"])
    add(client, title="Brazil")
    movies = client.get(f"/movies{query}").json
    assert [movie["title"] for movie in movies] == found


def test_search_returns_one_page_at_a_time(client):
    for number in range(PER_PAGE + 1):
        add(client, title=f"Movie {number}")

    assert len(client.get("/movies").json) == PER_PAGE
    [oldest] = client.get("/movies?page=2").json
    assert oldest["title"] == "Movie 0"
    assert client.get("/movies?page=3").json == []
    assert "Movie 0" not in client.get("/").text


def test_errors_are_json_and_keep_their_headers(client):
    response = client.put("/movies")
    assert response.status_code == 405
    assert response.json["error"]
    assert "POST" in response.allow


@pytest.mark.parametrize("query", ["since=soon", "page=0", "page=999999999"])
def test_search_returns_400_when_a_number_is_invalid(client, query):
    response = client.get(f"/movies?{query}")
    assert response.status_code == 400
    assert query.partition("=")[0] in response.text


def test_deleted_movie_is_gone(client):
    path = add(client, title="Alien").location
    assert client.delete(path).status_code == 204
    assert client.get(path).status_code == 404


@pytest.mark.parametrize("id", ["0123456789abcdef01234567", "malformed"])
def test_movie_returns_404_when_the_id_is_unknown_or_malformed(client, id):
    assert client.get(f"/movies/{id}").status_code == 404
    assert client.delete(f"/movies/{id}").status_code == 404


def test_first_page_shows_titles_as_text_and_links_to_movies(client):
    path = add(client, title="<script>alert(1)</script>").location
    page = client.get("/").text
    assert f'href="{path}"' in page
    assert "<script>alert" not in page
