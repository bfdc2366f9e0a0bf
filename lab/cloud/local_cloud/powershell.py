"""AWS-RunPowerShellScript: no PowerShell runs here; tests say what scripts print."""

import json
import re
import threading
from dataclasses import dataclass
from typing import Any

VERSION = "${version}"
REGISTERED = "${providerRegistered}"


@dataclass(frozen=True)
class Responder:
    pattern: "re.Pattern[str]"
    output: str
    """`${version}` and `${providerRegistered}` stand for the state of AwsVssComponents, as JSON."""
    error_output: str = ""
    exit_code: int = 0


# Which version of AwsVssComponents is installed, as provider/quiesce asks it: one line of JSON.
DEFAULT = Responder(re.compile("AwsVssComponents"), f'{{"version":{VERSION}}}')


class Responders:
    """The last that fits answers."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._responders = [DEFAULT]

    def reset(self) -> None:
        with self._lock:
            self._responders = [DEFAULT]

    def add(self, responder: Responder) -> None:
        with self._lock:
            self._responders.append(responder)

    def to(self, script: str) -> "Responder | None":
        with self._lock:
            return next((one for one in reversed(self._responders) if one.pattern.search(script)), None)


def run(run: Any) -> int:
    script = "\n".join(run.parameters["commands"])
    if run.work() == "fail":
        run.print_error("The script failed.")
        return 1
    responder = run.responders.to(script)
    if responder is None:
        run.print_error("the local cloud has no responder for this script")
        return 1
    components = run.instance.components
    output = responder.output.replace(VERSION, json.dumps(components.version))
    run.print(output.replace(REGISTERED, json.dumps(components.provider_registered)))
    if responder.error_output:
        run.print_error(responder.error_output)
    return responder.exit_code
