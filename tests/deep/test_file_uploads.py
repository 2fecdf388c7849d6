"""file_uploads: over sockets to real workers, and from a real browser."""

import os
import re
import signal

import runner
from helpers import edit, flat_memory, together
from hostile import exchange, sized
from playwright.sync_api import expect

MULTIPART = "multipart/form-data; boundary=b"
APP = """from flask import Flask
from uploads import bp

app = Flask(__name__)
{settings}app.register_blueprint(bp, url_prefix="/files")
"""


def multipart(name, content):
    """Return the body of a form with a file."""
    head = 'Content-Disposition: form-data; name="file"; filename='
    return f'--b\r\n{head}"{name}"\r\n\r\n'.encode() + content + b"\r\n--b--"


def upload(server, name, content):
    """Upload a file, and return its stored name."""
    headers = {"Content-Type": MULTIPART}
    body = multipart(name, content)
    reply = runner.fetch(server.url, headers=headers, body=body)
    assert reply.status in (302, 303)
    return reply.headers["Location"].partition("?uploaded=")[2]


# -- Sockets ----------------------------------------------------------------


def test_concurrent_first_uploads_lose_and_mix_nothing(boot):
    with boot() as server:

        def upload_one(number):
            content = b"%d," % number * 50_000
            return upload(server, "日本語.png", content), content

        contents = dict(together(upload_one, 32))
        assert len(contents) == 32

        for name, content in contents.items():
            reply = runner.fetch(f"{server.url}/uploads/{name}")
            assert reply.body == content


def test_cut_off_upload_leaves_no_file(boot, fresh):
    body = multipart("a.txt", bytes(3_000_000))[:-9]
    attack = sized("POST", "/", MULTIPART, body, more=9, cut=True)

    # Werkzeug doesn't close its temporary file, and Python warns about it.
    with boot(failing=True) as server:
        assert exchange(server.port, attack).startswith(b"HTTP/1.1 400 ")
        name = upload(server, "a.txt", b"content")

    [path] = (fresh / "instance" / "uploads").iterdir()
    assert path.name == name


def test_memory_stays_flat_while_a_large_file_arrives(boot):
    with boot(FLASK_MAX_CONTENT_LENGTH="200000000") as server:
        # These are enough to reach both workers.
        together(lambda _: upload(server, "a.txt", b"content"), 32)

        with flat_memory(server, 10_000):
            upload(server, "large.pdf", bytes(100_000_000))


# -- Chromium ---------------------------------------------------------------


def choose_and_upload(page, path):
    page.set_input_files("#upload input", path)
    page.get_by_role("button", name="Upload").click()


def test_bar_moves_while_the_browser_uploads(boot, page, tmp_path):
    picture = tmp_path / "夏 & <b>.png"
    picture.write_bytes(bytes(range(256)) * 60_000)

    # A worker that is stopped for a while doesn't time out.
    with boot("--timeout 0") as server:
        page.goto(server.url)
        bar = page.locator("progress")
        expect(bar).to_be_hidden()
        # While nobody reads, only a part of the file gets onto its way.
        os.killpg(server.process.pid, signal.SIGSTOP)
        choose_and_upload(page, picture)
        page.wait_for_function(
            "document.querySelector('progress').position > 0"
        )
        assert bar.evaluate("(bar) => bar.position") < 1
        expect(bar).to_be_visible()
        expect(page.get_by_role("button", name="Upload")).to_be_disabled()
        os.killpg(server.process.pid, signal.SIGCONT)

        with page.expect_download() as download:
            page.get_by_role("status").get_by_role("link").click()

        assert download.value.path().read_bytes() == picture.read_bytes()
        assert page.url == f"{server.url}/"
        expect(bar).to_be_hidden()


def lift(folder):
    """Move the views into a blueprint, in the way that the README says."""
    text = (folder / "app.py").read_text("utf-8")
    settings = "".join(re.findall(r"^app\.config.*\n", text, re.M))
    edit(folder, settings, "")
    edit(folder, "    Flask,\n", "    Blueprint,\n")
    edit(
        folder, "app = Flask(__name__)", 'bp = Blueprint("uploads", __name__)'
    )
    text = (folder / "app.py").read_text("utf-8").replace("@app.", "@bp.")
    (folder / "uploads.py").write_text(text, "utf-8")
    (folder / "app.py").write_text(APP.format(settings=settings), "utf-8")


def test_page_of_a_blueprint_shows_errors_and_the_next_upload_works(
    boot, fresh, page, tmp_path
):
    lift(fresh)
    large = tmp_path / "large.png"
    large.write_bytes(bytes(17_000_000))
    page_file = fresh / "templates" / "upload.html"

    with boot() as server:
        page.goto(f"{server.url}/files/")

        for path, words in ((page_file, "these types"), (large, "too large")):
            choose_and_upload(page, path)
            expect(page.get_by_role("alert")).to_contain_text(words)

        page.route("**/*", lambda route: route.abort())
        choose_and_upload(page, fresh / "requirements.txt")
        expect(page.get_by_role("alert")).to_contain_text("upload failed")
        page.unroute("**/*")
        choose_and_upload(page, fresh / "requirements.txt")
        expect(page.get_by_role("status")).to_contain_text("requirements-")
        expect(page.get_by_role("alert")).to_be_empty()
