"""celery: real workers, on the default broker, on Redis and on RabbitMQ."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import runner
import servers
from playwright.sync_api import expect

SAMPLE = runner.SAMPLES["celery"]
CELERY = Path(sys.executable).with_name("celery")
# That a worker is root, and that Celery uses an old name of the Redis client.
IGNORED = ("You're running the worker", "Call to deprecated setex")
WARNINGS = ",".join(["error", *(f"ignore:{text}" for text in IGNORED)])
OPTIONS = "FLASK_CELERY__broker_transport_options__"
# So that what a killed worker had is given out again in seconds.
SOON = {
    f"{OPTIONS}visibility_timeout": "3",
    f"{OPTIONS}unacked_mutex_expire": "3",
    f"{OPTIONS}unacked_restore_interval": "1",
    f"{OPTIONS}unacked_restore_throttle": "1",
}
FORMS = {
    "/add": {"a": "1", "b": "2"},
    "/process": {"total": "1"},
    "/fail": {},
    "/archive/1": {},
}
NO_NEWS = "No worker answers."


class Site:
    """A copy of the sample, served, with its broker in `service`."""

    def __init__(self, folder, kind=None, service=None):
        self.folder = runner.copy(SAMPLE, folder)
        self.service = service
        self.logs = folder / "logs"
        self.logs.mkdir()
        self.env = {"PYTHONWARNINGS": WARNINGS}

        if kind:
            self.env |= {"FLASK_CELERY__broker_url": service.url, **SOON}

        if kind == "redis":
            self.env["FLASK_CELERY__result_backend"] = service.url

    @contextlib.contextmanager
    def served(self, **options):
        log = self.logs / "web"

        with runner.boot(self.folder, log=log, **options, **self.env) as web:
            self.web = web
            yield self

    @contextlib.contextmanager
    def worker(self, processes=2):
        """Start a worker; yield its process; end it and its children."""
        log = self.logs / f"worker {len(list(self.logs.iterdir()))}"
        arguments = ("--loglevel", "INFO", "--concurrency", f"{processes}")

        with runner.started(
            [CELERY, "-A", "app", "worker", *arguments],
            cwd=self.folder,
            log=log,
            env=runner.environment(**self.env),
            ready=r" ready\.",
        ) as (process, _):
            try:
                yield process
            finally:
                kill(process)

    def send(self, path, **form):
        """Queue a task; return the URL of its result."""
        reply = runner.fetch(self.web.url + path, form or FORMS[path])
        assert reply.status == 202, reply
        location = reply.headers["Location"]
        assert location.endswith(f"/result/{reply.json()['result_id']}")
        return f"http://127.0.0.1:{self.web.port}{location}"


def kill(process):
    """Do what `kill -9` does, to a worker and to all of its children."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)

    process.wait(runner.PATIENCE)
    running = ["pgrep", "-g", f"{process.pid}", "-r", "D,R,S"]
    deadline = time.monotonic() + runner.PATIENCE

    # Until the last child has closed its copy of the connection, Redis may
    # hand out a message to nobody.
    while subprocess.run(running, capture_output=True, check=False).stdout:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def look(url):
    reply = runner.fetch(url)
    assert reply.status == 200, reply
    return reply.json()


def wait_for(url, wanted):
    """Look at a result until its state is `wanted`; return all looks."""
    deadline = time.monotonic() + runner.PATIENCE
    looks = [look(url)]

    while looks[-1]["state"] != wanted:
        assert time.monotonic() < deadline, looks[-1]
        time.sleep(0.02)
        looks.append(look(url))

    return looks


@pytest.fixture(scope="module")
def site(request, tmp_path_factory):
    """The sample on the broker that the test's parameter names."""
    folder = tmp_path_factory.mktemp("celery")

    if request.param == "default":
        with Site(folder).served() as site:
            yield site
            assert not site.web.complaints()
    else:
        with (
            getattr(servers, request.param)(folder) as service,
            Site(folder, request.param, service).served(gunicorn=True) as site,
        ):
            yield site


