"""Run the long tests one after another, and write their figures to a file with the date and the machine."""

from __future__ import annotations

import os
import platform
import sys
import time
from pathlib import Path

import psutil
import pytest

HERE = Path(__file__).parent
TESTS = tuple(sorted(path.name for path in HERE.glob("test_*.py")))


class Figures:
    """A pytest plugin that collects the figures and the outcomes of the tests."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" or not report.passed:
            name = report.nodeid.rpartition("/")[2]
            self.lines.append(f"{report.outcome:<8}{report.duration:>8.1f} s  {name}")
            self.lines += [
                f"                    {name.removeprefix('measured: ')}: {value:,}"
                for name, value in report.user_properties
                if name.startswith("measured")
            ]


def main(target: Path) -> int:
    assert os.environ.get("NBTRACK_SOAK") == "1", "make soak sets NBTRACK_SOAK=1"
    figures = Figures()
    began = time.strftime("%Y-%m-%d %H:%M")
    code = pytest.main(["-q", *(str(HERE / test) for test in TESTS)], plugins=[figures])
    import duckdb

    machine = (
        f"{platform.system()} {platform.release()}, {platform.machine()}, {os.cpu_count()} cores, "
        f"{psutil.virtual_memory().total / 2**30:.0f} GB, Python {platform.python_version()}, "
        f"DuckDB {duckdb.__version__}"
    )
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    head = [f"make soak, {began}", machine, f"load average at the end: {load}", ""]
    target.write_text("\n".join([*head, *figures.lines, ""]))
    print(target.read_text())
    return int(code)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
