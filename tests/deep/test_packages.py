"""packages: installed by pip, and served from another folder."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import runner

SAMPLE = runner.SAMPLES["packages"]
INSTALLED = """
import importlib.metadata, importlib.util, json

import yourapplication

names = ["yourapplication", "app", "test_packages", "tests"]
files = importlib.metadata.distribution("yourapplication").files
print(json.dumps({
    "files": [str(file) for file in files],
    "importable": [name for name in names if importlib.util.find_spec(name)],
    "instance": yourapplication.app.instance_path,
}))
"""


@pytest.fixture(scope="module")
def python(tmp_path_factory):
    """The Python of a new environment that has the package installed."""
    place = tmp_path_factory.mktemp("installed here")
    folder = runner.copy(SAMPLE, place)
    uv = shutil.which("uv", path=Path(sys.executable).parent) or "uv"
    subprocess.run(
        [uv, "venv", "-q", "--seed", "-p", sys.executable, place / "env"],
        check=True,
        timeout=runner.PATIENCE,
    )
    python = place / "env" / "bin" / "python"
    # Ignore warnings, because pip has some of its own.
    command = ["-m", "pip", "install", "."]
    done = runner.python(
        *command, cwd=folder, python=python, PYTHONWARNINGS=None
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert runner.contents(folder) == runner.contents(SAMPLE)
    # The installed package must not need its source.
    shutil.rmtree(folder)
    return python


@pytest.fixture(scope="module")
def url(python, tmp_path_factory):
    """The URL of `flask --app yourapplication run` in an empty folder."""
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    log = tmp_path_factory.mktemp("log") / "log"
    arguments = ["--app", "yourapplication", "run", "--port", "0"]

    with runner.started(
        [python, "-W", "error", "-m", "flask", *arguments],
        cwd=elsewhere,
        log=log,
        env=runner.environment(),
        ready=r"http://127\.0\.0\.1:(\d+)",
    ) as (_, match):
        yield match[0]

    text = log.read_text(encoding="utf-8")
    assert not re.search("Traceback|Warning:", text)
    assert list(elsewhere.iterdir()) == []


def test_pip_installs_the_package_and_nothing_else(python, tmp_path):
    done = runner.python("-c", INSTALLED, cwd=tmp_path, python=python)
    installed = json.loads(done.stdout)
    assert installed["importable"] == ["yourapplication"]
    environment = python.parent.parent
    assert Path(installed["instance"]).is_relative_to(environment / "var")

    # Modules, templates, and static files.
    found = {Path(file).as_posix() for file in installed["files"]}
    found = {file for file in found if "__pycache__" not in file}
    wanted = {
        file
        for file in runner.contents(SAMPLE)
        if file.startswith("yourapplication/")
    }
    assert wanted <= found
    assert all(
        re.match(r"yourapplication-.+-info/", f) for f in found - wanted
    )


@pytest.mark.parametrize(
    ("path", "heading"),
    [
        ("/", "Large Applications as Packages"),
        ("/blog/", "Blog"),
        ("/blog/hello", "Hello"),
        ("/authors/", "Authors"),
    ],
)
def test_installed_pages_find_their_templates(url, path, heading):
    page = runner.fetch(url + path)
    assert page.status == 200
    assert f"<h1>{heading}</h1>" in page.text


def test_installed_pages_find_their_style(url):
    [style] = re.findall(r'"stylesheet" href="(.*?)"', runner.fetch(url).text)
    reply = runner.fetch(url + style)
    assert reply.headers.get_content_type() == "text/css"
    file = SAMPLE / "yourapplication" / "static" / "style.css"
    assert reply.body == file.read_bytes()


def test_package_name_works_without_an_installation(tmp_path):
    folder = runner.copy(SAMPLE, tmp_path)
    name = "yourapplication"

    with runner.boot(folder, log=tmp_path / "log", app=name) as server:
        assert runner.fetch(f"{server.url}/blog/").status == 200
        assert server.complaints() == ""


def test_views_fail_when_they_are_imported_before_the_app(tmp_path):
    """The question in *Teach it* has the answer that the README gives."""
    folder = runner.copy(SAMPLE, tmp_path)
    path = folder / "yourapplication" / "__init__.py"
    app = "app = Flask(__name__)\n"
    views = "from yourapplication import views  # noqa: E402, F401\n"
    before, _, after = path.read_text(encoding="utf-8").partition(app)
    assert views in after
    path.write_text(
        before + views + app + after.replace(views, ""), encoding="utf-8"
    )
    done = runner.python("-c", "import yourapplication", cwd=folder)
    assert done.returncode == 1
    assert re.findall(r'File ".*/(\w+\.py)"', done.stderr)[-1] == "views.py"
    assert (
        "cannot import name 'app' from partially initialized module"
        " 'yourapplication'"
    ) in done.stderr
