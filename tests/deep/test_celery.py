"""celery: real workers on the default broker, on Redis, and on RabbitMQ."""

import contextlib
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import redis
import runner
import servers
from helpers import stopped, wait_until
from playwright.sync_api import expect

SAMPLE = runner.SAMPLES["celery"]
CELERY = Path(sys.executable).with_name("celery")
# A worker warns that it's root, and Celery uses an old name of a method.
IGNORED = ("You're running the worker", "Call to deprecated setex")
WARNINGS = ",".join(["error", *(f"ignore:{text}" for text in IGNORED)])
# A form for each task, and the value of its result.
TASKS = {
    "/add": ({"a": "1", "b": "2"}, 3),
    "/process": ({"total": "1"}, 1),
    "/fail": ({}, "RuntimeError"),
    "/archive/1": ({}, '{"name": "Ada"}'),
}


def settings(scheme, url):
    """Return the variables that the README names for this broker."""
    section = runner.section(SAMPLE, "Before production")
    blocks = re.findall(r"```console\n(.*?)```", section, re.DOTALL)
    [block] = [one for one in blocks if f"broker_url={scheme}:" in one]
    found = dict(re.findall(r"\$ export (\w+)=(\S+)", block))
    found["FLASK_CELERY__broker_url"] = url
    # The README's hour is longer than any task. So are 15 seconds here.
    hours = [name for name in found if name.endswith("visibility_timeout")]
    return found | dict.fromkeys(hours, "15")


@dataclass
class Site:
    """A copy of the sample with its variables, its broker, and its server."""

    folder: Path
    env: dict
    service: servers.Service
    web: runner.Server

    @contextlib.contextmanager
    def worker(self, processes=2):
        """Start a worker, yield its process, and kill it in the end."""
        options = ("--loglevel", "INFO", "--concurrency", f"{processes}")

        with runner.started(
            [CELERY, "-A", "app", "worker", *options],
            cwd=self.folder,
            log=self.folder.with_name("worker.log"),
            env=runner.environment(**self.env),
            ready=r" ready\.",
        ) as (process, _):
            try:
                yield process
            finally:
                kill(process)

    def send(self, path, **form):
        """Send a task, and return the URL of its result."""
        reply = runner.fetch(self.web.url + path, form or TASKS[path][0])
        assert reply.status == 202, reply
        return f"{self.web.url}/result/{reply.json()['result_id']}"


@pytest.fixture(scope="module", params=["redis", "rabbitmq"])
def site(request, tmp_path_factory):
    """The sample on a server, or on the broker that needs none."""
    tmp = tmp_path_factory.mktemp("celery")
    folder = runner.copy(SAMPLE, tmp)
    env = {"PYTHONWARNINGS": WARNINGS}
    options = {"log": tmp / "web.log", "gunicorn": True, "prefix": "/pre"}

    with contextlib.ExitStack() as stack:
        service = None

        if request.param != "default":
            start = getattr(servers, request.param)
            service = stack.enter_context(start(tmp))
            env |= settings(service.url.partition(":")[0], service.url)

        web = stack.enter_context(runner.boot(folder, **options, **env))
        yield Site(folder, env, service, web)


