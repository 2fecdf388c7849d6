import re
import sys
import tomllib
from collections import Counter
from pathlib import Path

import pytest
import yourapplication
from app import app
from flask.cli import ScriptInfo

FOLDER = Path(__file__).parent


@pytest.fixture
def client():
    return app.test_client()


# -- Simple Packages --------------------------------------------------------


def test_the_front_page_links_to_every_part(client):
    page = client.get("/")
    assert page.status_code == 200
    assert "<h1>Large Applications as Packages</h1>" in page.text

    for link in re.findall(r'href="(.*?)"', page.text):
        with client.get(link) as answer:
            assert answer.status_code == 200


@pytest.mark.parametrize("name", ["app", "yourapplication"])
def test_the_flask_command_finds_the_app_by_either_name(name):
    assert ScriptInfo(app_import_path=name).load_app() is yourapplication.app


def test_the_view_module_is_imported_and_found_its_app():
    assert app.view_functions["index"].__module__ == "yourapplication.views"
    assert sys.modules["yourapplication.views"].app is app


def test_the_app_finds_its_files_in_the_package(client):
    assert Path(app.root_path) == FOLDER / "yourapplication"

    with client.get("/static/style.css") as answer:
        assert answer.status_code == 200
        assert answer.mimetype == "text/css"


def test_the_static_folder_gives_away_nothing_else(client):
    for path in ("/static/../views.py", "/static/..%2fviews.py", "/views.py"):
        assert client.get(path).status_code == 404


def test_the_project_file_has_what_an_installation_needs():
    with (FOLDER / "pyproject.toml").open("rb") as file:
        project = tomllib.load(file)["project"]

    assert project["name"] == yourapplication.__name__
    assert project["version"]
    assert project["description"]
    requirements = (FOLDER / "requirements.txt").read_text().split()
    assert project["dependencies"] == requirements


# -- Working with Blueprints ------------------------------------------------


def test_each_part_shows_its_own_index_page(client):
    for path, heading in [
        ("/", "Large Applications as Packages"),
        ("/blog/", "Blog"),
        ("/authors/", "Authors"),
    ]:
        assert f"<h1>{heading}</h1>" in client.get(path).text


def test_no_template_name_is_found_in_two_folders():
    names = Counter()

    for part in (app, *app.blueprints.values()):
        names.update(part.jinja_loader.list_templates())

    assert {"blog/index.html", "authors/index.html", "index.html"} <= set(
        names
    )
    assert set(names.values()) == {1}


def test_every_post_in_the_list_can_be_read(client):
    links = re.findall(
        r'<li><a href="(.*?)">(.*?)</a>', client.get("/blog/").text
    )
    assert len(links) == 2

    for link, title in links:
        page = client.get(link)
        assert page.status_code == 200
        assert f"<h1>{title}</h1>" in page.text


def test_the_authors_of_all_posts_are_listed(client):
    page = client.get("/authors/")
    assert re.findall("<li>(.*)", page.text) == ["Ada", "Grace"]


def test_text_is_escaped(client):
    page = client.get("/blog/two-index-pages")
    assert "<h1>Two index pages &amp; no clash</h1>" in page.text


@pytest.mark.parametrize(
    "slug", ["missing", "HELLO", "%00", "%ff", "..%2f", "<script>", "x" * 9999]
)
def test_an_unknown_post_is_not_found(client, slug):
    page = client.get(f"/blog/{slug}")
    assert page.status_code == 404
    assert "<script>" not in page.text


def test_the_answer_says_which_kind_of_thing_was_not_found(client):
    assert "There is no post of that name." in client.get("/blog/nope").text


def test_links_stay_below_a_prefix(client):
    for path in ("/", "/blog/", "/blog/hello", "/authors/"):
        page = client.get(path, base_url="http://localhost/pre")
        assert page.text.count('href="') == page.text.count('href="/pre/')


def test_a_refused_host_is_a_bad_request(client):
    response = client.get("/", headers={"Host": "red..localhost"})
    assert response.status_code == 400
