from runpy import run_path

import mongoengine as me
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
UNKNOWN = "/movies/0123456789abcdef01234567"


@pytest.fixture(autouse=True)
def empty():
    Movie.drop_collection()


@pytest.fixture
def client():
    return app.test_client()


def add(client, **data):
    return client.post("/movies", json=data)


def stored():
    return [movie.title for movie in Movie.objects]


def titles(client, query=""):
    movies = client.get(f"/movies{query}").json
    return [movie["title"] for movie in movies]


# -- Configuration ----------------------------------------------------------


def test_connection_has_a_short_timeout_and_stores_standard_uuids(monkeypatch):
    settings = {}
    monkeypatch.setattr(me, "connect", lambda *_, **kw: settings.update(kw))
    monkeypatch.setenv("FLASK_MONGODB_URI", "mongodb://localhost/test")
    run_path(app.root_path + "/app.py")
    assert settings["host"] == "mongodb://localhost/test"
    assert settings["mongo_client_class"] is pymongo.MongoClient
    assert settings["serverSelectionTimeoutMS"] <= 5000
    assert settings["uuidRepresentation"] == "standard"


def test_movies_return_503_when_the_server_is_unavailable(client, monkeypatch):
    def fail(*args, **kwargs):
        raise pymongo.errors.ServerSelectionTimeoutError

    collection = type(me.get_db()["movie"])
    monkeypatch.setattr(collection, "find", fail)
    monkeypatch.setattr(collection, "create_index", fail)
    monkeypatch.setattr(me, "connect", lambda *_, **kw: None)
    run_path(app.root_path + "/app.py")

    for path in ("/", "/movies", UNKNOWN):
        response = client.get(path)
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


def test_unique_index_exists_before_the_first_request(monkeypatch):
    me.get_db().drop_collection("movie")
    monkeypatch.setattr(me, "connect", lambda *_, **kw: None)
    run_path(app.root_path + "/app.py")
    index = me.get_db()["movie"].index_information()["imdb.imdb_id_1"]
    assert index["unique"]


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
        {"__raw__": {}, "title": "x"},
        {"title": "x", "year": "soon"},
        {"title": "x", "actors": "x"},
        {"title": "x", "actors": [5]},
        {"title": "x", "imdb": 5},
        {"title": "x", "imdb": None},
        {"title": "x", "imdb": {"votes": -1}},
        {"title": "x", "imdb": {"rating": []}},
        {"title": "x", "imdb": {"unknown": 1}},
        {"title": "x", "imdb": {"_cls": "Unknown", "votes": -1}},
        {"title": "x", "id": "malformed"},
    ],
)
def test_add_returns_400_when_the_data_is_invalid(client, data):
    assert client.post("/movies", json=data).status_code == 400
    assert stored() == []


def test_add_names_the_field_that_is_invalid(client):
    response = add(client, title="x", imdb={"votes": -1})
    assert "votes" in response.json["errors"]["imdb"]
    assert "color" in add(client, title="x", color="red").json["error"]


def test_add_returns_409_when_the_imdb_id_exists(client):
    add(client, **ALIEN)
    response = add(client, **ALIEN)
    assert response.status_code == 409
    assert "imdb_id" in response.json["error"]
    assert stored() == ["Alien"]


def test_add_does_not_replace_a_movie_with_the_same_id(client):
    movie = add(client, **ALIEN).json
    assert add(client, title="Brazil", id=movie["id"]).status_code == 409
    assert stored() == ["Alien"]


# -- Queries ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["Brazil", "Aliens", "Alien"]),
        ("?actor=&since=&page=", ["Brazil", "Aliens", "Alien"]),
        ("?actor=Sigourney", []),
        ("?actor=Sigourney%20Weaver", ["Aliens", "Alien"]),
        ("?actor=Sigourney%20Weaver&since=1980", ["Aliens"]),
        ("?since=1986", ["Aliens"]),
        ("?actor=$ne", []),
        ('?actor={"$ne":null}', []),
        ("?page=2", []),
    ],
)
def test_search_finds_movies(client, query, found):
    add(client, **ALIEN)
    add(client, title="Aliens", year=1986, actors=["Sigourney Weaver"])
    add(client, title="Brazil")
    assert titles(client, query) == found


def test_search_returns_one_page_at_a_time(client):
    for number in range(PER_PAGE + 1):
        add(client, title=f"Movie {number}")

    assert len(titles(client)) == PER_PAGE
    assert titles(client, "?page=2") == ["Movie 0"]
    assert titles(client, "?page=3") == []
    assert "Movie 0" not in client.get("/").text


@pytest.mark.parametrize(
    "query", ["since=soon", "since=-1", "page=0", "page=1.5", "page=999999999"]
)
def test_search_returns_400_when_a_number_is_invalid(client, query):
    response = client.get(f"/movies?{query}")
    assert response.status_code == 400
    assert query.partition("=")[0] in response.text


def test_deleted_movie_is_gone(client):
    path = add(client, title="Alien").location
    assert client.delete(path).status_code == 204
    assert client.get(path).status_code == 404


@pytest.mark.parametrize("path", [UNKNOWN, "/movies/x", "/movies/{}"])
def test_movie_returns_404_when_the_id_is_unknown_or_malformed(client, path):
    assert client.get(path).status_code == 404
    assert client.delete(path).status_code == 404


def test_first_page_shows_titles_as_text_and_links_to_movies(client):
    path = add(client, title="<script>alert(1)</script>").location
    page = client.get("/").text
    assert f'href="{path}"' in page
    assert "<script>alert" not in page
