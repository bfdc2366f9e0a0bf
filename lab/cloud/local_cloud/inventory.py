"""
What the account has, as plain values, and back under the same ids: for a test that begins with what an earlier release
left in somebody's account. Of instances only what `create_instance` can make; networks, terminated instances and the
commands of Systems Manager are not in it.
"""

import math
from datetime import datetime
from typing import Any

from moto.ec2.models import ec2_backends

from . import instances
from .images import RegisteredImage
from .next_id import next_id
from .snapshots import CopiedSnapshot, Course, GradualSnapshot, Progress

OF_VOLUME = {
    "sizeGiB": "size",
    "type": "volume_type",
    "iops": "iops",
    "throughput": "throughput",
    "encrypted": "encrypted",
    "kmsKeyId": "kms_key_id",
    "multiAttach": "multi_attach_enabled",
}
OF_IMAGE = (
    "name",
    "description",
    "architecture",
    "virtualization_type",
    "root_device_name",
    "platform",
    "boot_mode",
    "sriov",
    "state",
    "hypervisor",
    "ena_support",
    "tpm_support",
    "imds_support",
    "sriov_net_support",
    "platform_details",
    "usage_operation",
)
OF_SNAPSHOT = ("id", "description", "encrypted", "kms_key_id")
ALWAYS_PENDING = Course(duration_ms=math.inf)
COMPLETED = Course(duration_ms=0)


def inventory(account_id: str) -> "dict[str, Any]":
    """By region."""
    regions = {region: _of_region(backend) for region, backend in dict(ec2_backends[account_id]).items()}
    return {region: found for region, found in regions.items() if any(found.values())}


def _of_region(backend: Any) -> "dict[str, Any]":
    return {
        "instances": [
            _instance(backend, one)
            for reservation in backend.reservations.values()
            for one in reservation.instances
            if one.state != "terminated"
        ],
        "snapshots": [_snapshot(backend, one) for one in backend.snapshots.values() if one.from_ami is None],
        # The others are those that AWS and its partners offer.
        "images": [_image(backend, one) for one in backend.amis.values() if one.owner_id == backend.account_id],
        "launchTemplates": [_launch_template(backend, one) for one in backend.launch_templates.values()],
    }


def _tags(backend: Any, resource_id: str) -> "dict[str, str]":
    return dict(backend.tags.get(resource_id, {}))


def _instance(backend: Any, instance: Any) -> "dict[str, Any]":
    return {
        "instance_id": instance.id,
        "image_id": instance.image_id,
        "instance_type": instance.instance_type,
        "availability_zone": instance.placement.zone,
        "state": instance.state,
        "root_device_name": instance.root_device_name,
        "tags": _tags(backend, instance.id),
        "product_codes": [one["ProductCodeId"] for one in instance.product_codes],
        "console_output": instance.console_output,
        "attributes": {name: getattr(instance, name) for name in instances.DEFAULTS},
        "volumes": [
            _volume(backend, backend.get_volume(device.volume_id), name, device)
            for name, device in instance.block_device_mapping.items()
        ],
    }


def _volume(backend: Any, volume: Any, device_name: str, device: Any) -> "dict[str, Any]":
    return {
        "volumeId": volume.id,
        "device": device_name,
        **{name: getattr(volume, attribute) for name, attribute in OF_VOLUME.items()},
        "deleteOnTermination": device.delete_on_termination,
        "tags": _tags(backend, volume.id),
    }


def _snapshot(backend: Any, snapshot: GradualSnapshot) -> "dict[str, Any]":
    return {
        **{name: getattr(snapshot, name) for name in OF_SNAPSHOT},
        "volume": snapshot.volume.id,
        "copied": isinstance(snapshot, CopiedSnapshot),
        "start_time": snapshot.start_time.isoformat(timespec="microseconds"),
        "pending": snapshot.status == "pending",
        "tags": _tags(backend, snapshot.id),
    }


def _image(backend: Any, image: RegisteredImage) -> "dict[str, Any]":
    return {
        "id": image.id,
        "creation_date": image.creation_date.isoformat(timespec="microseconds"),
        "mapping": image.block_device_mappings,
        "attributes": {name: getattr(image, name, None) for name in OF_IMAGE},
        "tags": _tags(backend, image.id),
    }


def _launch_template(backend: Any, template: Any) -> "dict[str, Any]":
    return {
        "id": template.id,
        "name": template.name,
        "versions": [{"data": one.data, "description": one.description} for one in template.versions],
        "default_version": template.default_version_number,
        "tags": _tags(backend, template.id),
    }


def restore(account_id: str, regions: "dict[str, Any]") -> None:
    """Beside what there is."""
    backends = ec2_backends[account_id]
    for region, found in regions.items():
        for instance in found["instances"]:
            # Its attributes tell the platform.
            instances.create_instance(account_id, region, platform="linux", **instance)
    volumes = {one.id: one for region in regions for one in backends[region].volumes.values()}
    for region, found in regions.items():
        backend = backends[region]
        for snapshot in found["snapshots"]:
            _restore_snapshot(backend, volumes, **snapshot)
        for image in found["images"]:
            _restore_image(backend, **image)
        for template in found["launchTemplates"]:
            _restore_launch_template(backend, **template)


def _restore_snapshot(
    backend: Any,
    volumes: "dict[str, Any]",
    id: str,
    volume: str,
    copied: bool,
    start_time: str,
    pending: bool,
    tags: "dict[str, str]",
    **attributes: Any,
) -> None:
    kind = CopiedSnapshot if copied else GradualSnapshot
    progress = Progress(ALWAYS_PENDING if pending else COMPLETED)
    snapshot = kind(backend, id, volume=volumes[volume], progress=progress, **attributes)
    snapshot.start_time = datetime.fromisoformat(start_time)
    snapshot.add_tags(tags)
    backend.snapshots[id] = snapshot


def _restore_image(
    backend: Any,
    id: str,
    creation_date: str,
    mapping: "list[dict[str, Any]]",
    attributes: "dict[str, Any]",
    tags: "dict[str, str]",
) -> None:
    created = datetime.fromisoformat(creation_date)
    image = RegisteredImage(backend, id, creation_date=created, mapping=mapping, tags=tags)
    for name, value in attributes.items():
        setattr(image, name, value)
    backend.amis[id] = image


def _restore_launch_template(
    backend: Any,
    id: str,
    name: str,
    versions: "list[dict[str, Any]]",
    default_version: int,
    tags: "dict[str, str]",
) -> None:
    [first, *later] = versions
    specification = {"launch-template": tags}
    with next_id("launch_templates.random_launch_template_id", id):
        template = backend.create_launch_template(name, first["description"], first["data"], specification)
    for version in later:
        template.create_version(version["data"], version["description"])
    template.default_version_number = default_version
