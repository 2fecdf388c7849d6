import sys

import pytest
from app import app, live
from reading import Sample, noted_lines

README = """# Saying {name}

## What it shows

The word *{name}*, and <b>no more</b>.

Never shown in the index.

## Run

```console
$ flask --app app run
```

## Teach it

10 minutes. Step {step}, words. **Aim:** none.
"""
SOURCE = '''"""Says a word.

Docs: https://example.com/{name}
"""

from flask import Flask, redirect, request, session, url_for

app = Flask(__name__)
app.secret_key = "x"

# -- Saying {name} ----

@app.get("/")
def index():
    # Why: it is the first page.
    return "{name} " + url_for("index") + " " + session.get("seen", "new")

@app.get("/see")
def see():
    session["seen"] = "seen by {name}"
    return redirect(url_for("index"))

@app.get("/fail")
def fail():
    return {{}}["missing"]
'''


@pytest.fixture(autouse=True)
def samples(tmp_path, monkeypatch):
    monkeypatch.setitem(app.config, "SAMPLES", str(tmp_path))
    monkeypatch.setattr(live, "loaded", {})
    monkeypatch.setattr("live.owners", {})
    monkeypatch.setattr(sys, "path", [*sys.path])
    modules = {*sys.modules}

    for step, name in enumerate(("two", "one"), 1):
        add(tmp_path / name, step)

    yield tmp_path

    for name in sys.modules.keys() - modules:
        del sys.modules[name]


def add(folder, step=9):
    folder.mkdir()
    text = README.format(name=folder.name, step=step)
    (folder / "README.md").write_text(text)
    source = SOURCE.format(name=folder.name)
    (folder / "app.py").write_text(source)
    return folder


@pytest.fixture
def client():
    return app.test_client()


# -- The samples ------------------------------------------------------------


def test_each_sample_runs_with_its_own_app(client):
    assert client.get("/live/one/").text == "one /live/one/ new"
    assert client.get("/live/two/").text == "two /live/two/ new"
    assert client.get("/live/one/").text == "one /live/one/ new"
    assert sys.modules["app"].app is app


def test_a_sample_is_loaded_once(client, samples):
    with (samples / "one" / "app.py").open("a") as source:
        # A second time, this would fail.
        source.write(f"\nimport os\nos.mkdir({str(samples / 'x')!r})\n")

    assert client.get("/live/one/").status_code == 200
    assert client.get("/live/one/").status_code == 200


def test_a_folder_may_be_called_like_a_package_it_uses(client, samples):
    add(samples / "flask")
    assert client.get("/live/flask/").text.startswith("flask")
    assert sys.modules["flask.app"].Flask is type(app)


def test_an_app_of_another_name_is_found_beside_current_app(client, samples):
    source = samples / "one" / "app.py"
    text = source.read_text().replace("app = Flask", "flask_app = app = Flask")
    source.write_text(f"from flask import current_app\n{text}\ndel app\n")
    assert "could not be loaded" not in client.get("/pattern/one/").text
    assert client.get("/live/one/").text.startswith("one")


def test_a_factory_is_called(client, samples):
    (samples / "one" / "app.py").write_text(
        "from flask import Flask\n\n"
        "def create_app(config=None):\n"
        "    made = Flask(__name__)\n"
        "    made.add_url_rule('/', view_func=lambda: made.root_path)\n"
        "    return made\n"
    )
    assert client.get("/live/one/").text == str(samples / "one")


def test_a_cookie_stays_below_the_prefix_of_its_sample(client):
    response = client.get("/live/one/see", follow_redirects=True)
    assert response.text.endswith("seen by one")
    assert client.get("/live/two/").text.endswith("new")
    base = "http://localhost/pre"
    cookie = client.get("/live/one/see", base_url=base).headers["Set-Cookie"]
    assert cookie.endswith("; Path=/pre/live/one/")


def test_a_sample_that_fails_to_load_is_shown_with_its_error(client, samples):
    source = samples / "one" / "app.py"
    text = source.read_text()
    source.write_text(text + "\n1 / 0 <script>\n")

    for path in ("/live/one/", "/live/one/see"):
        response = client.get(path)
        assert response.status_code == 503
        assert "SyntaxError" in response.text
        assert "<script>" not in response.text

    page = client.get("/pattern/one/")
    assert page.status_code == 200
    assert "SyntaxError" in page.text
    assert "1 / 0 &lt;script&gt;" in page.text
    assert client.get("/").status_code == 200
    assert client.get("/live/two/").status_code == 200

    source.write_text(text)
    assert client.get("/live/one/").text.startswith("one")


@pytest.mark.parametrize("line", ["import sys; sys.exit(1)", "x.y", "1 / 0"])
def test_no_failure_takes_the_others_down(client, samples, line):
    (samples / "one" / "app.py").write_text(line)
    assert client.get("/live/one/").status_code == 503
    assert client.get("/live/two/").status_code == 200
    assert sys.modules["app"].app is app


def test_what_a_sample_imports_when_it_fails_is_forgotten(client, samples):
    source = samples / "one" / "app.py"
    source.write_text("import word_of_one\n1 / 0\n")
    (samples / "one" / "word_of_one.py").write_text("word = 'old'\n")
    assert client.get("/live/one/").status_code == 503
    (samples / "one" / "word_of_one.py").write_text("word = 'brand-new'\n")
    source.write_text(
        "import word_of_one\nfrom flask import Flask\napp = Flask(__name__)\n"
        "app.add_url_rule('/', view_func=lambda: word_of_one.word)\n"
    )
    assert client.get("/live/one/").text == "brand-new"


