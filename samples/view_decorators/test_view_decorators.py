import asyncio
import itertools
import re

import pytest
from app import (
    USERS,
    app,
    cache,
    cached,
    is_local,
    login_required,
    templated,
)
from flask import Response, abort, redirect, session
from werkzeug.security import generate_password_hash

ADMIN = {"username": "admin", "password": "secret"}
FOREIGN = [
    "//evil.test",
    "///evil.test",
    "////evil.test",
    "//user@evil.test",
    "//evil.test:8000/..",
    "//",
    "/\\evil.test",
    "\\/evil.test",
    "\\\\evil.test",
    "/\t/evil.test",
    "/\n/evil.test",
    "/\r\n/evil.test",
    "\t//evil.test",
    " //evil.test",
    "\0//evil.test",
    "/\0/evil.test",
    "/ok\r\nSet-Cookie: a=b",
    "http:evil.test",
    "http:/evil.test",
    "http:///evil.test",
    "http://evil.test",
    "https:evil.test",
    "HTTPS://evil.test",
    "http\t://evil.test",
    "http:\\\\evil.test",
    "http://localhost@evil.test",
    "http://localhost/secret_page",
    "ftp://evil.test",
    "javascript:alert(1)",
    "java\tscript:alert(1)",
    "data:text/html,evil",
    "evil.test",
    "secret_page",
    "?next=/",
    "#top",
    ".",
    "",
]
LOCAL = [
    "/",
    "/secret_page",
    "/secret_page?page=2&q=a%20b",
    "/secret_page?to=//evil.test",
    "/secret_page#part",
    "/%2F/evil.test",
    "/%5Cevil.test",
    "/%09/evil.test",
    "/.//evil.test",
    "/..//evil.test",
    "/@evil.test",
    "/:80",
    "/http://evil.test",
]
DECORATORS = [login_required, cached(), templated("values.html")]


@pytest.fixture(autouse=True)
def _fresh(monkeypatch):
    # The real hashes are slow, as they should be.
    quick = generate_password_hash("secret", "pbkdf2:sha256:1")
    monkeypatch.setitem(USERS, "admin", quick)
    monkeypatch.setattr("app.NOBODY", quick[:-1])
    cache.clear()


@pytest.fixture
def client():
    return app.test_client()


def log_in(client, **form):
    return client.post("/login", data=ADMIN | form)


def cookie(**content):
    """Return headers with a session cookie that the app has signed."""
    signer = app.session_interface.get_signing_serializer(app)
    return {"Cookie": f"session={signer.dumps(content)}"}


def answer(view, path="/somewhere", **kwargs):
    """Return what a view answers to one request, without a route for it."""
    with app.test_request_context(path, **kwargs):
        response = app.make_response(app.ensure_sync(view)())
        response.text = response.get_data(as_text=True)
        return response


def counted(headers=(), **options):
    """Return a cached view that answers 1, then 2, and so on."""
    calls = itertools.count(1)

    @cached(**options)
    def view():
        return str(next(calls)), headers

    return view


# -- Login Required Decorator -----------------------------------------------


def test_a_page_that_needs_a_login_leads_there_and_back(client):
    response = client.get("/secret_page?page=2&q=a%20b%26")
    assert response.status_code == 303
    assert response.location.startswith("/login?next=/secret_page?page%3D2")
    form = client.get(response.location).text
    assert 'name="next" value="/secret_page?page=2&amp;q=a%20b%26"' in form
    response = log_in(client, next="/secret_page?page=2&q=a%20b%26")
    assert response.status_code == 303
    assert response.location == "/secret_page?page=2&q=a%20b%26"
    assert "Page 2, for admin alone" in client.get(response.location).text


def test_the_way_back_does_not_take_the_host_from_the_request(client):
    response = client.get("/secret_page", headers={"Host": "evil.test"})
    assert response.location == "/login?next=/secret_page"


def test_a_form_that_needs_a_login_is_not_asked_for_as_a_page(client):
    response = client.post("/logout")
    assert response.status_code == 303
    assert response.location == "/login"


def test_a_login_that_nobody_asked_for_goes_to_the_front_page(client):
    assert log_in(client).location == "/"
    assert "You are admin" in client.get("/").text


@pytest.mark.parametrize(
    "form",
    [
        {"password": "wrong"},
        {"password": ""},
        {"password": "secret "},
        {"username": "ADMIN"},
        {"username": "admin\0"},
        {"username": "nobody"},
        {"username": "<b>", "password": "<b>"},
        {"username": "", "password": ""},
    ],
)
def test_a_wrong_login_is_refused_in_words(client, form):
    response = log_in(client, next="/secret_page?page=2", **form)
    assert response.status_code == 401
    assert "Wrong username or password." in response.text
    assert 'value="/secret_page?page=2"' in response.text
    assert "Set-Cookie" not in response.headers
    assert client.get("/secret_page").status_code == 303


