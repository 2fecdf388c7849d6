import os

import pytest
import runner


def pytest_addoption(parser):
    parser.addoption("--sample", help="prove only the sample of this name")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers():
    # Twice the processors, because many tests wait for a server.
    return 2 * os.cpu_count()


def pytest_generate_tests(metafunc):
    if "sample" not in metafunc.fixturenames:
        return

    samples = runner.SAMPLES

    if name := metafunc.config.getoption("sample"):
        if name not in samples:
            raise pytest.UsageError(
                f"There is no sample {name}. The samples are:"
                f" {', '.join(samples)}."
            )

        samples = {name: samples[name]}

    metafunc.parametrize(
        "sample", samples.values(), ids=list(samples), scope="session"
    )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield

    if report.skipped and os.environ.get("CI"):
        report.outcome = "failed"
        report.longrepr = f"Nothing can skip under CI: {report.longrepr}"

    return report
