import pytest
import redis
from app import app, cache, is_ok, square_of
from flask import abort


@pytest.fixture
def client():
    return app.test_client()


@pytest.fixture(autouse=True)
def computed(monkeypatch):
    """Empty the cache, and return a list that grows with each slow step."""
    steps = []
    monkeypatch.setattr("app.sleep", steps.append)

    with app.app_context():
        cache.clear()

    return steps


# -- Caching ----------------------------------------------------------------


def test_report_is_computed_once_for_all_visitors(client, computed):
    first = client.get("/report")
    assert first.json["generated_at"].endswith("+00:00")
    assert app.test_client().get("/report").json == first.json
    assert len(computed) == 1


def test_search_is_computed_once_for_each_query(client, computed):
    for _ in range(2):
        response = client.get("/search?q=VIEW")
        assert response.json == {"q": "view", "found": ["View Decorators"]}
        assert client.get("/search?q=nothing").json["found"] == []

    assert len(computed) == 2


@pytest.mark.parametrize("query", ["", "?q="])
def test_search_returns_400_when_the_term_is_empty(client, query):
    response = client.get(f"/search{query}")
    assert response.status_code == 400
    assert "search term" in response.text.lower()


def test_search_is_not_cached_when_it_aborts(client, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr("app.sleep", lambda seconds: abort(503))
        assert client.get("/search?q=view").status_code == 503

    assert client.get("/search?q=view").status_code == 200


@pytest.mark.parametrize("status", [200, 201, 302, 404])
def test_is_ok_accepts_only_a_200(status):
    assert is_ok(({"found": []}, status)) is (status == 200)


def test_square_of_is_computed_once_for_each_argument(client, computed):
    for n in (12, 12, 3):
        assert client.get(f"/square/{n}").json == {"n": n, "square": n * n}

    with app.app_context():
        assert square_of(12) == 144

    assert len(computed) == 2


def test_square_returns_404_when_the_number_is_too_large(client):
    assert client.get("/square/1000001").status_code == 404


def test_hello_greets_each_visitor(client):
    for name in ("Ada", "Grace"):
        client.set_cookie("name", name)
        assert client.get("/hello").json == {"message": f"Hello, {name}!"}

    assert "stranger" in app.test_client().get("/hello").text


def test_clear_empties_the_cache(client, computed):
    client.get("/report")
    response = client.post("/clear")
    assert response.status_code in (302, 303)
    assert response.location == "/"
    client.get("/report")
    assert len(computed) == 2


@pytest.mark.parametrize("error", [redis.ConnectionError, redis.TimeoutError])
def test_pages_work_when_redis_is_unavailable(client, monkeypatch, error):
    def fail(*args):
        raise error

    monkeypatch.setattr(cache, "get", fail)
    monkeypatch.setattr(cache, "clear", fail)

    for path in ("/report", "/search?q=view", "/square/12"):
        assert client.get(path).status_code == 200

    response = client.post("/clear")
    assert response.status_code == 503
    assert "unavailable" in response.text.lower()


def test_first_page_links_to_the_other_pages(client):
    page = client.get("/").text

    for path in ("/report", "/square/12", "/search", "/hello", "/clear"):
        assert f'"{path}"' in page
