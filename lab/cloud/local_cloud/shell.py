"""AWS-RunShellScript: the script really runs, by the command line that a test has given the instance for a shell."""

import os
import signal
import subprocess
import tempfile
from typing import Any

POLL_SECONDS = 0.01


def run(run: Any) -> int:
    script = "\n".join(run.parameters["commands"])
    if run.work() == "fail":
        run.print_error("The script failed.")
        return 1
    if run.instance.shell is None:
        run.print_error("the local cloud has no shell of this instance")
        return 1
    with tempfile.TemporaryFile("w+") as stdout, tempfile.TemporaryFile("w+") as stderr:
        process = subprocess.Popen(
            [*run.instance.shell, script],
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            start_new_session=True,
        )
        try:
            while process.poll() is None:
                run.wait(POLL_SECONDS)
        finally:
            if process.returncode is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
            for file, tell in ((stdout, run.print), (stderr, run.print_error)):
                file.seek(0)
                for line in file.read().splitlines():
                    tell(line)
    return process.returncode
