import json
import re
from copy import deepcopy
from html import unescape

import pytest
from app import CAPTION, CHART_DATA, ROOMS, USERS, app

ROOM = {"name": "Flask", "description": "Talk about it"}


@pytest.fixture
def client():
    users = deepcopy(USERS)
    yield app.test_client()
    USERS.update(users)
    ROOMS.clear()


# -- Rendering Templates ----------------------------------------------------


def test_data_in_a_script_element_arrives_whole(client):
    page = client.get("/").text
    data = re.search(r'id="chart-data">(.*?)</script>', page)[1]
    assert json.loads(data) == CHART_DATA


def test_data_in_an_attribute_arrives_whole(client):
    page = client.get("/").text
    data = re.search(r"data-caption='(.*?)'", page)[1]
    assert json.loads(unescape(data)) == CAPTION
    # The script finds both elements by their ids.
    assert 'id="caption"' in page
    assert 'id="chart"' in page


# -- Generating URLs --------------------------------------------------------


@pytest.mark.parametrize("prefix", ["", "/pre"])
def test_page_passes_the_urls_to_its_script(client, prefix):
    page = client.get("/", base_url=f"http://localhost{prefix}").text
    urls = json.loads(re.search(r'id="urls">(.*?)</script>', page)[1])
    assert urls == {"script_root": prefix, "users": f"{prefix}/users"}
    assert f'src="{prefix}/static/page.js"' in page


# -- Making a Request with fetch --------------------------------------------


def test_form_data_opens_a_room(client):
    response = client.post("/rooms", data=ROOM)
    assert response.status_code == 201
    assert response.json == {"id": response.json["id"], **ROOM}
    another = client.post("/rooms", data=ROOM)
    assert another.json["id"] != response.json["id"]
    assert "Flask: Talk about it" in client.get("/").text


@pytest.mark.parametrize("bad", [{"name": ""}, {"description": "x" * 81}])
def test_room_is_rejected_when_a_field_is_bad(client, bad):
    response = client.post("/rooms", data=ROOM | bad)
    assert response.status_code == 400
    assert f"The {next(iter(bad))} must be 1 to 80" in response.json["error"]
    assert not ROOMS


# -- Following Redirects ----------------------------------------------------


def test_login_redirects_to_the_welcome_page(client):
    form = {"username": "admin", "password": "secret"}
    response = client.post("/login", data=form)
    assert response.location == "/welcome"
    assert "Welcome" in client.get("/welcome").text


@pytest.mark.parametrize("field", ["username", "password"])
@pytest.mark.parametrize("text", ["", "x"])
def test_login_returns_401_when_a_field_is_wrong(client, field, text):
    form = {"username": "admin", "password": "secret"} | {field: text}
    response = client.post("/login", data=form)
    assert response.status_code == 401
    assert "password is wrong" in response.json["error"]


# -- Replacing Content ------------------------------------------------------


def test_fragment_is_escaped_and_not_a_whole_page(client):
    facts = {client.get("/geology_fact").text.strip() for _ in range(2)}
    assert facts == {
        "<p>Obsidian holds &lt; 1 % water.</p>",
        "<p>Pumice is stone &amp; air.</p>",
    }
    page = client.get("/").text
    assert any(fact in page for fact in facts)


# -- Return JSON from Views -------------------------------------------------


def test_views_return_a_list_and_an_object(client):
    users = client.get("/users").json
    assert [user["id"] for user in users] == [1, 2]
    assert client.get("/user/2").json == users[1] == {"id": 2, **USERS[2]}


def test_errors_are_json_with_a_sentence_and_their_headers(client):
    response = client.get("/user/99")
    assert response.status_code == 404
    assert response.json == {"error": "There is no user 99."}
    response = client.delete("/user/1")
    assert response.status_code == 405
    assert response.json["error"]
    assert "POST" in response.allow


# -- Receiving JSON in Views ------------------------------------------------


def test_update_changes_the_fields_that_it_receives(client):
    response = client.post("/user/1", json={"username": "Ada L."})
    changed = {"username": "Ada L.", "email": "ada@example.org"}
    assert response.json == {"id": 1, **changed}
    assert client.get("/user/1").json == response.json
    both = {"username": "Ada", "email": "ada@example.com"}
    assert client.post("/user/1", json=both).json == {"id": 1, **both}


@pytest.mark.parametrize(
    "data", [[], {"id": "2"}, {"username": 5}, {"username": "", "email": "x"}]
)
def test_update_rejects_anything_else_and_changes_nothing(client, data):
    before = client.get("/user/1").json
    assert client.post("/user/1", json=data).status_code == 400
    assert client.get("/user/1").json == before


def test_update_rejects_what_is_not_json_and_an_unknown_user(client):
    assert client.post("/user/1", data={"username": "x"}).status_code == 415
    assert client.post("/user/99", json={}).status_code == 404
