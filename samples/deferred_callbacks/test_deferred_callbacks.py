import pytest
from app import LANGUAGES, app


@pytest.fixture
def client():
    return app.test_client()


def get(client, path="/", language="de"):
    return client.get(path, headers={"Accept-Language": language})


def cookies_set(response):
    return response.headers.getlist("Set-Cookie")


# -- Deferred Request Callbacks ---------------------------------------------


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("fr-CA,fr;q=0.9,en;q=0.8", "fr"),
        ("de-AT,en;q=0.5", "de"),
        ("en-GB,fr;q=0.3", "en"),
        ("", "en"),
    ],
)
def test_first_visit_guesses_the_language(client, header, language):
    response = get(client, language=header)
    assert f"{LANGUAGES[language]}!" in response.text
    [cookie] = cookies_set(response)
    assert cookie.startswith(f"user_lang={language};")


def test_cookie_lasts_a_year_and_is_lax(client):
    [cookie] = cookies_set(get(client))
    assert "Max-Age=31536000" in cookie
    assert "SameSite=Lax" in cookie


def test_cookie_overrides_the_header_and_is_not_sent_again(client):
    client.set_cookie("user_lang", "fr")
    response = get(client)
    assert "Bonjour!" in response.text
    assert cookies_set(response) == []
    assert {*response.vary} == {"Cookie", "Accept-Language"}


def test_unknown_cookie_is_ignored_and_replaced(client):
    client.set_cookie("user_lang", "zz")
    response = get(client)
    assert "Hallo!" in response.text
    [cookie] = cookies_set(response)
    assert cookie.startswith("user_lang=de;")


@pytest.mark.parametrize("path", ["/", "/missing", "/static/missing.css"])
def test_callback_changes_every_response(client, path):
    response = get(client, path)
    assert {*response.vary} == {"Cookie", "Accept-Language"}
    assert len(cookies_set(response)) == 1


def test_choice_is_remembered(client):
    client.set_cookie("user_lang", "fr")
    response = client.post("/language", data={"language": "de"})
    assert response.status_code in (302, 303)
    assert response.location == "/"
    assert "<option selected>de</option>" in client.get("/").text


def test_choice_in_the_first_request_sets_one_cookie(client):
    response = client.post("/language", data={"language": "fr"})
    [cookie] = cookies_set(response)
    assert cookie.startswith("user_lang=fr;")


def test_unknown_choice_returns_400_and_changes_nothing(client):
    client.set_cookie("user_lang", "fr")
    response = client.post("/language", data={"language": "zz"})
    assert response.status_code == 400
    assert cookies_set(response) == []
