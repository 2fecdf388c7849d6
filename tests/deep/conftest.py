"""Fixtures of the deep tests: a fresh copy, a booted server, a browser."""

import contextlib
import os
import re
import shutil
from pathlib import Path

import freeze
import psycopg
import pytest
import runner
import servers
import surface
from playwright.sync_api import expect, sync_playwright

expect.set_options(timeout=runner.PATIENCE * 1000)


def pytest_collection_modifyitems(config, items):
    """With --sample NAME, leave out the deep tests of the other samples."""
    only = config.getoption("sample")
    here = Path(__file__).parent
    others = [
        item
        for item in items
        if only
        and item.path.parent == here
        and "sample" not in item.fixturenames
        and item.path.stem != f"test_{only}"
    ]
    items[:] = [item for item in items if item not in others]
    config.hook.pytest_deselected(items=others)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers():
    # These tests wait for servers most of the time.
    return 3 * os.cpu_count()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    from xdist.scheduler import LoadScopeScheduling  # noqa: PLC0415

    class OneWorkerPerSample(LoadScopeScheduling):
        """Sends tests that share a server to one worker.

        The mark `xdist_group` of xdist 3.8 does nothing on pytest 9.2.
        """

        def _split_scope(self, nodeid):
            path, _, test = nodeid.partition("::")
            found = re.search(r"\[(\w+)", test)
            return found[1] if found and found[1] in runner.SAMPLES else path

    return OneWorkerPerSample(config, log)


@pytest.fixture(scope="session")
def folder(sample, tmp_path_factory):
    """A fresh copy of the sample, in a folder with a space in its name."""
    return surface.copy(sample, tmp_path_factory.mktemp("a copy"))


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
def browser():
    """One Chromium for the whole run: the system's, or Playwright's own."""
    with sync_playwright() as playwright:
        # This is the whole browser. Without its path, Playwright starts a
        # smaller one, which fetches no icons.
        own = playwright.chromium.executable_path
        path = freeze.browser_path() or own

        if not Path(path).exists():
            pytest.skip(
                "There is no Chromium. Run `playwright install chromium`, or"
                " get it from your system's packages."
            )

        with playwright.chromium.launch(executable_path=path) as browser:
            yield browser


@contextlib.contextmanager
def opened(browser, **options):
    with browser.new_context(**options) as context:
        context.set_default_timeout(runner.PATIENCE * 1000)
        yield context.new_page()


@pytest.fixture
def scriptless(browser):
    """A fresh page of a browser that runs no JavaScript."""
    with opened(browser, java_script_enabled=False) as page:
        yield page


@pytest.fixture
def page(browser):
    """A fresh page, in a context with no cookies from any other test."""
    with opened(browser) as page:
        yield page


# -- The sample that a test file is named after -----------------------------


def copied(request, to):
    name = request.path.stem.removeprefix("test_")
    return runner.copy(runner.SAMPLES[name], to)


@pytest.fixture
def fresh(request, tmp_path):
    """A copy of it for one test, which may change it."""
    return copied(request, tmp_path)


@pytest.fixture(scope="module")
def served(request, tmp_path_factory):
    """It runs under gunicorn and /pre, unless a test parametrizes that."""
    tmp = tmp_path_factory.mktemp("served")
    prefix = getattr(request, "param", "/pre")
    env = {"prefix": prefix, "FLASK_SECRET_KEY": "one for both workers"}

    with runner.boot(
        copied(request, tmp), log=tmp / "log", gunicorn=True, **env
    ) as server:
        yield server
        assert not server.complaints()


@pytest.fixture
def start(served, page):
    """Its page `/`, on which no script raises an error during the test."""
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(f"{served.url}/")
    yield page
    assert errors == []


@pytest.fixture
def from_another_site(page):
    """A function: send a form from another site. Return the response."""

    def send(action, **fields):
        inputs = [f'<input name="{k}" value="{v}">' for k, v in fields.items()]
        html = f'<form method="post" action="{action}">{"".join(inputs)}'
        page.route(
            "http://evil.example/",
            lambda route: route.fulfill(body=html, content_type="text/html"),
        )
        page.goto("http://evil.example/")

        with page.expect_navigation() as response:
            page.evaluate("document.forms[0].submit()")

        return response.value

    return send


@pytest.fixture
def boot(fresh, tmp_path):
    """A function that boots that copy, and waits until each worker loaded it.

    `arguments` are gunicorn's. With `failing`, the log can show errors.
    """
    config, log = tmp_path / "config.py", tmp_path / "log"
    config.write_text("def post_worker_init(_): print('Loaded', flush=True)")

    @contextlib.contextmanager
    def boot(arguments="", *, failing=False, **options):
        arguments = f"-c '{config}' {arguments}"
        options = {"GUNICORN_CMD_ARGS": arguments, "gunicorn": True} | options

        with runner.boot(fresh, log=log, **options) as server:

            def loaded():
                assert server.process.poll() is None, server.output()
                return server.output().count("Loaded\n") == 2

            if options["gunicorn"]:
                runner.wait_until(loaded)

            yield server
            assert failing or not server.complaints(), server.complaints()

    return boot


@pytest.fixture(scope="session")
def postgresql():
    with servers.postgresql() as service:
        yield service


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request, fresh):
    """A function that empties the database, and returns its variables."""

    def database():
        if request.param == "sqlite":
            shutil.rmtree(fresh / "instance", ignore_errors=True)
            return {}

        url = request.getfixturevalue("postgresql").url

        with psycopg.connect(url.replace("+psycopg", "")) as connection:
            connection.execute("DROP SCHEMA public CASCADE")
            connection.execute("CREATE SCHEMA public")

        return {"FLASK_SQLALCHEMY_DATABASE_URI": url}

    return database
