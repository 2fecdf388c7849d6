import io
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import mongoengine as me
import pymongo
import pytest
from app import Imdb, Movie, app, fill

ALIEN = {
    "title": "Alien",
    "year": 1979,
    "rated": "R",
    "director": "Ridley Scott",
    "actors": ["Sigourney Weaver", "John Hurt"],
    "imdb": {"imdb_id": "tt0078748", "rating": 8.5, "votes": 1_000_000},
}
NOBODY = "0123456789abcdef01234567"
BASE = "http://localhost/pre"
REAL = {"wsgi.input_terminated": True}  # as gunicorn has it


@pytest.fixture(autouse=True)
def empty():
    Movie.drop_collection()


@pytest.fixture
def client():
    return app.test_client()


@pytest.fixture
def away(monkeypatch):
    """What the driver does when it has looked for a server in vain."""

    def fail(*args):
        raise pymongo.errors.ServerSelectionTimeoutError("Nobody is there.")

    monkeypatch.setattr(Movie, "_get_collection", fail)


def add(client, **data):
    return client.post("/movies", json=data or ALIEN)


def titles(client, query=""):
    response = client.get(f"/movies{query}")
    assert response.status_code == 200
    return sorted(movie["title"] for movie in response.json)


def together(work, times=16):
    """Return what `times` threads get that do `work` at the same time."""
    start = Barrier(times)
    interval = sys.getswitchinterval()

    def one(number):
        start.wait()
        return work(app.test_client(), number)

    try:
        # Let them come between each other as often as they can.
        sys.setswitchinterval(1e-6)

        with ThreadPoolExecutor(times) as pool:
            return list(pool.map(one, range(times)))
    finally:
        sys.setswitchinterval(interval)


# -- Configuration ----------------------------------------------------------


def test_without_a_server_every_film_route_answers_503(client, away):
    path = f"/movies/{NOBODY}"
    responses = [client.get("/movies"), add(client), client.get(path)]
    responses += [client.patch(path, json={}), client.delete(path)]

    for response in responses:
        assert response.status_code == 503
        assert "does not answer" in response.json["error"]


def test_without_a_server_the_first_page_is_a_page(client, away):
    response = client.get("/")
    assert response.status_code == 503
    assert response.mimetype == "text/html"
    assert "does not answer" in response.text


def test_a_wrong_path_is_json_below_movies_and_a_page_elsewhere(client):
    for path in ("/movies/a/b", "/movies/"):
        assert client.get(path).status_code == 404
        assert "not found" in client.get(path).json["error"]

    response = client.put("/movies")
    assert response.status_code == 405
    assert set(response.allow) == {"GET", "HEAD", "OPTIONS", "POST"}
    assert "not allowed" in response.json["error"]
    assert client.get("/other").mimetype == "text/html"


# -- Mapping Documents ------------------------------------------------------


def test_a_film_comes_back_as_it_was_sent(client):
    response = add(client)
    assert response.status_code == 201
    assert response.json == {"id": response.json["id"], **ALIEN}
    assert client.get(response.location).json == response.json
    assert client.get("/movies").json == [response.json]


def test_a_title_is_enough(client):
    response = add(client, title="M")
    assert response.status_code == 201
    assert response.json == {
        "id": response.json["id"],
        "title": "M",
        "actors": [],
    }


def test_a_rating_is_a_number_and_stays_one(client):
    for rating in (0, 7, 8.5, 9.999, 10):
        movie = add(client, title="x", imdb={"rating": rating}).json
        assert movie["imdb"] == {"rating": rating}
        assert client.get(f"/movies/{movie['id']}").json == movie


@pytest.mark.parametrize("text", ["日本語", "<b>'\"\\", "a.b $c", "a\0", "🎬"])
def test_every_character_is_kept(client, text):
    movie = add(client, title=text, actors=[text], director=text).json
    assert movie["title"] == movie["director"] == text
    assert client.get("/movies", query_string={"actor": text}).json == [movie]


def test_the_index_is_unique_and_sparse():
    indexes = Movie._get_collection().index_information()
    assert indexes["imdb.imdb_id_1"]["unique"] is True
    assert indexes["imdb.imdb_id_1"]["sparse"] is True


def test_an_imdb_id_is_given_to_one_film(client):
    assert add(client).status_code == 201
    response = add(client)
    assert response.status_code == 409
    assert "imdb_id" in response.json["error"]
    assert titles(client) == ["Alien"]


@pytest.mark.parametrize("more", [{}, {"imdb": {}}, {"imdb": {"votes": 1}}])
def test_any_number_of_films_has_no_imdb_id(client, more):
    for title in ("One", "Two"):
        assert add(client, title=title, **more).status_code == 201


