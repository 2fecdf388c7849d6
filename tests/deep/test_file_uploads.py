"""Upload over real sockets to real workers, and from a real browser."""

import re
import socket
import struct
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from http.client import HTTPConnection
from pathlib import Path

import pytest
import runner

FOLDER = runner.ROOT / "samples" / "file_uploads"
MEGABYTE = 1_000_000
END = b"\r\n--limit--\r\n"


@contextmanager
def booted(folder, log, **options):
    with runner.boot(folder, log=log, gunicorn=True, **options) as server:
        server.uploads = folder / "instance" / "uploads"
        yield server


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    tmp = tmp_path_factory.mktemp("file_uploads")

    with booted(runner.copy(FOLDER, tmp), tmp / "log") as server:
        yield server


def stored(server):
    return {path.name for path in server.uploads.glob("*")}


def start(filename):
    head = 'Content-Disposition: form-data; name="file"; filename='
    return f'--limit\r\n{head}"{filename}"\r\n\r\n'.encode()


@contextmanager
def posted(server, *pieces, path="/", length=None):
    """Post the pieces, and yield the connection before its response.

    The pieces are chunks unless `length` is the length to announce.
    """
    headers = {"Content-Type": "multipart/form-data; boundary=limit"}

    if length is None:
        headers["Transfer-Encoding"] = "chunked"
    else:
        headers["Content-Length"] = str(length)

    with closing(
        HTTPConnection("127.0.0.1", server.port, timeout=runner.PATIENCE)
    ) as connection:
        # A server that rejects a body might close before it gets all of it.
        with suppress(ConnectionError):
            connection.request(
                "POST", path, pieces, headers, encode_chunked=length is None
            )

        yield connection


def upload(server, filename="a.txt", content=b"content"):
    """Upload a file, and return its stored name."""
    body = start(filename) + content + END

    with posted(server, body, length=len(body)) as connection:
        response = connection.getresponse()

    assert response.status in {302, 303}
    return response.headers["Location"].partition("?uploaded=")[2]


# -- Sockets ----------------------------------------------------------------


def test_concurrent_first_uploads_lose_and_mix_nothing(tmp_path):
    folder = runner.copy(FOLDER, tmp_path)

    def upload_one(number):
        content = b"%d," % number * 50_000
        return upload(server, "日本語.png", content), content

    with (
        booted(folder, tmp_path / "log") as server,
        ThreadPoolExecutor(16) as pool,
    ):
        contents = dict(pool.map(upload_one, range(48)))
        assert stored(server) == contents.keys()
        assert len(contents) == 48

        # Each of the two workers lists the files of the other one.
        for reply in pool.map(runner.fetch, [server.url] * 16):
            assert all(name in reply.text for name in contents)

        for name, content in contents.items():
            reply = runner.fetch(f"{server.url}/uploads/{name}")
            assert reply.body == content

        assert not server.complaints(), server.complaints()


@pytest.mark.parametrize("length", [17_000_200, None])
def test_upload_over_the_limit_shows_an_error(server, length):
    before = stored(server)
    pieces = [start("a.txt"), *[b"a" * MEGABYTE] * 17, END]

    with posted(server, *pieces, length=length) as connection:
        response = connection.getresponse()
        assert response.status == 413
        assert b"too large" in response.read()

    assert stored(server) == before
    assert upload(server) in stored(server)


def test_cut_off_upload_leaves_no_file(server):
    before = stored(server)
    pieces = [start("a.txt"), *[b"a" * MEGABYTE] * 3]

    with posted(server, *pieces, length=9_000_000) as connection:
        connection.sock.shutdown(socket.SHUT_WR)
        assert connection.getresponse().status == 400

    assert stored(server) == before


def test_vanished_senders_leave_no_file_and_block_nobody(server):
    before = stored(server)
    reset = struct.pack("ii", 1, 0)

    for _ in range(16):
        with posted(
            server, start("a.txt"), b"a" * MEGABYTE, length=9_000_000
        ) as connection:
            # Closing sends a reset, as if the power failed.
            connection.sock.setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, reset
            )

    with ThreadPoolExecutor(8) as pool:
        names = set(pool.map(upload, [server] * 16))

    assert stored(server) == before | names


def peaks(server):
    """Return the peak of each worker's memory, in kB."""
    return [
        int(
            re.search(
                r"VmHWM:\s+(\d+)",
                Path(f"/proc/{pid}/status").read_text(encoding="utf-8"),
            )[1]
        )
        for pid in server.workers()
    ]


def test_memory_stays_flat_while_a_large_file_arrives(tmp_path):
    folder = runner.copy(FOLDER, tmp_path)
    pieces = [start("large.pdf"), *[b"a" * MEGABYTE] * 100, END]

    with booted(
        folder, tmp_path / "log", FLASK_MAX_CONTENT_LENGTH="200000000"
    ) as server:
        # Both workers have to be warm before their memory is measured.
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(upload, [server] * 32))

        before = peaks(server)

        with posted(
            server, *pieces, length=sum(map(len, pieces))
        ) as connection:
            assert connection.getresponse().status in {302, 303}

        growth = [
            new - old for old, new in zip(before, peaks(server), strict=True)
        ]
        sizes = [path.stat().st_size for path in server.uploads.iterdir()]

    assert max(sizes) == 100 * MEGABYTE
    assert max(growth) < 10_000


# -- Chromium ---------------------------------------------------------------


