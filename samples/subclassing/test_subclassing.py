import inspect
import re
import runpy
import warnings
from pathlib import Path

import pytest
from app import MyFlask, MyRequest, app
from flask import Flask, Request

FORM = "application/x-www-form-urlencoded"
# The methods that Flask 3.2 calls with `ctx` as their first argument.
CHANGED_IN_3_2 = {
    "dispatch_request",
    "do_teardown_appcontext",
    "do_teardown_request",
    "finalize_request",
    "full_dispatch_request",
    "handle_exception",
    "handle_http_exception",
    "handle_user_exception",
    "log_exception",
    "make_default_options_response",
    "preprocess_request",
    "process_response",
    "update_template_context",
}


@pytest.fixture
def client():
    return app.test_client()


@pytest.fixture(params=[False, True], ids=["flask run", "gunicorn"])
def post(client, request):
    """Return a function that posts to /params as either server would."""
    environ = {"wsgi.input_terminated": True} if request.param else {}

    def post_params(body=None, content_type=FORM, query="", **kwargs):
        return client.post(
            f"/params{query}",
            data=body,
            content_type=content_type,
            environ_overrides=environ,
            **kwargs,
        )

    return post_params


# -- Subclassing Flask ------------------------------------------------------


def test_the_app_and_its_requests_are_ours():
    assert type(app) is MyFlask

    with app.test_request_context() as context:
        assert type(context.request) is MyRequest


@pytest.mark.parametrize(
    ("query", "pairs"),
    [
        ("b=1&a=2&b=3", [["b", "1"], ["a", "2"], ["b", "3"]]),
        ("", []),
        ("a", [["a", ""]]),
        ("a=&=b&&=", [["a", ""], ["", "b"], ["", ""]]),
        ("a=1;b=2", [["a", "1;b=2"]]),
        ("a=x%26b%3Dy+z", [["a", "x&b=y z"]]),
        ("%E6%97%A5=%F0%9F%98%80", [["日", "😀"]]),
        ("a=%00", [["a", "\0"]]),
    ],
)
def test_parameters_keep_the_order_sent(client, post, query, pairs):
    assert client.get(f"/params?{query}").json == pairs
    assert post(query).json == pairs
    assert client.head(f"/params?{query}").status_code == 200


def test_the_query_goes_before_the_form(post):
    response = post("b=3&a=4", query="?b=1&a=2")
    assert response.json == [["b", "1"], ["a", "2"], ["b", "3"], ["a", "4"]]


def test_a_post_without_a_body_has_the_parameters_of_its_query(post):
    assert post(content_type=None, query="?a=1").json == [["a", "1"]]


@pytest.mark.parametrize("sent", ["a=%ff", "%80=a", "a=%ed%a0%80"])
def test_what_is_not_utf8_is_refused(client, post, sent):
    for response in (client.get(f"/params?{sent}"), post(sent)):
        assert response.status_code == 400
        assert response.json == {"error": "Send parameters in UTF-8."}


def test_raw_bytes_that_are_not_utf8_are_refused(client, post):
    environ = {"QUERY_STRING": "a=\xff"}
    response = client.get("/params", environ_overrides=environ)
    assert response.status_code == 400
    assert post(b"a=\xff").status_code == 400


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"--x--", "multipart/form-data; boundary=x"),
        (b"", "multipart/form-data"),
        (b'{"a": 1}', "application/json"),
        (b"a=1", "text/plain"),
        (b"a=1", None),
        (b"a=1", "nonsense"),
    ],
)
def test_another_kind_of_body_is_refused(post, body, content_type):
    response = post(body, content_type, query="?a=1")
    assert response.status_code == 415
    assert FORM in response.json["error"]


def test_a_body_as_large_as_the_limit_is_taken(post):
    assert post("a=" + "x" * 999_998).json == [["a", "x" * 999_998]]


def test_a_larger_body_is_refused(post):
    response = post("a=" + "x" * 999_999)
    assert response.status_code == 413
    assert "exceeds the capacity" in response.json["error"]


