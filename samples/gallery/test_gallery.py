import html
import importlib
import re
import sys
from io import BytesIO
from zipfile import ZipFile

import pytest
from app import app, live
from live import HERE, cookies_below, modules
from werkzeug.test import create_environ, run_wsgi_app

README = """# Saying {name}

Use *{name}* when you need a word.

Not in the index.

## Run

Run it like [two](../two/README.md).

## Teach it

10 minutes: demo 4, predict 1, write 4, debrief 1.
Step {step} of the course: words.

<details>
<summary>Answer</summary>

It's *grün*.

</details>

## Differs from Flask's page

| Flask's page | This sample |
|---|---|
| It says nothing. | It says a word. |
"""
SOURCE = '''"""Says a word.

Docs: https://example.com/{name}
"""

from flask import Flask, redirect, session, url_for

app = Flask(__name__)
app.secret_key = "x"

# -- Saying {name} ----

@app.get("/")
def index():
    # This comment
    # has two lines.
    return "{name} " + url_for("index") + " " + session.get("seen", "new")

@app.get("/see")
def see():
    session["seen"] = """
# This is text.

So is this."""
    return redirect(url_for("index"))
'''


@pytest.fixture(autouse=True)
def samples(tmp_path, monkeypatch):
    """Two samples, in a process that has loaded neither."""
    monkeypatch.setitem(app.config, "SAMPLES", str(tmp_path))
    monkeypatch.setattr(live, "owners", dict.fromkeys(modules(HERE), HERE))
    monkeypatch.setattr(sys, "path", [*sys.path])
    loaded = {**sys.modules}

    for name in ("loaded", "parked", "entered"):
        monkeypatch.setattr(live, name, {})

    add(tmp_path / "two", step=1)
    add(tmp_path / "one", step=2)
    yield tmp_path

    for name in sys.modules.keys() - loaded.keys():
        del sys.modules[name]

    sys.modules.update(loaded)


def add(folder, step):
    folder.mkdir()
    write(folder / "README.md", README.format(name=folder.name, step=step))
    write(folder / "app.py", SOURCE.format(name=folder.name))


def read(path):
    return path.read_text(encoding="utf-8")


def write(path, text):
    path.write_text(text, encoding="utf-8")
    importlib.invalidate_caches()


@pytest.fixture
def client():
    return app.test_client()


# -- The samples ------------------------------------------------------------


def test_each_sample_runs_with_its_own_app(client):
    assert client.get("/live/one/").text == "one /live/one/ new"
    assert client.get("/live/two/").text == "two /live/two/ new"
    assert client.get("/live/one/").text == "one /live/one/ new"


def test_sample_is_loaded_once(client, samples):
    write(
        samples / "one" / "app.py",
        "from flask import Flask\n"
        "apps = []\n"
        "def create_app():\n"
        "    apps.append(Flask(__name__))\n"
        "    apps[-1].get('/')(lambda: f'{len(apps)} app')\n"
        "    return apps[-1]\n",
    )
    assert client.get("/live/one/").text == "1 app"
    assert client.get("/live/one/").text == "1 app"


@pytest.mark.parametrize("helper", ["views", "live", "reading"])
@pytest.mark.parametrize("top", ["", "import {0}\n{0}.word += '!'\n"])
def test_helper_modules_of_samples_can_have_the_same_name(
    client, samples, helper, top
):
    for name in ("one", "two"):
        write(samples / name / f"{helper}.py", f"word = 'word {name}'\n")
        write(
            samples / name / "app.py",
            f"{top.format(helper)}from flask import Flask\n"
            "app = Flask(__name__)\n"
            "@app.get('/')\n"
            "def index():\n"
            f"    from {helper} import word\n"
            "    return word\n",
        )

    for name in ("one", "two", "one"):
        end = "!" if top else ""
        assert client.get(f"/live/{name}/").text == f"word {name}{end}"


def test_folder_can_have_the_name_of_a_package_that_it_uses(client, samples):
    add(samples / "flask", step=3)
    assert client.get("/live/flask/").text.startswith("flask")
    assert sys.modules["flask"].Flask is type(app)


