"""The own test of a sample misses each function of it that is blank."""

import runner
import workshop


def test_own_test_fails_when_any_function_is_blank(sample, tmp_path):
    whole = runner.copy(sample, tmp_path)
    unnoticed = []

    with workshop.warm(whole) as pytest:
        code, output = pytest("-x")
        assert code == 0, output

        for path in workshop.sources(whole):
            text = path.read_bytes()

            for name in workshop.functions(path):
                workshop.blank(path, {name: ""})
                code, _ = pytest("-x")
                path.write_bytes(text)

                # 1: a test failed. 2: the test could not import the sample.
                if code not in (1, 2):
                    unnoticed.append(f"{name} in {path.name}")

    assert not unnoticed, (
        f"samples/{sample.name}/test_{sample.name}.py: no test fails when the"
        " body of one of these functions is replaced by `...`. Test them, or"
        f" delete what nobody needs: {', '.join(unnoticed)}"
    )
