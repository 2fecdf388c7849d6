import pytest
from app import app
from flask import render_template_string
from jinja2 import TemplateRuntimeError


@pytest.fixture
def client():
    return app.test_client()


# -- Base Template ----------------------------------------------------------


@pytest.mark.parametrize("path", ["/", "/about", "/hello/Ada", "/missing"])
def test_every_page_has_the_layout(client, path):
    page = client.get(path).text
    assert page.startswith('<!doctype html>\n<html lang="en">')

    parts = ("charset", "viewport", "<title>", "style.css")
    parts += ("<nav>", "<main>", "<h1>", "<footer>")

    for part in parts:
        assert page.count(part) == 1


def test_child_has_a_title_when_it_replaces_the_head():
    with app.test_request_context():
        page = render_template_string(
            '{% extends "layout.html" %}'
            "{% block head %}{% endblock %}"
            "{% block content %}{% endblock %}"
        )

    assert "<title>Template Inheritance</title>" in page
    assert "style.css" not in page


def test_child_without_content_is_an_error():
    with app.test_request_context(), pytest.raises(TemplateRuntimeError):
        render_template_string('{% extends "layout.html" %}')


# -- Child Template ---------------------------------------------------------


def test_index_adds_a_style_and_leaves_the_title(client):
    page = client.get("/").text
    assert ".important" in page
    assert "<title>Template Inheritance</title>" in page


def test_about_adds_to_the_title_and_to_the_footer(client):
    page = client.get("/about").text
    assert "<title>About - Template Inheritance</title>" in page
    assert "<h1>About</h1>" in page
    footer = page.partition("<footer>")[2]
    assert "pattern for Flask</a>" in footer
    assert "This sentence comes from the child." in footer


def test_hello_shows_a_name_as_text_in_title_head_and_content(client):
    page = client.get('/hello/<b> "日本"').text
    name = "&lt;b&gt; &#34;日本&#34;"
    assert f"<title>Hello, {name} - Template Inheritance</title>" in page
    assert f'content="A greeting for {name}"' in page
    assert f"<h1>Hello, {name}!</h1>" in page


def test_missing_page_returns_404(client):
    response = client.get("/missing")
    assert response.status_code == 404
    assert "<title>Not found - Template Inheritance</title>" in response.text


def test_every_template_has_a_name_that_escapes():
    for name in app.jinja_env.list_templates():
        assert app.select_jinja_autoescape(name)
