"""
Instances that requests do not know of yet: https://docs.aws.amazon.com/ec2/latest/devguide/eventual-consistency.html.
Only DescribeInstances and TerminateInstances are so late; volumes and tags are known at once.
"""

import time
from typing import Any, Callable

from moto.ec2.models.instances import InstanceBackend
from moto.ec2.responses.instances import InstanceResponse


class LateLaunches:
    def __init__(self) -> None:
        self._unseen_s = 0.0
        self._seen_at: "dict[str, float]" = {}
        self._asked = False

    def reset(self) -> None:
        self._unseen_s = 0.0
        self._seen_at.clear()

    def hide(self, milliseconds: float) -> None:
        """For so long after its launch, from now on."""
        self._unseen_s = milliseconds / 1000

    def launched(self, instance: Any) -> None:
        self._seen_at.setdefault(instance.id, time.monotonic() + self._unseen_s)

    def _is_seen(self, instance: Any) -> bool:
        return self._seen_at.get(instance.id, 0) <= time.monotonic()

    def install(self) -> None:
        all_reservations = InstanceBackend.all_reservations

        def seen_reservations(backend: InstanceBackend, filters: Any = None) -> "list[Any]":
            found = all_reservations(backend, filters)
            if self._asked:
                for reservation in found:
                    reservation.instances = [one for one in reservation.instances if self._is_seen(one)]
            return [reservation for reservation in found if reservation.instances]

        def by_request(method: Callable[[Any], Any]) -> Callable[[Any], Any]:
            def asked(response: Any) -> Any:
                self._asked = True
                try:
                    return method(response)
                finally:
                    self._asked = False

            return asked

        InstanceBackend.all_reservations = seen_reservations
        InstanceResponse.describe_instances = by_request(InstanceResponse.describe_instances)
        InstanceResponse.terminate_instances = by_request(InstanceResponse.terminate_instances)