def test_a_larger_chunked_body_is_refused_not_cut_off(client):
    response = client.post(
        "/params",
        data="a=" + "x" * 999_999,
        content_type=FORM,
        headers={"Transfer-Encoding": "chunked"},
        environ_overrides={
            "wsgi.input_terminated": True,
            "CONTENT_LENGTH": "",
        },
    )
    assert response.status_code == 413


def test_a_view_that_returns_none_means_204(client, caplog):
    caplog.set_level("INFO")
    response = client.delete(
        "/nothing", headers={"X-Request-ID": "order-4711"}
    )
    assert response.status_code == 204
    assert response.data == b""
    assert caplog.messages == ["Nothing deleted, request order-4711"]


@pytest.mark.parametrize("given", ["order-47", "A_z-0189", "x" * 64])
def test_a_harmless_request_id_is_kept_and_echoed(client, given):
    response = client.get("/", headers={"X-Request-ID": given})
    assert response.headers.getlist("X-Request-ID") == [given]
    assert f"<code>{given}</code>" in response.text


@pytest.mark.parametrize(
    "given",
    [
        "",
        "1234567",
        "x" * 65,
        "abcdefgh ",
        "order 4711",
        "<script>alert(1)",
        "order-4711,order-4712",
        "caf\xe9-4711",
        "١٢٣٤٥٦٧٨",
    ],
)
def test_any_other_request_id_is_replaced(client, given):
    # A server hands the bytes of a header on as Latin-1.
    header = given.encode().decode("latin-1")
    response = client.get("/", environ_overrides={"HTTP_X_REQUEST_ID": header})
    [echoed] = response.headers.getlist("X-Request-ID")
    assert re.fullmatch("[0-9a-f]{32}", echoed)
    assert f"<code>{echoed}</code>" in response.text


def test_every_request_without_one_gets_another_request_id(client):
    ids = {client.get("/").headers["X-Request-ID"] for _ in range(9)}
    assert len(ids) == 9


def test_errors_echo_the_request_id(client, monkeypatch):
    monkeypatch.setitem(app.view_functions, "index", lambda: 1 / 0)
    headers = {"X-Request-ID": "order-4711"}

    for code, method, path in (
        (404, "GET", "/missing"),
        (404, "GET", "/static/missing.css"),
        (405, "PUT", "/params"),
        (415, "POST", "/params"),
        (500, "GET", "/"),
    ):
        response = client.open(path, method=method, headers=headers, json={})
        assert response.status_code == code
        assert response.headers.getlist("X-Request-ID") == ["order-4711"]
        assert list(response.json) == ["error"]


def test_a_refused_host_is_a_bad_request(client):
    response = client.get("/", headers={"Host": "red..localhost"})
    assert response.status_code == 400
    assert "X-Request-ID" in response.headers


def test_a_wrong_method_says_which_ones_are_allowed(client):
    response = client.get("/nothing")
    assert response.status_code == 405
    assert set(response.allow) == {"DELETE", "OPTIONS"}


def test_an_answer_can_be_made_outside_a_request():
    with app.app_context():
        response = app.make_response(("made", 201))
    assert response.status_code == 201
    assert "X-Request-ID" not in response.headers


def test_the_start_page_links_to_everything_below_a_prefix(client):
    page = client.get("/", base_url="http://localhost/pre").text
    assert "<h1>Subclassing Flask</h1>" in page
    assert 'action="/pre/params"' in page
    assert 'data-url="/pre/nothing"' in page


def test_nothing_that_is_going_away_is_used():
    file = str(Path(app.root_path) / "app.py")

    with warnings.catch_warnings(action="error"):
        anew = runpy.run_path(file, run_name="app")["app"].test_client()
        assert anew.get("/params?a=1").json == [["a", "1"]]


def test_what_is_overridden_keeps_its_signature_in_flask_3_2():
    assert not vars(MyFlask).keys() & CHANGED_IN_3_2

    for ours, theirs in ((MyFlask, Flask), (MyRequest, Request)):
        for name, method in vars(ours).items():
            if inspect.isfunction(method) and hasattr(theirs, name):
                known = inspect.signature(getattr(theirs, name)).parameters
                assert [*inspect.signature(method).parameters] == [*known]
