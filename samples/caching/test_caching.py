import re
import socket
from contextlib import closing
from itertools import count

import pytest
import redis
from app import app, cache, public_page, square_of
from flask import Response, abort
from flask_caching.backends import RedisCache

BASE = "http://localhost/pre"


@pytest.fixture
def client():
    return app.test_client()


@pytest.fixture(autouse=True)
def computed(monkeypatch):
    """An empty cache, and the list of what took long since then."""
    slept = []
    monkeypatch.setattr("app.sleep", slept.append)

    with app.app_context():
        cache.clear()

    return slept


@pytest.fixture
def away(monkeypatch):
    """A Redis for a cache, and nobody listens at its port."""
    with closing(socket.socket()) as closed:
        closed.bind(("127.0.0.1", 0))
        server = redis.from_url(f"redis://127.0.0.1:{closed.getsockname()[1]}")
        backend = RedisCache(server, key_prefix="x")
        monkeypatch.setitem(app.extensions["cache"], cache, backend)
        yield


def hit_or_miss(response):
    return response.headers.get("X-Cache")


def counted(**headers):
    """Return a cached view that answers 1, then 2, with these headers."""
    calls = count(1)

    @public_page()
    def view():
        return str(next(calls)), headers

    return view


def answer(view, path="/somewhere", **kwargs):
    """Return the response of a view that no rule leads to."""
    with app.test_request_context(path, **kwargs):
        return app.make_response(view())


def text(view, *args, **kwargs):
    return answer(view, *args, **kwargs).get_data(as_text=True)


# -- Caching ----------------------------------------------------------------


def test_a_report_is_computed_once_and_given_to_all(client, computed):
    first = client.get("/report")
    again = app.test_client().get("/report")
    assert first.status_code == again.status_code == 200
    assert first.json == again.json
    assert re.fullmatch(r"20.+\+00:00", first.json["generated_at"])
    assert (hit_or_miss(first), hit_or_miss(again)) == ("MISS", "HIT")
    assert len(computed) == 1


def test_a_report_is_kept_for_five_minutes(client, monkeypatch):
    now = 1_000_000
    monkeypatch.setattr("cachelib.simple.time", lambda: now)
    assert hit_or_miss(client.get("/report")) == "MISS"
    now += 299
    assert hit_or_miss(client.get("/report")) == "HIT"
    now += 1
    assert hit_or_miss(client.get("/report")) == "MISS"


def test_each_query_has_its_own_answer(client, computed):
    views = client.get("/search?q=view")
    flash = client.get("/search?q=FLASH")
    assert views.json == {"q": "view", "found": ["View Decorators"]}
    assert flash.json == {"q": "FLASH", "found": ["Message Flashing"]}
    assert client.get("/search?q=nothing").json["found"] == []
    assert client.get("/search?q=view").json == views.json
    assert hit_or_miss(client.get("/search?q=FLASH")) == "HIT"
    assert len(computed) == 3


def test_the_order_of_equal_arguments_is_part_of_the_question(client):
    assert client.get("/search?q=a&q=b").json["q"] == "a"
    assert client.get("/search?q=b&q=a").json["q"] == "b"


@pytest.mark.parametrize(
    "path", ["/search?q=a+b&x=1", "/search?x=2&q=a%20b", "/search?q=%61+b#x"]
)
def test_what_a_view_does_not_read_makes_no_copies(client, path):
    client.get("/search?q=a+b")
    assert hit_or_miss(client.get(path)) == "HIT"
    client.get("/report")
    assert hit_or_miss(client.get("/report?q=1&x=2")) == "HIT"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("/search?q=a&q=b", "/search?q=a%27,%20%27b"),
        ("/search?q=a", "/search%20%5B%5B%27a%27%5D%5D"),
        ("/search?q=%31", "/search?q=%2531"),
        ("/search?q=ä", "/search?q=a"),
        ("/search?q=a", "/search?q=A"),
        ("/search?q=", "/search?q=%00"),
        ("/search?q=x", "/search?q=x%20"),
    ],
)
def test_questions_that_read_alike_are_kept_apart(client, one, other):
    client.get(one)
    assert hit_or_miss(client.get(other)) != "HIT"