@pytest.fixture
def picture(tmp_path):
    path = tmp_path / "夏 & <b>.png"
    path.write_bytes(bytes(range(256)) * 30_000)
    return path


def choose_and_upload(page, path):
    page.set_default_timeout(runner.PATIENCE * 1000)
    page.set_input_files("#upload input", path)
    page.click("#upload button")


def test_bar_moves_while_the_browser_uploads(tmp_path, page, picture):
    folder = runner.copy(FOLDER, tmp_path)

    with booted(folder, tmp_path / "log", prefix="/pre") as server:
        page.goto(f"{server.url}/")
        page.evaluate(
            """() => {
                window.seen = [];
                const bar = document.querySelector("progress");
                new MutationObserver(() => {
                    if (bar.value && bar.checkVisibility())
                        window.seen.push(bar.value / bar.max);
                }).observe(bar, {attributes: true});
            }"""
        )
        page.context.new_cdp_session(page).send(
            "Network.emulateNetworkConditions",
            {
                "offline": False,
                "latency": 0,
                "downloadThroughput": -1,
                "uploadThroughput": 4 * MEGABYTE,
            },
        )
        choose_and_upload(page, picture)
        page.wait_for_selector("progress", state="visible")
        assert page.is_disabled("#upload button")
        name = page.inner_text("[role=status] a")
        seen = page.evaluate("seen")
        assert seen == sorted(seen)
        assert any(0 < place < 1 for place in seen)
        assert page.is_hidden("progress")
        assert page.is_enabled("#upload button")
        reply = runner.fetch(f"{server.url}/uploads/{name}")
        assert reply.body == picture.read_bytes()


def test_page_works_without_javascript(server, scriptless, picture):
    page = scriptless
    page.goto(server.url)
    assert page.is_hidden("progress")
    choose_and_upload(page, picture)

    with page.expect_download() as download:
        page.click("[role=status] a")

    assert download.value.suggested_filename in stored(server)
    assert download.value.path().read_bytes() == picture.read_bytes()
    choose_and_upload(page, FOLDER / "app.py")
    page.wait_for_selector("[role=alert]:has-text('these types')")


def test_page_shows_errors_and_the_next_upload_works(server, page, tmp_path):
    large = tmp_path / "large.png"
    large.write_bytes(bytes(17 * MEGABYTE))
    page.goto(server.url)

    for path, words in (
        (FOLDER / "app.py", "these types"),
        (large, "too large"),
    ):
        choose_and_upload(page, path)
        page.wait_for_selector(f"[role=alert]:has-text('{words}')")
        assert page.is_enabled("#upload button")
        assert page.is_hidden("progress")

    choose_and_upload(page, FOLDER / "requirements.txt")
    assert page.inner_text("[role=status] a").startswith("requirements-")
    assert page.inner_text("[role=alert]") == ""


def test_page_shows_an_error_when_the_connection_breaks(server, page, picture):
    page.goto(server.url)
    page.route("**/*", lambda route: route.abort())
    choose_and_upload(page, picture)
    page.wait_for_selector("[role=alert]:has-text('upload failed')")
    assert page.is_enabled("#upload button")


# -- Somebody else's app ----------------------------------------------------


def lift(folder):
    """Move the views into a blueprint, in the way that the README says."""
    path = folder / "app.py"
    text = path.read_text(encoding="utf-8")
    settings = re.findall(r"^app\.config.*\n", text, re.M)
    text = re.sub(r"^app\.config.*\n", "", text, flags=re.M)
    text = text.replace(
        "app = Flask(__name__)", 'bp = Blueprint("uploads", __name__)'
    )
    text = text.replace("    Flask,\n", "    Blueprint,\n")
    text = text.replace("@app.", "@bp.")
    (folder / "uploads.py").write_text(text, encoding="utf-8")
    factory = [
        "from flask import Flask\n",
        "from uploads import bp\n",
        "def create_app():\n",
        "    app = Flask(__name__)\n",
        *(f"    {line}" for line in settings),
        '    app.register_blueprint(bp, url_prefix="/files")\n',
        "    return app\n",
    ]
    path.write_text("".join(factory), encoding="utf-8")
    page = folder / "templates" / "upload.html"
    text = page.read_text(encoding="utf-8")
    search = '<form><input name="q"><button>Search</button></form><main>'
    page.write_text(text.replace("<main>", search), encoding="utf-8")


def test_views_work_in_a_blueprint_of_a_factory_app(tmp_path, page, picture):
    folder = runner.copy(FOLDER, tmp_path)
    lift(folder)
    bodies = {
        400: start(""),
        415: start("a.exe"),
        413: start("a.txt") + b"a" * 17 * MEGABYTE,
    }

    with booted(folder, tmp_path / "log") as server:
        for status, head in bodies.items():
            body = head + END

            with posted(
                server, body, path="/files/", length=len(body)
            ) as connection:
                response = connection.getresponse()
                assert response.status == status
                assert b'role="alert"' in response.read()

        page.goto(f"{server.url}/files/")
        choose_and_upload(page, picture)
        name = page.inner_text("[role=status] a")
        # Without its script, the form leads to another URL.
        assert page.url == f"{server.url}/files/"
        reply = runner.fetch(f"{server.url}/files/uploads/{name}")
        assert reply.body == picture.read_bytes()
        choose_and_upload(page, FOLDER / "app.py")
        page.wait_for_selector("[role=alert]:has-text('these types')")
