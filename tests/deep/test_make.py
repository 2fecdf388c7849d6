"""The commands of the Makefile work, also below a path with a space."""

import os
import re
import shutil
import signal
import sys
from pathlib import Path

import pytest
import runner

FIRST = next(iter(runner.SAMPLES))
README = (runner.ROOT / "README.md").read_text("utf-8")


@pytest.fixture
def checkout(tmp_path):
    """A copy of the project below a path with a space, with what it needs."""
    ignored = shutil.ignore_patterns(
        ".git", ".venv*", "exercises", *runner.LEFT_BEHIND
    )
    to = tmp_path / "a check out" / runner.ROOT.name
    shutil.copytree(runner.ROOT, to, ignore=ignored)
    (to / ".venv").mkdir()

    for path in Path(sys.prefix).iterdir():
        if not path.name.startswith("."):
            (to / ".venv" / path.name).symlink_to(path)

    # make takes these for what it has installed.
    for name in (".run", ".test", ".deep"):
        (to / ".venv" / name).touch()

    return to


def make(*args, cwd):
    command = ["make", "--no-print-directory", *args]
    return runner.run(command, cwd=cwd, PYTHONWARNINGS=None)


def running(checkout, tmp_path, *args, ready):
    return runner.started(
        ["make", "run", "PORT=0", *args],
        cwd=checkout,
        log=tmp_path / "log",
        env=runner.environment(PYTHONWARNINGS=None),
        ready=rf"(?s)(http://127\.0\.0\.1:\d+).*{ready}",
    )


def test_run_serves_all_samples_and_ctrl_c_ends_it_all(checkout, tmp_path):
    # Processes in the background ignore Ctrl-C, and so would their children.
    signal.signal(signal.SIGINT, signal.default_int_handler)

    with running(checkout, tmp_path, ready="Debugger is active") as found:
        process, match = found
        page = runner.fetch(match[1]).text
        names = runner.SAMPLES.keys() - {"gallery"}
        assert all(f"/{name}/" in page for name in names)
        # A terminal does this on Ctrl-C.
        os.killpg(process.pid, signal.SIGINT)
        process.wait(runner.PATIENCE)
        # A worker's last child can outlive it for a moment.
        left = ["pgrep", "--pgroup", f"{process.pid}"]
        runner.wait_until(lambda: runner.run(left, cwd=checkout).returncode)


def test_run_serves_one_sample_with_debugger_and_reloader(checkout, tmp_path):
    ready = "with stat.*Debugger is active"

    with running(checkout, tmp_path, f"SAMPLE={FIRST}", ready=ready) as (
        _,
        match,
    ):
        assert runner.fetch(match[1]).status < 400


@pytest.mark.parametrize("target", ["run", "exercise", "test"])
def test_an_unknown_sample_is_answered_with_the_names(checkout, target):
    done = make(target, "SAMPLE=nope", "PORT=0", cwd=checkout)
    output = done.stdout + done.stderr
    assert done.returncode != 0
    assert all(name in output for name in runner.SAMPLES)


def test_workshop_is_checked_exercised_and_solved(checkout):
    assert make("check", "PORT=0", cwd=checkout).stdout == "OK\n"
    make("exercise", f"SAMPLE={FIRST}", cwd=checkout)
    exercise = checkout / "exercises" / FIRST
    assert runner.own_tests(exercise, "-x").returncode == 1
    solution = make("solution", f"SAMPLE={FIRST}", cwd=checkout).stdout
    assert f"+++ samples/{FIRST}/app.py" in solution


def test_the_benchmark_measures_each_row_of_its_table(checkout):
    path, row = checkout / "tests/BENCH.md", r"^\| (`\w+`: .+?) \|"
    rows = re.findall(row, path.read_text("utf-8"), re.M)
    done = make("bench", "QUICK=1", cwd=checkout)
    assert done.returncode == 0, done.stderr

    if "No Redis" in done.stdout:
        pytest.skip("No Redis.")

    table = path.read_text("utf-8")
    assert re.findall(row, done.stdout, re.M) == rows
    assert re.findall(row, table, re.M) == rows
    ratios = re.findall(r"\| (?:\*\*)?\d+\.\d\d(?:\*\*)? \|", table)
    chart = (checkout / "tests/bench.svg").read_text("utf-8")
    assert chart.count("<rect") == len(ratios) > 0


def test_the_benchmark_measures_only_the_groups_that_are_named(checkout):
    done = make("bench", "QUICK=1", "ONLY=requests documents", cwd=checkout)
    names = re.findall(r"^\| `(\w+)`", done.stdout, re.M)
    assert {*names} == {"url_processors", "view_decorators", "mongoengine"}


# -- The README -------------------------------------------------------------


def test_sample_can_be_mounted_unchanged(tmp_path):
    code = re.search(r"```python\n(.*?)```", README, re.S)[1]
    (tmp_path / "wsgi.py").write_text(code, encoding="utf-8")
    runner.copy(runner.SAMPLES["flashing"], tmp_path)
    tried = (
        "from wsgi import app; client = app.test_client();"
        "print(client.post('/flashing/notify', follow_redirects=True,"
        " data={'category': 'info', 'text': 'It works'}).text);"
        "print(client.get('/').status)"
    )
    done = runner.python("-c", tried, cwd=tmp_path)
    assert "It works" in done.stdout, done.stderr
    assert done.stdout.endswith("404 NOT FOUND\n")


def test_uv_starts_a_sample_without_an_environment(tmp_path):
    command = re.search(r"^\$ (uv run .*) run --port", README, re.M)[1]
    folder = runner.copy(runner.SAMPLES[FIRST], tmp_path)
    # Don't start it, because the port can be taken.
    # uv is beside this Python.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = runner.run([*command.split(), "routes"], cwd=folder, PATH=path)
    assert "static" in done.stdout, done.stderr
