import io
import re
from uuid import UUID

import pytest
from app import app

# Werkzeug leaves the temporary file of a request that it gives up to Python.
LEFT_OPEN = pytest.mark.filterwarnings("ignore:Unclosed file:ResourceWarning")

# Gunicorn says so, and Werkzeug then reads a body in another way.
GUNICORN = {"wsgi.input_terminated": True}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setitem(app.config, "UPLOAD_FOLDER", tmp_path / "uploads")
    return tmp_path / "uploads"


@pytest.fixture
def client():
    return app.test_client()


def get(client, url, method="GET", **kwargs):
    # Read and close: a response that sends a file keeps it open.
    with client.open(url, method=method, **kwargs) as response:
        response.get_data()
        return response


def upload(client, filename="a.txt", content=b"content", **kwargs):
    data = {"file": (io.BytesIO(content), filename)}
    return client.post("/", data=data, **kwargs)


def stored_name(response):
    assert response.status_code == 303
    assert response.location.startswith("/?uploaded=")
    return response.location.removeprefix("/?uploaded=")


def stored_files(folder):
    found = folder.glob("*")
    return [path.name for path in found if path.name != "names.db"]


def multipart(filename, content=b"content"):
    return b"\r\n".join(
        [
            b"--limit",
            b'Content-Disposition: form-data; name="file"; filename="%b"'
            % filename,
            b"",
            content,
            b"--limit--",
            b"",
        ]
    )


def send(client, body, **kwargs):
    content_type = "multipart/form-data; boundary=limit"
    return client.post("/", data=body, content_type=content_type, **kwargs)


# -- A Gentle Introduction --------------------------------------------------


def test_the_page_has_a_form_that_sends_files(client):
    page = get(client, "/")
    assert page.status_code == 200
    assert "<h1>Uploading Files</h1>" in page.text
    assert 'enctype="multipart/form-data"' in page.text
    assert "txt, pdf, png, jpg, jpeg, gif; at most\n" in page.text
    assert "16.0 MB" in page.text
    assert "has arrived" not in page.text


@pytest.mark.parametrize("environ", [{}, GUNICORN])
def test_an_upload_is_stored_linked_to_and_sent(client, environ):
    content = bytes(range(256)) * 1_000
    response = upload(client, "a.png", content, environ_overrides=environ)
    name = stored_name(response)
    page = get(client, response.location)
    link = f'<a href="/uploads/{name}">a.png</a>'
    assert re.search(rf'role="status">\s*{link}\s*has arrived', page.text)
    assert get(client, f"/uploads/{name}").data == content


def test_files_are_listed_newest_first(client):
    names = [f"{letter}.txt" for letter in "bacd"]

    for name in names:
        upload(client, name)

    listed = re.findall(r"<li><a [^>]+>(.+)</a>", get(client, "/").text)
    assert listed == names[::-1]


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"file": "text"},
        {"other": (io.BytesIO(b"content"), "a.txt")},
        {"file": (io.BytesIO(b""), "")},
        {"file": [(io.BytesIO(b"1"), "1.txt"), (io.BytesIO(b"2"), "2.txt")]},
    ],
)
def test_anything_but_one_named_file_is_refused_on_the_page(
    client, folder, form
):
    response = client.post(
        "/", data=form, content_type="multipart/form-data; boundary=limit"
    )
    assert response.status_code == 400
    assert '<p role="alert">Choose one file' in response.text
    assert "<form" in response.text
    assert stored_files(folder) == []


@pytest.mark.parametrize(
    "content_type",
    ["application/x-www-form-urlencoded", "multipart/form-data", "", "a/b"],
)
def test_a_body_that_is_no_upload_is_refused(client, content_type):
    response = client.post("/", data="file=a", content_type=content_type)
    assert response.status_code == 400
    assert "Choose one file" in response.text


def test_a_download_is_never_shown_as_a_page(client):
    name = stored_name(upload(client, "a.txt", b"<script>alert(1)</script>"))
    headers = get(client, f"/uploads/{name}").headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Content-Disposition"] == f"attachment; filename={name}"
    assert headers["Content-Type"] == "text/plain; charset=utf-8"


