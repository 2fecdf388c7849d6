import re
from html.parser import HTMLParser

import pytest
from app import app
from flask import render_template_string
from jinja2 import TemplateRuntimeError

PAGES = ["/", "/about", "/hello/Ada", "/missing"]


@pytest.fixture
def client():
    return app.test_client()


def elements(html):
    """Return [(tag, attributes)] of what a browser would see."""
    found = []
    parser = HTMLParser()
    parser.handle_starttag = lambda tag, attrs: found.append((tag, attrs))
    parser.feed(html)
    return found


def texts(html, tag):
    """Return what stands between each <tag> and its </tag>."""
    found = re.findall(rf"<{tag}\b[^>]*>(.*?)</{tag}>", html, re.S)
    return [text.strip() for text in found]


def render(child):
    """Render the source of a further child of the layout."""
    with app.test_request_context():
        return render_template_string('{% extends "layout.html" %}' + child)


# -- Base Template ----------------------------------------------------------


@pytest.mark.parametrize("path", PAGES)
def test_every_page_stands_in_the_layout(client, path):
    page = client.get(path).text
    assert page.startswith("<!doctype html>\n")
    assert page.rstrip().endswith("</html>")
    tags = [tag for tag, _ in elements(page)]

    for tag in ("html", "head", "title", "body", "nav", "main", "footer"):
        assert tags.count(tag) == 1

    [main] = texts(page, "main")
    assert main.count("<h1>") == page.count("<h1>") == 1
    assert texts(page, "nav") == texts(client.get("/").text, "nav")


def test_the_style_sheet_is_found(client):
    [link] = [
        dict(attrs)
        for tag, attrs in elements(client.get("/").text)
        if tag == "link"
    ]

    with client.get(link["href"]) as response:
        assert response.status_code == 200
        assert response.mimetype == "text/css"


@pytest.mark.parametrize("path", ["/missing", "/hello/", "/hello/a/b"])
def test_a_page_that_is_not_found_has_the_layout_too(client, path):
    response = client.get(path)
    assert response.status_code == 404
    assert response.content_type == "text/html; charset=utf-8"
    assert texts(response.text, "title") == [
        "Not found - Template Inheritance"
    ]
    assert "There is no page at this address." in response.text
    assert client.head(path).status_code == 404


def test_a_child_that_fills_only_the_content_is_whole():
    page = render("{% block content %}<h1>Short</h1>{% endblock %}")
    assert texts(page, "title") == ["Template Inheritance"]
    assert texts(page, "main") == ["<h1>Short</h1>"]
    assert "style.css" in page
    assert "pattern for Flask" in page


def test_a_child_that_forgets_super_in_the_head_keeps_its_title():
    page = render(
        "{% block head %}{% endblock %}{% block content %}{% endblock %}"
    )
    assert "style.css" not in page
    assert texts(page, "title") == ["Template Inheritance"]
    assert 'charset="utf-8"' in page


def test_a_child_that_forgets_the_content_is_an_error():
    with pytest.raises(TemplateRuntimeError, match="'content'"):
        render("{% block title %}Empty{% endblock %}")


# -- Child Template ---------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "title"),
    [
        ("/", "Template Inheritance"),
        ("/about", "About - Template Inheritance"),
        ("/hello/Ada", "Hello, Ada - Template Inheritance"),
    ],
)
def test_a_child_adds_to_the_title_or_leaves_it(client, path, title):
    assert texts(client.get(path).text, "title") == [title]


def test_a_child_adds_to_the_head_and_keeps_what_was_there(client):
    [head] = texts(client.get("/").text, "head")
    assert "style.css" in head
    assert ".important" in head


def test_a_child_adds_to_the_footer_and_the_others_do_not(client):
    [footer] = texts(client.get("/about").text, "footer")
    assert "pattern for Flask" in footer
    assert "the child's own" in footer
    [footer] = texts(client.get("/").text, "footer")
    assert "the child's own" not in footer


def test_a_greeting_names_the_person(client):
    for name in ("Ada", "日本 語", "O'Hara"):
        page = client.get(f"/hello/{name}").text.replace("&#39;", "'")
        assert f"<h1>Hello, <bdi>{name}</bdi>!</h1>" in page


def test_markup_from_outside_stays_text(client):
    page = client.get("/hello/<script>alert(1)").text
    assert "script" not in [tag for tag, _ in elements(page)]
    assert "&lt;script&gt;" in page


@pytest.mark.parametrize(
    "name",
    [
        "x onload=alert(1)",
        '"onload="alert(1)',
        "'x' onload='alert(1)",
        "{{7*7}}",
    ],
)
def test_a_name_stays_inside_its_attribute(client, name):
    page = client.get(f"/hello/{name}").text
    [attrs] = [
        attrs
        for tag, attrs in elements(page)
        if tag == "meta" and ("name", "description") in attrs
    ]
    assert attrs == [
        ("name", "description"),
        ("content", f"A greeting for {name}"),
    ]


def test_every_template_has_an_ending_that_escapes():
    templates = app.jinja_env.list_templates()
    assert "hello.html" in templates

    for name in templates:
        assert app.select_jinja_autoescape(name)


@pytest.mark.parametrize("path", PAGES)
def test_links_stay_below_a_prefix(client, path):
    page = client.get(path, base_url="http://localhost/pre").text
    links = [
        value
        for _, attrs in elements(page)
        for name, value in attrs
        if name == "href" and not value.startswith("https://")
    ]
    assert len(links) >= 4
    assert all(link.startswith("/pre/") for link in links)


def test_a_wrong_method_says_which_is_right(client):
    response = client.post("/about")
    assert response.status_code == 405
    assert response.allow == {"GET", "HEAD", "OPTIONS"}


def test_a_refused_host_is_a_bad_request(client):
    for path in PAGES:
        response = client.get(path, headers={"Host": "red..localhost"})
        assert response.status_code == 400