everywhere = pytest.mark.parametrize(
    "site", ["default", "redis", "rabbitmq"], indirect=True
)
on_servers = pytest.mark.parametrize(
    "site", ["redis", "rabbitmq"], indirect=True
)


# -- The contract -----------------------------------------------------------


@everywhere
def test_tasks_wait_for_a_worker_which_does_them(site):
    urls = {path: site.send(path) for path in FORMS}
    steps = site.send("/process", total=15)

    with ThreadPoolExecutor(8) as pool:
        sums = list(pool.map(lambda n: site.send("/add", a=n, b=n), range(16)))

    for url in (*urls.values(), steps, *sums):
        assert look(url) == {
            "ready": False,
            "successful": False,
            "value": None,
            "state": "QUEUED",
        }

    with site.worker():
        looks = wait_for(steps, "SUCCESS")
        assert looks[-1]["value"] == 15
        done = {
            path: wait_for(url, "FAILURE" if path == "/fail" else "SUCCESS")
            for path, url in urls.items()
        }
        values = [wait_for(url, "SUCCESS")[-1]["value"] for url in sums]

    # Read while it went on: from step to step, and never back.
    states = ["QUEUED", *(one["state"] for one in looks)]
    values_seen = [one["value"] for one in looks if one["state"] == "PROGRESS"]
    assert list(dict.fromkeys(states)) == ["QUEUED", "PROGRESS", "SUCCESS"]
    assert {value["total"] for value in values_seen} == {15}
    counts = [value["current"] for value in values_seen]
    assert counts == sorted(counts)
    assert len(set(counts)) > 3

    assert values == [2 * number for number in range(16)]
    results = {path: looks[-1] for path, looks in done.items()}
    assert results["/add"]["value"] == 3
    assert results["/process"]["value"] == 1
    assert results["/archive/1"]["value"] == '{"name": "Ada"}'
    assert results["/fail"] == {
        "ready": True,
        "successful": False,
        "value": "RuntimeError",
        "state": "FAILURE",
    }


@everywhere
def test_what_cannot_be_done_is_refused(site):
    for path, form in (
        ("/add", {"a": "1"}),
        ("/process", {"total": "101"}),
        ("/archive/3", {}),
        ("/result/7", None),
    ):
        reply = runner.fetch(site.web.url + path, form)
        assert reply.status in (400, 404)
        assert reply.headers["Content-Type"] == "application/json"
        assert reply.json()["error"]


@pytest.mark.parametrize("site", ["default"], indirect=True)
def test_the_default_broker_loses_what_a_killed_worker_had(site):
    lost = site.send("/process", total=100)

    with site.worker():
        wait_for(lost, "PROGRESS")

    later = site.send("/add", a=1, b=2)

    with site.worker():
        wait_for(later, "SUCCESS")
        assert look(lost)["state"] == "PROGRESS"

    # After all that: written was below the instance folder, and only there.
    assert runner.contents(site.folder) == runner.contents(SAMPLE)


# -- What goes wrong --------------------------------------------------------


@on_servers
def test_a_worker_is_killed_half_way_and_none_of_50_tasks_is_lost(site):
    urls = [site.send("/process", total=3) for _ in range(50)]

    with site.worker(processes=4) as process:
        wait_for(urls[20], "SUCCESS")

        while not any(look(url)["state"] == "PROGRESS" for url in urls[18:30]):
            assert look(urls[-1])["state"] == "QUEUED"

        kill(process)

    states = Counter(look(url)["state"] for url in urls)
    assert states["PROGRESS"] > 0
    assert states["QUEUED"] > 0
    assert states.total() == 50

    with site.worker(processes=4):
        results = [wait_for(url, "SUCCESS")[-1]["value"] for url in urls]

    assert results == [3] * 50


@on_servers
def test_a_killed_child_of_a_worker_costs_no_task(site):
    url = site.send("/process", total=10)

    with site.worker(processes=1) as process:
        wait_for(url, "PROGRESS")
        pid = process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text()

        for child in children.split():
            os.kill(int(child), signal.SIGKILL)

        assert wait_for(url, "SUCCESS")[-1]["value"] == 10


