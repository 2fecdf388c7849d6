"""celery: real workers on the default broker, on Redis, and on RabbitMQ."""

import contextlib
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import runner
import servers
from helpers import edit, together
from playwright.sync_api import expect

SAMPLE = runner.SAMPLES["celery"]
CELERY = Path(sys.executable).with_name("celery")
# A worker warns that it's root, and Celery uses an old name of a method.
IGNORED = ("You're running the worker", "Call to deprecated setex")
WARNINGS = ",".join(["error", *(f"ignore:{text}" for text in IGNORED)])
# No step of the task `process` ends before the test says so.
GATE = """
def sleep(seconds, wait=sleep):
    while not Path("go").exists():
        wait(seconds)
"""


@pytest.fixture(scope="module", params=["redis", "rabbitmq"])
def service(request, tmp_path_factory):
    start = getattr(servers, request.param)

    with start(tmp_path_factory.mktemp(request.param)) as service:
        yield service


@pytest.fixture
def env(service):
    """The variables that the README names for this broker."""
    scheme = service.url.partition(":")[0]
    section = runner.section(SAMPLE, "Before production")
    block = re.search(rf"broker_url={scheme}:.*?```", section, re.DOTALL)[0]
    env = dict(re.findall(r"\$ export (\w+)=(\S+)", block))
    # The README's hour is longer than any task. So are 15 seconds here.
    hours = [name for name in env if name.endswith("visibility_timeout")]
    env |= dict.fromkeys(hours, "15")
    return env | {"FLASK_CELERY__broker_url": service.url}


@contextlib.contextmanager
def worker(folder, processes=2, **env):
    """Start a worker, yield its id, and do in the end what `kill -9` does.

    It has no more tasks than it runs at a time.
    """
    options = f"--loglevel INFO --prefetch-multiplier 1 -c {processes}"

    with runner.started(
        [CELERY, "-A", "app", "worker", *options.split()],
        cwd=folder,
        log=folder.with_name("worker.log"),
        env=runner.environment(PYTHONWARNINGS=WARNINGS, **env),
        ready=r" ready\.",
    ) as (process, _):
        yield process.pid
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(runner.PATIENCE)
        running = ["pgrep", "-g", f"{process.pid}", "-r", "D,R,S"]
        # Until the last child has closed its copy of the connection, Redis
        # can hand out a message to nobody.
        runner.wait_until(
            lambda: subprocess.run(running, check=False).returncode
        )


def send(server, path, **form):
    """Send a task, and return the URL of its result."""
    reply = runner.fetch(server.url + path, form)
    assert reply.status == 202, reply
    return f"{server.url}/result/{reply.json()['result_id']}"


def value(url):
    """Wait until a task has ended, and return the value of its result."""

    def ended():
        result = runner.fetch(url).json()
        return result if result["ready"] else None

    return runner.wait_until(ended)["value"]


def wait_until_running(urls, count):
    """Wait until that many of the tasks have begun.

    If that is all that the worker has, it fetches nothing. The README says
    that Redis loses a task whose worker dies while fetching it.
    """

    def running():
        states = [runner.fetch(url).json()["state"] for url in urls]
        return states.count("PROGRESS") == count

    runner.wait_until(running)


def test_none_of_50_tasks_is_lost_when_a_worker_is_killed(boot, fresh, env):
    edit(fresh, "", GATE)

    with boot(**env) as server:
        urls = [send(server, "/process", total=5) for _ in range(50)]

        with worker(fresh, 4, **env):
            wait_until_running(urls, 4)

        (fresh / "go").touch()

        with worker(fresh, 4, **env):
            assert [value(url) for url in urls] == [5] * 50


def test_no_task_is_lost_when_the_child_of_a_worker_is_killed(
    boot, fresh, env
):
    edit(fresh, "", GATE)

    with boot(**env) as server, worker(fresh, 1, **env) as pid:
        urls = [send(server, "/process", total=5) for _ in range(3)]
        wait_until_running(urls, 1)
        subprocess.run(["pkill", "-KILL", "-P", f"{pid}"], check=True)
        (fresh / "go").touch()
        assert [value(url) for url in urls] == [5] * 3


def test_views_return_503_while_the_broker_is_down(boot, fresh, env, service):
    add = {"a": 1, "b": 2}
    forms = {"/add": add, "/process": {"total": 1}, "/fail": {}}
    forms["/archive/1"] = {}

    with boot(**env) as server:
        # Both workers of gunicorn connect to the broker.
        together(lambda _: send(server, "/add", **add))

        with service.stopped():
            for path, form in [*forms.items()] * 2:
                reply = runner.fetch(server.url + path, form)
                assert reply.status == 503, path
                assert "unavailable" in reply.json()["error"]
                assert runner.fetch(f"{server.url}/").status == 200

        with worker(fresh, **env):
            assert value(send(server, "/add", **add)) == 3


def test_page_moves_the_bar_and_shows_the_results(boot, fresh, page):
    def press(name, **fields):
        """Fill in the form with that button, send it, return its output."""
        button = page.get_by_role("button", name=name, exact=True)
        form = page.locator("form").filter(has=button)

        for label, text in fields.items():
            form.get_by_label(label).fill(text)

        button.click()
        return form.get_by_role("status")

    with boot(prefix="/pre") as server:
        page.goto(f"{server.url}/")
        bar = page.get_by_role("progressbar").first
        process = press("Process", Steps="100")
        expect(process).to_have_text("The task is waiting or running.")
        expect(page.get_by_role("button", name="Process")).to_be_disabled()

        # Send all tasks before there is a worker, because one that reads a
        # half-written message of the default broker stops.
        with page.expect_response("**/add"):
            add = press("Add", a="-5", b="1")

        with page.expect_response("**/archive/2"):
            archive = press("Archive Grace")

        with page.expect_response("**/fail"):
            fail = press("Fail")

        with worker(fresh):
            page.wait_for_function(
                "(bar) => 0 < bar.position && bar.position < 1",
                arg=bar.element_handle(),
            )
            expect(process).to_have_text("SUCCESS: 100")
            expect(bar).to_have_js_property("position", 1)
            expect(add).to_have_text("SUCCESS: -4")
            expect(archive).to_have_text('SUCCESS: {"name": "Grace"}')
            expect(fail).to_have_text("FAILURE: RuntimeError")

        # The browser rejects this number itself, unless it is told not to.
        page.locator("form").first.evaluate("form => form.noValidate = true")
        expect(press("Process", Steps="101")).to_contain_text("from 1 to 100")
        page.route("**/*", lambda route: route.abort())
        expect(press("Fail")).to_contain_text("is unavailable")

    # All data is below the instance folder.
    assert runner.contents(fresh) == runner.contents(SAMPLE)
