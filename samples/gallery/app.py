"""The gallery: every sample live beside its source, in one process.

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
# The folder that holds the samples: by default the one that holds this.
app.config["SAMPLES"] = ".."
app.config.from_prefixed_env()


# -- The samples ------------------------------------------------------------


def all_samples():
    """Return all samples in teaching order, read from their folders now."""
    folders = Path(app.root_path, app.config["SAMPLES"]).glob("*/app.py")
    found = [read_sample(path.parent) for path in folders]
    found = [sample for sample in found if live.folder(sample.name)]
    return sorted(found, key=lambda sample: (sample.step, sample.name))


# Each sample runs below /live/NAME/ as if it were alone.
app.wsgi_app = live = Live(app)


@app.get("/live/<name>/")
def live_sample(name):
    abort(404, "There is no sample of that name.")


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
        abort(404, "There is no sample of that name.")

    [number] = found
    sample = samples[number]

    # Nothing but what the tabs show, whatever the path says.
    if file not in sample.files:
        abort(404, "The sample has no such file to show.")

    return render_template(
        "pattern.html",
        sample=sample,
        file=file,
        error=live.error(name),
        before=samples[number - 1] if number else None,
        after=next(iter(samples[number + 1 :]), None),
    )