@pytest.mark.parametrize("form", [{}, {"username": "admin"}, {"next": "/"}])
def test_a_login_that_lacks_a_field_is_wrong(client, form):
    assert client.post("/login", data=form).status_code == 401


def test_a_name_that_is_unknown_costs_a_hash_as_well(client, monkeypatch):
    monkeypatch.undo()
    hashes = []
    monkeypatch.setattr(
        "app.check_password_hash", lambda h, _: hashes.append(h)
    )
    log_in(client, username="admin")
    log_in(client, username="nobody")
    [known, unknown] = [h.split("$") for h in hashes]
    assert known[0] == unknown[0]
    assert [*map(len, known)] == [*map(len, unknown)]


@pytest.mark.parametrize("url", FOREIGN)
def test_a_login_never_leads_to_another_site(client, url):
    assert client.get("/login", query_string={"next": url}).status_code == 200
    assert log_in(client, next=url).location == "/"
    query = {"next": url}
    response = client.post("/login", query_string=query, data=ADMIN)
    assert response.location == "/"


@pytest.mark.parametrize("url", LOCAL)
def test_a_local_path_is_followed(client, url):
    assert log_in(client, next=url).location == url


def host_a_browser_goes_to(url, scheme):
    """Read `url` on a page of SCHEME://localhost as the URL standard does."""
    url = url.strip("".join(map(chr, range(33))))
    url = re.sub(r"[\t\n\r]", "", url).replace("\\", "/")
    found = re.match(r"([a-z][a-z0-9+.-]*):(/*)", url, re.I)

    if found and found[1].lower() not in ("http", "https"):
        return found[0]

    if found and (found[1].lower() != scheme or found[2].startswith("//")):
        url = url[found.end() :]
    elif found or not url.startswith("//"):
        return "localhost"

    return re.split("[/?#]", url.lstrip("/"))[0].rpartition("@")[2]


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_no_accepted_text_leads_a_browser_to_another_host(scheme):
    short = [
        "".join(chars)
        for length in range(1, 5)
        for chars in itertools.product("/\\\t .:@?#e", repeat=length)
    ]
    accepted = [url for url in short + LOCAL + FOREIGN if is_local(url)]
    assert len(accepted) > 300

    for url in accepted:
        location = redirect(url).location
        assert host_a_browser_goes_to(location, scheme) == "localhost", url


def test_most_of_what_is_refused_would_have_led_away():
    hosts = [host_a_browser_goes_to(url, "https") for url in FOREIGN]
    assert len(hosts) - hosts.count("localhost") > 25


def test_the_way_back_is_escaped_in_the_form(client):
    page = client.get("/login", query_string={"next": '/"><script>'})
    assert 'value="/&#34;&gt;&lt;script&gt;"' in page.text


def test_a_session_from_before_is_not_carried_into_the_login(client):
    with client.session_transaction() as planted:
        planted.update(user="mallory", cart="planted")

    log_in(client)

    with client.session_transaction() as session_now:
        assert dict(session_now) == {"user": "admin"}


@pytest.mark.parametrize("value", ["", "x", "eyJ1c2VyIjoiYWRtaW4ifQ.a.b"])
def test_a_forged_session_is_no_login(client, value):
    client.set_cookie("session", value)
    assert client.get("/secret_page").status_code == 303


def test_a_session_that_outlived_its_account_is_no_login(client):
    response = client.get("/secret_page", headers=cookie(user="gone"))
    assert response.status_code == 303


def test_the_session_is_kept_from_scripts_and_from_other_sites(client):
    header = log_in(client).headers["Set-Cookie"]
    assert "HttpOnly" in header
    assert "SameSite=Lax" in header


def test_logging_out_ends_the_login(client):
    log_in(client)
    response = client.post("/logout")
    assert response.status_code == 303
    assert response.location == "/"
    assert client.get("/secret_page").status_code == 303


def test_a_link_or_a_form_of_another_site_cannot_log_out(client):
    log_in(client)
    assert client.get("/logout").status_code == 405
    # With such a form a browser sends no cookie, but it takes one.
    assert "Set-Cookie" not in app.test_client().post("/logout").headers
    assert client.get("/secret_page").status_code == 200


def test_a_login_is_read_on_a_real_server(client):
    whole = {"wsgi.input_terminated": True}
    response = client.post("/login", data=ADMIN, environ_overrides=whole)
    assert response.status_code == 303


