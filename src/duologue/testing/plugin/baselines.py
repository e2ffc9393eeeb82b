"""Options: delays of tests' calls against those of an earlier run.

pytest --duologue-baseline delays.json --duologue-save-baseline     measure and write the file
pytest --duologue-baseline delays.json                              measure, and fail tests whose calls became slower

What is measured are calls of `realtime_server` and `realtime_app`, and recordings that a test hands to the fixture
`realtime_baseline`.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from duologue.testing.plugin.artifacts import evidence_of
from duologue.testing.plugin.servers import ServerEvidence

if TYPE_CHECKING:
    from duologue.testing.baseline import Baseline, CallDelays, Tolerance

__all__ = ["BaselineRun", "pytest_addoption", "pytest_configure", "realtime_baseline"]

_FILE: Final = "--duologue-baseline"
_SAVE: Final = "--duologue-save-baseline"

_PERCENT: Final = "duologue_baseline_percent"
_FLOOR: Final = "duologue_baseline_floor_ms"

_FIELD: Final = "duologue_delays"
"""Of a report, which xdist takes from its workers to the process that writes the file."""

_FAULTS: Final = "realtime_faults"
"""The marker that names faults."""

_RECORDINGS: Final = pytest.StashKey[list[bytes]]()
_DELAYS: Final = pytest.StashKey["CallDelays"]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """The file, whether it is written, and how much slower is no change."""
    group = parser.getgroup("duologue")
    group.addoption(_FILE, metavar="FILE", help="compare the delays of tests' calls with those in this file")
    group.addoption(_SAVE, action="store_true", help=f"write the delays into the file of {_FILE} instead")
    parser.addini(_PERCENT, "by how many percent a delay may grow", default="20")
    parser.addini(_FLOOR, "by how many milliseconds a delay may grow in any case", default="30")


def pytest_configure(config: pytest.Config) -> None:
    """Take part in the run if there is a file. One that cannot be compared with ends it before the first test."""
    name = config.getoption(_FILE)
    if name is None:
        if config.getoption(_SAVE):
            raise pytest.UsageError(f"{_SAVE} needs {_FILE} FILE, which says where")
        return
    # xdist passes the options on to its workers, which may run elsewhere.
    path = config.option.duologue_baseline = str((config.invocation_params.dir / name).absolute())
    baseline = None if config.getoption(_SAVE) else _read(Path(path))
    config.pluginmanager.register(BaselineRun(config, Path(path), baseline), "duologue.baseline_run")


@pytest.fixture
def realtime_baseline(request: pytest.FixtureRequest) -> Callable[[str | PathLike[str]], None]:
    """`realtime_baseline("session.jsonl")`: the delays of this recording, too, are compared or saved."""

    def add(path: str | PathLike[str]) -> None:
        request.node.stash.setdefault(_RECORDINGS, []).append(Path(path).read_bytes())

    return add


class BaselineRun:
    """The hooks of a run with a file: without one none of them is called."""

    def __init__(self, config: pytest.Config, path: Path, baseline: Baseline | None) -> None:
        """Without a `baseline` the file is written."""
        self._path = path
        self._baseline = baseline
        self._tolerance = _tolerance(config)
        self._is_worker = hasattr(config, "workerinput")
        self._measured: dict[str, Any] = {}
        self._failure: str | None = None

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, None, None]:
        """Measure behind the test itself, which fails if its calls became slower."""
        yield
        if (delays := _measured(item)) is None:
            return
        item.stash[_DELAYS] = delays
        if self._baseline is None or (was := self._baseline.tests.get(item.nodeid)) is None:
            return
        from duologue.testing.baseline import compared

        if problems := compared(was, delays, self._tolerance):
            pytest.fail("\n".join(["the calls of this test are not as in the baseline:", *problems]), pytrace=False)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Put the delays into the report."""
        report = yield
        if report.when == "call" and report.passed and (delays := item.stash.get(_DELAYS, None)) is not None:
            import msgspec

            setattr(report, _FIELD, msgspec.to_builtins(delays))
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Collect the delays of all tests, whichever process ran them."""
        if (delays := getattr(report, _FIELD, None)) is not None:
            self._measured[report.nodeid] = delays

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Write the file."""
        if self._baseline is not None or self._is_worker or not self._measured:
            return
        import msgspec

        from duologue.errors import DuologueError
        from duologue.testing.baseline import CallDelays, write_baseline

        try:
            write_baseline(self._path, msgspec.convert(self._measured, dict[str, CallDelays]))
        except DuologueError as fault:
            self._failure = str(fault)
            session.exitstatus = pytest.ExitCode.USAGE_ERROR

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say what was done."""
        count = len(self._measured)
        tests = "test" if count == 1 else "tests"
        if self._failure is not None:
            told = self._failure
        elif self._baseline is None:
            told = f"delays of {count} {tests} written to {self._path}" if count else "no test that passed had a call"
        else:
            new = sum(nodeid not in self._baseline.tests for nodeid in self._measured)
            told = f"of {count} {tests} that passed, {count - new} compared with the baseline" + (
                f", {new} not in it" if new else ""
            )
        terminalreporter.write_line(f"duologue: {told}")


def _read(path: Path) -> Baseline:
    """The file. Raises UsageError if it cannot be compared with."""
    from duologue.errors import DuologueError
    from duologue.testing.baseline import machine, read_baseline

    try:
        baseline = read_baseline(path)
    except DuologueError as fault:
        raise pytest.UsageError(f"{fault}; {_SAVE} makes one") from None
    if baseline.machine != machine():
        raise pytest.UsageError(
            f"{path} was made on another class of machine ({baseline.machine}; this is {machine()}), "
            f"so that delays cannot be compared; {_SAVE} makes one here"
        )
    return baseline


def _measured(item: pytest.Item) -> CallDelays | None:
    """The delays of the test's calls; None: it had none."""
    sources = [each for each in evidence_of(item) if isinstance(each, ServerEvidence)]
    calls = [call for each in sources for call in each.calls()]
    recordings = [recording for each in sources for recording in each.recordings()]
    own = item.stash.get(_RECORDINGS, [])
    if not calls and not own:
        return None
    from duologue.testing.assertions import read_recording
    from duologue.testing.baseline import delays_of

    calls += [read_recording(content) for content in own]
    faults = [str(fault) for marker in item.iter_markers(_FAULTS) for fault in marker.args]
    return delays_of(calls, [*recordings, *own], faults=faults)


def _tolerance(config: pytest.Config) -> Tolerance:
    """By the settings. Raises UsageError."""
    from duologue.testing.baseline import Tolerance

    try:
        return Tolerance(percent=float(config.getini(_PERCENT)), floor_ms=float(config.getini(_FLOOR)))
    except ValueError as fault:
        raise pytest.UsageError(f"{_PERCENT} and {_FLOOR} are numbers: {fault}") from None
