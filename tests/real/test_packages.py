"""The sample packages, installed and served from somewhere else."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import runner

INSTALLED = """
import importlib.metadata, importlib.util, json

import yourapplication

names = ["yourapplication", "app", "test_packages", "tests"]
print(json.dumps({
    "files": [
        str(file)
        for file in importlib.metadata.distribution("yourapplication").files
    ],
    "importable": [name for name in names if importlib.util.find_spec(name)],
    "instance": yourapplication.app.instance_path,
}))
"""


def uv(*args):
    """Run uv, the one on the path or the one beside this Python."""
    beside = Path(sys.executable).parent
    program = shutil.which("uv") or shutil.which("uv", path=beside)
    subprocess.run([program, *args], check=True, timeout=runner.PATIENCE * 5)


@pytest.fixture(scope="module")
def python(tmp_path_factory):
    """The Python of a new environment that has the package installed."""
    place = tmp_path_factory.mktemp("installed here")
    folder = runner.copy(runner.SAMPLES["packages"], place)
    before = runner.contents(folder)
    uv("venv", "--quiet", "--seed", "--python", sys.executable, place / "env")
    python = place / "env" / "bin" / "python"
    # Pip's own deprecations are not ours: no warnings as errors in here.
    done = runner.python(
        "-m",
        "pip",
        "install",
        ".",
        cwd=folder,
        python=python,
        PYTHONWARNINGS=None,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert runner.contents(folder) == before
    # It is not editable: what is installed does without its source.
    shutil.rmtree(folder)
    return python


@pytest.fixture(scope="module")
def url(python, tmp_path_factory):
    """Where `flask --app yourapplication run` answers, in an empty folder."""
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

    assert not re.search("Traceback|Warning:", log.read_text())
    assert list(elsewhere.iterdir()) == []


def test_the_package_is_installed_and_nothing_else(python, tmp_path):
    done = runner.python("-c", INSTALLED, cwd=tmp_path, python=python)
    installed = json.loads(done.stdout)
    assert installed["importable"] == ["yourapplication"]
    assert Path(installed["instance"]).is_relative_to(
        python.parent.parent / "var"
    )
    files = {
        Path(name) for name in installed["files"] if "__pycache__" not in name
    }
    assert {file.parts[0].partition("-")[0] for file in files} == {
        "yourapplication"
    }
    # All of it: modules, templates and static files.
    sample = runner.SAMPLES["packages"]
    wanted = {Path(name) for name in runner.contents(sample)}
    assert {file for file in files if file.parts[0] == "yourapplication"} == {
        file for file in wanted if file.parts[0] == "yourapplication"
    }


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
    answer = runner.fetch(url + style)
    assert answer.status == 200
    assert answer.headers.get_content_type() == "text/css"
    sample = runner.SAMPLES["packages"]
    file = sample / "yourapplication" / "static" / "style.css"
    assert answer.text == file.read_text()


@pytest.mark.parametrize("target", ["app", "yourapplication"])
def test_both_names_run_without_installation(tmp_path, target):
    folder = runner.copy(runner.SAMPLES["packages"], tmp_path)

    with runner.boot(folder, log=tmp_path / "log", app=target) as server:
        assert runner.fetch(f"{server.url}/blog/").status == 200
        assert server.complaints() == ""


def test_the_view_module_needs_the_app_to_be_there(tmp_path):
    """The circle of imports breaks when the two lines change places."""
    folder = runner.copy(runner.SAMPLES["packages"], tmp_path)
    path = folder / "yourapplication" / "__init__.py"
    made = "app = Flask(__name__)\n"
    late = "from yourapplication import views"
    text = path.read_text()
    assert text.index(made) < text.index(late)
    text = text.replace(late, "# ", 1).replace(made, f"{late}\n{made}")
    path.write_text(text)
    done = runner.python("-c", "import yourapplication", cwd=folder)
    assert done.returncode == 1
    assert "cannot import name 'app' from partially init" in done.stderr
