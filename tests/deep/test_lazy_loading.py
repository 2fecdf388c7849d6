"""Lazy loading in processes of its own: counted, broken, and fixed."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
import runner

COUNTED = """
import os

with open("loaded.txt", "a", encoding="utf-8") as log:
    log.write(f"{os.getpid()}\\n")
"""


@pytest.fixture
def folder(tmp_path):
    return runner.copy(runner.SAMPLES["lazy_loading"], tmp_path)


def test_each_worker_loads_the_module_once_under_concurrent_first_hits(
    folder, tmp_path
):
    views = folder / "views.py"
    views.write_text(views.read_text(encoding="utf-8") + COUNTED)

    with runner.boot(folder, log=tmp_path / "log", gunicorn=True) as server:
        assert not (folder / "loaded.txt").exists()
        paths = ["/", "/user/", "/user/ada", "/status"] * 25

        with ThreadPoolExecutor(16) as pool:
            urls = [server.url + path for path in paths]
            answers = list(pool.map(runner.fetch, urls))

        assert {answer.status for answer in answers} == {200}
        assert not server.complaints()

    loads = Counter(
        (folder / "loaded.txt").read_text(encoding="utf-8").split()
    )
    assert set(loads.values()) == {1}
    assert len(loads) <= 2


def test_flask_routes_imports_no_view(folder):
    (folder / "views.py").write_text("raise SystemExit('a view was loaded')")
    done = runner.python("-m", "flask", "--app", "app", "routes", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "views:user" in done.stdout


@pytest.mark.parametrize("gunicorn", [False, True])
def test_broken_module_works_once_it_is_fixed_while_the_app_runs(
    folder, tmp_path, gunicorn
):
    views = folder / "views.py"
    whole = views.read_text(encoding="utf-8")
    views.write_text(whole + "def broken(:\n")

    with runner.boot(
        folder, log=tmp_path / "log", gunicorn=gunicorn
    ) as server:
        for _ in range(8):
            assert runner.fetch(f"{server.url}/").status == 500

        status = runner.fetch(f"{server.url}/status")
        assert status.json() == {"loaded": []}
        views.write_text("import a_module_that_is_missing")
        assert runner.fetch(f"{server.url}/user/ada").status == 500
        views.write_text(whole)

        for _ in range(8):
            assert runner.fetch(f"{server.url}/").status == 200
            user = runner.fetch(f"{server.url}/user/ada")
            assert "Hello, ada!" in user.text


def test_check_views_ends_with_a_traceback_when_a_name_is_misspelled(folder):
    command = ("-m", "flask", "--app", "app", "check-views")
    assert runner.python(*command, cwd=folder).returncode == 0
    app = folder / "app.py"
    text = app.read_text(encoding="utf-8")
    app.write_text(text.replace('url("views.user"', 'url("viewz.user"'))
    done = runner.python(*command, cwd=folder)
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert "viewz" in done.stderr
