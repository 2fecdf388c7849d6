import os
import re
import shutil
from collections import Counter, defaultdict
from pathlib import PurePath

import clients
import pytest
import runner
from playwright.sync_api import Error, sync_playwright
from xdist.scheduler import LoadScopeScheduling

results = defaultdict(Counter)  # {sample: {promise: tests passed}}
failures = set()  # (sample, promise)


def pytest_generate_tests(metafunc):
    if "sample" in metafunc.fixturenames:
        metafunc.parametrize(
            "sample",
            runner.SAMPLES.values(),
            ids=list(runner.SAMPLES),
            scope="session",
        )


def pytest_collection_modifyitems(items):
    for item in items:
        if hasattr(item, "callspec") and "sample" in item.callspec.params:
            name = item.callspec.params["sample"].name
        elif item.path.parent.name == "real":
            name = item.path.stem.removeprefix("test_")
        else:
            continue

        item.user_properties.append(("sample", name))


class OneWorkerPerSample(LoadScopeScheduling):
    """Sends the tests of a sample that share its server to one worker.

    The mark `xdist_group` of xdist 3.8 does nothing on pytest 9.2.
    """

    def _split_scope(self, nodeid):
        # real/test_NAME.py::test_x, test_x.py::test_y[NAME-…] or a third
        found = re.match(r"\S+/real/test_\w+|[^[]+\[(\w+)", nodeid)

        if not found or "/test_exercises" in nodeid:
            return nodeid

        return found[1] or found[0]


def pytest_xdist_auto_num_workers():
    # Twice the processors: many tests wait for a server or a time-out.
    return 2 * os.cpu_count()


def pytest_xdist_make_scheduler(config, log):
    return OneWorkerPerSample(config, log)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield

    if report.skipped and os.environ.get("CI"):
        report.outcome = "failed"
        report.longrepr = f"Nothing may skip under CI: {report.longrepr}"

    return report


def pytest_runtest_logreport(report):
    properties = dict(report.user_properties)

    if sample := properties.get("sample"):
        path = PurePath(report.location[0])
        promise = path.parent.name if path.parent.name == "real" else path.stem
        promise = promise.removeprefix("test_")

        if report.failed:
            failures.add((sample, promise))
        elif report.when == "call" and report.passed:
            results[sample][promise] += properties.get("inner", 1)


def pytest_terminal_summary(terminalreporter):
    """Name each sample and what was proven, so green means that it ran."""
    seen = results.keys() | {sample for sample, _ in failures}
    promises = sorted(
        {promise for counts in results.values() for promise in counts}
        | {promise for _, promise in failures}
    )

    if not seen:
        return

    terminalreporter.section("tests passed, by sample and promise")
    width = max(map(len, runner.SAMPLES))
    terminalreporter.line(
        " ".join([" " * width, *(f"{name:>9}" for name in promises)])
    )

    for sample in sorted(seen):
        cells = [
            "FAILED"
            if (sample, promise) in failures
            else str(results[sample][promise])
            for promise in promises
        ]
        terminalreporter.line(
            " ".join([f"{sample:{width}}", *(f"{cell:>9}" for cell in cells)])
        )


@pytest.fixture(scope="session")
def folder(sample, tmp_path_factory):
    """A fresh copy of the sample, in a folder with a space in its name."""
    return runner.copy(sample, tmp_path_factory.mktemp("a copy"))


@pytest.fixture(scope="session")
def live(folder, tmp_path_factory):
    """The sample under gunicorn, shared by the checks that can share it."""
    log = tmp_path_factory.mktemp("log") / "gunicorn.log"

    key = "one for both workers"

    with runner.boot(
        folder, log=log, gunicorn=True, FLASK_SECRET_KEY=key
    ) as server:
        yield server


@pytest.fixture(scope="session")
def known(sample, tmp_path_factory):
    """What `clients.learn` returns, and the folder where it was learned."""
    key = "one for all workers"
    folder = runner.copy(sample, tmp_path_factory.mktemp("learn"))

    with runner.boot(
        folder, log=folder.parent / "log", FLASK_SECRET_KEY=key
    ) as server:
        known = clients.learn(folder, server.port)

    # With what was stored already; only files are the same to all workers.
    known.key, known.folder = key, folder
    known.stored = any(it.is_file() for it in folder.glob("instance/**/*"))
    return known


@pytest.fixture(scope="session")
def browser():
    """One Chromium for the whole run: the system's, or Playwright's own."""
    names = ("chromium", "google-chrome", "chrome")
    path = next(filter(None, map(shutil.which, names)), None)
    args = ["background-networking", "component-update", "gpu", "sync"]
    args = ["--no-sandbox", *(f"--disable-{name}" for name in args)]

    with sync_playwright() as playwright:
        try:
            # Its own must be the whole browser: the default, a smaller one
            # for tests, fetches no icons.
            chromium = playwright.chromium.launch(
                executable_path=path,
                channel=None if path else "chromium",
                args=args,
            )
        except Error:
            if path:
                raise

            pytest.skip(
                "No Chromium. Get one with `playwright install chromium`, or"
                " from your system's packages."
            )

        yield chromium
        chromium.close()


@pytest.fixture
def page(browser):
    """A fresh page, in a context with no cookies from any other test."""
    context = browser.new_context()
    yield context.new_page()
    context.close()
