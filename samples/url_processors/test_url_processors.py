import pytest
from app import LANGUAGES, app
from flask import url_for
from werkzeug.routing import BuildError

PAGES = [
    f"{start}/{code}/{end}"
    for start in ("", "/frontend")
    for code in LANGUAGES
    for end in ("", "about")
]


@pytest.fixture
def client():
    return app.test_client()


@pytest.fixture
def server_name(monkeypatch):
    monkeypatch.setitem(app.config, "SERVER_NAME", "example.com")


# -- Internationalized Application URLs -------------------------------------


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("/en/", "Welcome!"),
        ("/de/", "Willkommen!"),
        ("/fr/", "Bienvenue !"),
        ("/en/about", "About us"),
        ("/de/about", "Über uns"),
        ("/fr/about", "À propos de nous"),
    ],
)
def test_the_url_names_the_language_of_a_page(client, path, text):
    response = client.get(path, headers={"Accept-Language": "ja"})
    assert response.status_code == 200
    assert text in response.text
    assert f'<html lang="{path[1:3]}">' in response.text


def test_links_stay_in_the_language_without_naming_it(client):
    page = client.get("/de/").text
    for path in ("/de/", "/de/about", "/frontend/de/", "/frontend/de/about"):
        assert f'<a href="{path}">' in page


def test_the_switch_links_this_page_in_every_language(client):
    page = client.get("/de/about").text
    for code, name in LANGUAGES.items():
        assert f'<a href="/{code}/about"' in page
        assert f'hreflang="{code}" lang="{code}">{name}</a>' in page


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ("de", "de"),
        ("fr-CA,fr;q=0.9,en;q=0.8", "fr"),
        ("de;q=0,fr;q=0.1", "fr"),
        ("ja", "en"),
        ("*", "en"),
        (";;q=x", "en"),
        ("", "en"),
    ],
)
def test_the_root_redirects_to_the_language_of_the_browser(
    client, header, code
):
    response = client.get("/", headers={"Accept-Language": header})
    assert response.status_code == 302
    assert response.location == f"/{code}/"
    assert "Accept-Language" in response.vary


@pytest.mark.parametrize(
    "path",
    [
        "/xx/",
        "/xx/about",
        "/EN/",
        "/english/",
        "/e/",
        "/<script>/",
        "/%2e%2e/",
        "/en%00/",
        "/frontend/xx/",
        "/frontend/xx/about",
        "/frontend/EN/",
    ],
)
def test_an_unknown_language_is_not_found(client, path):
    assert client.get(path).status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        "/favicon.ico",
        "/about",
        "/about/",
        "/frontend",
        "/frontend/",
        "/frontend/about",
        *(f"{page}/" for page in PAGES if page.endswith("about")),
        *(f"{page}missing" for page in PAGES if page.endswith("/")),
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "DELETE"])
def test_a_missing_page_is_not_found(client, path, method):
    assert client.open(path, method=method).status_code == 404


def test_a_missing_static_file_is_not_found(client):
    assert client.get("/static/missing.css").status_code == 404


def test_on_an_error_page_links_are_in_the_language_of_the_browser():
    german = {"Accept-Language": "de"}
    with app.test_request_context("/fr/missing", headers=german):
        app.preprocess_request()
        assert url_for("index") == "/de/"
        assert url_for("frontend.about") == "/frontend/de/about"


@pytest.mark.parametrize("path", ["/", *PAGES])
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_a_wrong_method_is_not_allowed(client, path, method):
    response = client.open(path, method=method)
    assert response.status_code == 405
    assert response.allow.as_set() == {"get", "head", "options"}


@pytest.mark.parametrize("path", PAGES)
def test_head_works_wherever_get_does(client, path):
    response = client.head(path)
    assert response.status_code == 200
    assert response.text == ""


@pytest.mark.parametrize("start", ["", "/frontend"])
@pytest.mark.parametrize("code", LANGUAGES)
def test_a_missing_slash_is_added(client, start, code):
    response = client.get(f"{start}/{code}?a=1")
    assert response.status_code == 308
    assert response.location == f"http://localhost{start}/{code}/?a=1"


@pytest.mark.parametrize("path", PAGES)
def test_a_doubled_slash_is_removed(client, path):
    # The client would take the start of a `//` path for a host.
    doubled = {"PATH_INFO": path.replace("/", "//")}
    response = client.get("/", environ_overrides=doubled)
    assert response.status_code == 308
    assert response.location == f"http://localhost{path}"


def test_a_link_can_name_the_language_from_anywhere():
    for path in ("/de/", "/frontend/de/", "/", "/missing", "/static/x.css"):
        with app.test_request_context(path):
            app.preprocess_request()
            assert url_for("index", lang_code="fr") == "/fr/"
            assert url_for("frontend.about", lang_code="fr") == (
                "/frontend/fr/about"
            )


@pytest.mark.usefixtures("server_name")
def test_links_work_outside_a_request():
    site = "http://example.com"
    with app.app_context():
        assert url_for("about", lang_code="fr") == f"{site}/fr/about"
        assert url_for("about") == f"{site}/en/about"
        assert url_for("frontend.index") == f"{site}/frontend/en/"
        assert url_for("static", filename="x") == f"{site}/static/x"


@pytest.mark.usefixtures("server_name")
def test_links_that_name_the_language_need_no_context_at_all():
    site = "http://example.com"
    assert app.url_for("index", lang_code="de") == f"{site}/de/"
    assert app.url_for("frontend.index", lang_code="de") == (
        f"{site}/frontend/de/"
    )


def test_a_misspelt_endpoint_is_a_build_error():
    with app.test_request_context("/de/"):
        for endpoint in ("indx", "frontend.indx"):
            with pytest.raises(BuildError, match="indx"):
                url_for(endpoint)


def test_an_endpoint_without_a_language_gets_none():
    with app.test_request_context("/de/"):
        app.preprocess_request()
        assert url_for("static", filename="x") == "/static/x"
        assert url_for("choose_language") == "/"


def test_links_and_redirects_stay_below_a_prefix(client):
    base = "http://localhost/pre"
    assert client.get("/", base_url=base).location == "/pre/en/"
    assert client.get("/de", base_url=base).location == f"{base}/de/"
    for path in ("/de/", "/frontend/de/"):
        page = client.get(path, base_url=base).text
        assert page.count('href="') == page.count('href="/pre/') == 7


def test_a_refused_host_is_a_bad_request(client):
    for path in ("/", "/de/", "/frontend/de/", "/missing"):
        response = client.get(path, headers={"Host": "red..localhost"})
        assert response.status_code == 400


# -- Internationalized Blueprint URLs ---------------------------------------


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("/frontend/en/", "Welcome!"),
        ("/frontend/de/", "Willkommen!"),
        ("/frontend/fr/", "Bienvenue !"),
        ("/frontend/en/about", "About us"),
        ("/frontend/de/about", "Über uns"),
        ("/frontend/fr/about", "À propos de nous"),
    ],
)
def test_the_blueprint_pulls_its_own_language(client, path, text):
    response = client.get(path, headers={"Accept-Language": "ja"})
    assert response.status_code == 200
    assert text in response.text


def test_the_language_is_kept_on_the_way_in_and_out_of_the_blueprint(client):
    assert '<a href="/frontend/fr/about">' in client.get("/fr/").text
    assert '<a href="/fr/about">' in client.get("/frontend/fr/").text


def test_the_switch_stays_in_the_blueprint(client):
    page = client.get("/frontend/de/about").text
    for code in LANGUAGES:
        assert f'<a href="/frontend/{code}/about"' in page
