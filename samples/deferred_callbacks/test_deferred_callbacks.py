import pytest
from app import app


@pytest.fixture
def client():
    return app.test_client()


def cookies_set(response):
    return response.headers.getlist("Set-Cookie")


# -- Deferred Request Callbacks ---------------------------------------------


@pytest.mark.parametrize(
    ("header", "greeting"),
    [
        ("de", "Hallo!"),
        ("fr-CA,fr;q=0.9,en;q=0.8", "Bonjour!"),
        ("de-AT", "Hallo!"),
        ("ja", "Hello!"),
        ("*", "Hello!"),
        (";;q=x", "Hello!"),
    ],
)
def test_the_first_visit_guesses_the_language(client, header, greeting):
    response = client.get("/", headers={"Accept-Language": header})
    assert response.status_code == 200
    assert greeting in response.text


def test_the_guess_is_remembered_in_one_cookie(client):
    response = client.get("/", headers={"Accept-Language": "de"})
    [cookie] = cookies_set(response)
    assert cookie.startswith("user_lang=de;")
    assert "Max-Age=31536000" in cookie
    assert "SameSite=Lax" in cookie


def test_the_cookie_goes_before_the_header_and_is_not_sent_again(client):
    client.set_cookie("user_lang", "fr")
    response = client.get("/", headers={"Accept-Language": "de"})
    assert "Bonjour!" in response.text
    assert cookies_set(response) == []


@pytest.mark.parametrize("value", ["zz", "", "<script>", "EN", "de; fr"])
def test_an_unknown_cookie_is_ignored_and_replaced(client, value):
    client.set_cookie("user_lang", value)
    response = client.get("/", headers={"Accept-Language": "de"})
    assert "Hallo!" in response.text
    assert "<script>" not in response.text
    [cookie] = cookies_set(response)
    assert cookie.startswith("user_lang=de;")


def test_caches_are_told_what_the_page_depends_on(client):
    for path in ("/", "/missing"):
        vary = client.get(path).vary
        assert "Cookie" in vary
        assert "Accept-Language" in vary


def test_the_callback_runs_on_pages_that_are_not_found(client):
    response = client.get("/missing", headers={"Accept-Language": "fr"})
    assert response.status_code == 404
    [cookie] = cookies_set(response)
    assert cookie.startswith("user_lang=fr;")


def test_static_files_get_no_cookie_and_no_vary(client):
    response = client.get("/static/missing.css")
    assert cookies_set(response) == []
    assert not response.vary


def test_a_choice_is_remembered(client):
    client.get("/")
    response = client.post("/language", data={"language": "de"})
    assert response.status_code == 303
    assert response.location == "/"
    [cookie] = cookies_set(response)
    assert cookie.startswith("user_lang=de;")
    page = client.get("/")
    assert "Hallo!" in page.text
    assert "<option selected>de</option>" in page.text


def test_a_choice_on_the_first_request_sets_one_cookie(client):
    response = client.post(
        "/language",
        data={"language": "fr"},
        headers={"Accept-Language": "de"},
    )
    [cookie] = cookies_set(response)
    assert cookie.startswith("user_lang=fr;")


@pytest.mark.parametrize(
    "form", [{}, {"language": ""}, {"language": "zz"}, {"language": "\0"}]
)
def test_an_unknown_choice_is_refused_and_changes_nothing(client, form):
    client.set_cookie("user_lang", "fr")
    response = client.post("/language", data=form)
    assert response.status_code == 400
    assert "one of en, de, fr" in response.text
    assert cookies_set(response) == []


def test_a_large_body_is_refused(client):
    response = client.post("/language", data={"language": "e" * 1_000_001})
    assert response.status_code == 413


def test_links_and_redirects_stay_below_a_prefix(client):
    base = "http://localhost/pre"
    page = client.get("/", base_url=base)
    assert 'action="/pre/language"' in page.text
    response = client.post("/language", data={"language": "de"}, base_url=base)
    assert response.location == "/pre/"


def test_a_refused_host_is_a_bad_request(client):
    response = client.get("/", headers={"Host": "red..localhost"})
    assert response.status_code == 400