def test_app_is_found_when_it_has_another_name(client, samples):
    text = read(samples / "one" / "app.py")
    text = text.replace("app = Flask", "flask_app = app = Flask")
    text = f"from flask import current_app\n{text}\ndel app\n"
    write(samples / "one" / "app.py", text)
    # Load it in a request, where `current_app` is an app, too.
    assert "can't be loaded" not in client.get("/pattern/one/").text
    assert client.get("/live/one/").text.startswith("one")


def test_cookie_for_the_whole_host_gets_the_prefix():
    def start_response(status, headers, error=None):
        assert error == "error"
        return [value for _, value in headers]

    start = cookies_below("/pre", start_response)
    headers = [("Location", "; Path=/"), ("Set-Cookie", "a=1; Path=/; Secure")]
    headers += [("set-cookie", "b=2; Path=/"), ("Set-Cookie", "c=3; Path=/x")]
    assert start("200 OK", headers, "error") == [
        "; Path=/",
        "a=1; Path=/pre/; Secure",
        "b=2; Path=/pre/",
        "c=3; Path=/x",
    ]


def test_samples_do_not_share_cookies(client):
    response = client.get("/live/one/see", follow_redirects=True)
    assert "So is this." in response.text
    assert client.get("/live/two/").text.endswith("new")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("1 / 0 <script>", "SyntaxError"),
        ("import sys; sys.exit(1)", "SystemExit"),
        ("app.get('no slash')(index)", "must start with a slash"),
    ],
)
def test_sample_that_fails_to_load_is_shown_with_its_error(
    client, samples, line, message
):
    text = read(samples / "one" / "app.py")
    write(samples / "one" / "app.py", f"{text}\n{line}\n")
    response = client.get("/live/one/see")
    assert response.status_code == 503

    for page in (response.text, client.get("/pattern/one/").text):
        # The traceback starts in the sample.
        assert "one/app.py" in page
        assert "live.py" not in page
        assert message in page
        assert "<script>\n" not in page

    assert client.get("/").status_code == 200
    assert client.get("/live/two/").status_code == 200

    write(samples / "one" / "app.py", text)
    assert client.get("/live/one/").text.startswith("one")


def test_failed_sample_imports_its_modules_again(client, samples):
    write(samples / "one" / "word.py", "word = 'old'\n")
    text = "from word import word\nfrom flask import Flask\n"
    text += "app = Flask(__name__)\napp.get('/')(lambda: word)\n"
    write(samples / "one" / "app.py", f"{text}1 / 0\n")
    assert client.get("/live/one/").status_code == 503
    write(samples / "one" / "word.py", "word = 'brand-new'\n")
    write(samples / "one" / "app.py", text)
    assert client.get("/live/one/").text == "brand-new"


@pytest.mark.parametrize("name", ["three", "..", "x" * 300, "%00"])
def test_unknown_sample_returns_404(client, name):
    assert client.get(f"/live/{name}/").status_code == 404
    assert client.get(f"/pattern/{name}/").status_code == 404
    assert client.get(f"/zip/{name}.zip").status_code == 404


def test_gallery_does_not_show_itself(client, monkeypatch):
    monkeypatch.setitem(app.config, "SAMPLES", "..")
    assert client.get(f"/live/{HERE.name}/").status_code == 404
    assert f"/pattern/{HERE.name}/" not in client.get("/").text


# -- The pages --------------------------------------------------------------


def test_index_shows_all_samples_in_teaching_order(client):
    page = client.get("/").text
    titles = re.findall(r'href="/pattern/(\w+)/">(.+?)<', page)
    assert titles == [("two", "Saying two"), ("one", "Saying one")]
    assert "<h2>Words</h2>" in page
    assert "Use <em>one</em> when you need a word." in page
    assert "Not in the index" not in page
    assert "10 minutes" in page


def test_search_finds_all_words_in_any_case(client, samples):
    write(samples / "two" / "x.txt", "Only here")
    assert found_by(client, "saying+*ONLY*") == ["two"]
    page = client.get("/?q=absent+%3Cb%3E").text
    assert found_by(client, "absent+%3Cb%3E") == []
    assert "No sample mentions all of\n      “<span>absent &lt;b&gt;<" in page


