"""
The block device mapping that RegisterImage takes, judged as EC2 does.
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_EbsBlockDevice.html
"""

from typing import Any

from .errors import CloudError

VOLUME_TYPES = ("standard", "gp2", "gp3", "io1", "io2", "st1", "sc1")
TAKE_IOPS = ("gp3", "io1", "io2")
NEED_IOPS = ("io1", "io2")
TAKE_THROUGHPUT = ("gp3",)


def checked_mapping(backend: Any, devices: "list[dict[str, Any]]") -> "list[dict[str, Any]]":
    """With the defaults of what is not given."""
    names = [device["DeviceName"] for device in devices]
    for name in names:
        if names.count(name) > 1:
            raise _refusal(f"block device mapping: {name} is mapped more than once")
    return [_checked(backend, device) for device in devices]


def _checked(backend: Any, device: "dict[str, Any]") -> "dict[str, Any]":
    disk = device.get("Ebs")
    if disk is None or "SnapshotId" not in disk:
        return device
    name = device["DeviceName"]
    if "Encrypted" in disk:
        raise _refusal(f"the encrypted flag cannot be specified since device {name} has a snapshot specified.")
    snapshot = backend.get_snapshot(disk["SnapshotId"])
    if snapshot.status != "completed":
        raise CloudError("IncorrectState", f"Snapshot '{snapshot.id}' is not 'completed'.")
    kind = disk.get("VolumeType", "standard")
    if kind not in VOLUME_TYPES:
        raise CloudError("InvalidParameterValue", f"Value ({kind}) for parameter volumeType is invalid.")
    if "Iops" in disk and kind not in TAKE_IOPS:
        raise CloudError("InvalidParameterCombination", f"The parameter iops is not supported for {kind} volumes.")
    if "Iops" not in disk and kind in NEED_IOPS:
        raise CloudError("MissingParameter", f"The parameter iops must be specified for {kind} volumes.")
    if "Throughput" in disk and kind not in TAKE_THROUGHPUT:
        raise CloudError(
            "InvalidParameterCombination", f"The parameter throughput is not supported for {kind} volumes."
        )
    if disk.get("VolumeSize", snapshot.volume_size) < snapshot.volume_size:
        raise _refusal(f"Volume of size {disk['VolumeSize']}GB is smaller than snapshot '{snapshot.id}'")
    defaults = {
        "VolumeSize": snapshot.volume_size,
        "VolumeType": kind,
        "DeleteOnTermination": True,
        "Encrypted": snapshot.encrypted,
    }
    return {**device, "Ebs": {**defaults, **disk}}


def _refusal(message: str) -> CloudError:
    return CloudError("InvalidBlockDeviceMapping", message)
