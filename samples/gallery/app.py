"""The gallery: run every sample next to its source, in one process.

Run:  flask --app app run --port 8000
Try:  curl "localhost:8000/?q=cookie"
      curl localhost:8000/live/flashing/
"""

from itertools import groupby
from pathlib import Path

from flask import Flask, abort, render_template, request
from live import Live
from reading import read_sample

app = Flask(__name__)
# The folder with the samples. By default, it's the gallery's parent folder.
app.config["SAMPLES"] = ".."
app.config.from_prefixed_env()


# -- The samples ------------------------------------------------------------


def all_samples():
    """Read all samples from their folders. Return them in teaching order."""
    folders = Path(app.root_path, app.config["SAMPLES"]).glob("*/app.py")
    found = [read_sample(path.parent) for path in folders]
    found = [sample for sample in found if live.folder(sample.name)]
    return sorted(found, key=lambda sample: (sample.step, sample.name))


app.wsgi_app = live = Live(app)


# This rule is only for url_for(). `live` handles the requests, so the view
# runs only if there is no such sample.
@app.get("/live/<name>/")
def live_sample(name):
    abort(404, "There is no sample with this name.")


# -- The pages --------------------------------------------------------------


@app.get("/")
def index():
    query = request.args.get("q", "")
    samples = [sample for sample in all_samples() if sample.has(query)]
    themes = groupby(samples, key=lambda sample: sample.theme)
    return render_template("index.html", themes=themes, query=query)


@app.get("/pattern/<name>/")
@app.get("/pattern/<name>/<path:file>")
def pattern(name, file="app.py"):
    samples = all_samples()
    found = [n for n, sample in enumerate(samples) if sample.name == name]

    if not found:
        abort(404, "There is no sample with this name.")

    [number] = found
    sample = samples[number]

    # Show only files that have a tab, so that a path can't reach any other
    # file.
    if file not in sample.files:
        abort(404, "The sample doesn't show a file with this name.")

    return render_template(
        "pattern.html",
        sample=sample,
        file=file,
        error=live.error(name),
        before=samples[number - 1] if number else None,
        after=next(iter(samples[number + 1 :]), None),
    )