def test_a_large_login_is_refused(client):
    assert log_in(client, password="a" * 1_000_001).status_code == 413


# -- Caching Decorator ------------------------------------------------------


def test_an_answer_is_given_again(client):
    first = client.get("/cached")
    assert re.search(r"\.\d{6}\+00:00$", first.json["generated_at"])
    again = client.get("/cached")
    assert again.json == first.json
    assert again.mimetype == "application/json"


def test_an_answer_is_kept_for_five_minutes_unless_told_otherwise(
    monkeypatch,
):
    now = 1_000_000
    monkeypatch.setattr("cachelib.simple.time", lambda: now)
    long, short = counted(), counted(timeout=10)
    assert [answer(long, "/1").text, answer(short, "/2").text] == ["1", "1"]
    now += 299
    assert [answer(long, "/1").text, answer(short, "/2").text] == ["1", "2"]
    now += 1
    assert answer(long, "/1").text == "2"


@pytest.mark.parametrize(
    "other",
    [
        {"path": "/other"},
        {"path": "/somewhere?a=1"},
        {"path": "/somewhere%3Fa=1"},
        {"base_url": "http://localhost/pre"},
        {"base_url": "https://localhost"},
        {"headers": {"Host": "evil.test"}},
        {"headers": {"Authorization": "Basic YTpi"}},
        {"method": "HEAD"},
        {"method": "POST"},
        {"method": "DELETE"},
    ],
    ids=repr,
)
def test_another_request_gets_another_answer(other):
    view = counted()
    assert answer(view, **other).text == "1"
    assert answer(view).text == "2"
    assert answer(view, **other).text in ("1", "3")
    assert answer(view).text == "2"


def test_whoever_has_a_session_gets_another_answer():
    view = counted()
    sessions = [{"user": "admin"}, {"cart": [1]}, {"cart": [2]}]
    texts = [
        answer(view, headers=cookie(**content)).text for content in sessions
    ]
    assert [*texts, answer(view).text, answer(view).text] == [*"12344"]


def test_urls_that_read_alike_are_kept_apart():
    view = counted()
    paths = ["/a%3Fb?c", "/a?b?c", "/a%2562", "/ab", "/a%20b", "/a%2520b"]
    assert [answer(view, path).text for path in paths] == [*"123456"]


def test_what_a_user_sees_is_given_to_nobody_else(client):
    log_in(client)
    mine = client.get("/cached").json
    others = app.test_client().get("/cached").json
    assert others != mine
    assert client.get("/cached").json not in (mine, others)
    assert app.test_client().get("/cached").json == others


@pytest.mark.parametrize("code", [201, 204, 206, 301, 400, 404, 500, 503])
def test_only_a_200_is_kept(code):
    codes = iter([code, 200])

    @cached()
    def view():
        return "text", next(codes)

    assert answer(view).status_code == code
    assert answer(view).status_code == 200


def test_an_error_is_not_kept():
    outcomes = iter([lambda: abort(404), lambda: 1 / 0, lambda: "text"])

    @cached()
    def view():
        return next(outcomes)()

    for error in (r"404 Not Found", r"division"):
        with pytest.raises(Exception, match=error):
            answer(view)

    assert answer(view).text == "text"


@pytest.mark.parametrize(
    "headers",
    [
        {"Set-Cookie": "a=b"},
        {"vary": "Cookie"},
        {"Vary": "Accept-Language"},
        {"Cache-Control": "private"},
        {"cache-control": "no-store"},
    ],
    ids=repr,
)
def test_an_answer_that_is_not_for_everybody_is_not_kept(headers):
    view = counted(headers)
    assert [answer(view).text, answer(view).text] == ["1", "2"]


def test_an_answer_that_begins_a_session_is_not_kept():
    calls = itertools.count(1)

    @cached()
    def view():
        session["number"] = next(calls)
        return str(session["number"])

    assert [answer(view).text, answer(view).text] == ["1", "2"]


def test_what_is_added_to_an_answer_later_is_not_kept():
    view = counted({"X-Kept": "yes"})
    answer(view).set_cookie("somebody", "else")
    again = answer(view)
    assert again.headers["X-Kept"] == "yes"
    assert "Set-Cookie" not in again.headers


def test_a_stream_is_passed_on_and_not_kept():
    calls = itertools.count(1)

    @cached()
    def view():
        return Response(str(next(calls)) for _ in range(2))

    assert [answer(view).text, answer(view).text] == ["12", "34"]


