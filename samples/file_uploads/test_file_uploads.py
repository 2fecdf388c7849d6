import io
import os
import re

import pytest
from app import ALLOWED_EXTENSIONS, app

EXTENSION = ALLOWED_EXTENSIONS[0]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setitem(app.config, "UPLOAD_FOLDER", tmp_path)
    return tmp_path


@pytest.fixture
def client():
    return app.test_client()


def upload(client, filename=f"a.{EXTENSION}", content=b"content"):
    return client.post("/", data={"file": (io.BytesIO(content), filename)})


def stored_name(response):
    assert response.status_code in (302, 303)
    assert response.location.startswith("/?uploaded=")
    return response.location.removeprefix("/?uploaded=")


def assert_error(response, status, words):
    assert response.status_code == status
    assert words in response.text.split('role="alert"')[1]
    assert "<form" in response.text
    # Nothing was stored, so the page lists no file.
    assert "<li>" not in response.text


# -- A Gentle Introduction --------------------------------------------------


def test_page_has_a_form_that_sends_files_and_names_the_types(client):
    page = client.get("/").text
    assert 'enctype="multipart/form-data"' in page
    assert ", ".join(ALLOWED_EXTENSIONS) in page


def test_page_lists_the_newest_file_first(client, folder):
    for name, time in (("a.txt", 2), ("b.txt", 3), ("c.txt", 1)):
        (folder / name).touch()
        os.utime(folder / name, (time, time))

    listed = re.findall("<li><a [^>]*>(.*?)</a>", client.get("/").text)
    assert listed == ["b.txt", "a.txt", "c.txt"]


def test_upload_file_leads_to_a_page_that_links_to_the_file(client, folder):
    name = stored_name(upload(client, content=b"\0\r\n\xff"))
    assert (folder / name).read_bytes() == b"\0\r\n\xff"
    link = f'<a href="/uploads/{name}">{name}</a>'
    assert client.get(f"/?uploaded={name}").text.count(link) == 2


def test_upload_file_shows_an_error_when_no_file_is_chosen(client):
    assert_error(upload(client, filename="", content=b""), 400, "No file")


@pytest.mark.parametrize("name", ["a.{}.bad", "{}", "a.{}x", "a.", ".{}"])
def test_upload_file_shows_an_error_when_the_type_is_not_allowed(client, name):
    assert_error(upload(client, name.format(EXTENSION)), 415, "these types")


@pytest.mark.parametrize(
    ("sent", "start"),
    [("日本語", "file-"), ("../../x", "x-"), ("n" * 300, "n" * 100 + "-")],
)
def test_upload_file_stores_a_safe_name(client, folder, sent, start):
    name = stored_name(upload(client, f"{sent}.{EXTENSION.upper()}"))
    assert name.startswith(start)
    assert name.endswith(f".{EXTENSION}")
    assert [path.name for path in folder.iterdir()] == [name]


def test_upload_file_does_not_overwrite_a_file_with_the_same_name(
    client, folder
):
    upload(client, content=b"first")
    upload(client, content=b"second")
    contents = {path.read_bytes() for path in folder.iterdir()}
    assert contents == {b"first", b"second"}


def test_download_file_sends_an_attachment_and_never_a_page(client, folder):
    (folder / "a.txt").write_bytes(b"<script>alert(1)</script>")

    with client.get("/uploads/a.txt") as response:
        assert response.text == "<script>alert(1)</script>"
        assert "attachment" in response.headers["Content-Disposition"]
        assert response.headers["X-Content-Type-Options"] == "nosniff"


def test_files_are_found_again_when_the_folder_is_relative(
    client, tmp_path, monkeypatch
):
    monkeypatch.setitem(app.config, "UPLOAD_FOLDER", "some/files")
    monkeypatch.setattr(app, "instance_path", str(tmp_path / "instance"))
    monkeypatch.chdir(tmp_path)
    name = stored_name(upload(client, content=b"content"))

    with client.get(f"/uploads/{name}") as response:
        assert response.data == b"content"


# -- Improving Uploads ------------------------------------------------------


def test_too_large_file_shows_an_error_on_the_page(client, monkeypatch):
    monkeypatch.setitem(app.config, "MAX_CONTENT_LENGTH", 1000)
    assert_error(upload(client, content=b"a" * 1000), 413, "too large")


# -- An Easier Solution -----------------------------------------------------


def test_page_loads_a_script_that_watches_the_upload(client):
    [url] = re.findall('<script src="(.*?)"', client.get("/").text)

    with client.get(url) as response:
        assert 'upload.addEventListener("progress"' in response.text
