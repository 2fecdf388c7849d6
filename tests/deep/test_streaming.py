"""Streaming on gunicorn, over a real socket and into a real browser."""

import contextlib
import http.client
import re
import time
import urllib.request
from pathlib import Path

import pytest
import runner

# Code for a copy of the sample that counts chunks, and tells when the
# generator starts and ends.
SPY = """

from pathlib import Path
from types import SimpleNamespace

chunks = 0


class Buffer(io.StringIO):
    def __init__(self):
        global chunks
        chunks += 1
        super().__init__()


class closing(closing):
    def __enter__(self):
        Path("started").touch()
        return super().__enter__()

    def __exit__(self, *error):
        super().__exit__(*error)
        Path("rows").write_text(str(chunks * 500))
        Path("rows").rename("ended")


io = SimpleNamespace(StringIO=Buffer)
"""

# The next event of the timeline comes when the test says so.
GATE = """

from pathlib import Path


def sleep(seconds, wait=sleep):
    while not Path("go").exists():
        wait(0.01)
"""

# The second chunk fails.
BOMB = """

from types import SimpleNamespace


class Buffer(io.StringIO):
    def __init__(self, made=[]):
        super().__init__()
        made.append(1)
        1 / (2 - len(made))


io = SimpleNamespace(StringIO=Buffer)
"""


@contextlib.contextmanager
def streaming(tmp_path, added="", **options):
    """Boot a copy of the sample with some code added; yield (server, copy)."""
    folder = runner.copy(runner.SAMPLES["streaming"], tmp_path)

    with (folder / "app.py").open("a") as app:
        app.write(added)

    with runner.boot(folder, log=tmp_path / "log", **options) as server:
        yield server, folder


def wait_for(path):
    """Wait until the file is there; return its text."""
    deadline = time.monotonic() + runner.PATIENCE

    while not path.exists():
        assert time.monotonic() < deadline, f"no {path.name}"
        time.sleep(0.01)

    return path.read_text()


def peak(server):
    """Return the most memory that a worker of gunicorn ever had, in kB."""
    pid = server.process.pid
    workers = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return max(
        int(
            re.search(
                r"VmHWM:\s+(\d+)", Path(f"/proc/{worker}/status").read_text()
            )[1]
        )
        for worker in workers
    )


def read(url):
    """Read all of it; return (lines, the last line)."""
    lines = 0
    last = b""

    with urllib.request.urlopen(url, timeout=runner.PATIENCE) as response:
        while block := response.read(1 << 20):
            # A line end may lie across two blocks.
            block += response.read(1) if block.endswith(b"\r") else b""
            lines += block.count(b"\r\n")
            last = (last + block)[-1000:]

    return lines, last.decode(errors="replace").split("\r\n")[-2]


def test_memory_does_not_grow_with_the_rows(tmp_path):
    with streaming(tmp_path, gunicorn=True) as (server, _):
        url = f"{server.url}/large.csv?rows="

        # Often enough that each worker has had one.
        for _ in range(20):
            read(f"{url}1000")

        before = peak(server)
        lines, last = read(f"{url}300000")
        assert lines == 300_001
        assert last.startswith("300000,")

        with urllib.request.urlopen(f"{url}10000000") as response:
            assert len(response.read(10_000_000)) == 10_000_000

        assert peak(server) - before < 3_000
        assert not server.complaints()


def test_a_reader_who_leaves_ends_ten_million_rows(tmp_path):
    with streaming(tmp_path, SPY, gunicorn=True) as (server, folder):
        with urllib.request.urlopen(
            f"{server.url}/large.csv?rows=10000000", timeout=runner.PATIENCE
        ) as response:
            # The first byte is here, and the last row is far from made: the
            # server waits for its reader.
            assert response.readline() == b"id,quantity,note\r\n"
            assert not (folder / "ended").exists()

        # What was made beyond the first line fits into the socket's buffers.
        assert 500 <= int(wait_for(folder / "ended")) < 1_000_000
        assert not server.complaints()


def test_head_starts_nothing_and_leaves_the_connection_usable(tmp_path):
    with streaming(tmp_path, SPY, gunicorn=True) as (server, folder):
        with contextlib.closing(
            http.client.HTTPConnection("127.0.0.1", server.port)
        ) as connection:
            for path in ("/large.csv?rows=9", "/timeline", "/stream?name=Ada"):
                connection.request("HEAD", path)
                response = connection.getresponse()
                assert response.status == 200
                assert response.read() == b""

            assert not (folder / "started").exists()
            connection.request("GET", "/large.csv?rows=1")
            assert len(connection.getresponse().read().splitlines()) == 2

        assert (folder / "started").exists()


def test_an_error_in_mid_stream_cuts_the_answer_short(tmp_path):
    with streaming(tmp_path, BOMB, gunicorn=True) as (server, _):
        url = f"{server.url}/large.csv?rows=100000"

        with urllib.request.urlopen(url) as response:
            assert response.status == 200

            with pytest.raises(http.client.IncompleteRead) as caught:
                response.read()

        assert caught.value.partial.startswith(b"id,quantity,note")
        lines, _ = read(f"{server.url}/large.csv?rows=5")
        assert lines == 6


@pytest.mark.parametrize("gunicorn", [True, False])
def test_the_first_event_is_on_the_screen_before_the_last_is_made(
    tmp_path, page, gunicorn
):
    with streaming(tmp_path, GATE, gunicorn=gunicorn) as (server, folder):
        page.goto(f"{server.url}/timeline", wait_until="commit")
        page.get_by_text("9:00").wait_for()
        assert page.get_by_role("listitem").count() == 1
        (folder / "go").touch()
        page.get_by_text("The day is over.").wait_for()
        assert page.get_by_role("listitem").count() == 5
        page.get_by_role("link", name="Back").click()
        page.get_by_label("Name").fill("<b>Zoë")
        page.get_by_role("button", name="Greet").click()
        assert page.inner_text("body").strip() == "Hello <b>Zoë!"
        page.go_back()

        with page.expect_download() as download:
            page.get_by_label("Rows").fill("7")
            page.get_by_role("button", name="Download CSV").click()

        assert download.value.suggested_filename == "large.csv"
        assert len(download.value.path().read_bytes().splitlines()) == 8