@pytest.mark.parametrize(
    "decorate",
    [
        lambda view: cached()(login_required(view)),
        lambda view: login_required(cached()(view)),
    ],
)
def test_with_login_required_neither_order_leaks(decorate):
    view = decorate(lambda: f"for {session['user']}")

    for _ in range(2):
        assert answer(view).status_code == 303
        assert answer(view, headers=cookie(user="admin")).text == "for admin"


def test_the_cache_does_not_grow_without_bound(client):
    first = client.get("/cached?q=0").json

    for number in range(1, 502):
        client.get(f"/cached?q={number}")

    assert client.get("/cached?q=0").json != first


# -- Templating Decorator ---------------------------------------------------


def test_a_dictionary_is_rendered_in_the_template_of_the_endpoint(client):
    response = client.get("/templated")
    assert response.mimetype == "text/html"
    assert "The value is 42." in response.text


@pytest.mark.parametrize(
    ("returned", "text", "status"),
    [
        ({"value": 7}, "The value is 7.", 200),
        ({"value": "<b>"}, "The value is &lt;b&gt;.", 200),
        ({}, "The value is .", 200),
        (None, "The value is .", 200),
        ((None, 201), "The value is .", 201),
        (({"value": 7}, 404), "The value is 7.", 404),
        (({"value": 7}, {"X-Extra": "yes"}), "The value is 7.", 200),
        (({"value": 7}, 404, {"X-Extra": "yes"}), "The value is 7.", 404),
        ("text", "text", 200),
        (("text", 400), "text", 400),
        (("text", 400, {"X-Extra": "yes"}), "text", 400),
    ],
    ids=repr,
)
def test_a_dictionary_is_rendered_and_the_rest_is_passed_on(
    returned, text, status
):
    response = answer(templated("values.html")(lambda: returned))
    assert text in response.text
    assert response.status_code == status
    assert ("X-Extra" in response.headers) == ("X-Extra" in str(returned))


def test_a_redirect_is_passed_on():
    view = templated("values.html")(lambda: redirect("/", code=303))
    assert answer(view).location == "/"


# -- Endpoint Decorator -----------------------------------------------------


def test_the_rule_finds_its_view_by_the_name_of_the_endpoint(client):
    response = client.get("/endpoint")
    assert response.status_code == 200
    assert "<code>by_name</code>" in response.text


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PROPFIND"])
def test_the_rule_answers_no_method_that_it_does_not_name(client, method):
    assert client.open("/endpoint", method=method).status_code == 405
    allowed = client.options("/endpoint").allow
    assert set(allowed) == {"GET", "HEAD", "OPTIONS"}


# -- All of them ------------------------------------------------------------


@pytest.mark.parametrize("decorator", DECORATORS)
def test_a_decorated_view_keeps_its_name(decorator):
    def view():
        """Say what it does."""

    assert decorator(view).__name__ == "view"
    assert decorator(view).__doc__ == "Say what it does."


@pytest.mark.parametrize("decorator", DECORATORS)
def test_a_decorated_view_gets_its_arguments(decorator):
    view = decorator(lambda one, two: f"{one} {two}")

    with app.test_request_context(headers=cookie(user="admin")):
        response = app.make_response(view("1", two="2"))
        assert response.get_data() == b"1 2"


@pytest.mark.parametrize("decorator", DECORATORS)
def test_a_decorated_view_may_be_async(decorator):
    @decorator
    async def view():
        await asyncio.sleep(0)
        return {"value": session["user"]}

    assert "admin" in answer(view, headers=cookie(user="admin")).text


def test_head_answers_as_get_does(client):
    paths = ["/", "/login", "/secret_page", "/cached", "/templated"]

    for path in [*paths, "/endpoint"] * 2:
        get, head = client.get(path), client.head(path)
        assert head.status_code == get.status_code
        assert head.content_length == get.content_length
        assert head.location == get.location
        log_in(client)


def test_links_forms_and_redirects_stay_below_a_prefix(client):
    base = "http://localhost/pre"
    page = client.get("/", base_url=base).text
    page += client.get("/login", base_url=base).text
    paths = re.findall(r'(?:href|action)="(.*?)"', page)
    assert len(paths) == 6
    assert all(path.startswith("/pre/") for path in paths)
    response = client.get("/secret_page?page=2", base_url=base)
    assert response.location == ("/pre/login?next=/pre/secret_page?page%3D2")
    response = client.post("/login", data=ADMIN, base_url=base)
    assert response.location == "/pre/"


def test_a_refused_host_is_a_bad_request(client):
    for path in ("/", "/login", "/secret_page", "/cached", "/missing"):
        response = client.get(path, headers={"Host": "red..localhost"})
        assert response.status_code == 400
