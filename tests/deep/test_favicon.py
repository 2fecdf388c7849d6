"""The icons in Chromium: the tab fetches them, and they are images."""

import struct
import time
from base64 import b64encode

import pytest
import runner

# Draws an image and returns its own width, whether its first pixel is opaque,
# and how many colours it has.
DRAW = """async (url) => {
  const image = new Image();
  image.src = url;
  await image.decode();
  const canvas = new OffscreenCanvas(image.naturalWidth, image.naturalHeight);
  const context = canvas.getContext("2d");
  context.drawImage(image, 0, 0);
  const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
  const colours = new Set(new Uint32Array(data.buffer));
  return [image.naturalWidth, data[3] === 255, colours.size];
}"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    target = tmp_path_factory.mktemp("real")
    return runner.copy(runner.SAMPLES["favicon"], target)


@pytest.fixture(scope="module", params=["", "/pre"])
def url(folder, request, tmp_path_factory):
    log = tmp_path_factory.mktemp("log") / "log"

    with runner.boot(
        folder, log=log, gunicorn=True, prefix=request.param
    ) as server:
        yield server.url
        assert not server.complaints()


@pytest.fixture
def icons(page):
    """{URL: (status, type)} of what Chromium fetches for the tab, as it does.

    Playwright hides these requests; the protocol below it does not. To it
    images of the page are of the type Image, icons of the tab are Other.
    """
    found = {}

    def on_response(event):
        response = event["response"]

        if event["type"] == "Other":
            found[response["url"]] = response["status"], response["mimeType"]

    protocol = page.context.new_cdp_session(page)
    protocol.on("Network.responseReceived", on_response)
    protocol.send("Network.enable")
    return found


def wait_for(page, icons, number):
    deadline = time.monotonic() + runner.PATIENCE

    while len(icons) < number:
        assert time.monotonic() < deadline, icons
        page.wait_for_timeout(20)


def test_the_tab_fetches_the_icons_that_are_linked(url, page, icons):
    page.goto(f"{url}/")
    wait_for(page, icons, 2)
    assert icons == {
        f"{url}/favicon.ico": (200, "image/vnd.microsoft.icon"),
        f"{url}/static/icon.svg": (200, "image/svg+xml"),
    }


@pytest.mark.parametrize("url", [""], indirect=True)
def test_the_tab_of_a_page_without_links_guesses_the_icon(url, page, icons):
    page.goto(f"{url}/missing")
    wait_for(page, icons, 1)
    assert icons == {f"{url}/favicon.ico": (200, "image/vnd.microsoft.icon")}


@pytest.mark.parametrize(
    ("path", "width", "opaque"),
    [
        ("/favicon.ico", 48, False),
        ("/apple-touch-icon.png", 180, True),
        ("/static/icon.svg", 150, False),
    ],
)
def test_every_icon_is_an_image(url, page, path, width, opaque):
    page.goto(f"{url}/")
    drawn = page.evaluate(DRAW, url + path)
    assert drawn[:2] == [width, opaque]
    assert drawn[2] > 2


def test_the_icon_is_an_image_in_each_of_its_sizes(folder, page):
    data = (folder / "static" / "favicon.ico").read_bytes()

    for place, size in enumerate((16, 32, 48)):
        length, offset = struct.unpack_from("<II", data, 6 + 16 * place + 8)
        png = b64encode(data[offset : offset + length]).decode()
        drawn = page.evaluate(DRAW, f"data:image/png;base64,{png}")
        assert drawn[:2] == [size, False]
        assert drawn[2] > 2


def test_the_svg_has_colours_of_its_own_for_the_dark(url, page):
    page.goto(f"{url}/static/icon.svg")
    fills = []

    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        fills.append(
            page.evaluate(
                "['rect', 'path'].map((one) =>"
                " getComputedStyle(document.querySelector(one)).fill)"
            )
        )

    assert len({fill for pair in fills for fill in pair}) == 4
