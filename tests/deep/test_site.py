"""`make site`: every link leads somewhere, and the pages need no server."""

from html.parser import HTMLParser
from urllib.parse import unquote, urlsplit

import pytest
import runner

FREEZE = runner.ROOT / "tests" / "deep" / "freeze.py"


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    tests = str(runner.ROOT / "tests")
    done = runner.python(
        str(FREEZE), str(folder), cwd=runner.ROOT, PYTHONPATH=tests
    )
    assert done.returncode == 0, done.stderr
    return folder


class Links(HTMLParser):
    """The links of a page, and the ids that a link can lead to."""

    def __init__(self, path):
        super().__init__()
        self.links, self.ids = [], set()
        self.feed(path.read_text("utf-8"))

    def handle_starttag(self, tag, attrs):
        for name, value in attrs:
            if name in ("href", "src", "action"):
                self.links.append(value)
            elif name == "id":
                self.ids.add(value)


def test_every_link_leads_to_a_file_or_a_heading(site):
    pages = {path: Links(path) for path in site.rglob("*.html")}
    reached = set()

    for path, page in pages.items():
        for link in page.links:
            url = urlsplit(link)

            if url.scheme in ("https", "http", "data"):
                continue

            target = path

            if url.path:
                assert not url.path.startswith("/"), f"{path}: {link}"
                target = (path.parent / unquote(url.path)).resolve()
                assert target.is_file(), f"{path}: {link}"
                reached.add(target)

            if url.fragment:
                ids = pages[target].ids
                assert unquote(url.fragment) in ids, f"{path}: {link}"

    # All pages can be reached, and the downloads and pictures as well.
    others = runner.SAMPLES.keys() - {"gallery"}
    assert {*pages} <= reached

    for name in others:
        assert site / "pattern" / name / "index.html" in reached
        assert site / "zip" / f"{name}.zip" in reached
        assert site / "static" / "pictures" / f"{name}.png" in reached


def test_site_works_as_files(site, page):
    page.goto((site / "index.html").as_uri())
    page.get_by_role("searchbox").press_sequentially("get_db")
    page.get_by_role("status").get_by_text(" found").wait_for()
    page.get_by_role("link", name="Using SQLite 3 with Flask").click()
    picture = page.locator("#live img")
    picture.wait_for()
    assert picture.evaluate("image => image.decode().then(() => true)")
    # Without a live app, the commands are for the folder that you run.
    page.get_by_text("$ curl -s localhost:8000/users/ada").wait_for()

    # The search of another page leads to the first one.
    page.get_by_role("searchbox").fill("flashing")
    page.get_by_role("button", name="Search").click()
    # Another link to the sample is on the page until its script has run.
    found = page.locator("#found")
    found.get_by_role("link", name="Message Flashing").click()
    page.get_by_role("button", name="Present").click()
    page.keyboard.press("l")
    page.locator("#slide img").wait_for()
