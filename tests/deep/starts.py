"""Starts an app in several processes at once, as gunicorn's workers do.

gunicorn's own workers seldom meet, so these wait for each other before they
import the app.
"""

import contextlib
import subprocess
import sys

import runner

START = """
import importlib, os, sys, traceback

target, workers = sys.argv[1], int(sys.argv[2])
module, _, call = target.partition(":")

for name in sys.argv[3:]:
    importlib.import_module(name)

for _ in sys.stdin:
    wait, go = os.pipe()
    pids = []

    for _ in range(workers):
        if pid := os.fork():
            pids.append(pid)
            continue

        try:
            os.close(go)
            os.read(wait, 1)
            exec(f"import {module}; {target.replace(':', '.')}")
            os._exit(0)
        except BaseException:
            traceback.print_exc()
            os._exit(1)

    os.close(go)
    os.close(wait)
    failed = [pid for pid in pids if os.waitpid(pid, 0)[1]]
    print(len(failed), flush=True)
"""


@contextlib.contextmanager
def at_once(folder, *modules, target="app", workers=4, **env):
    """Yield a function that starts the app and returns how many starts failed.

    The app is `target`, such as `app` or `app:create_app()`. For speed, the
    processes are forks of one that has imported `modules`. Tracebacks go to
    the test's output.
    """
    with subprocess.Popen(
        [sys.executable, "-c", START, target, f"{workers}", *modules],
        cwd=folder,
        env=runner.environment(**env),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:

        def start():
            process.stdin.write("\n")
            process.stdin.flush()
            return int(process.stdout.readline())

        yield start
