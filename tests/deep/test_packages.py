"""packages: installed by pip, and served from another folder."""

import shutil
import sys
from pathlib import Path

import runner

SAMPLE = runner.SAMPLES["packages"]


def test_installed_package_works_without_its_source(fresh, tmp_path):
    env, elsewhere = tmp_path / "env", tmp_path / "elsewhere"
    elsewhere.mkdir()
    uv = shutil.which("uv", path=Path(sys.executable).parent) or "uv"

    for command in (
        [uv, "venv", "--seed", "--python", sys.executable, env],
        [env / "bin" / "pip", "install", "."],
    ):
        # Ignore warnings, because pip has some of its own.
        done = runner.run(command, cwd=fresh, PYTHONWARNINGS=None)
        assert done.returncode == 0, done.stdout + done.stderr

    assert runner.contents(fresh) == runner.contents(SAMPLE)
    shutil.rmtree(fresh)
    [installed] = env.glob("lib/*/site-packages/yourapplication")
    package = runner.contents(SAMPLE / "yourapplication")
    assert runner.contents(installed) == package
    assert not installed.with_name("app.py").exists()

    with runner.started(
        [env / "bin" / "flask", "--app", "yourapplication", "run", "-p", "0"],
        cwd=elsewhere,
        log=tmp_path / "log",
        env=runner.environment(),
        ready=r"http://127\.0\.0\.1:\d+",
    ) as (_, url):
        # A template of the app, one of a blueprint, and a static file.
        for path in ("/", "/authors/", "/static/style.css"):
            assert runner.fetch(url[0] + path).status == 200
