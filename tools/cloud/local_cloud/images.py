"""
Images that are made of snapshots, and hold on to them.
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RegisterImage.html
"""

from typing import Any

import moto.ec2.models.amis as amis
from moto.core.responses import ActionResult
from moto.ec2.responses.amis import AmisResponse
from moto.ec2.utils import random_ami_id

from .errors import CloudError
from .tags import check_tags, specified_tags


class RegisteredImage(amis.Ami):
    """`mapping` as RegisterImage takes it; without one, an image with a root snapshot of moto's making."""

    def __init__(self, *args: Any, mapping: "list[dict[str, Any]] | None" = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._mapping = mapping
        if mapping is not None:
            self.ec2_backend.snapshots.pop(self.ebs_snapshot.id)
            self.root_device_type = "ebs"

    @property
    def block_device_mappings(self) -> "list[dict[str, Any]]":
        return super().block_device_mappings if self._mapping is None else self._mapping

    @property
    def snapshot_ids(self) -> "set[str]":
        return {device["Ebs"]["SnapshotId"] for device in self.block_device_mappings if "Ebs" in device}

    def get_filter_value(self, filter_name: str, method_name: "str | None" = None) -> Any:
        if filter_name == "block-device-mapping.snapshot-id":
            return list(self.snapshot_ids)
        return super().get_filter_value(filter_name, method_name)


def register_image(self) -> ActionResult:
    backend = self.ec2_backend
    name = self._get_param("Name")
    root_device_name = self._get_param("RootDeviceName")
    mapping = [_mapped(backend, device) for device in self._get_param("BlockDeviceMappings", [])]
    tags = specified_tags(self, "image")
    check_tags(tags)
    for other in backend.amis.values():
        if other.name == name and other.owner_id == backend.account_id:
            raise CloudError("InvalidAMIName.Duplicate", f"AMI name {name} is already in use by AMI {other.id}")
    if not root_device_name or root_device_name not in [device["DeviceName"] for device in mapping]:
        raise CloudError("InvalidBlockDeviceMapping", "The root device must be in the block device mapping")
    self.error_on_dryrun()
    image = RegisteredImage(
        backend,
        random_ami_id(),
        name=name,
        description=self._get_param("Description"),
        architecture=self._get_param("Architecture", "i386"),
        virtualization_type=self._get_param("VirtualizationType", "paravirtual"),
        root_device_name=root_device_name,
        boot_mode=self._get_param("BootMode"),
        sriov=self._get_param("SriovNetSupport"),
        mapping=mapping,
        tags=tags,
    )
    image.ena_support = self._get_param("EnaSupport", False)
    image.tpm_support = self._get_param("TpmSupport")
    image.imds_support = self._get_param("ImdsSupport")
    image.sriov_net_support = self._get_param("SriovNetSupport")
    image.platform_details = "Linux/UNIX"
    image.usage_operation = "RunInstances"
    backend.amis[image.id] = image
    return ActionResult({"ImageId": image.id})


def _mapped(backend: Any, device: "dict[str, Any]") -> "dict[str, Any]":
    disk = device.get("Ebs")
    if disk is None or "SnapshotId" not in disk:
        return device
    if "Encrypted" in disk:
        raise CloudError(
            "InvalidBlockDeviceMapping",
            f"the encrypted flag cannot be specified since device {device['DeviceName']} has a snapshot specified.",
        )
    snapshot = backend.get_snapshot(disk["SnapshotId"])
    if snapshot.status != "completed":
        raise CloudError("IncorrectState", f"Snapshot '{snapshot.id}' is not 'completed'.")
    defaults = {
        "VolumeSize": snapshot.volume_size,
        "VolumeType": "standard",
        "DeleteOnTermination": True,
        "Encrypted": snapshot.encrypted,
    }
    return {**device, "Ebs": {**defaults, **disk}}


def install() -> None:
    amis.Ami = RegisteredImage
    AmisResponse.register_image = register_image
