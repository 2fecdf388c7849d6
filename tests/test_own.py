"""Every sample's own test passes where it stands, against its own app."""

import re
import shutil

import runner


def test_own_tests(sample, record_property):
    done = runner.own_tests(sample, "-v")
    assert done.returncode == 0, done.stdout + done.stderr
    record_property("inner", int(re.findall(r"(\d+) passed", done.stdout)[-1]))


def test_another_app_is_noticed(sample, tmp_path):
    """The test of a sample fails when the app beside it is another one."""
    others = [folder for folder in runner.SAMPLES.values() if folder != sample]
    folder = runner.copy(sample, tmp_path)
    other = others[list(runner.SAMPLES).index(sample.name) - 1]
    shutil.copy(other / "app.py", folder)
    # 1: a test failed, 2: the test could not import what it needs.
    assert runner.own_tests(folder, "-x").returncode in (1, 2)


def test_two_samples_in_one_process_are_refused():
    one, other, *_ = runner.SAMPLES.values()
    done = runner.own_tests(runner.ROOT, one, other)
    assert done.returncode == 4
    assert "would test the app of another folder" in done.stdout