def test_a_download_can_be_resumed_and_revalidated(client):
    url = f"/uploads/{stored_name(upload(client, content=b'0123456789'))}"
    head = get(client, url, method="HEAD")
    assert (head.status_code, head.data) == (200, b"")
    assert head.content_length == 10
    part = get(client, url, headers={"Range": "bytes=4-6"})
    assert (part.status_code, part.data) == (206, b"456")
    beyond = get(client, url, headers={"Range": "bytes=20-"})
    assert beyond.status_code == 416
    assert beyond.headers["Content-Range"] == "bytes */10"
    known = get(client, url, headers={"If-None-Match": head.headers["ETag"]})
    assert (known.status_code, known.data) == (304, b"")


@pytest.mark.parametrize(
    "name", ["missing.txt", "names.db", "..%2fapp.py", "%00", "n" * 5000]
)
def test_only_uploads_are_sent(client, name):
    upload(client)
    assert get(client, f"/uploads/{name}").status_code == 404


@pytest.mark.parametrize("name", ["", "missing.txt", "<script>", "%00%ff"])
def test_the_page_says_nothing_of_what_did_not_arrive(client, name):
    upload(client)
    page = get(client, f"/?uploaded={name}")
    assert page.status_code == 200
    assert "has arrived" not in page.text
    assert "<script>" not in page.text


@pytest.mark.parametrize("elsewhere", [False, True])
def test_a_relative_folder_is_below_the_instance_folder(
    client, tmp_path, monkeypatch, elsewhere
):
    monkeypatch.setattr(app, "instance_path", str(tmp_path / "instance"))
    monkeypatch.setitem(app.config, "UPLOAD_FOLDER", "some/files")

    if elsewhere:
        monkeypatch.chdir(tmp_path)

    name = stored_name(upload(client))
    assert (tmp_path / "instance/some/files" / name).is_file()
    assert get(client, f"/uploads/{name}").data == b"content"


# -- Improving Uploads ------------------------------------------------------


@pytest.mark.parametrize(
    ("filename", "extension"),
    [
        ("a.txt", "txt"),
        ("A.B.PNG", "png"),
        ("日本語.png", "png"),
        (".jpeg", "jpeg"),
        ("   .gif", "gif"),
        ("../../app.pdf", "pdf"),
        ("C:/a/b.jpg", "jpg"),
        ("/etc/passwd.txt", "txt"),
        ("n" * 300 + ".txt", "txt"),
        ("a.html\0.txt", "txt"),
    ],
)
def test_the_stored_name_is_ours_and_the_given_one_is_for_showing(
    client, folder, filename, extension
):
    response = send(client, multipart(filename.encode()))
    name = stored_name(response)
    stem, dot, ending = name.partition(".")
    assert (UUID(stem).version, dot, ending) == (4, ".", extension)
    assert stored_files(folder) == [name]
    assert [path.name for path in folder.parent.iterdir()] == ["uploads"]
    assert f">{filename}</a>" in get(client, response.location).text
    disposition = get(client, f"/uploads/{name}").headers[
        "Content-Disposition"
    ]
    assert disposition == f"attachment; filename={name}"


def test_equal_names_do_not_overwrite_each_other(client):
    urls = [
        f"/uploads/{stored_name(upload(client, 'a.txt', content))}"
        for content in (b"first", b"second")
    ]
    assert [get(client, url).data for url in urls] == [b"first", b"second"]
    assert get(client, "/").text.count(">a.txt</a>") == 2


def test_a_given_name_is_escaped(client):
    upload(client, "<img src=x onerror=alert(1)>.png")
    page = get(client, "/").text
    assert "&lt;img src=x onerror=alert(1)&gt;.png" in page
    assert "<img" not in page


def test_an_endless_name_does_not_fill_the_page(client):
    upload(client, "n" * 100_000 + ".txt")
    assert len(get(client, "/").text) < 5_000