def test_the_index_is_made_when_the_server_was_away_at_first(client):
    Movie._get_collection().drop_indexes()
    assert add(client).status_code == 201
    assert add(client).status_code == 409


# -- Creating Data ----------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("title", ""),
        ("title", "x" * 201),
        ("title", None),
        ("title", 1),
        ("title", True),
        ("title", []),
        ("title", ["x"]),
        ("title", {"$ne": None}),
        ("title", {"$gt": ""}),
        ("year", None),
        ("year", True),
        ("year", "1999"),
        ("year", 1999.5),
        ("year", 1999.0),
        ("year", 2**31),
        ("year", 2**70),
        ("year", -1),
        ("year", {"$gt": 0}),
        ("title", " \n"),
        ("title", "\0\x7f"),
        ("rated", ""),
        ("rated", "x" * 21),
        ("rated", 18),
        ("director", " "),
        ("director", {}),
        ("director", None),
        ("actors", None),
        ("actors", "Weaver"),
        ("actors", {"$in": ["x"]}),
        ("actors", {"0": "x"}),
        ("actors", [""]),
        ("actors", [" "]),
        ("actors", [None]),
        ("actors", [1]),
        ("actors", [["x"]]),
        ("actors", ["x", {"$ne": 1}]),
        ("actors", ["x" * 201]),
        ("imdb", None),
        ("imdb", []),
        ("imdb", "tt0078748"),
        ("imdb", 1),
        ("id", NOBODY),
        ("pk", NOBODY),
        ("_id", NOBODY),
        ("_cls", "Movie"),
        ("title__ne", "x"),
        ("__raw__", {}),
        ("__class__", "x"),
        ("set__title", "x"),
        ("meta", {}),
        ("objects", 1),
        ("save", "x"),
        ("$where", "1"),
        ("$set", {"title": "x"}),
        ("imdb.votes", 1),
        ("imdb__votes", 1),
        ("actors.0", "x"),
        ("", "x"),
        ("\0", "x"),
        ("Title", "x"),
    ],
)
def test_a_wrong_field_is_refused_by_name(client, field, value):
    kept = add(client).json
    path = f"/movies/{kept['id']}"
    data = {"title": "Good", field: value}

    for response in (add(client, **data), client.patch(path, json=data)):
        assert response.status_code == 400
        assert list(response.json["fields"]) == [field]

    assert client.get("/movies").json == [kept]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("imdb_id", ""),
        ("imdb_id", None),
        ("imdb_id", 78748),
        ("imdb_id", {"$ne": None}),
        ("rating", None),
        ("rating", True),
        ("rating", "8.5"),
        ("rating", -0.1),
        ("rating", 10.1),
        ("rating", 10**400),
        ("rating", [8]),
        ("votes", -1),
        ("votes", 1.5),
        ("votes", "1"),
        ("votes", False),
        ("votes", 2**63),
        ("votes", 2**70),
        ("title", "x"),
        ("$set", 1),
        ("_cls", "Movie"),
    ],
)
def test_a_wrong_field_of_imdb_is_refused_by_name(client, field, value):
    response = add(client, title="x", imdb={field: value})
    assert response.status_code == 400
    assert f'"{field}":' in response.text
    assert client.get("/movies").json == []


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("", "JSON object"),
        ("{", "JSON object"),
        ("[]", "JSON object"),
        ("null", "JSON object"),
        ('"title"', "JSON object"),
        ("[" * 100_000, "JSON object"),
        ('{"title": ' * 50_000, "JSON object"),
        ('{"title": "x", "actors": %s1' % ("[" * 100_000), "JSON object"),
        ('{"title": "x", "imdb": {"rating": NaN}}', "JSON object"),
        ('{"title": "x", "imdb": {"rating": Infinity}}', "JSON object"),
        ('{"title": "x", "imdb": {"rating": 1e999}}', "JSON object"),
        ('{"title": "\\ud800"}', "JSON object"),
        ('{"title": "x", "actors": ["\\udfff"]}', "JSON object"),
        ('{"\\ud800": 1}', "JSON object"),
        ('{"title": "\xff"}', "JSON object"),
        ('{"title": "x", "year": %s}' % ("9" * 5000), "JSON object"),
        ("{}", "title"),
        ('{"year": 1999}', "title"),
    ],
)
def test_a_body_that_is_no_film_is_refused(client, body, reason):
    for environ in ({}, REAL):
        response = client.post(
            "/movies",
            data=body.encode("latin-1"),
            content_type="application/json",
            environ_overrides=environ,
        )
        assert response.status_code == 400
        assert reason in response.text
        assert response.is_json

    assert client.get("/movies").json == []


