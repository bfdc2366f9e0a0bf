"""What has been asked of the cloud, in the order of arrival."""

import threading
from typing import Any

from .call import Call


class Journal:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._calls: "list[Call]" = []
        self._count = 0

    def enter(self, call: Call) -> None:
        with self._lock:
            self._count += 1
            call.number = self._count
            self._calls.append(call)

    def clear(self) -> None:
        with self._lock:
            self._calls.clear()

    def calls(self) -> "list[dict[str, Any]]":
        with self._lock:
            return [as_json(call) for call in self._calls]


def as_json(call: Call) -> "dict[str, Any]":
    """Times in milliseconds of the machine's monotonic clock, which Node's `process.hrtime` reads too."""
    return {
        "number": call.number,
        "requestId": call.request_id,
        "service": call.service,
        "region": call.region,
        "operation": call.operation,
        "parameters": call.parameters,
        "accessKeyId": call.access_key_id,
        "byInstance": call.by_instance(),
        "dryRun": call.dry_run,
        "connection": call.connection,
        "actions": call.actions(),
        "receivedAt": call.received_ns / 1e6,
        "answeredAt": None if call.answered_ns is None else call.answered_ns / 1e6,
        "status": call.status,
        "code": call.code,
        "acted": call.acted,
        "outcome": call.outcome,
    }
