import re
from urllib.parse import urljoin

import pytest
from app import ITEMS, app


@pytest.fixture
def client():
    return app.test_client()


def is_the_page(response):
    return (
        response.status_code == 200
        and response.mimetype == "text/html"
        and '<script type="module" src="app/main.js">' in response.text
    )


# -- Single-Page Applications -----------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/items",
        "/items/2",
        "/items/2/",
        "/about",
        "/no/such/view",
        "/apiary",
        "/application",
        "/API/items",
        "/items/api/",
        "/<script>",
        "/日本",
        "/%00",
    ],
)
def test_every_path_of_the_browser_is_the_same_page(client, path):
    response = client.get(path)
    assert is_the_page(response)
    assert response.headers["Cache-Control"] == "no-cache"
    assert response.data == client.get("/").data


def test_the_api_has_the_items(client):
    items = client.get("/api/items").json
    assert [item["id"] for item in items] == list(ITEMS)

    for item in items:
        detail = client.get(f"/api/items/{item['id']}").json
        assert detail == {**item, "text": ITEMS[item["id"]]["text"]}


def test_the_heart_beats(client):
    assert client.get("/heartbeat").json == {"status": "healthy"}


def test_an_unknown_item_is_a_json_error(client):
    response = client.get("/api/items/99")
    assert response.status_code == 404
    assert response.json == {"error": "There is no item 99."}
    assert client.get(f"/api/items/{2**70}").status_code == 404
    assert client.get(f"/api/items/{'9' * 5000}").status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        "/api",
        "/api/",
        "/api/nothing",
        "/api/items/",
        "/api/items/1/",
        "/api/items/x",
        "/api/items/-1",
        "/api/items/1.html",
        "/api/<script>",
        "/api/..",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "PROPFIND"])
def test_what_the_api_lacks_is_a_json_error_and_no_page(client, method, path):
    response = client.open(path, method=method)
    assert response.status_code == 404
    assert response.content_type == "application/json"
    assert response.json["error"]


@pytest.mark.parametrize("path", ["/api/items", "/api/items/1", "/heartbeat"])
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_a_wrong_method_of_the_api_is_a_json_error(client, method, path):
    response = client.open(path, method=method)
    assert response.status_code == 405
    assert response.json["error"]
    assert set(response.allow) == {"GET", "HEAD", "OPTIONS"}


@pytest.mark.parametrize("path", ["/", "/items", "/items/2", "/no/such/view"])
def test_a_page_takes_no_post(client, path):
    response = client.post(path)
    assert response.status_code == 405
    assert response.mimetype == "text/html"
    assert set(response.allow) == {"GET", "HEAD", "OPTIONS"}


@pytest.mark.parametrize("name", ["main.js", "style.css"])
def test_files_are_served_and_checked_for_a_newer_version(client, name):
    with client.get(f"/app/{name}") as response:
        assert response.status_code == 200
        assert response.headers["Cache-Control"] == "no-cache"
        etag = response.headers["ETag"]

    known = {"If-None-Match": etag}

    with client.get(f"/app/{name}", headers=known) as response:
        assert response.status_code == 304


@pytest.mark.parametrize(
    "path",
    ["/app", "/app/", "/app/missing.js", "/app/items", "/app/../app.py"],
)
def test_a_missing_file_is_never_the_page(client, path):
    assert client.get(path).status_code == 404
    assert client.post(path).status_code in (404, 405)


@pytest.mark.parametrize("path", ["/", "/items/2", "/no/such/view"])
@pytest.mark.parametrize("prefix", ["", "/pre"])
def test_every_link_leads_below_the_prefix(client, path, prefix):
    url = f"http://localhost{prefix}"
    page = client.get(path, base_url=url).text
    [base] = re.findall(r'<base href="(.*?)">', page)
    links = re.findall(r'(?:href|src)="(.*?)"', page.partition("<base")[2])
    links = [link for link in links if link not in (base, "data:,")]
    assert base == f"{prefix}/"
    assert len(links) == 7

    for link in links:
        path = urljoin(base, link).removeprefix(prefix)

        with client.get(path, base_url=url) as response:
            assert response.status_code == 200


@pytest.mark.parametrize("path", ["/", "/items", "/api/items", "/heartbeat"])
def test_head_works_wherever_get_does(client, path):
    response = client.head(path)
    assert (response.status_code, response.data) == (200, b"")


@pytest.mark.parametrize("path", ["//api/nothing", "/api//nothing"])
def test_slashes_do_not_lead_around_the_api(client, path):
    response = client.get("/", environ_overrides={"PATH_INFO": path})
    assert response.status_code == 404
    assert response.content_type == "application/json"


@pytest.mark.parametrize("path", ["/", "/api/items"])
def test_a_refused_host_is_a_bad_request(client, path):
    response = client.get(path, headers={"Host": "red..localhost"})
    assert response.status_code == 400
