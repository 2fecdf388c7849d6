"""The own test of a sample misses each function of it that is blank."""

import mistakes
import runner
import workshop


def blank_functions(folder):
    for path in runner.sources(folder):
        for name in workshop.functions(path):
            text = workshop.blank(path, {name: ""})
            yield f"{name} in {path.name}", path, text


def test_own_test_fails_when_any_function_is_blank(sample, tmp_path):
    folder = runner.copy(sample, tmp_path)
    unnoticed = [
        what
        for what, code, _ in mistakes.tried(folder, blank_functions(folder))
        if code not in mistakes.FAILED
    ]
    assert not unnoticed, (
        f"samples/{sample.name}/test_{sample.name}.py: no test fails when the"
        " body of one of these functions is replaced by `...`. Test them, or"
        f" delete what nobody needs: {', '.join(unnoticed)}"
    )
