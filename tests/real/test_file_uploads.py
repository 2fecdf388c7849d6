"""Uploads over real sockets into real workers, and out of a real browser."""

import contextlib
import re
import socket
import struct
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import runner

FOLDER = runner.ROOT / "samples" / "file_uploads"
MEGABYTE = 1_000_000
END = b"\r\n--limit--\r\n"
CHUNKED = b"Transfer-Encoding: chunked"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    tmp = tmp_path_factory.mktemp("file_uploads")
    folder = runner.copy(FOLDER, tmp)

    with runner.boot(folder, log=tmp / "log", gunicorn=True) as server:
        server.uploads = folder / "instance" / "uploads"
        yield server


def stored_files(server):
    found = server.uploads.glob("*")
    return {path.name for path in found if not path.name.startswith("names.")}


def part(filename):
    return (
        b"--limit\r\nContent-Disposition: form-data; "
        b'name="file"; filename="%b"\r\n\r\n' % filename.encode()
    )


def framed(pieces, framing):
    """Return the pieces as they are, or each as a chunk and the last one."""
    if framing != CHUNKED:
        return pieces

    return [b"%x\r\n%b\r\n" % (len(piece), piece) for piece in [*pieces, b""]]


@contextlib.contextmanager
def posted(server, pieces, framing):
    """Send the head and the pieces of an upload; yield the open socket."""
    with socket.create_connection(
        ("127.0.0.1", server.port), timeout=runner.PATIENCE
    ) as connection:
        connection.sendall(
            b"POST / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
            b"Content-Type: multipart/form-data; boundary=limit\r\n"
            b"%b\r\n\r\n" % framing
        )

        # A server that refuses early may close before all is sent.
        with contextlib.suppress(ConnectionError):
            for piece in pieces:
                connection.sendall(piece)

        yield connection


def answer(connection):
    """Return (status, text) of the response on a socket."""
    received = b""

    with contextlib.suppress(ConnectionError):
        while data := connection.recv(65536):
            received += data

    return int(received.split()[1]), received.decode()


def upload(server, filename, content=b"content"):
    """Upload a file; return its URL."""
    body = part(filename) + content + END

    with posted(
        server, [body], b"Content-Length: %d" % len(body)
    ) as connection:
        status, text = answer(connection)

    assert status == 303, text
    return re.search(r"\?uploaded=(\S+)", text)[1]


def get(url):
    with urllib.request.urlopen(url, timeout=runner.PATIENCE) as response:
        return response.read()


def workers(server):
    """Return {process id: peak of resident memory in bytes}."""
    pid = server.process.pid
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return {
        child: int(
            re.search(
                r"VmHWM:\s+(\d+) kB", Path(f"/proc/{child}/status").read_text()
            )[1]
        )
        * 1024
        for child in children
    }


# -- Over sockets -----------------------------------------------------------


def test_concurrent_uploads_lose_and_cross_nothing(server):
    """Of one name, and each worker lists the files of the other."""

    def upload_one(number):
        content = b"%d," % number * 50_000
        return upload(server, "日本語.png", content), content

    with ThreadPoolExecutor(8) as pool:
        uploads = dict(pool.map(upload_one, range(48)))
        pages = list(pool.map(get, [server.url] * 48))

    assert len(uploads) == 48
    assert uploads.keys() <= stored_files(server)

    for page in pages:
        assert all(name.encode() in page for name in uploads)
        assert page.count(">日本語.png</a>".encode()) >= 48

    for name, content in uploads.items():
        assert get(f"{server.url}/uploads/{name}") == content


def test_sixteen_first_uploads_at_once(tmp_path):
    folder = runner.copy(FOLDER, tmp_path)

    with (
        runner.boot(folder, log=tmp_path / "log", gunicorn=True) as server,
        ThreadPoolExecutor(16) as pool,
    ):
        names = set(pool.map(upload, [server] * 16, ["a.txt"] * 16))
        page = get(server.url).decode()

    assert len(names) == 16
    assert all(name in page for name in names)


@pytest.mark.parametrize("framing", [b"Content-Length: 17000200", CHUNKED])
def test_too_much_is_refused_on_the_page(server, framing):
    before = stored_files(server)
    pieces = [part("a.txt"), *[b"a" * MEGABYTE] * 17, END]

    with posted(server, framed(pieces, framing), framing) as connection:
        status, text = answer(connection)

    assert status == 413
    assert "<form" in text
    assert stored_files(server) == before
    upload(server, "a.txt")


@pytest.mark.parametrize("framing", [b"Content-Length: 9000000", CHUNKED])
def test_a_cut_off_upload_is_refused_and_leaves_nothing(server, framing):
    before = stored_files(server)
    pieces = [part("a.txt"), *[b"a" * MEGABYTE] * 3]

    with posted(server, framed(pieces, framing)[:-1], framing) as connection:
        connection.shutdown(socket.SHUT_WR)
        status, text = answer(connection)

    assert status == 400
    assert "<form" in text
    assert stored_files(server) == before


def test_senders_that_vanish_leave_nothing_and_block_nobody(server):
    before = stored_files(server)

    for _ in range(16):
        with posted(
            server,
            [part("a.txt"), b"a" * MEGABYTE],
            b"Content-Length: 9000000",
        ) as connection:
            # Closing sends a reset, as when the power fails.
            connection.setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
            )

    with ThreadPoolExecutor(8) as pool:
        names = set(pool.map(upload, [server] * 16, ["a.txt"] * 16))

    assert stored_files(server) == before | names


