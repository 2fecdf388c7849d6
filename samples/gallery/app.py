"""The gallery: run every sample next to its source, in one process.

Run:  flask --app app run --port 8000
Try:  curl "localhost:8000/?q=cookie"
      curl localhost:8000/live/flashing/
"""

from itertools import groupby
from pathlib import Path

from flask import Flask, abort, render_template, request, send_file
from live import Live
from reading import (
    anchor,
    live_commands,
    markdown_html,
    rank,
    read_sample,
    read_workshops,
    search_index,
    zip_folder,
)

app = Flask(__name__)
# The folder with the samples. By default, it's the gallery's parent folder.
app.config["SAMPLES"] = ".."
# If this is False, the pages show a picture of each sample.
app.config["LIVE"] = True
app.config.from_prefixed_env()

live = Live(app)
# Pass requests for /live/NAME/ to that sample, and all others to the gallery.
app.wsgi_app = live
# This rule is only for url_for(), because `live` serves these URLs.
app.add_url_rule("/live/<name>/", endpoint="live_sample", build_only=True)

for template_filter in (anchor, live_commands, markdown_html):
    app.add_template_filter(template_filter)


# -- The samples ------------------------------------------------------------


def all_samples():
    """Read all samples. Return {name: sample} in teaching order."""
    folders = Path(app.root_path, app.config["SAMPLES"]).glob("*")
    found = [read_sample(path) for path in folders if live.folder(path.name)]
    found.sort(key=lambda sample: (sample.step, sample.name))
    return {sample.name: sample for sample in found}


def all_workshops():
    """Return {slug: workshop} from the README next to the samples' folder."""
    return read_workshops(Path(app.root_path, app.config["SAMPLES"], ".."))


# -- The pages --------------------------------------------------------------


@app.get("/")
def index():
    samples = all_samples()
    query = request.args.get("q", "").strip()
    found = rank(search_index(samples.values()), query) if query else []
    return render_template(
        "index.html",
        query=query,
        found=[samples[name] for name in found],
        themes=groupby(samples.values(), key=lambda sample: sample.theme),
        workshops=all_workshops(),
    )


@app.get("/search.js")
def search_data():
    """Return the search index as a script, which needs no server to load."""
    data = app.json.dumps(search_index(all_samples().values()))
    return app.response_class(
        f"const SEARCH = {data};\n", mimetype="text/javascript"
    )


@app.get("/pattern/<name>/")
@app.get("/workshop/<slug>/<name>/")
def pattern(name, slug=None):
    samples = all_samples()
    workshop = None
    order = list(samples)

    if slug:
        workshop = all_workshops().get(slug)

        if workshop is None:
            abort(404, "There is no workshop with this name.")

        order = workshop.names

    if name not in samples or name not in order:
        abort(404, "There is no sample with this name.")

    number = order.index(name)
    before = order[number - 1] if number else None
    after = order[number + 1] if number + 1 < len(order) else None
    return render_template(
        "pattern.html",
        sample=samples[name],
        error=live.load(name) if app.config["LIVE"] else "",
        workshop=workshop,
        slug=slug,
        number=number + 1,
        before=samples.get(before),
        after=samples.get(after),
    )


@app.get("/zip/<name>.zip")
def download(name):
    sample = all_samples().get(name)

    if sample is None:
        abort(404, "There is no sample with this name.")

    file = zip_folder(sample.folder)
    return send_file(file, "application/zip", download_name=f"{name}.zip")
