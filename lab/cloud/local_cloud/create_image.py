"""
CreateImage: an image of an instance, with snapshots of all its volumes taken at one instant; `pending` until they have
completed. https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateImage.html
"""

from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.responses.amis import AmisResponse
from moto.ec2.utils import random_ami_id

from .errors import CloudError
from .image_mapping import TAKE_IOPS
from .images import ImageOfNewSnapshots, check_name
from .snapshots import Snapshots
from .tags import check_tags


def install(snapshots: Snapshots) -> None:
    def create_image(self) -> ActionResult:
        backend = self.ec2_backend
        name = self._get_param("Name")
        instance = backend.get_instance(self._get_param("InstanceId"))
        check_name(backend, name)
        tags = self._parse_tag_specification()
        for given in tags.values():
            check_tags(given)
        if instance.state not in ("running", "stopped", "stopping", "pending"):
            raise CloudError("IncorrectInstanceState", f"Instance '{instance.id}' is not 'running' or 'stopped'.")
        self.error_on_dryrun()
        image_id = random_ami_id()
        devices = instance.block_device_mapping
        volumes = [backend.get_volume(device.volume_id) for device in devices.values()]
        taken = snapshots.take(
            backend,
            volumes,
            f"Created by CreateImage({instance.id}) for {image_id}",
            {volume.id: tags.get("snapshot", {}) for volume in volumes},
            instance.id,
        )
        image = ImageOfNewSnapshots(
            backend,
            image_id,
            instance=instance,
            name=name,
            description=self._get_param("Description"),
            root_device_name=instance.root_device_name,
            boot_mode=instance.boot_mode,
            mapping=[_mapped(name, devices[name], snapshot) for name, snapshot in zip(devices, taken)],
            snapshots=taken,
            tags=tags.get("image", {}),
        )
        image.platform_details = instance.platform_details
        image.usage_operation = instance.usage_operation
        image.ena_support = instance.ena_support
        image.tpm_support = instance.tpm_support
        backend.amis[image_id] = image
        return ActionResult({"ImageId": image_id})

    AmisResponse.create_image = create_image


def _mapped(device_name: str, device: Any, snapshot: Any) -> "dict[str, Any]":
    volume = snapshot.volume
    return {
        "DeviceName": device_name,
        "Ebs": {
            "SnapshotId": snapshot.id,
            "VolumeSize": snapshot.volume_size,
            "VolumeType": volume.volume_type,
            **({"Iops": volume.iops} if volume.volume_type in TAKE_IOPS else {}),
            "DeleteOnTermination": device.delete_on_termination,
            "Encrypted": snapshot.encrypted,
        },
    }
