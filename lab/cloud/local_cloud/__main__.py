"""Runs the cloud: one JSON line with its ports on stdout when it is ready; ends when its stdin ends."""

import json
import os
import signal
import sys

# The thousands of public images that moto brings would only slow down start and every DescribeSnapshots.
os.environ["MOTO_EC2_LOAD_DEFAULT_AMIS"] = "false"

from .cloud import Cloud  # noqa: E402
from .control import ControlServer  # noqa: E402
from .server import ApiServer  # noqa: E402


def main() -> None:
    # Ctrl-C goes to the whole process group; whoever started us may still need us to clean up.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    options = json.loads(sys.argv[1]) if len(sys.argv) > 1 else {}
    cloud = Cloud(**options)
    api = ApiServer(cloud)
    control = ControlServer(cloud, api)
    api.start()
    control.start()
    print(json.dumps({"port": api.port, "controlPort": control.port}), flush=True)
    sys.stdin.buffer.read()
    # Requests that are held by a fault would keep an ordinary exit waiting.
    os._exit(0)


main()