@pytest.mark.parametrize(
    "filename",
    [
        "a.html",
        "a.svg",
        "a.txt.exe",
        "txt",
        "a.",
        "a.png ",
        "a.txt\0",
        ".",
        "/",
    ],
)
def test_other_types_are_refused_on_the_page(client, folder, filename):
    response = send(client, multipart(filename.encode()))
    assert response.status_code == 415
    assert "Choose a file of type txt, pdf, png" in response.text
    assert "<form" in response.text
    assert stored_files(folder) == []


def test_a_request_over_16_million_bytes_is_refused_on_the_page(
    client, folder
):
    response = send(client, multipart(b"a.txt", b"a" * 16_000_000))
    assert response.status_code == 413
    assert '<p role="alert">The data value transmitted' in response.text
    assert stored_files(folder) == []
    response = send(client, multipart(b"a.txt", b"a" * 15_999_000))
    assert response.status_code == 303


@LEFT_OPEN
def test_a_chunked_upload_is_limited_too(client, folder, monkeypatch):
    monkeypatch.setitem(app.config, "MAX_CONTENT_LENGTH", 10_000)
    chunked = GUNICORN | {
        "CONTENT_LENGTH": "",
        "HTTP_TRANSFER_ENCODING": "chunked",
    }

    for size, status in ((9_000, 303), (10_000, 413), (100_000, 413)):
        response = upload(
            client, content=b"a" * size, environ_overrides=chunked
        )
        assert response.status_code == status

    assert len(stored_files(folder)) == 1


@LEFT_OPEN
@pytest.mark.parametrize("environ", [{}, GUNICORN])
@pytest.mark.parametrize("end", [b"Cont", b"a.txt", b"text", b"--limit"])
def test_an_upload_that_is_cut_off_leaves_no_file(
    client, folder, environ, end
):
    body = multipart(b"a.txt", b"some text\r\nand more")
    length = {"CONTENT_LENGTH": str(len(body))}
    cut = body[: body.rindex(end) + len(end)]
    response = send(client, cut, environ_overrides=length | environ)
    assert response.status_code == 400
    assert "<form" in response.text
    assert stored_files(folder) == []


def test_a_name_that_cannot_be_stored_leaves_no_file(client, folder):
    folder.mkdir()
    (folder / "names.db").write_bytes(b"no database" * 100)
    assert upload(client).status_code == 500
    assert stored_files(folder) == []


def test_without_a_folder_to_write_to_the_answer_is_503(client, folder):
    folder.write_text("not a folder")
    empty = client.post("/")

    for response in (client.get("/"), upload(client), empty):
        assert response.status_code == 503
        assert "not available" in response.text


def test_other_errors_keep_their_own_answers(client):
    response = client.put("/")
    assert response.status_code == 405
    assert "POST" in response.headers["Allow"]
    response = client.post("/", headers={"Host": "red..localhost"})
    assert response.status_code == 400


# -- Upload Progress Bars ---------------------------------------------------


def test_the_page_has_a_bar_that_waits_for_the_script(client):
    page = get(client, "/").text
    assert '<label hidden>Sent <progress value="0"></progress></label>' in page


def test_no_route_tells_how_much_has_arrived():
    rules = {rule.rule for rule in app.url_map.iter_rules()}
    assert rules == {"/", "/uploads/<name>", "/static/<path:filename>"}


# -- An Easier Solution -----------------------------------------------------


def test_the_script_asks_the_browser_how_much_it_has_sent(client):
    page = get(client, "/").text
    [url] = re.findall(r'<script src="(.+)" defer>', page)
    assert (
        'request.upload.addEventListener("progress"' in get(client, url).text
    )


def test_every_answer_has_the_part_that_the_script_shows(client):
    refused = upload(client, "a.exe")
    arrived = get(client, upload(client).location)

    for page in (refused, arrived):
        assert page.text.count('<div id="result">') == 1
        assert page.text.count('role="alert"') == 1


def test_links_forms_and_redirects_stay_below_a_prefix(client):
    base = "http://localhost/pre"
    response = upload(client, base_url=base)
    assert response.location.startswith("/pre/?uploaded=")
    page = get(client, response.location.removeprefix("/pre"), base_url=base)
    found = re.findall(r'(?:src|href|action)="([^"]*)"', page.text)
    assert len(found) == 4
    assert all(url.startswith("/pre/") for url in found)
