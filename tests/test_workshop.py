"""The exercise and the *Break it* edit in each README work as it says."""

import re
import shlex
import socket
import subprocess
from pathlib import Path

import pytest
import runner
import workshop

NO_TESTS = 5  # an exit code of pytest


@pytest.fixture
def steps(sample):
    """The steps of the exercise, unless the README has no *Teach it*."""
    if not runner.section(sample, "Teach it"):
        return []

    found = workshop.steps(sample)
    assert found, (
        f'{sample.name}/README.md: write a numbered list below "**Exercise:**"'
        " in *Teach it*, such as: 1. `function_name`: hint. Then `pytest -k"
        " name_of_test` passes."
    )
    return found


def test_exercise_blanks_regions_and_hints_how_to_write_them(
    sample, steps, tmp_path
):
    named = {
        name
        for file in workshop.files(sample)
        for name in workshop.regions(sample / file, file)
    }

    for step in steps:
        where = f"{sample.name}/README.md, exercise, `{step.name}`:"
        assert step.name in named, (
            f"{where} write the name of a function, `@view`, a file, or `file:"
            f" Heading`. The names are: {', '.join(sorted(named))}"
        )
        assert step.command, (
            f"{where} end the hint with: Then `pytest -k EXPRESSION` passes."
        )

    made = workshop.make_exercise(sample, tmp_path)
    text = "".join(
        (made / file).read_text(encoding="utf-8")
        for file in workshop.files(made)
    )
    comments = " ".join(re.sub(r"\n *(#|--|//)", " ", text).split())
    assert all(step.hint in comments for step in steps)

    # --solution shows each file that has a hint.
    diff = workshop.difference(sample, made)
    before, after = runner.contents(made), runner.contents(sample)

    for name in before.keys() | after.keys():
        shown = f"+++ samples/{sample.name}/{name}\n" in diff
        assert shown is (before.get(name) != after.get(name)), name


def test_exercise_is_solved_step_by_step_and_can_be_broken(
    sample, steps, tmp_path
):
    """A step's tests fail until its region is written, and pass then.

    In the end, the edit of *Break it* fails the test that the README names.
    """
    if not steps:
        return

    made = workshop.make_exercise(sample, tmp_path)
    names, old, new = break_it(sample)
    assert len(files_with(old, made)) == 1, (
        f"{sample.name}/README.md, *Break it*: the lines of - must stand once,"
        " in one file, and outside the regions of the exercise, because the"
        f" diff would print their solution. Correct them:\n{old}"
    )

    with workshop.warm(made) as pytest:
        for number, step in enumerate(steps):
            where = f"{sample.name}/README.md, exercise, `{step.name}`:"
            select = shlex.split(step.command)[1:]
            code, output = pytest("-x", *select)
            assert code != NO_TESTS, (
                f"{where} `{step.command}` selects no test. Correct the"
                f" expression.\n{output}"
            )
            assert code != 0, (
                f"{where} `{step.command}` passes while the region is blank."
                " Name a test that needs it, or move the step."
            )
            assert code == 1, (
                f"{where} pytest must collect the tests while the region is"
                " blank. Leave it out of the exercise, or import less in the"
                f" test.\n{output}"
            )

            workshop.write(sample, made, steps[number + 1 :])

            # The whole test, with all regions, is the sample's own.
            if not select and number + 1 == len(steps):
                break

            code, output = pytest("-x", *select)
            assert code == 0, (
                f"{where} `{step.command}` fails although the region is"
                " written, because a later step is missing. Name other tests,"
                f" or change the order.\n{output}"
            )

        [path] = files_with(old, made)
        text = path.read_text(encoding="utf-8")
        text = f"\n{text}".replace(f"\n{old}", f"\n{new}")
        path.write_text(text[1:], encoding="utf-8")
        _, output = pytest("-rfE", "-k", " or ".join(names))

        for name in names:
            assert re.search(rf"^FAILED \S+::{name}\b", output, re.M), (
                f"{sample.name}/README.md, *Break it*: `{name}` doesn't fail"
                f" after the edit. Change the edit, or the name.\n{output}"
            )