def kill(process):
    """Do what `kill -9` does, to a worker and to all of its children."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)

    process.wait(runner.PATIENCE)
    running = ["pgrep", "-g", f"{process.pid}", "-r", "D,R,S"]
    # Until the last child has closed its copy of the connection, Redis may
    # hand out a message to nobody.
    wait_until(lambda: subprocess.run(running, check=False).returncode)


def pause(process, site, urls):
    """Stop a worker while one task runs, one has ended, and others wait.

    With Redis, it's also a moment when Redis has all tasks that haven't ended:
    the worker removes a message from the queue before it stores it as
    unacknowledged. Nothing can restore a message that is in neither place.
    """
    ids = {url.rpartition("/")[2] for url in urls}
    results = site.folder / "instance" / "results.db"
    query = "SELECT task_id, status FROM celery_taskmeta"

    def paused():
        os.killpg(process.pid, signal.SIGSTOP)

        # The worker might have been writing, which locks the database.
        with (
            contextlib.suppress(sqlite3.OperationalError),
            contextlib.closing(sqlite3.connect(results, timeout=0)) as db,
        ):
            found = {id: state for id, state in db.execute(query) if id in ids}
            ended = {id for id, state in found.items() if state == "SUCCESS"}

            if (
                {"PROGRESS", "SUCCESS"} == {*found.values()}
                and found.keys() < ids
                and ids <= ended | waiting_in_redis(site, ids)
            ):
                return True

        os.killpg(process.pid, signal.SIGCONT)
        return False

    wait_until(paused)


def waiting_in_redis(site, ids):
    """Return which of the tasks Redis knows, or all with another broker."""
    if not site.service.url.startswith("redis:"):
        return ids

    with redis.Redis.from_url(site.service.url) as server:
        messages = [json.loads(it) for it in server.lrange("celery", 0, -1)]
        messages += [json.loads(it)[0] for it in server.hvals("unacked")]
        return {message["headers"]["id"] for message in messages}


def value(url):
    """Wait until a task has ended, and return the value of its result."""

    def ended():
        result = runner.fetch(url).json()
        return result if result["ready"] else None

    return wait_until(ended)["value"]


@pytest.mark.parametrize(
    "site", ["default", "redis", "rabbitmq"], indirect=True
)
def test_tasks_wait_for_a_worker_that_runs_them(site):
    urls = {path: site.send(path) for path in TASKS}

    for url in urls.values():
        assert runner.fetch(url).json()["state"] == "PENDING"

    with site.worker():
        for path, url in urls.items():
            assert value(url) == TASKS[path][1]

    # All data is below the instance folder.
    assert runner.contents(site.folder) == runner.contents(SAMPLE)


def test_none_of_50_tasks_is_lost_when_a_worker_is_killed(site):
    urls = [site.send("/process", total=5) for _ in range(50)]

    with site.worker(processes=4) as process:
        pause(process, site, urls)

    with site.worker(processes=4):
        assert [value(url) for url in urls] == [5] * 50


def test_no_task_is_lost_when_a_child_of_a_worker_is_killed(site):
    urls = [site.send("/process", total=20) for _ in range(3)]

    with site.worker(processes=1) as process:
        pause(process, site, urls)
        pid = process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text()

        for child in children.split():
            os.kill(int(child), signal.SIGKILL)

        os.killpg(pid, signal.SIGCONT)
        assert [value(url) for url in urls] == [20] * 3


def test_views_return_503_while_the_broker_is_down(site):
    with stopped(site.service):
        # Often enough that both workers of gunicorn meet it.
        for path in [*TASKS] * 2:
            reply = runner.fetch(site.web.url + path, TASKS[path][0])
            assert reply.status == 503, path
            assert "unavailable" in reply.json()["error"]
            assert runner.fetch(f"{site.web.url}/").status == 200

    with site.worker():
        assert value(site.send("/add")) == 3


@pytest.mark.parametrize("site", ["default"], indirect=True)
def test_page_moves_the_bar_and_shows_the_results(site, page):
    def press(name, **fields):
        """Fill in the form with that button, send it, return its output."""
        button = page.get_by_role("button", name=name, exact=True)
        form = page.locator("form").filter(has=button)

        for label, text in fields.items():
            form.get_by_label(label).fill(text)

        button.click()
        return form.get_by_role("status")

    page.goto(f"{site.web.url}/")
    bar = page.get_by_role("progressbar").first
    process = press("Process", Steps="100")
    expect(process).to_have_text("The task is waiting or running.")
    expect(page.get_by_role("button", name="Process")).to_be_disabled()

    with site.worker():
        page.wait_for_function(
            "(bar) => 0 < bar.position && bar.position < 1",
            arg=bar.element_handle(),
        )
        expect(process).to_have_text("SUCCESS: 100")
        expect(bar).to_have_js_property("position", 1)
        expect(press("Add", a="-5", b="1")).to_have_text("SUCCESS: -4")
        expect(press("Archive Grace")).to_have_text(
            'SUCCESS: {"name": "Grace"}'
        )
        expect(press("Fail")).to_have_text("FAILURE: RuntimeError")

    # The browser rejects this number itself, unless it is told not to.
    page.locator("form").first.evaluate("(form) => form.noValidate = true")
    expect(press("Process", Steps="101")).to_contain_text("from 1 to 100")
    assert not site.web.complaints()
    page.route("**/*", lambda route: route.abort())
    expect(press("Fail")).to_contain_text("is unavailable")