def test_search_looks_into_templates_and_scripts(client, samples):
    write(samples / "one" / "page.html", "<p>{{ hidden_name }}</p>")
    write(samples / "two" / "page.js", "fetch(`xylophone`)")
    assert found_by(client, "hidden_name") == ["one"]
    assert found_by(client, "xylo") == ["two"]


def test_best_match_is_first(client, samples):
    write(samples / "two" / "x.txt", "one " * 9)
    assert found_by(client, "one") == ["one", "two"]
    # A whole word counts more than a part of one.
    write(samples / "one" / "x.txt", "keyword")
    write(samples / "two" / "x.txt", "key")
    assert found_by(client, "key") == ["two", "one"]
    assert found_by(client, "saying+key") == ["two", "one"]
    index = client.get("/search.js").text
    assert '"keyword":{"one":1}' in index.replace(" ", "")


def found_by(client, query):
    page = client.get(f"/?q={query}").text
    found = page.partition('id="found"')[2].partition("</section>")[0]
    return re.findall(r'data-name="(\w+)"', found)


def test_index_says_when_there_are_no_samples(client, monkeypatch, tmp_path):
    monkeypatch.setitem(app.config, "SAMPLES", str(tmp_path / "empty"))
    assert "no samples next to" in client.get("/").text


def test_pattern_shows_the_readme_and_the_live_sample(client, samples):
    page = client.get("/pattern/one/").text
    assert "<h1>Saying one</h1>" in page
    assert 'href="https://example.com/one"' in page
    assert 'src="/live/one/"' in page
    assert 'rel="prev" href="/pattern/two/"' in page
    assert 'rel="next"' not in page
    assert "<h2>Differs from Flask&#39;s page</h2>" in page
    assert "<summary>Answer</summary>\n<p>It's <em>grün</em>.</p>" in page
    assert "<td>It says a word.</td>" in page
    assert '<a href="/pattern/two/">two</a>' in page
    assert "<h2>Teach it</h2>" in page
    add(samples / "three", step=3)
    page = client.get("/pattern/one/").text
    assert 'rel="next" href="/pattern/three/"' in page
    page = client.get("/pattern/three/").text
    assert 'rel="prev" href="/pattern/one/"' in page


def test_source_is_shown_whole_with_line_numbers(client, samples):
    text = read(samples / "one" / "app.py")
    write(samples / "one" / "app.py", f"\n{text}")
    page = client.get("/pattern/one/").text
    shown = page.partition('data-file="app.py"')[2]
    shown = shown.partition("<pre")[2].partition(">")[2].partition("</pre>")[0]
    text = html.unescape(re.sub("<.+?>", "", shown))
    assert text == read(samples / "one" / "app.py")
    numbers = re.findall(r'data-number="(\d+)"', shown)
    assert numbers == [f"{n}" for n in range(1, len(text.splitlines()) + 1)]


def test_sections_lead_to_the_code_and_to_the_readme(client, samples):
    write(samples / "one" / "page.js", "\n// -- In a script ----\n")
    page = client.get("/pattern/one/").text

    for heading in ("Saying one", "In a script", "Differs from Flask&#39;s"):
        [link] = re.findall(f'href="#(.+?)">{heading}', page)
        assert f'id="{link}"' in page

    assert 'id="page.js-2"' in page
    assert 'href="#teach-it"' in page
    assert 'id="teach-it"' in page


def test_source_is_shown_when_it_is_broken(client, samples):
    write(samples / "one" / "app.py", "# one\n1 +\n")
    page = client.get("/pattern/one/").text
    assert "# one" in page


def test_other_files_have_tabs(client, samples):
    write(samples / "one" / "a.txt.j2", "<p>{# a comment #}</p>")
    write(samples / "one" / "requirements.txt", "Flask")
    write(samples / "one" / "test_one.py", "import app")
    page = client.get("/pattern/one/").text
    tabs = re.findall(r'<a href="#(.+)">\1</a>', page)
    assert tabs == ["app.py", "a.txt.j2", "requirements.txt", "test_one.py"]
    assert "a comment" in page


def test_only_files_of_the_sample_are_shown(client, samples):
    for folder in ("instance", ".venv"):
        (samples / "one" / folder).mkdir()
        write(samples / "one" / folder / "x.txt", f"text in {folder}")

    assert "text in" not in client.get("/pattern/one/").text


