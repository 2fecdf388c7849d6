"""The top level holds what the README says, and its two commands work."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import runner

# The environment that runs these tests, so that make need not build one.
VENV = f"VENV={sys.prefix}"


def make(*args):
    return subprocess.run(
        ["make", "--no-print-directory", VENV, *args],
        cwd=runner.ROOT,
        env=runner.environment(),
        capture_output=True,
        text=True,
        timeout=runner.PATIENCE * 5,
        check=False,
    )


def tracked():
    done = subprocess.run(
        ["git", "ls-files"], cwd=runner.ROOT, capture_output=True, check=True
    )
    return [Path(line) for line in done.stdout.decode().splitlines()]


def test_the_top_level_is_five_entries_and_dot_files():
    top = {path.parts[0] for path in tracked()}
    assert {name for name in top if not name.startswith(".")} == {
        "Makefile",
        "README.md",
        "requirements.txt",
        "samples",
        "tests",
    }


def test_the_runner_knows_no_sample_by_name():
    for name in ("runner.py", "conftest.py"):
        text = (runner.ROOT / "tests" / name).read_text()
        assert not [name for name in runner.SAMPLES if f'"{name}"' in text]


def test_no_absolute_path_of_a_machine():
    for path in tracked():
        text = (runner.ROOT / path).read_text(errors="replace")
        assert not re.search(r"/(home|root|Users|work)/\w+/", text), path


def test_help_lists_the_targets():
    done = make("help")
    assert done.returncode == 0
    text = (runner.ROOT / "Makefile").read_text()
    targets = re.search(r"^\.PHONY: (.+)$", text, re.M)[1].split()
    assert [line.split()[0] for line in done.stdout.splitlines()] == targets


def test_the_benchmark_measures_and_its_table_names_each_sample():
    done = make("bench", "ONLY=requests")
    assert done.returncode == 0, done.stderr
    assert "`subclassing`: a request: request and app | " in done.stdout
    table = (runner.ROOT / "tests/BENCH.md").read_text()
    assert {*re.findall(r"^\| `(\w+)`", table, re.M)} == {*runner.SAMPLES}


def children(pid):
    """Return the ids of all processes that a process has started, and it."""
    done = subprocess.run(
        ["pgrep", "-P", str(pid)], capture_output=True, text=True, check=False
    )
    found = [int(line) for line in done.stdout.split()]
    return [pid, *(more for child in found for more in children(child))]


def test_run_serves_all_samples_and_ctrl_c_ends_it_all(tmp_path):
    with runner.started(
        ["make", VENV, "run", "PORT=0"],
        cwd=runner.ROOT,
        log=tmp_path / "log",
        env=runner.environment(PYTHONWARNINGS=None),
        ready=r"(?s)http://127\.0\.0\.1:(\d+).*Debugger is active",
    ) as (process, match):
        page = runner.fetch(f"http://127.0.0.1:{match[1]}/").text
        assert all(f"/pattern/{name}/" in page for name in table_names())
        started = children(process.pid)
        # What a terminal does on Ctrl-C.
        os.killpg(process.pid, signal.SIGINT)
        process.wait(runner.PATIENCE)
        deadline = time.monotonic() + runner.PATIENCE

        # A worker's last child may outlive it for a moment.
        while left := [
            pid for pid in started if Path(f"/proc/{pid}").exists()
        ]:
            assert time.monotonic() < deadline, left
            time.sleep(0.05)


def table_names():
    return runner.SAMPLES.keys() - {"gallery"}


def test_run_serves_one_sample_with_debugger_and_reloader(tmp_path):
    sample = next(iter(runner.SAMPLES))

    with runner.started(
        ["make", VENV, "run", f"SAMPLE={sample}", "PORT=0"],
        cwd=runner.ROOT,
        log=tmp_path / "log",
        env=runner.environment(PYTHONWARNINGS=None),
        ready=r"(?s)http://127\.0\.0\.1:(\d+).*with stat.*Debugger is active",
    ) as (_, match):
        assert runner.fetch(f"http://127.0.0.1:{match[1]}/").status < 400


def test_the_workflow_of_the_readme_is_what_ci_runs():
    readme = (runner.ROOT / "README.md").read_text()
    workflow = (runner.ROOT / ".github/workflows/test.yml").read_text()
    assert '\nmake "${1:-test}"\n' in (runner.ROOT / ".ci/run").read_text()
    assert "- run: .ci/run ${{ matrix.target }}\n" in workflow
    assert "\n          make run > " in workflow
    targets = re.findall(r"target: ([\w-]+)", workflow)
    assert {*targets} == {"test", "test-lowest", "test-newest"}
    assert "\n$ make run\n" in readme
    assert "\n$ make test\n" in readme


def test_the_workshops_take_as_long_as_their_samples():
    readme = (runner.ROOT / "README.md").read_text()
    rows = re.findall(r"^\| [\w ]+ \| (`.+`) \| (\d+) \|$", readme, re.M)
    assert len(rows) == 3

    for samples, minutes in rows:
        texts = [
            runner.section(runner.SAMPLES[name], "Teach it")
            for name in re.findall(r"`(\w+)`", samples)
        ]
        assert int(minutes) == sum(
            int(re.match(r"\d+", text)[0]) for text in texts
        )
