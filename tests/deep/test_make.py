"""The commands of the Makefile work, also below a path with a space."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import runner

FIRST = next(iter(runner.SAMPLES))


@pytest.fixture
def checkout(tmp_path):
    """A copy of the project below a path with a space, with what it needs."""
    ignored = shutil.ignore_patterns(
        ".git", ".venv*", "exercises", *runner.LEFT_BEHIND
    )
    to = tmp_path / "a check out" / runner.ROOT.name
    shutil.copytree(runner.ROOT, to, ignore=ignored)
    venv = to / ".venv"
    venv.mkdir()

    for path in Path(sys.prefix).iterdir():
        if not path.name.startswith("."):
            (venv / path.name).symlink_to(path)

    # make takes these for what it has installed.
    for name in (".run", ".test", ".deep"):
        (venv / name).touch()

    return to


def make(*args, cwd):
    return subprocess.run(
        ["make", "--no-print-directory", *args],
        cwd=cwd,
        env=runner.environment(PYTHONWARNINGS=None),
        capture_output=True,
        text=True,
        timeout=runner.PATIENCE,
        check=False,
    )


def running(checkout, tmp_path, *args, ready):
    return runner.started(
        ["make", "run", "PORT=0", *args],
        cwd=checkout,
        log=tmp_path / "log",
        env=runner.environment(PYTHONWARNINGS=None),
        ready=rf"(?s)http://127\.0\.0\.1:(\d+).*{ready}",
    )


def children(pid):
    """Return the ids of all processes that a process has started, and it."""
    done = subprocess.run(
        ["pgrep", "-P", str(pid)], capture_output=True, text=True, check=False
    )
    found = [int(line) for line in done.stdout.split()]
    return [pid, *(more for child in found for more in children(child))]


def test_run_serves_all_samples_and_ctrl_c_ends_it_all(checkout, tmp_path):
    # Processes in the background ignore Ctrl-C, and so would their children.
    signal.signal(signal.SIGINT, signal.default_int_handler)

    with running(checkout, tmp_path, ready="Debugger is active") as found:
        process, match = found
        page = runner.fetch(f"http://127.0.0.1:{match[1]}/").text
        names = runner.SAMPLES.keys() - {"gallery"}
        assert [name for name in names if f"/{name}/" not in page] == []
        started = children(process.pid)
        # A terminal does this on Ctrl-C.
        os.killpg(process.pid, signal.SIGINT)
        process.wait(runner.PATIENCE)
        deadline = time.monotonic() + runner.PATIENCE

        # A worker's last child can outlive it for a moment.
        while left := [
            pid for pid in started if Path(f"/proc/{pid}").exists()
        ]:
            assert time.monotonic() < deadline, left
            time.sleep(0.05)


def test_run_serves_one_sample_with_debugger_and_reloader(checkout, tmp_path):
    with running(
        checkout,
        tmp_path,
        f"SAMPLE={FIRST}",
        ready="with stat.*Debugger is active",
    ) as (_, match):
        assert runner.fetch(f"http://127.0.0.1:{match[1]}/").status < 400


@pytest.mark.parametrize("target", ["run", "exercise", "test"])
def test_an_unknown_sample_is_answered_with_the_names(checkout, target):
    done = make(target, "SAMPLE=nope", "PORT=0", cwd=checkout)
    output = done.stdout + done.stderr
    assert done.returncode != 0
    assert [name for name in runner.SAMPLES if name not in output] == []


def test_exercise_makes_a_folder_that_its_own_test_fails_in(checkout):
    done = make("exercise", f"SAMPLE={FIRST}", cwd=checkout)
    assert done.returncode == 0, done.stderr
    made = checkout / "exercises" / FIRST
    assert runner.own_tests(made, "-x").returncode == 1
    # The command does not overwrite a student's work.
    assert make("exercise", f"SAMPLE={FIRST}", cwd=checkout).returncode != 0


def test_help_lists_the_targets(checkout):
    done = make("help", cwd=checkout)
    assert done.returncode == 0
    text = (checkout / "Makefile").read_text("utf-8")
    targets = re.findall(r"^([a-z-]+):.*## ", text, re.M)
    assert [line.split()[0] for line in done.stdout.splitlines()] == targets
    assert {"help", "run", "test", "test-all", "exercise"} <= {*targets}


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
    readme = (runner.ROOT / "README.md").read_text("utf-8")
    code = re.search(r"```python\n(.*?)```", readme, re.S)[1]
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
    readme = (runner.ROOT / "README.md").read_text("utf-8")
    command = re.search(r"^\$ (uv run .*) run --port", readme, re.M)[1]
    folder = runner.copy(runner.SAMPLES[FIRST], tmp_path)
    # Don't start it, because the port can be taken.
    done = runner.run([*command.split(), "routes"], cwd=folder)
    assert "static" in done.stdout, done.stderr
