"""
What goes wrong on demand. Each fault meets the next requests that match it and then is used up; when several
match one request, all apply, in the order in which they were made.
"""

import itertools
import select
import socket
import threading
import time
from dataclasses import dataclass, field
from typing import Any

from .call import Answer, Call
from .errors import error_answer

KINDS = ("error", "page", "cut", "never", "delay", "gate", "actTwice")
PHASES = ("before", "after")


class ConnectionCut(Exception):
    """The connection is to be closed without an answer."""


@dataclass
class Fault:
    operation: str
    kind: str
    phase: str
    """`before` the operation is carried out; `after` it, before the answer is sent."""
    times: "int | None" = 1
    """None: every matching request until reset."""
    skip: int = 0
    dry_run: "bool | None" = False
    """None: with and without DryRun. By default a dry run does not use the fault up."""
    resource: "str | None" = None
    """Only requests that name this id anywhere in their parameters."""
    access_key_id: "str | None" = None
    code: str = "InternalError"
    message: str = "An internal error has occurred"
    status: "int | None" = None
    body: str = ""
    """Of a `page`, as a proxy or a load balancer answers in AWS's place."""
    milliseconds: float = 0
    number: int = 0
    met: "list[Call]" = field(default_factory=list)
    reached: threading.Condition = field(default_factory=threading.Condition)
    released: threading.Event = field(default_factory=threading.Event)
    cancelled: bool = False

    def __post_init__(self) -> None:
        if self.kind not in KINDS or self.phase not in PHASES:
            raise ValueError(f"no such fault: {self.kind} {self.phase}")

    def matches(self, call: Call) -> bool:
        return (
            self.operation in (call.operation, "*")
            and (self.dry_run is None or self.dry_run == call.dry_run)
            and (self.resource is None or call.mentions(self.resource))
            and (self.access_key_id is None or self.access_key_id == call.access_key_id)
        )

    def takes(self, call: Call) -> bool:
        """Whether the fault meets this request; counts it."""
        if not self.matches(call) or self.times == 0:
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        if self.times is not None:
            self.times -= 1
        return True

    def apply(self, call: Call, connection: Any) -> "Answer | None":
        """An answer that replaces the real one, or None to go on."""
        with self.reached:
            self.met.append(call)
            self.reached.notify_all()
        if self.kind == "error":
            return error_answer(call, self.code, self.message, self.status)
        if self.kind == "page":
            status = 503 if self.status is None else self.status
            return Answer(status, {"Content-Type": "text/html"}, self.body.encode(), str(status))
        if self.kind == "cut":
            raise ConnectionCut
        if self.kind == "delay":
            time.sleep(self.milliseconds / 1000)
        if self.kind == "never":
            self._wait_for_release(connection, give_up_with_client=True)
            raise ConnectionCut
        if self.kind == "gate":
            # What has arrived at AWS is carried out even if the client has gone since.
            self._wait_for_release(connection, give_up_with_client=False)
            if self.cancelled:
                raise ConnectionCut
        return None

    def _wait_for_release(self, connection: Any, give_up_with_client: bool) -> None:
        while not self.released.wait(0.05 if give_up_with_client else None):
            if _client_is_gone(connection):
                return

    def wait_until_met(self, count: int, seconds: float) -> "Call | None":
        with self.reached:
            self.reached.wait_for(lambda: len(self.met) >= count or self.cancelled, seconds)
            return self.met[count - 1] if len(self.met) >= count else None

    def cancel(self) -> None:
        self.cancelled = True
        self.released.set()
        with self.reached:
            self.reached.notify_all()


class Faults:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._faults: "dict[int, Fault]" = {}

    def add(self, fault: Fault) -> int:
        with self._lock:
            fault.number = next(self._numbers)
            self._faults[fault.number] = fault
            return fault.number

    def get(self, number: int) -> Fault:
        with self._lock:
            fault = self._faults.get(number)
        if fault is None:
            raise ValueError(f"no fault {number}: it was removed by a reset")
        return fault

    def meeting(self, call: Call) -> "list[Fault]":
        with self._lock:
            return [fault for fault in self._faults.values() if fault.takes(call)]

    def reset(self) -> None:
        """Forgets all faults; requests that are still held are cut without being carried out."""
        with self._lock:
            faults = list(self._faults.values())
            self._faults.clear()
        for fault in faults:
            fault.cancel()


def _client_is_gone(connection: Any) -> bool:
    readable, _, _ = select.select([connection], [], [], 0)
    if not readable:
        return False
    try:
        return connection.recv(1, socket.MSG_PEEK) == b""
    except OSError:
        return True