@pytest.mark.parametrize("kind", ["text/plain", "", "multipart/form-data"])
def test_another_content_type_is_refused(client, kind):
    response = client.post("/movies", data="{}", content_type=kind)
    assert response.status_code == 415
    assert "application/json" in response.json["error"]


def test_a_large_body_is_refused_whether_it_says_its_length_or_not(client):
    body = json.dumps({"title": "x"}).encode() + b" " * 1_000_000
    kind = "application/json"
    response = client.post("/movies", data=body, content_type=kind)
    assert response.status_code == 413
    response = client.post(
        "/movies",
        input_stream=io.BytesIO(body),
        content_type=kind,
        environ_overrides={**REAL, "CONTENT_LENGTH": ""},
    )
    assert response.status_code == 413
    assert client.get("/movies").json == []


def test_a_film_is_added_on_a_real_server(client):
    response = client.post("/movies", json=ALIEN, environ_overrides=REAL)
    assert response.status_code == 201


def test_sixteen_first_films_at_once_are_all_kept(client):
    statuses = together(lambda it, n: add(it, title=f"{n}").status_code)
    assert statuses == [201] * 16
    assert len(titles(client)) == 16


def test_an_imdb_id_that_all_want_at_once_is_given_once(client):
    statuses = together(lambda it, _: add(it).status_code)
    assert sorted(statuses) == [201] + [409] * 15
    assert titles(client) == ["Alien"]


def test_fill_returns_the_document_and_converts_nothing():
    movie = Movie()
    assert fill(movie, {"title": "x", "imdb": {"votes": 1}}) is movie
    assert isinstance(movie.imdb, Imdb)

    with pytest.raises(me.ValidationError):
        fill(movie, {"year": "1999"})

    assert movie.year is None


def test_a_change_keeps_what_it_does_not_name(client):
    path = add(client).location
    changed = {"year": 1980, "actors": ["Yaphet Kotto"]}
    response = client.patch(path, json=changed)
    assert response.status_code == 200
    assert response.json == client.get(path).json
    assert response.json == {"id": response.json["id"], **ALIEN, **changed}
    assert client.patch(path, json={}).json == response.json


def test_a_change_replaces_imdb_whole(client):
    path = add(client).location
    response = client.patch(path, json={"imdb": {"votes": 2}})
    assert response.json["imdb"] == {"votes": 2}
    assert client.get(path).json["imdb"] == {"votes": 2}
    assert add(client).status_code == 201


def test_a_change_to_the_imdb_id_of_another_film_is_refused(client):
    add(client)
    kept = add(client, title="Aliens").json
    path = f"/movies/{kept['id']}"
    response = client.patch(path, json={"imdb": ALIEN["imdb"]})
    assert response.status_code == 409
    assert client.get(path).json == kept


def test_changes_to_different_fields_at_once_are_all_kept(client):
    path = add(client, title="x").location
    fields = [{"year": 1979}, {"rated": "R"}, {"director": "y"}]
    fields += [{"title": "z"}, {"actors": ["a"]}, {"imdb": {"votes": 1}}]
    statuses = together(
        lambda it, n: it.patch(path, json=fields[n]).status_code, 6
    )
    assert statuses == [200] * 6
    whole = {name: value for part in fields for name, value in part.items()}
    assert client.get(path).json.items() >= whole.items()


def test_reading_never_comes_between_the_parts_of_a_change(
    client, monkeypatch
):
    """In-process a film that is changed while it is read would be a 500."""
    path = add(client, title="x").location
    collection, held = Movie._get_collection, []

    class Turn:
        def __enter__(self):
            held.append(self)

        def __exit__(self, *error):
            held.pop()

    def get_collection(*_):
        assert held
        return collection()

    monkeypatch.setattr("app.turn", Turn())
    monkeypatch.setattr(Movie, "_get_collection", get_collection)
    responses = [client.get("/"), client.get("/movies"), client.get(path)]
    responses += [add(client), client.patch(path, json={"year": 1979})]
    responses += [client.delete(path)]
    assert [it.status_code for it in responses] == [200] * 3 + [201, 200, 204]
    assert not held


def test_a_change_does_not_bring_a_deleted_film_back(client, monkeypatch):
    path = add(client).location

    def delete_first(document, data):
        assert client.delete(path).status_code == 204
        return fill(document, data)

    monkeypatch.setattr("app.fill", delete_first)
    response = client.patch(path, json={"title": "Back"})
    assert response.status_code == 404
    assert "no such film" in response.json["error"]
    assert client.get("/movies").json == []


# -- Queries ----------------------------------------------------------------


