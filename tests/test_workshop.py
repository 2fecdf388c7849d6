"""The exercise and the *Break it* edit in each README work as it says."""

import re
import shlex
import shutil
import socket

import mistakes
import pytest
import runner
import workshop

# What is wrong with a step, by the exit code of pytest. 1 is right.
WRONG = {
    0: "passes while the region is blank. Name a test that needs it, or move"
    " the step.",
    2: "can't import the sample while the region is blank. Leave it out of"
    " the exercise, or import less in the test.",
    5: "selects no test. Correct the expression.",
}


def squeezed(text):
    """Return the letters and digits only, however a comment breaks lines."""
    return re.sub(r"[\W_]", "", text)


def test_exercise_is_solved_step_by_step_and_can_be_broken(sample, tmp_path):
    """A step's tests fail until its region is written, and pass then.

    In the end, the edit of *Break it* fails the test that the README names.
    """
    teach = runner.section(sample, "Teach it")
    steps = workshop.steps(sample)
    assert steps or not teach, (
        f'{sample.name}/README.md: write a numbered list below "**Exercise:**"'
        " in *Teach it*, such as: 1. `function_name`: hint. Then `pytest -k"
        " name_of_test` passes."
    )
    made = workshop.make_exercise(sample, tmp_path)
    texts = {
        made / file: (made / file).read_text(encoding="utf-8")
        for file in workshop.files(made)
    }

    with mistakes.warm(made) as run:
        for number, step in enumerate(steps, 1):
            where = f"{sample.name}/README.md, exercise, `{step.name}`:"
            blank = squeezed(step.hint) in squeezed("".join(texts.values()))
            assert blank and step.command, (
                f"{where} write the name of a function, `@view`, a file, or"
                " `file: Heading`. End the hint with: Then `pytest -k"
                " EXPRESSION` passes."
            )
            select = shlex.split(step.command)[1:]
            code, output = run(*select)
            assert code == 1, (
                f"{where} `{step.command}` {WRONG.get(code, code)}\n{output}"
            )
            workshop.write(sample, made, steps[number:])

            # The whole test, with all regions, is the sample's own.
            if select or number < len(steps):
                code, output = run(*select)
                assert code == 0, (
                    f"{where} `{step.command}` fails although the region is"
                    " written, because a later step is missing. Name other"
                    f" tests, or change the order.\n{output}"
                )

        if teach:
            break_it(sample, teach, texts, run)


def break_it(sample, teach, texts, run):
    text = teach.partition("**Break it:**")[2]
    where = f"{sample.name}/README.md, *Break it*:"
    names = re.findall(r"`(test_\w+)`\s+(?:then\s+)?fails?", text)
    assert names, f"{where} end the text with: `test_name` fails."
    diff = re.search(r"```diff\n(.*?)```", text, re.S)
    assert diff, f"{where} add a ```diff block with lines of - and +."
    lines = diff[1].splitlines(keepends=True)
    old = "\n" + "".join(line[1:] for line in lines if line[0] in "- ")
    new = "\n" + "".join(line[1:] for line in lines if line[0] in "+ ")
    found = {path: f"\n{text}".count(old) for path, text in texts.items()}
    assert sum(found.values()) == 1, (
        f"{where} the lines of - must stand once, in one file, and outside the"
        " regions of the exercise, because the diff would print their"
        f" solution. Correct them:{old}"
    )
    path = max(found, key=found.get)
    text = f"\n{path.read_text(encoding='utf-8')}".replace(old, new)
    path.write_text(text[1:], encoding="utf-8")

    for name in names:
        code, output = run(f"test_{sample.name}.py::{name}")
        assert code == 1, (
            f"{where} `{name}` doesn't fail after the edit. Change the edit,"
            f" or the name.\n{output}"
        )


# -- The command ------------------------------------------------------------


@pytest.fixture
def command(tmp_path):
    """A function that runs the command in a house with one sample."""
    sample = next(filter(workshop.steps, runner.SAMPLES.values()))
    runner.copy(sample, tmp_path / "samples")
    (tmp_path / "tests").mkdir()

    for name in ("runner.py", "workshop.py"):
        shutil.copy(runner.ROOT / "tests" / name, tmp_path / "tests")

    script = tmp_path / "tests" / "workshop.py"
    return lambda *args: runner.python(script, *args, cwd=tmp_path)


def test_command_makes_an_exercise_once_and_compares_it(tmp_path, command):
    [sample] = (tmp_path / "samples").iterdir()
    name, work = sample.name, tmp_path / "exercises" / sample.name / "app.py"
    nothing = command(name, "--solution").stderr
    assert f"no exercise in exercises/{name}" in nothing

    # What the command prints can be typed at once.
    printed = command(name).stdout
    typed = re.findall(r"^  (cd .+|.+ -m pytest .+)", printed, re.M)
    tried = runner.run(["bash", "-ec", "\n".join(typed)], cwd=tmp_path)
    assert "1 failed" in tried.stdout, tried.stderr
    diff = command(name, "--solution").stdout
    assert f"--- exercises/{name}/app.py\n+++ samples/{name}/app.py\n" in diff

    solved = (sample / "app.py").read_bytes()
    work.write_bytes(solved)
    refused = command(name)
    assert refused.returncode != 0
    assert "Move the folder away or delete it" in refused.stderr
    assert work.read_bytes() == solved
    difference = command(name, "--solution").stdout
    assert difference == "There is no difference.\n"


def test_check_says_whether_the_machine_is_ready(tmp_path, command):
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        done = command("--check", f"{server.getsockname()[1]}")
        assert done.returncode == 1
        assert "Another program uses port" in done.stdout

    # Port 0 stands for any that is free.
    done = command("--check", "0")
    assert (done.returncode, done.stdout) == (0, "OK\n")
    [sample] = (tmp_path / "samples").iterdir()
    (sample / "requirements.txt").write_text("no-such-package>=1\n")
    done = command("--check", "0")
    assert done.returncode == 1
    assert done.stdout.startswith("no-such-package isn't installed.")