def test_download_has_the_folder_without_data(client, samples):
    for name in ("instance/x.txt", "__pycache__/app.pyc", ".env", "a/b.txt"):
        path = samples / "one" / name
        path.parent.mkdir(exist_ok=True)
        write(path, name)

    response = client.get("/zip/one.zip")
    assert response.data.startswith(b"PK")
    archive = ZipFile(BytesIO(response.data))
    names = ["one/README.md", "one/a/b.txt", "one/app.py"]
    assert archive.namelist() == names
    text = read(samples / "one" / "app.py")
    assert archive.read("one/app.py").decode() == text


def test_commands_use_the_address_of_the_live_sample(client, samples):
    text = README.format(name="one", step=2).replace(
        "## Teach it",
        "## Try it\n\n```\n"
        "$ curl -si localhost:8000/see\nLocation: /\n"
        '$ curl localhost:8000 -H "Host: x.localhost:8000"\n```\n\n'
        "## Teach it",
    )
    write(samples / "one" / "README.md", text)
    base = "http://example.com:9/pre"
    page = client.get("/pattern/one/", base_url=base).text
    page = html.unescape(page)
    here = "example.com:9/pre/live/one/"
    assert f"curl -si {here}see\nLocation: /pre/live/one/\n" in page
    assert f'curl {here} -H "Host: x.localhost:9"' in page
    # Werkzeug and its test client can't decode this host, but the page doesn't
    # need to.
    environ = create_environ("/pattern/one/") | {"HTTP_HOST": "xn--a.b"}
    body, _, _ = run_wsgi_app(app, environ)
    assert b"curl -si xn--a.b/live/one/see" in b"".join(body)


def test_run_names_a_port_that_the_gallery_does_not_use(client, samples):
    text = "# One\n\n## Run\n\n`--port 8000` <http://localhost:8000>\n"
    write(samples / "one" / "README.md", text)
    page = client.get("/pattern/one/").text
    assert "--port 8001" in page
    assert 'href="http://localhost:8001"' in page


def test_page_without_live_apps_shows_pictures(client, monkeypatch):
    monkeypatch.setitem(app.config, "LIVE", False)
    page = client.get("/pattern/one/").text
    assert "/live/" not in page
    assert 'src="/static/pictures/one.png"' in page


# -- Workshops --------------------------------------------------------------


@pytest.fixture
def workshop(samples, monkeypatch):
    folder = samples / "all"
    folder.mkdir()
    monkeypatch.setitem(app.config, "SAMPLES", str(folder))
    row = "| A day | `one` · `two` | 20 |"
    write(samples / "README.md", f"| Workshop |\n|---|\n{row}\n")

    for name in ("one", "two"):
        (samples / name).rename(folder / name)


@pytest.mark.usefixtures("workshop")
def test_workshop_can_be_followed_in_its_order(client):
    assert 'href="/workshop/a-day/one/"' in client.get("/").text
    page = client.get("/workshop/a-day/one/").text
    assert "A day, 1 of 2" in page
    assert 'rel="next" href="/workshop/a-day/two/"' in page
    assert 'rel="prev"' not in page
    page = client.get("/workshop/a-day/two/").text
    assert "A day, 2 of 2" in page
    assert 'rel="prev" href="/workshop/a-day/one/"' in page
    assert client.get("/workshop/a-week/one/").status_code == 404
    assert client.get("/workshop/a-day/three/").status_code == 404


# -- Incomplete samples -----------------------------------------------------


@pytest.mark.parametrize("readme", ["", "# One", "# One\n\n## Run\n", None])
def test_sample_is_shown_when_its_readme_is_incomplete(
    client, samples, readme
):
    if readme is None:
        (samples / "one" / "README.md").unlink()
    else:
        write(samples / "one" / "README.md", readme)

    assert client.get("/pattern/one/").status_code == 200
    assert "step 99" in client.get("/").text


def test_links_include_the_prefix(client):
    base = "http://localhost/pre"
    page = client.get("/pattern/one/", base_url=base).text
    assert 'src="/pre/live/one/"' in page
    assert '<a href="/pre/pattern/two/">two</a>' in page
    live_page = client.get("/live/one/", base_url=base).text
    assert live_page.startswith("one /pre/live/one/")