@pytest.mark.parametrize("query", ["", "?q=", "?q=" + "x" * 101, "?Q=x"])
def test_a_bad_query_is_refused_and_not_kept(client, computed, query):
    for _ in range(2):
        response = client.get(f"/search{query}")
        assert response.status_code == 400
        assert response.json == {"error": "q: 1 to 100 characters."}
        assert hit_or_miss(response) == "MISS"

    assert computed == []


@pytest.mark.parametrize("q", ["x" * 100, "'\"\\", "\0", "日本語", " ", "%"])
def test_every_other_query_is_answered_and_kept(client, q):
    for expected in ("MISS", "HIT"):
        response = client.get("/search", query_string={"q": q})
        assert response.json["q"] == q
        assert hit_or_miss(response) == expected


def test_the_route_binds_the_cached_view():
    for name in ("report", "search"):
        assert hasattr(app.view_functions[name], "uncached")


def test_an_answer_to_head_is_whole_when_get_is_given_it(client, computed):
    head = client.head("/report")
    get = client.get("/report")
    assert (head.text, hit_or_miss(get)) == ("", "HIT")
    assert "generated_at" in get.json
    assert head.content_length == get.content_length
    assert len(computed) == 1


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_another_method_is_neither_kept_nor_given_what_was(method):
    view = counted()
    assert text(view, method=method) == "1"
    assert text(view) == "2"
    assert text(view, method=method) == "3"
    assert text(view) == "2"


@pytest.mark.parametrize("method", ["POST", "OPTIONS"])
def test_no_hit_is_claimed_where_no_view_is_cached(client, method):
    client.get("/report")
    response = client.open("/report", method=method)
    assert response.status_code == (405 if method == "POST" else 200)
    assert hit_or_miss(response) is None
    assert hit_or_miss(client.get("/")) is None


@pytest.mark.parametrize(
    "other",
    [
        {"path": "/other"},
        {"base_url": BASE},
        {"base_url": "https://localhost"},
        {"headers": {"Host": "evil.test"}},
        {"headers": {"Host": "xn--"}},
    ],
    ids=repr,
)
def test_another_path_prefix_scheme_or_host_has_its_own_answer(other):
    view = counted()
    texts = [text(view, **other), text(view)]
    texts += [text(view, **other), text(view)]
    assert texts == ["1", "2", "1", "2"]


@pytest.mark.parametrize("code", [201, 204, 301, 400, 401, 404, 500, 503])
def test_only_a_200_is_kept(code):
    codes = iter([code, 200, 500])
    view = public_page()(lambda: ("text", next(codes)))
    codes_seen = [answer(view).status_code for _ in range(3)]
    assert codes_seen == [code, 200, 200]


def test_neither_abort_nor_an_exception_is_kept(client, monkeypatch):
    monkeypatch.setitem(app.config, "PROPAGATE_EXCEPTIONS", False)

    for fail, code in ((lambda _: abort(503), 503), (lambda _: 1 / 0, 500)):
        with monkeypatch.context() as patch:
            patch.setattr("app.sleep", fail)

            for path in ("/report", "/search?q=a", "/square/3"):
                assert client.get(path).status_code == code

    assert hit_or_miss(client.get("/report")) == "MISS"
    assert hit_or_miss(client.get("/search?q=a")) == "MISS"
    assert client.get("/square/3").json["square"] == 9


@pytest.mark.parametrize(
    "headers",
    [
        {"Set-Cookie": "name=ada"},
        {"vary": "Cookie"},
        {"Cache-Control": "private"},
        {"Cache-Control": "no-store"},
    ],
    ids=repr,
)
def test_an_answer_that_is_not_for_everybody_is_not_kept(headers):
    view = counted(**headers)
    assert [text(view), text(view)] == ["1", "2"]


@pytest.mark.parametrize("make", [dict, Response])
def test_a_cookie_that_is_added_later_is_not_kept(make):
    view = public_page()(make)
    answer(view).set_cookie("name", "ada")
    assert "Set-Cookie" not in answer(view).headers


