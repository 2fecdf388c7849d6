"""A function that is blanked is missed: the sample's own test fails.

*Teach it* hands some functions to students, and its "break it" edit names the
test that notices. Both are tried here, and so is every other function.
"""

import re
import shutil

import pytest
import runner


@pytest.fixture
def whole(sample, tmp_path):
    return runner.copy(sample, tmp_path)


def test_every_function_is_missed_when_blank(whole, record_property):
    unnoticed = []
    tried = 0

    with runner.warm(whole) as own_test:
        assert own_test() == 0

        for path in runner.sources(whole):
            text = path.read_text()

            for name in runner.functions(path):
                runner.blank(path, [name])
                code = own_test()
                path.write_text(text)
                tried += 1

                # 1: a test failed, 2: the module could not be imported.
                if code not in (1, 2):
                    unnoticed.append(f"{path.name}: {name}")

    record_property("inner", tried)
    assert unnoticed == []


def test_the_exercise_fails_until_it_is_solved(sample, tmp_path):
    made = runner.make_exercise(sample, tmp_path)
    text = "".join(path.read_text() for path in runner.sources(made))
    comments = " ".join(re.sub(r"\n *#", " ", text).split())

    for hint in runner.exercise(sample).values():
        assert " ".join(hint[1:].split()) in comments

    with runner.warm(made) as own_test:
        assert own_test() in (1, 2)

        # The solution is the sample.
        for path in runner.sources(sample):
            shutil.copy(path, made / path.relative_to(sample))

        assert own_test() == 0


def test_an_exercise_is_made_and_never_overwritten(tmp_path):
    name, sample = next(iter(runner.SAMPLES.items()))
    (tmp_path / "tests").mkdir()
    script = shutil.copy(runner.__file__, tmp_path / "tests")
    runner.copy(sample, tmp_path / "samples")
    done = runner.python(script, name, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    work = tmp_path / "exercises" / name / "app.py"
    work.write_text("# a student's work\n")
    done = runner.python(script, name, cwd=tmp_path)
    assert done.returncode != 0
    assert f"exercises/{name} is somebody's work" in done.stderr
    assert work.read_text() == "# a student's work\n"
    done = runner.python(script, cwd=tmp_path)
    assert done.returncode != 0
    assert name in done.stderr


def test_teach_it_blanks_functions_that_exist(sample):
    names = set(runner.exercise(sample))
    assert names, "no line like: - `function`: hint"
    found = {
        name
        for path in runner.sources(sample)
        for name in runner.functions(path)
    }
    assert names <= found


def test_the_break_it_edit_fails_the_named_test(whole):
    text = runner.section(whole, "Teach it").partition("**Break it:**")[2]
    [name] = re.findall(r"`(test_\w+)`\s+fails", text)
    diff = re.search(r"```diff\n(.*?)```", text, re.S)[1]
    old = "".join(re.findall(r"^-(.*\n)", diff, re.M))
    new = "".join(re.findall(r"^\+(.*\n)", diff, re.M))
    [path] = [
        path
        for path in whole.rglob("*")
        if path.is_file()
        and path.name != "README.md"
        and old in path.read_text(errors="replace")
    ]
    text = path.read_text()
    assert text.count(old) == 1
    path.write_text(text.replace(old, new))
    done = runner.own_tests(whole, "-rfE", "-k", name)
    assert re.search(rf"^FAILED \S+::{name}\b", done.stdout, re.M), done.stdout
