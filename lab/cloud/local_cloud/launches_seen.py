"""What RunInstances has launched and TerminateInstances has ended, for whoever boots a host for each (lab/hosts, lab/machine)."""

import threading
from typing import Any


class LaunchesSeen:
    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._events: "list[dict[str, Any]]" = []

    def launched(self, instance: Any) -> None:
        volumes = [
            {
                "device": name,
                "volumeId": device.volume_id,
                "snapshotId": instance.ec2_backend.get_volume(device.volume_id).snapshot_id,
                "root": name == instance.root_device_name,
            }
            for name, device in instance.block_device_mapping.items()
        ]
        self._add({"what": "launched", "instanceId": instance.id, "imageId": instance.image_id, "volumes": volumes})

    def terminated(self, instance: Any) -> None:
        self._add({"what": "terminated", "instanceId": instance.id})

    def _add(self, event: "dict[str, Any]") -> None:
        with self._changed:
            self._events.append(event)
            self._changed.notify_all()

    def after(self, skip: int, seconds: float) -> "dict[str, Any] | None":
        """The event after the first `skip`, once there is one; None after the limit."""
        with self._changed:
            there = self._changed.wait_for(lambda: len(self._events) > skip, seconds)
            return self._events[skip] if there else None
