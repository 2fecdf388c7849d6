import re
from urllib.parse import urljoin

import pytest
from app import ITEMS, app


@pytest.fixture
def client():
    return app.test_client()


# -- Single-Page Applications -----------------------------------------------


@pytest.mark.parametrize("path", ["/", "/items/2", "/no/such/view", "/apiary"])
def test_every_other_path_gets_the_page(client, path):
    response = client.get(path)
    assert response.status_code == 200
    assert 'src="dist/main.js"' in response.text
    assert response.headers["Cache-Control"] == "no-cache"


def test_api_returns_the_items(client):
    items = client.get("/api/items").json
    assert [item["id"] for item in items] == list(ITEMS)
    assert items[1] == {"id": 2, "name": ITEMS[2]["name"]}
    assert client.get("/api/items/2").json == {"id": 2, **ITEMS[2]}


@pytest.mark.parametrize("path", ["/api/items/99", "/api/x", "/api/"])
def test_api_returns_a_json_error_when_nothing_is_found(client, path):
    response = client.get(path)
    assert response.status_code == 404
    assert "There is no" in response.json["error"]


def test_heartbeat_is_healthy(client):
    assert client.get("/heartbeat").json == {"status": "healthy"}


def test_missing_file_is_not_the_page(client):
    assert client.get("/dist/missing.js").status_code == 404


@pytest.mark.parametrize("path", ["/", "/items/2"])
@pytest.mark.parametrize("prefix", ["", "/pre"])
def test_links_of_the_page_work_from_every_path(client, path, prefix):
    url = f"http://localhost{prefix}"
    page = client.get(path, base_url=url).text
    base = re.search(r'<base href="(.*?)">', page)[1]
    assert base == f"{prefix}/"

    for link in ("dist/style.css", "dist/main.js", "api/items"):
        assert f'="{link}"' in page
        target = urljoin(base, link).removeprefix(prefix)

        with client.get(target, base_url=url) as response:
            assert response.status_code == 200
            # For a wrong link, catch_all would send the page.
            assert response.mimetype != "text/html"
