"""Every sample starts, works, and passes its own test, wherever it stands."""

import re
import shlex
import shutil
import sys
from pathlib import Path

import mistakes
import pytest
import runner
from crawl import Page, crawl

# What *Try it* in a README can run.
PROGRAMS = ("curl", "flask", "python", "celery")


def test_own_test_passes_in_an_environment_of_its_own(sample, tmp_path):
    folder = runner.copy(sample, tmp_path / "samples")
    env = tmp_path / "env"
    packages = ["-r", "requirements.txt", "pytest>=9"]
    uv = shutil.which("uv", path=Path(sys.executable).parent) or "uv"

    # With `make test-lowest`, these are the lowest versions that the sample
    # allows, of indirect packages as well.
    for command in (
        ["venv", "--python", sys.executable, env],
        ["pip", "install", "--python", env, *packages],
    ):
        done = runner.run([uv, *command], cwd=folder)
        assert done.returncode == 0, done.stderr

    # From the root. The exercises run the tests inside their folder.
    done = runner.own_tests(
        tmp_path,
        *("-W", "error", f"samples/{sample.name}"),
        python=env / "bin" / "python",
    )
    assert done.returncode == 0, (
        f"{done.stdout}{done.stderr}\nDoes requirements.txt name everything"
        " that the sample imports?"
    )
    assert runner.contents(folder) == runner.contents(sample), (
        "The test wrote into its folder. Write below tmp_path."
    )


@pytest.mark.parametrize("gunicorn", [False, True])
def test_first_start_works(sample, tmp_path, gunicorn):
    """`flask run` from the root, or gunicorn with two workers."""
    folder = runner.copy(sample, tmp_path / "samples")
    options = {"app": f"samples/{sample.name}/app", "gunicorn": gunicorn}
    paths = [
        rule
        for rule, methods in runner.routes(sample)
        if "GET" in methods and "<" not in rule
    ]

    with runner.boot(
        folder if gunicorn else tmp_path, log=tmp_path / "log", **options
    ) as server:
        if gunicorn:
            assert len(server.workers()) == 2
            # Often enough that both workers respond.
            paths += ["/"] * 6

        for path in paths:
            reply = runner.fetch(server.url + path)
            assert reply.status < (400 if path == "/" else 500), path

        assert not server.complaints(), server.complaints()

    assert runner.contents(folder) == runner.contents(sample), (
        "The sample wrote into its folder. Write below app.instance_path."
    )


def test_programming_errors_are_shown(sample, tmp_path):
    """A test of the sample fails with the traceback, whatever the mistake."""
    folder = runner.copy(sample, tmp_path)
    errors = mistakes.programming_errors(folder)
    hidden = [
        what
        for what, _, output in mistakes.tried(folder, errors)
        if what.split()[0] not in output
    ]
    assert not hidden, (
        f"samples/{sample.name} catches these errors, or no test of it reaches"
        f" them: {', '.join(hidden)}. Don't catch what a mistake in the code"
        " raises, or add a test."
    )


# -- Under a prefix ---------------------------------------------------------


def test_urls_stay_under_a_prefix(sample, tmp_path):
    """All links, forms, and redirects stay under the prefix /pre."""
    folder = runner.copy(sample, tmp_path)

    with runner.boot(
        folder, log=tmp_path / "log", gunicorn=True, workers=1, prefix="/pre"
    ) as server:
        host = server.url.removesuffix("/pre")

        for page in crawl(server):
            urls = [*page.links, *(url for _, url, _ in page.forms)]

            for method, url, fields in page.forms:
                if method == "POST" and url.startswith(server.url):
                    reply = runner.fetch(url, fields)
                    assert reply.status < 500, (url, fields)
                    urls += Page(url, reply).links

            for url in urls:
                inside = re.match(rf"{server.url}(/|$)", url)
                assert inside or not url.startswith(f"{host}/"), (
                    f"{page.url} leads to {url}, which isn't under the prefix."
                    " Build the URL with url_for()."
                )

        assert not server.complaints(), server.complaints()


# -- Try it -----------------------------------------------------------------


def normal(output):
    """Return the output without what differs between versions of Flask."""
    output = output.replace("\r", "").strip()
    statuses = r"^(HTTP/1.1 30)[23].*|^(HTTP/1.1 \d+).*"
    return re.sub(statuses, r"\1\2", output, flags=re.M)


def commands(text):
    """Return [(command, output)] of all console blocks in the text."""
    blocks = "".join(re.findall(r"```console\n(.*?)```", text, re.S))
    return re.findall(r"^\$ (.+)\n((?:(?!\$ ).*\n)*)", blocks, re.M)


def matches(expected, output):
    """Return whether the output is as expected. `...` stands for any text."""
    parts = map(re.escape, normal(expected).split("..."))
    return re.fullmatch(".*".join(parts), normal(output), re.S)


def test_try_it_prints_what_the_readme_says(sample, tmp_path):
    tried = commands(runner.section(sample, "Try it"))
    assert tried, 'Write console blocks with "$ curl …" under "## Try it".'
    folder = runner.copy(sample, tmp_path)

    # This is the first start in the folder, as the README tells to start it.
    with runner.boot(folder, log=tmp_path / "log") as server:
        for command, expected in tried:
            words = shlex.split(command)
            assert words[0] in PROGRAMS and not {*"|<>;&\\"} & {*words}, (
                f'Under "## Try it", use only {PROGRAMS} and no pipe, because'
                " Windows doesn't have other programs. `...` in the output"
                f" stands for any text. Now it's\n$ {command}"
            )

            if words[0] != "curl":
                # `flask` and `python` are those of this environment.
                words[0] = str(Path(sys.executable).with_name(words[0]))

            port = f":{server.port}"
            words = [word.replace(":8000", port) for word in words]
            output = runner.run(words, cwd=folder).stdout
            output = output.replace(port, ":8000")
            assert matches(expected, output), (
                f'Under "## Try it", the README says that\n$ {command}\n'
                f"prints\n{expected}\nbut it prints\n{output}"
            )

        assert not server.complaints(), server.complaints()
