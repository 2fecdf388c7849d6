import re
import tomllib
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


@pytest.mark.parametrize("name", ["app", "yourapplication"])
def test_flask_command_finds_the_app_by_both_names(name):
    assert ScriptInfo(app_import_path=name).load_app() is yourapplication.app


def test_start_page_links_to_every_part(client):
    page = client.get("/").text
    assert "<h1>Large Applications as Packages</h1>" in page
    assert 'href="/blog/"' in page
    assert 'href="/authors/"' in page


def test_app_finds_its_static_files(client):
    with client.get("/static/style.css") as response:
        assert response.status_code == 200


def test_project_file_has_everything_that_pip_needs():
    text = (FOLDER / "pyproject.toml").read_text(encoding="utf-8")
    project = tomllib.loads(text)["project"]
    assert project["name"] == yourapplication.__name__
    assert project["version"]
    assert project["description"]
    requirements = (FOLDER / "requirements.txt").read_text(encoding="utf-8")
    assert project["dependencies"] == requirements.split()


# -- Working with Blueprints ------------------------------------------------


@pytest.mark.parametrize("name", ["blog", "authors"])
def test_blueprint_shows_its_own_index_page(client, name):
    assert f"<h1>{name.title()}</h1>" in client.get(f"/{name}/").text


def test_no_two_templates_have_the_same_name():
    loaders = [part.jinja_loader for part in (app, *app.blueprints.values())]
    names = [name for loader in loaders for name in loader.list_templates()]
    assert names.count("blog/index.html") == 1
    assert len(names) == len(set(names))


def test_every_post_in_the_list_has_a_page(client):
    page = client.get("/blog/").text
    posts = re.findall(r'<li>\s*<a href="(.+)">(.+)</a>', page)
    assert len(posts) == 3

    for link, title in posts:
        assert f"<h1>{title}</h1>" in client.get(link).text


def test_unknown_post_returns_404(client):
    response = client.get("/blog/missing")
    assert response.status_code == 404
    assert "There is no post" in response.text


def test_authors_of_all_posts_are_listed(client):
    page = client.get("/authors/").text
    assert re.findall("<li>(.+)</li>", page) == ["Ada", "Grace"]


def test_title_is_shown_as_text(client):
    page = client.get("/blog/two-index-pages").text
    assert "<h1>Two index pages &amp; no clash</h1>" in page
    assert "They are blog/index.html and authors/index.html." in page
