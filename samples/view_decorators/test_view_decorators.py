from itertools import count
from unittest.mock import create_autospec
from urllib.parse import parse_qs, urlsplit

import pytest
from app import USERS, app, cache, cached, is_local, login_required, templated
from flask import Flask, g, redirect
from jinja2 import DictLoader

ADMIN = {"username": "admin", "password": "secret"}


@pytest.fixture
def client():
    cache.clear()
    return app.test_client()


def log_in(client, **fields):
    return client.post("/login", data=ADMIN | fields)


def call(view, url="/", base_url=None):
    with app.test_request_context(url, base_url=base_url):
        g.user = None
        return view()


# -- Login Required Decorator -----------------------------------------------


def test_secret_page_leads_to_the_login_and_back(client):
    response = client.get("/secret_page?page=2")
    assert response.location == "/login?next=/secret_page?page%3D2"

    form = client.get(response.location).text
    assert 'name="next" value="/secret_page?page=2"' in form

    response = log_in(client, next="/secret_page?page=2")
    assert response.location == "/secret_page?page=2"
    page = client.get(response.location).text
    assert "page 2" in page
    assert "admin" in page


def test_secret_page_redirects_when_the_query_is_not_utf_8(client):
    query = {"QUERY_STRING": "\xff"}
    response = client.get("/secret_page", environ_overrides=query)
    assert response.location.startswith("/login?next=/secret_page")


@pytest.mark.parametrize(
    "url", ["/files/c%23", "/files/50%2525", "/files/a%20b?q=x%3Fy&r=%26"]
)
def test_login_required_keeps_the_quoted_url_without_the_host(client, url):
    view = login_required(lambda: "secret")
    response = call(view, url, base_url="http://evil.test/a%20prefix")
    [back] = parse_qs(urlsplit(response.location).query)["next"]
    assert back == f"/a%20prefix{url}"
    assert log_in(client, next=back).location == back


@pytest.mark.parametrize("url", ["/", "/secret_page?to=//evil.test", "/a\\b"])
def test_is_local_accepts_a_path(url):
    assert is_local(url)


@pytest.mark.parametrize(
    "url",
    [
        "http://evil.test",
        "//evil.test",
        "/\\evil.test",
        "/\t/evil.test",
        "/secret page",
        "/secret\x7fpage",
        "/secret_page\n",
    ],
)
def test_is_local_rejects_what_could_lead_to_another_site(url):
    assert not is_local(url)


@pytest.mark.parametrize("url", ["", "//evil.test"])
def test_login_goes_to_the_start_when_next_is_not_local(client, url):
    assert log_in(client, next=url).location == "/"
    assert "logged in as admin" in client.get("/").text


@pytest.mark.parametrize("wrong", [{"username": "x"}, {"password": ""}])
def test_login_returns_401_when_a_field_is_wrong(client, wrong):
    response = log_in(client, next="/secret_page", **wrong)
    assert response.status_code == 401
    assert 'role="alert"' in response.text
    assert 'value="/secret_page"' in response.text
    assert client.get("/secret_page").status_code in (302, 303)


def test_login_empties_the_session(client):
    with client.session_transaction() as session:
        session["cart"] = "planted"

    assert log_in(client).location == "/"

    with client.session_transaction() as session:
        assert "cart" not in session


def test_session_has_a_long_key_and_a_lax_cookie(client):
    assert "SameSite=Lax" in log_in(client).headers["Set-Cookie"]
    assert len(app.config["SECRET_KEY"]) >= 32


def test_user_is_logged_out_when_the_account_is_gone(client, monkeypatch):
    log_in(client)
    monkeypatch.delitem(USERS, "admin")
    assert client.get("/secret_page").status_code in (302, 303)


def test_logout_ends_the_login(client):
    log_in(client)
    assert client.post("/logout").location == "/"
    assert client.get("/secret_page").status_code in (302, 303)


def test_logout_changes_no_cookie_when_none_was_sent(client):
    response = client.post("/logout")
    assert response.location == "/"
    assert "Set-Cookie" not in response.headers


@pytest.mark.parametrize("decorator", [login_required, cached(), templated()])
def test_decorator_keeps_the_name_and_the_arguments_of_the_view(
    client, decorator
):
    @decorator
    def view(a, b):
        return f"{a} {b}"

    assert view.__name__ == "view"

    with app.test_request_context():
        g.user = "admin"
        assert view("a", b="b") == "a b"


# -- Caching Decorator ------------------------------------------------------


def test_cached_view_returns_the_same_again(client):
    first = client.get("/cached")
    assert first.json["generated_at"].endswith("+00:00")
    assert client.get("/cached").json == first.json


def test_cached_stores_the_result_for_the_timeout(monkeypatch):
    store = create_autospec(cache.set)
    monkeypatch.setattr(cache, "set", store)
    call(cached(timeout=10, key="page:{}")(lambda: "result"))
    store.assert_called_with("page:/", "result", timeout=10)
    call(cached()(lambda: "result"))
    store.assert_called_with("view//", "result", timeout=5 * 60)


def test_cached_returns_an_empty_result_again(client):
    results = iter(["", "second"])
    view = cached()(lambda: next(results))
    assert [call(view), call(view)] == ["", ""]


def test_cached_keeps_paths_and_queries_apart(client):
    numbers = count(1)
    view = cached()(lambda: next(numbers))
    urls = ["/a", "/b", "/a?b", "/a?c", "/a%3Fb"]
    assert [call(view, url) for url in urls] == [1, 2, 3, 4, 5]
    assert call(view, "/a") == 1


# -- Templating Decorator ---------------------------------------------------


def test_templated_renders_the_template_of_the_endpoint(client):
    assert "The value is 42." in client.get("/templated").text
    view = templated()(lambda: {"value": 7})
    assert "The value is 7." in call(view, "/templated")
    assert "<code>by_name</code>" in call(view, "/endpoint")


def test_templated_renders_a_template_of_a_blueprint_from_its_folder():
    shop = Flask("shop")
    shop.jinja_loader = DictLoader({"shop/cart.html": "{{ items }} items"})
    shop.add_url_rule("/", endpoint="shop.cart")

    with shop.test_request_context("/"):
        assert templated()(lambda: {"items": 3})() == "3 items"


def test_templated_renders_the_template_that_it_names():
    view = templated("values.html")(lambda: {"value": "<b>"})
    assert "The value is &lt;b&gt;." in call(view)


@pytest.mark.parametrize("rv", [None, "text", ("text", 404), redirect("/")])
def test_templated_returns_everything_but_a_dict_unchanged(rv):
    assert call(templated("values.html")(lambda: rv)) is rv


# -- Endpoint Decorator -----------------------------------------------------


def test_endpoint_finds_its_view_by_name(client):
    assert "<code>by_name</code>" in client.get("/endpoint").text


def test_endpoint_returns_405_for_a_method_that_it_does_not_name(client):
    assert client.post("/endpoint").status_code == 405