def test_a_view_may_import_a_module_of_its_own_later(client, samples):
    source = samples / "one" / "app.py"
    later = "\n@app.get('/later')\ndef later():\n"
    later += "    import late_word\n    return late_word.word\n"
    source.write_text(source.read_text() + later)
    (samples / "one" / "late_word.py").write_text("word = 'late'\n")
    assert client.get("/live/one/").status_code == 200
    assert client.get("/live/two/").status_code == 200
    assert client.get("/live/one/later").text == "late"


def test_two_modules_of_one_name_are_an_error_and_never_mixed_up(
    client, samples
):
    for name in ("one", "two"):
        (samples / name / "same.py").write_text(f"word = '{name}'\n")

    assert client.get("/live/one/").status_code == 200
    response = client.get("/live/two/")
    assert response.status_code == 503
    assert "has a module same as well" in response.text


def test_an_error_in_a_sample_is_its_own(client):
    assert client.get("/live/one/fail").status_code == 500
    assert client.get("/live/one/").status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/live/three/",
        "/live/gallery/",
        "/live/../",
        "/live/one%2Fx/",
        f"/live/{'x' * 300}/",
    ],
)
def test_what_is_no_sample_is_not_found(client, path):
    assert client.get(path).status_code == 404


def test_the_slash_behind_a_sample_is_added(client):
    response = client.get("/live/one")
    assert response.status_code == 308
    assert response.location.endswith("/live/one/")


# -- The pages --------------------------------------------------------------


def test_the_index_has_all_samples_in_teaching_order(client):
    page = client.get("/").text
    assert page.index('href="/pattern/two/"') < page.index('"/pattern/one/"')
    assert "<h2>Words</h2>" in page
    assert "The word <em>one</em>, and &lt;b&gt;no more&lt;/b&gt;." in page
    assert "Never shown" not in page
    assert "10 minutes" in page


def test_the_index_finds_words(client):
    page = client.get("/?q=SAYING+two").text
    assert "/pattern/two/" in page
    assert "/pattern/one/" not in page
    assert "No sample mentions" in client.get("/?q=%3Cb%3E+three").text
    assert "<b>" not in client.get("/?q=%3Cb%3E+three").text


def test_without_samples_the_index_says_so(client, monkeypatch, tmp_path):
    monkeypatch.setitem(app.config, "SAMPLES", str(tmp_path / "empty"))
    assert "no samples beside" in client.get("/").text


def test_a_pattern_has_its_source_comments_beside_code(client):
    page = client.get("/pattern/one/").text
    assert "<h1>Saying one</h1>" in page
    assert "<h3>Saying one</h3>" in page
    assert "Why: it is the first page.\n</div>" in page
    assert 'href="https://example.com/one"' in page
    assert 'src="/live/one/"' in page
    assert 'rel="prev" href="/pattern/two/"' in page
    assert 'rel="next"' not in page
    assert "10 minutes" in page


def test_the_source_is_all_there(samples):
    folder = samples / "one"
    rows = Sample(folder, "").rows("app.py")
    shown = "".join(f"{row.comment}{row.code}" for row in rows)

    for word in ("secret_key", "Says a word.", "redirect", "missing", "Why"):
        assert word in shown


def test_other_files_have_tabs(client, samples):
    (samples / "one" / "templates").mkdir()
    markup = "<p>{# no comment beside #}</p>"
    (samples / "one" / "templates" / "x.html").write_text(markup)
    page = client.get("/pattern/one/templates/x.html").text
    assert 'aria-current="page">templates/x.html</a>' in page
    assert "no comment beside" in page


@pytest.mark.parametrize(
    "file",
    ["nothing.py", "../two/app.py", "..%2ftwo%2fapp.py", "instance/x.txt"],
)
def test_only_files_of_the_sample_are_shown(client, samples, file):
    (samples / "one" / "instance").mkdir()
    (samples / "one" / "instance" / "x.txt").write_text("a visitor's data")
    response = client.get(f"/pattern/one/{file}")
    assert response.status_code == 404
    assert "a visitor's data" not in response.text


def test_an_edit_is_shown_at_once(client, samples):
    assert "Edited" not in client.get("/pattern/one/").text
    (samples / "one" / "README.md").write_text("# Edited\n")
    page = client.get("/pattern/one/").text
    assert "<h1>Edited</h1>" in page
    assert 'value="99"' in client.get("/").text


def test_a_folder_without_readme_is_shown_by_its_name(client, samples):
    (samples / "one" / "README.md").unlink()
    assert "<h1>one</h1>" in client.get("/pattern/one/").text


def test_an_unknown_pattern_is_not_found(client):
    assert client.get("/pattern/three/").status_code == 404


def test_broken_code_has_comments_too():
    assert noted_lines("# one\n1 +\n  # two\n") == {1, 3}


def test_links_stay_below_a_prefix(client):
    base = "http://localhost/pre"
    assert 'href="/pre/pattern/one/"' in client.get("/", base_url=base).text
    page = client.get("/pattern/one/", base_url=base).text
    assert 'src="/pre/live/one/"' in page
    assert client.get("/live/one/", base_url=base).text.startswith(
        "one /pre/live/one/"
    )
