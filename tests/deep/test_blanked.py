"""The own test of a sample misses each function of it that is blank."""

import re

import runner
import workshop


def test_own_test_fails_when_any_function_is_blank(sample, tmp_path):
    whole = runner.copy(sample, tmp_path)
    unnoticed = []

    with workshop.warm(whole) as pytest:
        code, output = pytest("-x", "--durations=0", "--durations-min=0.3")
        assert code == 0, output
        # Run the slow tests only if no other one fails.
        test = f"test_{sample.name}.py::"
        slow = [
            f"{test}{name}" for name in {*re.findall(rf"{test}(\w+)", output)}
        ]
        quick = [f"--deselect={name}" for name in slow]

        for path in runner.sources(whole):
            text = path.read_bytes()

            for name in workshop.functions(path):
                workshop.blank(path, {name: ""})
                code, _ = pytest("-x", *quick)

                if slow and code not in (1, 2):
                    code, _ = pytest("-x", *slow)

                path.write_bytes(text)

                # 1: a test failed. 2: the test could not import the sample.
                if code not in (1, 2):
                    unnoticed.append(f"{name} in {path.name}")

    assert not unnoticed, (
        f"samples/{sample.name}/test_{sample.name}.py: no test fails when the"
        " body of one of these functions is replaced by `...`. Test them, or"
        f" delete what nobody needs: {', '.join(unnoticed)}"
    )