def test_memory_stays_flat_while_a_large_file_arrives(tmp_path, capsys):
    folder = runner.copy(FOLDER, tmp_path)
    size = 300 * MEGABYTE

    with runner.boot(
        folder,
        log=tmp_path / "log",
        gunicorn=True,
        FLASK_MAX_CONTENT_LENGTH=str(size * 2),
    ) as server:
        # What a small upload needs, both workers have by now.
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(upload, [server] * 32, ["a.txt"] * 32))

        before = workers(server)
        pieces = [part("large.pdf"), *[b"a" * MEGABYTE] * 300, END]
        length = sum(map(len, pieces))

        with posted(
            server, pieces, b"Content-Length: %d" % length
        ) as connection:
            status, text = answer(connection)

        assert status == 303
        after = workers(server)
        name = re.search(r"\?uploaded=(\S+)", text)[1]
        stored = folder / "instance" / "uploads" / name
        assert stored.stat().st_size == size

    assert len(before) == 2
    growth = max(after[pid] - before[pid] for pid in before)

    with capsys.disabled():
        print(
            f"\nfile_uploads: {size:,} bytes, peak memory of a worker"
            f" {max(before.values()):,} -> {max(after.values()):,}"
        )

    assert growth < 10 * MEGABYTE


# -- In Chromium ------------------------------------------------------------


@pytest.fixture
def picture(tmp_path):
    path = tmp_path / "夏 & <b>.png"
    path.write_bytes(bytes(range(256)) * 30_000)
    return path


def watch_the_bar(page):
    """Note each place of the bar, and how often the answer had come."""
    page.evaluate(
        """() => {
            window.seen = [];
            const bar = document.querySelector("progress");
            new MutationObserver(() => {
                const label = bar.closest("label");
                if (!label.hidden && bar.max > 1)
                    window.seen.push(bar.value / bar.max);
            }).observe(bar, {attributes: true});
        }"""
    )


@pytest.mark.parametrize("prefix", ["", "/pre"])
def test_the_bar_moves_before_the_upload_is_done(
    tmp_path, page, picture, prefix
):
    folder = runner.copy(FOLDER, tmp_path)

    with runner.boot(
        folder, log=tmp_path / "log", gunicorn=True, prefix=prefix
    ) as server:
        page.goto(f"{server.url}/")
        watch_the_bar(page)
        slow = page.context.new_cdp_session(page)
        slow.send(
            "Network.emulateNetworkConditions",
            {
                "offline": False,
                "latency": 0,
                "downloadThroughput": -1,
                "uploadThroughput": 6 * MEGABYTE,
            },
        )
        page.set_input_files("input", picture)
        page.click("button")
        page.wait_for_selector("progress", state="visible")
        assert page.is_disabled("button")
        page.wait_for_selector("[role=status]")
        seen = page.evaluate("seen")
        assert seen == sorted(seen)
        assert any(0 < place < 1 for place in seen)
        assert page.is_hidden("progress")
        assert page.is_enabled("button")
        text = page.inner_text("[role=status]")
        assert text == f"{picture.name} has arrived."
        assert f"{prefix}/?uploaded=" in page.url
        url = page.get_attribute("[role=status] a", "href")
        assert get(f"http://127.0.0.1:{server.port}{url}") == (
            picture.read_bytes()
        )
        page.reload()
        assert page.inner_text("[role=status]") == text


def test_it_works_without_javascript(server, page, picture):
    context = page.context.browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{server.url}/")
    assert page.is_hidden("progress")
    page.set_input_files("input", picture)
    page.click("button")
    page.wait_for_selector("[role=status]")
    assert page.inner_text("[role=status]") == f"{picture.name} has arrived."

    with page.expect_download() as download:
        page.click("[role=status] a")

    stored = download.value.suggested_filename
    assert stored in stored_files(server)
    assert download.value.path().read_bytes() == picture.read_bytes()
    page.set_input_files("input", FOLDER / "app.py")
    page.click("button")
    page.wait_for_selector("[role=alert]:not(:empty)")
    assert "Choose a file of type" in page.inner_text("[role=alert]")
    context.close()


def test_a_refusal_is_shown_and_the_next_upload_works(server, page, tmp_path):
    large = tmp_path / "large.png"
    large.write_bytes(bytes(17 * MEGABYTE))
    right = tmp_path / "right.txt"
    right.write_text("right")
    page.goto(f"{server.url}/")

    for path, words in (
        (FOLDER / "app.py", "Choose a file of type"),
        (large, "exceeds the capacity limit"),
    ):
        page.set_input_files("input", path)
        page.click("button")
        page.wait_for_selector(f"[role=alert]:has-text('{words}')")
        assert page.is_enabled("button")
        assert page.is_hidden("progress")

    page.set_input_files("input", right)
    page.click("button")
    page.wait_for_selector("[role=status]:has-text('right.txt has arrived')")
    assert page.inner_text("[role=alert]") == ""


def test_a_broken_connection_is_said_in_words(server, page, picture):
    page.goto(f"{server.url}/")
    page.route("**/*", lambda route: route.abort())
    page.set_input_files("input", picture)
    page.click("button")
    page.wait_for_selector("[role=alert]:has-text('did not arrive')")
    assert page.is_enabled("button")
