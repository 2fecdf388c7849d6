import pytest
from app import MyFlask, MyRequest, app
from flask import render_template_string


@pytest.fixture
def client():
    return app.test_client()


# -- Subclassing Flask ------------------------------------------------------


def test_app_and_request_use_the_subclasses():
    assert isinstance(app, MyFlask)

    with app.test_request_context() as context:
        assert isinstance(context.request, MyRequest)


@pytest.mark.parametrize(
    ("query", "pairs"),
    [
        ("b=1&a=2&b=3", [["b", "1"], ["a", "2"], ["b", "3"]]),
        ("a=&b=%C3%A9+%26", [["a", ""], ["b", "é &"]]),
        ("b=\xff", [["b", "\N{REPLACEMENT CHARACTER}"]]),
    ],
)
def test_params_keeps_the_order_sent(client, query, pairs):
    # The client would encode the byte FF as UTF-8, so set the query directly.
    environ = {"QUERY_STRING": query}
    assert client.get("/params", environ_overrides=environ).json == pairs


def test_request_id_is_new_for_each_request(client):
    sent = {"X-Request-ID": "chosen"}
    responses = [client.get(path, headers=sent) for path in ("/", "/missing")]
    ids = {response.headers["X-Request-ID"] for response in responses}
    assert len(ids) == 2
    assert "chosen" not in ids


def test_request_id_stays_the_same_during_a_request(client):
    response = client.get("/")
    assert f"<code>{response.headers['X-Request-ID']}</code>" in response.text


def test_page_shows_markup_as_text(client):
    page = client.get("/?<b>=<script>").text
    assert "<li>&lt;b&gt; = &lt;script&gt;</li>" in page


def test_template_string_shows_markup_as_text():
    with app.app_context():
        assert render_template_string("{{ '<' }}") == "&lt;"


@pytest.mark.parametrize("filename", ["page.html", "picture.svg.j2"])
def test_file_with_markup_is_escaped(filename):
    assert app.select_jinja_autoescape(filename)


@pytest.mark.parametrize("filename", ["mail.txt", "mail.txt.j2"])
def test_text_file_is_not_escaped(filename):
    assert not app.select_jinja_autoescape(filename)
