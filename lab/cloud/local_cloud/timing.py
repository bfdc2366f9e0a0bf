"""How slow the API is, and how often it may be asked."""

import threading
import time
from dataclasses import dataclass


@dataclass
class Bucket:
    rate: float
    burst: float
    tokens: float
    at: float


class Throttle:
    """
    Token buckets, one for each operation that is limited: none by default.
    https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._buckets: "dict[str, Bucket]" = {}

    def reset(self) -> None:
        with self._lock:
            self._buckets.clear()

    def limit(self, operation: str, rate: float, burst: float) -> None:
        """`rate` in requests a second; the bucket starts full."""
        with self._lock:
            self._buckets[operation] = Bucket(rate, burst, burst, time.monotonic())

    def admits(self, operation: str) -> bool:
        with self._lock:
            bucket = self._buckets.get(operation)
            if bucket is None:
                return True
            now = time.monotonic()
            bucket.tokens = min(bucket.burst, bucket.tokens + (now - bucket.at) * bucket.rate)
            bucket.at = now
            if bucket.tokens < 1:
                return False
            bucket.tokens -= 1
            return True


class Latency:
    """Time that an operation takes before and after it has acted; `*` stands for every operation."""

    def __init__(self) -> None:
        self._milliseconds: "dict[str, tuple[float, float]]" = {}

    def reset(self) -> None:
        self._milliseconds = {}

    def set(self, operation: str, before: float, after: float) -> None:
        self._milliseconds = {**self._milliseconds, operation: (before, after)}

    def _of(self, operation: str) -> "tuple[float, float]":
        latencies = self._milliseconds
        return latencies.get(operation) or latencies.get("*") or (0, 0)

    def before(self, operation: str) -> None:
        _sleep(self._of(operation)[0])

    def after(self, operation: str) -> None:
        _sleep(self._of(operation)[1])


def _sleep(milliseconds: float) -> None:
    if milliseconds > 0:
        time.sleep(milliseconds / 1000)
