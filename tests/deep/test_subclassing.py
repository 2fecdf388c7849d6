"""Subclassing in Chromium and on gunicorn."""

import re
from concurrent.futures import ThreadPoolExecutor

import pytest
import runner


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    to = tmp_path_factory.mktemp("subclassing")
    folder = runner.copy(runner.SAMPLES["subclassing"], to)

    with runner.boot(
        folder, log=to / "log", gunicorn=True, prefix="/pre"
    ) as server:
        yield server
        assert not server.complaints()


def test_concurrent_requests_have_different_ids(server):
    def request_id(_):
        reply = runner.fetch(f"{server.url}/", headers={"X-Request-ID": "x"})
        [found] = reply.headers.get_all("X-Request-ID")
        assert f"<code>{found}</code>" in reply.text
        return found

    with ThreadPoolExecutor(8) as pool:
        ids = list(pool.map(request_id, range(200)))

    assert len(set(ids)) == 200
    assert all(re.fullmatch("[0-9a-f]{32}", found) for found in ids)


def test_page_shows_the_parameters_in_order_and_as_text(server, page):
    page.goto(f"{server.url}/")
    page.get_by_label("a", exact=True).fill("<img src=x onerror=alert(1)>")

    with page.expect_navigation():
        page.get_by_role("button", name="Show them", exact=True).click()

    items = page.get_by_role("listitem").all_inner_texts()
    assert items == ["b = 1", "a = <img src=x onerror=alert(1)>", "b = 3"]

    page.goto(f"{server.url}/")

    with page.expect_navigation():
        page.get_by_role("button", name="Show them as JSON").click()

    assert page.inner_text("body") == '[["b","1"],["a","2"],["b","3"]]\n'
