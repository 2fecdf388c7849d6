"""Write the gallery as static files into `site`, for `make site`.

The pages are those of `make run`, with a picture of each app in place of the
app. Their links are relative, so they work below any URL, and as files.
"""

import shutil
import sys
import tempfile
import warnings
from pathlib import Path

import runner
from flask_frozen import Freezer, MissingURLGeneratorWarning
from playwright.sync_api import sync_playwright

SIZE = {"width": 640, "height": 640}  # pixels of a picture


def browser_path():
    """Return the path of the system's browser, or None for Playwright's."""
    names = ("chromium", "google-chrome", "chrome")
    return next(filter(None, map(shutil.which, names)), None)


def take_pictures(samples, folder, names):
    """Save a picture of each live app as `folder`/NAME.png."""
    folder.mkdir(exist_ok=True)

    with (
        runner.boot(samples / "gallery", log=samples / "log") as server,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(
            executable_path=browser_path(), args=["--no-sandbox"]
        )
        page = browser.new_page(viewport=SIZE)
        page.set_default_timeout(runner.PATIENCE * 1000)

        for name in names:
            page.goto(f"{server.url}/live/{name}/")
            page.screenshot(path=folder / f"{name}.png")

        browser.close()


def freeze(samples, site):
    """Write all pages into the folder `site`. Return their number."""
    sys.path.insert(0, str(samples / "gallery"))
    from app import app  # noqa: PLC0415

    app.config.update(
        LIVE=False,
        FREEZER_DESTINATION=site,
        FREEZER_RELATIVE_URLS=True,
        # Before 3.12, Python has another name for the type of scripts.
        FREEZER_IGNORE_MIMETYPE_WARNINGS=True,
    )
    # Frozen-Flask looks up the view of each rule, but this rule has none.
    app.view_functions["live_sample"] = None
    # No page links to a live app.
    warnings.simplefilter("ignore", MissingURLGeneratorWarning)
    return len(Freezer(app).freeze())


def main():
    site = Path(sys.argv[1] if sys.argv[1:] else runner.ROOT / "site")

    with tempfile.TemporaryDirectory() as tmp:
        samples = Path(tmp, "samples")
        shutil.copy(runner.ROOT / "README.md", tmp)

        for sample in runner.SAMPLES.values():
            runner.copy(sample, samples)

        pictures = samples / "gallery" / "static" / "pictures"
        take_pictures(samples, pictures, runner.SAMPLES.keys() - {"gallery"})
        count = freeze(samples, site.resolve())

    print(f"There are {count} pages and files in {site}.")


if __name__ == "__main__":
    main()
