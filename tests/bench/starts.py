"""What a pattern costs until the first page."""

import ast
import re
import shutil
import statistics

import runner
from bench.measure import Row, first_page, measure, show, write_app
from werkzeug.security import generate_password_hash

MODULES = 200

BARE = """
from flask import Flask
app = Flask(__name__)
app.add_url_rule("/", "bare", lambda: "ok")
"""


def imports(folder):
    """Return the sample's import statements, but for its own modules'."""
    own = {path.stem for path in folder.rglob("*")}
    texts = [path.read_text("utf-8") for path in runner.sources(folder)]
    nodes = [node for text in texts for node in ast.parse(text).body]
    found = {
        ast.unparse(node): getattr(node, "module", None) or node.names[0].name
        for node in nodes
        if isinstance(node, ast.Import | ast.ImportFrom)
    }
    lines = [line for line, m in found.items() if m.split(".")[0] not in own]
    return "\n".join(line for line in lines if "from ." not in line)


def boot(samples, tmp):
    folders = [write_app(tmp / "bare", BARE)]

    for name, folder in samples.items():
        text = imports(folder) + BARE
        folders += [folder, write_app(tmp / "imports" / name, text)]

    ways = [lambda folder=folder: first_page(folder) for folder in folders]
    plain, *times = measure(*ways)
    [hashing] = measure(lambda: generate_password_hash("secret"))

    for name, sample, limit in zip(
        samples, times[::2], times[1::2], strict=True
    ):
        more = statistics.median(sample) - statistics.median(limit)
        why = f"Its own code and first page add {more * 1e3:.0f} ms."
        text = (samples[name] / "app.py").read_text("utf-8")

        # Not indented, so at start.
        if count := len(re.findall(r"^\S.*password_hash\(", text, re.M)):
            why += (
                " It hashes passwords at start:"
                f" {count} of {show(hashing)} each."
            )

        yield Row(
            pattern=name,
            what="start to first page",
            sample=sample,
            limit=limit,
            limit_is="a bare app with the same imports",
            plain=plain,
            plain_is="a bare app",
            why=why,
        )


def lazy(samples, tmp):
    views = [f"v{number}" for number in range(MODULES)]
    app = (samples["lazy_loading"] / "app.py").read_text("utf-8")
    rule = 'app.add_url_rule("/{0}", "{0}.index", {1})\n'
    folders = []

    for line in (
        'url("{0}.index", ["/{0}"])\n',
        rule.replace("{1}", "status"),
        "import {0}\n" + rule.replace("{1}", "{0}.index"),
    ):
        text = app + "\n" + "".join(map(line.format, views))
        folders.append(write_app(tmp / f"lazy{len(folders)}", text))

        for name in ("views", *views):
            source = samples["lazy_loading"] / "views.py"
            shutil.copy(source, folders[-1] / f"{name}.py")

    sample, limit, plain = measure(
        *(lambda folder=folder: first_page(folder) for folder in folders)
    )
    yield Row(
        pattern="lazy_loading",
        what=f"start to first page, {MODULES} view modules",
        sample=sample,
        limit=limit,
        limit_is="all rules, no view module",
        plain=plain,
        plain_is="all imported at start",
        why="The modules are small, copies of the sample's own.",
    )
