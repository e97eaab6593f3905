"""What every test shares: no example is failed for being slow on a busy machine, and counts are printed at the end."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import settings

from tests.node import running

settings.register_profile("safesight", deadline=None)
settings.load_profile("safesight")


@pytest.fixture
def count(record_property: Callable[[str, object], None]) -> Callable[[str], None]:
    """Say what a test counted (streams, faults): it stands in the summary, although the test passes."""
    return lambda line: record_property("counted", line)


@pytest.fixture(scope="session")
def node() -> running.RunScript:
    """Runs a script of tests/node with the clients of its lock file: `node("chat", url=...)` gives what it told."""
    running.install()
    return running.run


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the counts."""
    counted = [
        line
        for reports in terminalreporter.stats.values()
        for report in reports
        if isinstance(report, pytest.TestReport) and report.when == "call"
        for name, line in report.user_properties
        if name == "counted"
    ]
    if counted:
        terminalreporter.section("counts")
        for line in counted:
            terminalreporter.write_line(str(line))
