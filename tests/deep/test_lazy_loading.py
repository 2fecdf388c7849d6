"""lazy_loading: the views' module is counted, broken, and fixed."""

from concurrent.futures import ThreadPoolExecutor

import runner

COUNTED = """
import os

with open("loaded.txt", "a", encoding="utf-8") as log:
    log.write(f"{os.getpid()}\\n")
"""


def test_concurrent_requests_load_the_module_once(fresh, tmp_path):
    with (fresh / "views.py").open("a", encoding="utf-8") as views:
        views.write(COUNTED)

    with (
        runner.boot(fresh, log=tmp_path / "log", gunicorn=True) as server,
        ThreadPoolExecutor(16) as pool,
    ):
        status = runner.fetch(f"{server.url}/status")
        assert status.json() == {"loaded": []}
        urls = [f"{server.url}{path}" for path in ("/", "/user/ada")] * 50
        replies = list(pool.map(runner.fetch, urls))
        assert {reply.status for reply in replies} == {200}

    # One line for each worker.
    loads = (fresh / "loaded.txt").read_text(encoding="utf-8").split()
    assert len(loads) == len(set(loads))


def test_broken_module_works_once_it_is_fixed(fresh, tmp_path):
    views = fresh / "views.py"
    whole = views.read_text(encoding="utf-8")

    with runner.boot(fresh, log=tmp_path / "log", gunicorn=True) as server:
        for text, status in (
            ("def broken(:\n", 500),
            ("import a_module_that_is_missing\n", 500),
            (whole, 200),
        ):
            views.write_text(text, encoding="utf-8")

            # Often enough that both workers respond.
            for path in ["/", "/user/ada"] * 4:
                assert runner.fetch(server.url + path).status == status
