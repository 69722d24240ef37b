"""`shopee-od report` as a command: stopped by hand, killed, resumed, and its exit status."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest
from bs4 import BeautifulSoup
from small_notebooks import tiny_data, write_notebook
from typer.testing import CliRunner

from shopee_od.cli import app
from shopee_od.errors import InputError

pytestmark = pytest.mark.slow


@pytest.fixture
def slow(tmp_path):
    """A command that makes a report whose second notebook waits until there is a file `go`."""
    write_notebook(tmp_path / "notebooks" / "01_first.ipynb", "1")
    wait = "import time\nfrom pathlib import Path\nPath(output_dir, 'waits').touch()\n"
    wait += "while not Path(output_dir, 'go').exists(): time.sleep(0.05)"
    write_notebook(tmp_path / "notebooks" / "02_slow.ipynb", wait)
    # A shell's background job ignores Ctrl-C, and hands that down.
    code = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    code += "from shopee_od.cli import main; main()"
    command = [sys.executable, "-c", code, "report", "--dataset", "coco", "--profile", "smoke"]
    command += ["--name", "slow", "--out", tmp_path / "out"]
    command += ["--data-dir", tiny_data(tmp_path / "data")]
    return [str(word) for word in [*command, "--notebooks", tmp_path / "notebooks", "--resume"]]


def interrupt(command, folder, how) -> subprocess.CompletedProcess | None:
    """Starts the command, sends it a signal while its second notebook runs, waits for its end."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **pipes) as process:
        deadline = time.monotonic() + 60
        while not (folder / "work" / "waits").exists():
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.05)
        os.kill(process.pid, how)
        if how == signal.SIGKILL:  # its kernel, which outlives it for a second, holds the pipes
            process.wait(30)
            (folder / "work" / "waits").unlink()
            return None
        try:
            output, errors = process.communicate(timeout=60)
        finally:
            process.kill()
    (folder / "work" / "waits").unlink()
    return subprocess.CompletedProcess(command, process.returncode, output, errors)


def test_stopped_or_killed_a_report_is_true_and_resume_finishes(slow, tmp_path):
    folder = tmp_path / "out" / "slow"
    stopped = interrupt(slow, folder, signal.SIGINT)
    assert (
        stopped.returncode == 130
        and "stopped; the same command with --resume continues" in stopped.stderr
    )
    assert "Traceback" not in stopped.stderr
    states = json.loads((folder / "provenance.json").read_text())["notebooks"]
    assert [row["status"] for row in states.values()] == ["done", "not run"] and not list(
        folder.glob(".*.ipynb")
    )

    interrupt(slow, folder, signal.SIGKILL)
    index = (folder / "index.html").read_text()
    assert [tag.text for tag in BeautifulSoup(index, "html.parser").select(".state")] == [
        "done",
        "running",
    ]
    assert "it was interrupted here: the same\ncommand with --resume finishes it" in index
    assert (folder / ".02_slow.ipynb").exists() and not (folder / "02_slow.ipynb").exists()

    (folder / "work" / "go").touch()
    done = subprocess.run(slow, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (
        done.stdout == f"report: {folder / 'index.html'}\n"
        and "01_first: done before" in done.stderr
    )
    assert (
        done.stderr.rstrip().splitlines()[-1].startswith("02_slow: cell 3/3, 00:0")
    )  # one line, updated in place
    assert (folder / "02_slow.html").exists() and not list(folder.glob(".*.ipynb"))


def test_the_command_ends_with_1_where_a_notebook_failed(tmp_path):
    write_notebook(tmp_path / "notebooks" / "01_bad.ipynb", "1 / 0")
    words = [
        "report",
        "--dataset",
        "coco",
        "--profile",
        "smoke",
        "--data-dir",
        tiny_data(tmp_path / "data"),
    ]
    words += ["--out", tmp_path / "out", "--notebooks", tmp_path / "notebooks"]
    result = CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=False)
    assert result.exit_code == 1 and "failed: 01_bad, cell 3 of 3 (`1 / 0`)" in result.output
    assert (
        f"report: {tmp_path / 'out' / 'coco' / 'index.html'}" in result.output
    )  # named after the data set
    with pytest.raises(InputError, match="there is no such folder"):
        CliRunner().invoke(
            app, ["report", "--photos", str(tmp_path / "none")], catch_exceptions=False
        )
