"""
Brings up clouds, each in a process of its own: for each JSON line on stdin with an `id` and the cloud's `options` one
JSON line on stdout with that `id`, its `pid`, and its ports. Ends, with all of them, when its stdin ends.

Most of a cloud's start is to load moto. That is done once, and a cloud is a fork of it.
"""

import ctypes
import json
import os
import random
import signal
import sys
import time

# The thousands of public images that moto brings would only slow down start and every DescribeSnapshots.
os.environ["MOTO_EC2_LOAD_DEFAULT_AMIS"] = "false"

from moto.moto_api._internal import mock_random  # noqa: E402

from .cloud import Cloud  # noqa: E402
from .control import ControlServer  # noqa: E402
from .server import ApiServer, load_services  # noqa: E402

PR_SET_PDEATHSIG = 1


def main() -> None:
    # Ctrl-C goes to the whole process group; whoever started us may still need us to clean up.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Nobody asks how a cloud has ended.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    load_services()
    for line in sys.stdin:
        order = json.loads(line)
        parent = os.getpid()
        if os.fork() == 0:
            run_cloud(parent, order["id"], order["options"])


def run_cloud(parent: int, number: int, options: "dict[str, object]") -> None:
    """Never comes back. Also for a parent that is killed."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(0)
    # Of what its agents run, it asks.
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    # Two clouds must not come to the same ids.
    random.seed()
    mock_random.seed()
    cloud = Cloud(**options)
    api = ApiServer(cloud)
    control = ControlServer(cloud, api)
    api.start()
    control.start()
    ready = {"id": number, "pid": os.getpid(), "port": api.port, "controlPort": control.port}
    os.write(1, f"{json.dumps(ready)}\n".encode())
    # The orders are the parent's.
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(0)


main()
