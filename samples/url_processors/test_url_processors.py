import importlib
import sys

import pytest
from flask import Blueprint, g, url_for

GERMAN = {"Accept-Language": "de"}


@pytest.fixture
def module(monkeypatch):
    """Import app.py anew, so that a test can add to the app."""
    monkeypatch.delitem(sys.modules, "app", raising=False)
    return importlib.import_module("app")


@pytest.fixture
def app(module):
    return module.app


@pytest.fixture
def client(app):
    return app.test_client()


# -- Internationalized Application URLs -------------------------------------


def test_page_and_its_links_are_in_the_language_of_the_url(client):
    assert "Willkommen!" in client.get("/de/").text
    page = client.get("/de/about").text
    assert '<html lang="de">' in page
    assert "Über uns" in page
    assert 'href="/de/"' in page
    assert 'href="/frontend/de/about"' in page
    # This link switches to another language.
    assert 'href="/fr/about"' in page


@pytest.mark.parametrize(
    ("header", "url"),
    [
        ("de-AT,en;q=0.5", "/de/"),
        ("en-GB,fr;q=0.3", "/en/"),
        ("it,fr;q=0.3", "/fr/"),
        ("", "/en/"),
    ],
)
def test_start_redirects_to_the_language_of_the_browser(client, header, url):
    response = client.get("/", headers={"Accept-Language": header})
    assert response.location == url
    assert "Accept-Language" in response.vary


@pytest.mark.parametrize("path", ["/it/", "/static/", "/favicon.ico/", "/x"])
def test_unknown_language_or_path_is_not_found(client, path):
    assert client.get(path).status_code == 404


def test_language_is_known_on_a_404_page(app, client):
    app.register_error_handler(404, lambda error: (g.lang_code, 404))
    assert client.get("/no/such/page", headers=GERMAN).text == "de"


def test_links_work_on_a_404_page(app, client):
    app.register_error_handler(404, lambda error: (url_for("about"), 404))
    assert client.get("/no/such/page", headers=GERMAN).text == "/de/about"


def test_links_work_in_a_blueprint_without_a_language(app, client):
    other = Blueprint("other", __name__)
    other.add_url_rule("/other", view_func=lambda: url_for("frontend.about"))
    app.register_blueprint(other)
    assert client.get("/other", headers=GERMAN).text == "/frontend/de/about"


@pytest.mark.parametrize("endpoint", ["choose_language", "frontend.index"])
def test_app_adds_no_language_to_other_endpoints(module, endpoint):
    values = {}

    with module.app.app_context():
        g.lang_code = "de"
        module.add_language_code(endpoint, values)

    assert values == {}


def test_link_outside_a_request_works_when_it_names_the_language(app):
    app.config["SERVER_NAME"] = "localhost"

    with app.app_context():
        assert url_for("about", lang_code="de").endswith("/de/about")
        url = url_for("frontend.about", lang_code="de")
        assert url.endswith("/frontend/de/about")


# -- Internationalized Blueprint URLs ---------------------------------------


def test_blueprint_takes_the_language_out_of_the_values(module):
    values = {"lang_code": "fr"}

    with module.app.app_context():
        module.pull_frontend_lang_code("frontend.index", values)
        assert g.lang_code == "fr"

    assert values == {}


def test_blueprint_page_is_in_the_language_of_its_url(client):
    page = client.get("/frontend/fr/about").text
    assert "À propos de nous" in page
    assert 'href="/frontend/fr/"' in page
    assert 'href="/frontend/de/about"' in page
    assert client.get("/frontend/it/about").status_code == 404