def ask(site, known):
    """Ask each route at once; return {path: status} of quick answers."""
    paths = {**FORMS, "/": None, known: None}

    def timed(path):
        start = time.monotonic()
        reply = runner.fetch(site.web.url + path, paths[path])
        assert time.monotonic() - start < 3, path

        if reply.status == 503:
            assert "not available" in reply.json()["error"]

        return reply.status

    with ThreadPoolExecutor(len(paths)) as pool:
        return dict(zip(paths, pool.map(timed, paths), strict=True))


@on_servers
def test_a_broker_that_is_away_or_hangs_is_told_in_time(site):
    url = site.send("/add")
    known = url.removeprefix(site.web.url)
    away = {**dict.fromkeys(FORMS, 503), "/": 200, known: 200}

    if site.service.url.startswith("redis"):
        away[known] = 503  # there the results are, too

    with site.worker():
        wait_for(url, "SUCCESS")
        site.service.stop()

        # Often enough that both processes of the server have met it.
        for _ in range(4):
            assert ask(site, known) == away

        site.service.start()
        wait_for(site.send("/add"), "SUCCESS")

        with site.service.hanging():
            for _ in range(2):
                assert ask(site, known) == away

        wait_for(site.send("/add"), "SUCCESS")


# -- In Chromium ------------------------------------------------------------


def press(page, name, **fields):
    """Fill in the form with that button, send it; return its new item."""
    button = page.get_by_role("button", name=name, exact=True)
    form = page.locator("form").filter(has=button)

    for label, value in fields.items():
        form.get_by_label(label).fill(value)

    button.click()
    return page.get_by_role("listitem").first


def value_of(item):
    return item.get_by_role("progressbar").evaluate("(bar) => bar.value")


def watch(item, seen):
    """Look at the bar until it was at three places between its ends."""
    deadline = time.monotonic() + runner.PATIENCE

    while len(set(seen)) < 3:
        assert time.monotonic() < deadline, seen
        value = value_of(item)

        if value:
            seen.append(value)

    assert seen == sorted(seen)


@pytest.mark.parametrize("site", ["redis"], indirect=True)
def test_the_bar_moves_and_the_value_is_shown(site, page):
    with site.worker():
        page.goto(site.web.url)
        item = press(page, "Process", Steps="20")
        watch(item, [])
        expect(item.get_by_role("status")).to_have_text("A worker is on it.")
        expect(item.get_by_role("status")).to_have_text("Result: 20")
        assert value_of(item) == 1

        item = press(page, "Add", a="-1000000000", b="1")
        expect(item.get_by_role("status")).to_have_text("Result: -999999999")
        item = press(page, "Archive of Grace")
        expect(item).to_contain_text('Result: {"name": "Grace"}')
        item = press(page, "Fail")
        expect(item.get_by_role("status")).to_have_text(
            "Failed: RuntimeError. The worker's log says why."
        )
        item = press(page, "Process", Steps="101")
        expect(item.get_by_role("status")).to_have_text(
            "Send total as a whole number from 1 to 100."
        )
        expect(page.get_by_role("listitem")).to_have_count(5)


def test_the_page_says_when_no_worker_answers(page, tmp_path):
    with Site(tmp_path).served(gunicorn=True, prefix="/pre") as site:
        page.goto(f"{site.web.url}/")
        item = press(page, "Process", Steps="100")
        status = item.get_by_role("status")
        expect(status).to_have_text("Waiting.")
        expect(status).to_contain_text(NO_NEWS)
        expect(status).to_contain_text("celery -A app worker")

        with site.worker():
            watch(item, [])
            expect(status).to_have_text("A worker is on it.")

        # Killed in mid-task: what was seen stays, and nothing new comes.
        expect(status).to_contain_text(NO_NEWS)
        assert not site.web.complaints()

    expect(status).to_have_text("The server cannot be reached.")