def break_it(sample):
    """Return (tests, old lines, new lines) of *Break it* in the README."""
    text = runner.section(sample, "Teach it").partition("**Break it:**")[2]
    where = f"{sample.name}/README.md, *Break it*:"
    names = re.findall(r"`(test_\w+)`\s+(?:then\s+)?fails?", text)
    diff = re.search(r"```diff\n(.*?)```", text, re.S)
    assert names, f"{where} end the text with: `test_name` fails."
    assert diff, f"{where} add a ```diff block with lines of - and +."
    lines = diff[1].splitlines(keepends=True)
    old = "".join(line[1:] for line in lines if line[0] in "- ")
    new = "".join(line[1:] for line in lines if line[0] in "+ ")
    return names, old, new


def files_with(lines, folder):
    """Return the file for each time that `lines` stand in the sample."""
    return [
        path
        for path in map(folder.joinpath, runner.contents(folder))
        if not path.name.startswith(("README", "test_"))
        for text in [path.read_text(encoding="utf-8", errors="replace")]
        for _ in range(f"\n{text}".count(f"\n{lines}"))
    ]


# -- The command ------------------------------------------------------------


@pytest.fixture
def house(tmp_path):
    """A copy of the repository with one sample that has an exercise."""
    (tmp_path / "tests").mkdir()

    for name in ("runner.py", "workshop.py"):
        path = runner.ROOT / "tests" / name
        (tmp_path / "tests" / name).write_bytes(path.read_bytes())

    sample = next(filter(workshop.steps, runner.SAMPLES.values()))
    runner.copy(sample, tmp_path / "samples")
    return tmp_path


@pytest.fixture
def name(house):
    [folder] = (house / "samples").iterdir()
    return folder.name


def test_command_makes_an_exercise_that_can_be_started_at_once(house, name):
    done = runner.python("tests/workshop.py", name, cwd=house)
    assert done.returncode == 0, done.stderr
    commands = "\n".join(
        re.findall(r"^  ((?:cd|.+ -m) .+)", done.stdout, re.M)
    )
    assert "cd " in commands
    tried = subprocess.run(
        ["bash", "-ec", commands],
        cwd=house,
        env=runner.environment(),
        capture_output=True,
        encoding="utf-8",
        timeout=runner.PATIENCE,
        check=False,
    )
    assert tried.returncode == 1, tried.stderr
    assert "1 failed" in tried.stdout


def test_command_never_overwrites_work(house, name):
    work = house / "exercises" / name / "app.py"
    work.parent.mkdir(parents=True)
    work.write_text("# a student's work\n", encoding="utf-8")
    done = runner.python("tests/workshop.py", name, cwd=house)
    assert done.returncode != 0
    assert "Move the folder away or delete it" in done.stderr
    assert work.read_text(encoding="utf-8") == "# a student's work\n"


def test_command_names_the_samples_when_there_is_no_such_sample():
    for arguments in ([], ["nope"]):
        script = Path(workshop.__file__)
        done = runner.python(script, *arguments, cwd=runner.ROOT)
        assert done.returncode != 0
        assert all(name in done.stderr for name in runner.SAMPLES)


def test_solution_is_the_difference_between_exercise_and_sample(house, name):
    command = ["tests/workshop.py", name, "--solution"]
    done = runner.python(*command, cwd=house)
    assert done.returncode != 0
    assert f"no exercise in exercises/{name}" in done.stderr

    runner.python("tests/workshop.py", name, cwd=house)
    diff = runner.python(*command, cwd=house).stdout
    assert f"--- exercises/{name}/app.py\n+++ samples/{name}/app.py\n" in diff
    solved = (house / "samples" / name / "app.py").read_bytes()
    (house / "exercises" / name / "app.py").write_bytes(solved)
    done = runner.python(*command, cwd=house)
    assert done.stdout == "There is no difference.\n"


def test_check_says_whether_the_machine_is_ready(house):
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        check = ["tests/workshop.py", "--check", f"{server.getsockname()[1]}"]
        done = runner.python(*check, cwd=house)
        assert done.returncode == 1
        assert "Another program uses port" in done.stdout

    done = runner.python(*check, cwd=house)
    assert (done.returncode, done.stdout) == (0, "OK\n")

    sample = next((house / "samples").iterdir())
    (sample / "requirements.txt").write_text("no-such-package>=1\n")
    done = runner.python(*check, cwd=house)
    assert done.returncode == 1
    assert done.stdout.startswith("no-such-package isn't installed.")
