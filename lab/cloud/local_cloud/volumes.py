"""EBS volumes: several attachments (Multi-Attach), and states that are checked."""

from typing import Any

import moto.ec2.models.elastic_block_store as ebs
from moto.core.utils import utcnow
from moto.ec2.models.block_device import BlockDeviceType
from moto.ec2.models.instances import Instance
from moto.utilities.utils import get_partition

from .errors import CloudError


class AttachableVolume(ebs.Volume):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._attachments: "list[ebs.VolumeAttachment]" = []
        super().__init__(*args, **kwargs)

    @property
    def attachments(self) -> "list[ebs.VolumeAttachment]":
        return self._attachments

    @property
    def attachment(self) -> "ebs.VolumeAttachment | None":
        """What moto asks for, in its world of one attachment."""
        return self._attachments[0] if self._attachments else None

    @attachment.setter
    def attachment(self, attachment: "ebs.VolumeAttachment | None") -> None:
        self._attachments = [] if attachment is None else [attachment]

    def get_filter_value(self, filter_name: str, method_name: "str | None" = None) -> Any:
        if filter_name == "attachment.instance-id":
            return [one.instance_id for one in self._attachments]
        return super().get_filter_value(filter_name, method_name)


def attach_volume(self, volume_id, instance_id, device_path, delete_on_termination=False):
    volume = self.get_volume(volume_id)
    instance = self.get_instance(instance_id)
    if instance.state in ("shutting-down", "terminated"):
        raise CloudError("IncorrectState", f"Instance '{instance_id}' is not 'running'.")
    if device_path in instance.block_device_mapping:
        raise CloudError(
            "InvalidParameterValue",
            f"Invalid value '{device_path}' for unixDevice. Attachment point {device_path} is already in use",
        )
    if any(one.instance_id == instance_id for one in volume.attachments) or (
        volume.attachments and not volume.multi_attach_enabled
    ):
        raise CloudError("VolumeInUse", f"{volume_id} is already attached to an instance")
    attachment = ebs.VolumeAttachment(volume, instance, device_path, "attached")
    attachment.delete_on_termination = delete_on_termination
    volume.attachments.append(attachment)
    instance.block_device_mapping[device_path] = BlockDeviceType(
        volume_id=volume_id,
        status="in-use",
        size=volume.size,
        attach_time=utcnow(),
        delete_on_termination=delete_on_termination,
    )
    return attachment


def detach_volume(self, volume_id, instance_id, device_path):
    volume = self.get_volume(volume_id)
    attachment = next(
        (one for one in volume.attachments if instance_id in (None, one.instance_id)),
        None,
    )
    if attachment is None or device_path not in (None, attachment.device):
        raise CloudError("IncorrectState", f"Volume '{volume_id}' is in the 'available' state.")
    del attachment.instance.block_device_mapping[attachment.device]
    volume.attachments.remove(attachment)
    attachment.status = "detached"
    return attachment


def teardown_defaults(self) -> None:
    """At termination; a volume that other instances use as well stays."""
    for device_path, device in list(self.block_device_mapping.items()):
        self.ec2_backend.detach_volume(device.volume_id, self.id, device_path)
        volume = self.ec2_backend.get_volume(device.volume_id)
        if device.delete_on_termination and not volume.attachments:
            self.ec2_backend.delete_volume(device.volume_id)


def create_default_encryption_key(self) -> str:
    """Like the account's `aws/ebs` key; moto's own way loads all of its KMS."""
    key = "11111111-2222-3333-4444-555555555555"
    self.default_kms_key_id = f"arn:{get_partition(self.region_name)}:kms:{self.region_name}:{self.account_id}:key/{key}"
    return self.default_kms_key_id


def install() -> None:
    ebs.Volume = AttachableVolume
    ebs.EBSBackend.attach_volume = attach_volume
    ebs.EBSBackend.detach_volume = detach_volume
    ebs.EBSBackend._create_default_encryption_key = create_default_encryption_key
    Instance.teardown_defaults = teardown_defaults