@pytest.fixture
def films(client):
    add(client)
    add(client, title="Aliens", year=1986, actors=["Sigourney Weaver"])
    add(client, title="Brazil", year=1985, actors=["Jonathan Pryce"])
    add(client, title="M")


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["Alien", "Aliens", "Brazil", "M"]),
        ("?actor=&since=&page=", ["Alien", "Aliens", "Brazil", "M"]),
        ("?actor=Sigourney%20Weaver", ["Alien", "Aliens"]),
        ("?actor=Sigourney Weaver&since=1980", ["Aliens"]),
        ("?actor=sigourney%20weaver", []),
        ("?actor=Sigourney", []),
        ("?actor=.*", []),
        ("?since=1985", ["Aliens", "Brazil"]),
        ("?since=1986", ["Aliens"]),
        ("?since=99999999", []),
        ("?since=0", ["Alien", "Aliens", "Brazil", "M"]),
        ("?page=1", ["Alien", "Aliens", "Brazil", "M"]),
        ("?page=2", []),
        ("?page=99999999", []),
    ],
)
def test_a_query_finds(client, films, query, found):
    assert titles(client, query) == found


@pytest.mark.parametrize(
    "query",
    [
        '?actor={"$ne": null}',
        "?actor=$ne",
        "?actor=\0",
        "?actor[$ne]=x&actor=nobody",
        "?actor__ne=x&actor=nobody",
        "?actors__ne=x&actor=nobody",
        '?__raw__={"title":{"$ne":1}}&actor=nobody',
        "?$where=1&actor=nobody",
        "?actor=nobody&actor=John Hurt",
    ],
)
def test_a_query_cannot_bring_an_operator(client, films, query):
    assert titles(client, query) == []


@pytest.mark.parametrize("name", ["since", "page"])
@pytest.mark.parametrize(
    "value",
    ["-1", "x", "1.5", "1e3", "1_0", "%201", "²", "\0", "1" * 9, 2**70],
)
def test_a_wrong_number_is_refused_by_name(client, name, value):
    response = client.get(f"/movies?{name}={value}")
    assert response.status_code == 400
    assert response.json["error"].startswith(f"{name}: ")


def test_pages_begin_with_one(client):
    assert client.get("/movies?page=0").status_code == 400


def test_a_page_holds_twenty_films_and_the_pages_hold_all(client):
    for number in range(45):
        add(client, title=f"{number:02}")

    pages = [titles(client, f"?page={page}") for page in (1, 2, 3, 4)]
    assert [*map(len, pages)] == [20, 20, 5, 0]
    assert len(set().union(*pages)) == 45


@pytest.mark.parametrize(
    "id",
    [
        NOBODY,
        "x",
        "1",
        "0" * 23,
        "0" * 25,
        "z" * 24,
        "{'$ne': 1}",
        "%00",
        "aa bb cc dd ee ff 00 11 ",
        "x" * 12,
        "日本語",
    ],
)
def test_an_unknown_or_malformed_id_is_not_found(client, films, id):
    path = f"/movies/{id}"

    for response in (
        client.get(path),
        client.patch(path, json={"title": "x"}),
        client.delete(path),
    ):
        assert response.status_code == 404
        assert response.json == {"error": "There is no such film."}

    assert len(titles(client)) == 4


def test_a_deleted_film_is_gone(client):
    path = add(client).location
    response = client.delete(path)
    assert response.status_code == 204
    assert response.data == b""
    assert client.get(path).status_code == 404
    assert client.delete(path).status_code == 404
    assert add(client).status_code == 201


def test_head_works_where_get_does(client):
    path = add(client).location

    for url in ("/", "/movies", path):
        assert client.head(url).status_code == 200


# -- Documentation ----------------------------------------------------------


def test_the_first_page_leads_to_everything(client):
    path = add(client).location
    page = client.get("/", base_url=BASE).text
    assert 'action="/pre/movies"' in page
    assert '<option value="/pre/movies">' in page
    assert f'<option value="/pre{path}">' in page
    assert f'<a href="/pre{path}">Alien</a>, 1979' in page
    assert 'href="https://docs.mongoengine.org/"' in page
    response = client.post("/movies", json={"title": "x"}, base_url=BASE)
    assert response.location.startswith("/pre/movies/")


def test_the_first_page_shows_the_newest_films(client):
    for number in range(21):
        add(client, title=f"Film {number}.")

    page = client.get("/").text
    assert page.count("<li>") == 20
    assert "Film 20." in page


def test_markup_is_shown_as_text(client):
    add(client, title="</option><script>alert(1)</script>")
    assert "<script>alert" not in client.get("/").text


def test_a_refused_host_is_a_bad_request(client):
    for path in ("/", "/movies", "/missing"):
        response = client.get(path, headers={"Host": "red..localhost"})
        assert response.status_code == 400