def test_a_memoized_function_is_called_once_for_an_argument(client, computed):
    for n in (0, 12, 12, 10**9, 0):
        assert client.get(f"/square/{n}").json == {"n": n, "square": n * n}

    with app.app_context():
        assert square_of(12) == 144

    assert len(computed) == 3


@pytest.mark.parametrize("n", [10**9 + 1, 2**70])
def test_a_large_number_is_refused(client, computed, n):
    response = client.get(f"/square/{n}")
    assert response.status_code == 400
    assert response.json == {"error": "n: at most 1000000000."}
    assert computed == []


@pytest.mark.parametrize("n", ["-1", "1.5", "x", "", "9" * 5000])
def test_what_is_no_number_is_not_found(client, n):
    assert client.get(f"/square/{n}").status_code == 404


def test_a_greeting_reaches_nobody_else(client):
    other = app.test_client()

    for visitor, name in ((client, "Ada"), (other, "Grace")):
        response = visitor.post("/hello", data={"name": name})
        assert response.status_code == 303
        assert response.location == "/hello"
        assert "HttpOnly" in response.headers["Set-Cookie"]
        assert "SameSite=Lax" in response.headers["Set-Cookie"]

    for visitor, name in ((client, "Ada"), (other, "Grace")) * 2:
        response = visitor.get("/hello")
        assert f"Hello, {name}!" in response.text
        assert response.headers["Cache-Control"] == "private"

    assert "Hello, stranger!" in app.test_client().get("/hello").text


@pytest.mark.parametrize("name", ["日本語", '"; a=b', "Zoë\\", "x" * 80])
def test_a_name_comes_back_as_it_was_given(client, name):
    client.post("/hello", data={"name": f" {name} "})
    page = client.get("/hello").text.replace("&#34;", '"')
    assert f"Hello, {name}!" in page


@pytest.mark.parametrize("name", [None, "", "  ", "x" * 81, "a\nb", "a\0b"])
def test_a_bad_name_is_refused_and_not_remembered(client, name):
    response = client.post("/hello", data={"name": name} if name else {})
    assert response.status_code == 400
    assert "1 to 80 printable characters" in response.text
    assert "Set-Cookie" not in response.headers


def test_markup_in_a_name_is_shown_as_text(client):
    client.set_cookie("name", "<script>alert(1)</script>")
    assert "<script>" not in client.get("/hello").text


def test_a_name_is_read_on_a_real_server_and_bounded(client):
    whole = {"wsgi.input_terminated": True}
    form = {"name": "Ada"}
    response = client.post("/hello", data=form, environ_overrides=whole)
    assert response.status_code == 303
    form["name"] = "x" * 1_000_001
    assert client.post("/hello", data=form).status_code == 413


def test_clearing_empties_the_cache(client, computed):
    for _ in range(2):
        for path in ("/report", "/search?q=a", "/square/2"):
            client.get(path)

        response = client.post("/clear")
        assert response.status_code == 303
        assert response.location == "/"

    assert len(computed) == 6
    assert client.get("/clear").status_code == 405


def test_pages_answer_uncached_while_the_cache_is_away(client, away, computed):
    for path in ("/report", "/search?q=a", "/square/2", "/", "/hello"):
        for _ in range(2):
            response = client.get(path)
            assert response.status_code == 200
            assert hit_or_miss(response) in ("MISS", None)

    assert len(computed) == 6


def test_clearing_says_so_while_the_cache_is_away(client, away):
    response = client.post("/clear")
    assert response.status_code == 503
    assert "nothing was cleared" in response.text


def test_the_first_page_leads_everywhere_also_below_a_prefix(client):
    page = client.get("/", base_url=BASE).text
    paths = re.findall(r'(?:href|action)="(.*?)"', page)
    below = "report square/12 hello search hello clear"
    assert paths == [f"/pre/{path}" for path in below.split()]
    response = client.post("/hello", data={"name": "Ada"}, base_url=BASE)
    assert response.location == "/pre/hello"
    assert client.post("/clear", base_url=BASE).location == "/pre/"


def test_a_refused_host_is_a_bad_request(client):
    for path in ("/", "/report", "/hello", "/missing"):
        response = client.get(path, headers={"Host": "red..localhost"})
        assert response.status_code == 400
