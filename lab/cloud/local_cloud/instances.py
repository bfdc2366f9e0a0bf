"""
Instances with all that DescribeInstances says of them, and with many volumes in one go.
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Instance.html,
https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/billing-info-fields.html,
https://docs.aws.amazon.com/ebs/latest/userguide/device_naming.html
"""

import itertools
from datetime import timedelta
from typing import Any, Iterator

from moto.core.utils import utcnow
from moto.ec2.models import ec2_backends
from moto.ec2.models.availability_zones_and_regions import RegionsAndZonesBackend, Zone
from moto.ec2.models.instance_types import INSTANCE_TYPE_OFFERINGS
from moto.ec2.models.instances import Instance, StateReason
from moto.ec2.utils import random_ami_id

from .next_id import next_id

STATE_CODES = {
    "pending": 0,
    "running": 16,
    "shutting-down": 32,
    "terminated": 48,
    "stopping": 64,
    "stopped": 80,
}
SOVEREIGN = "eusc-de-east-1"
PLATFORMS = {
    "linux": {"platform": None, "platform_details": "Linux/UNIX", "usage_operation": "RunInstances"},
    "windows": {"platform": "windows", "platform_details": "Windows", "usage_operation": "RunInstances:0002"},
}
DEFAULTS = {
    "architecture": "x86_64",
    "virtualization_type": "hvm",
    # EC2 says so of Nitro, too.
    "hypervisor": "xen",
    "kernel_id": None,
    "ena_support": True,
    "sriov_net_support": None,
    "boot_mode": "uefi-preferred",
    "current_instance_boot_mode": "uefi",
    "tpm_support": None,
    **PLATFORMS["linux"],
}


def create_instance(
    account_id: str,
    region: str,
    volumes: "list[dict[str, Any]]",
    platform: str,
    state: str,
    image_id: "str | None",
    instance_type: str,
    availability_zone: "str | None",
    root_device_name: str,
    tags: "dict[str, str]",
    attributes: "dict[str, Any]",
    product_codes: "list[str]",
    console_output: "str | None",
    instance_id: "str | None" = None,
) -> "dict[str, Any]":
    """The first volume is the root; `attributes` are fields of DescribeInstances in snake_case."""
    backend = ec2_backends[account_id][region]
    zone = availability_zone or f"{region}a"
    # moto knows no offers of other partitions.
    checked = region in INSTANCE_TYPE_OFFERINGS["availability-zone"]
    with next_id("instances.random_instance_id", instance_id):
        [instance] = backend.run_instances(
            image_id or random_ami_id(),
            1,
            None,
            [],
            instance_type=instance_type,
            is_instance_type_default=True,
            placement=zone if checked else None,
            region_name=region,
            tags={"instance": tags},
            # An empty list would have moto make a root volume of its own.
            block_device_mappings=[],
        ).instances
    instance._placement.zone = zone
    for name, value in {**PLATFORMS[platform], **attributes}.items():
        setattr(instance, name, value)
    instance.root_device_name = root_device_name
    instance.product_codes = [{"ProductCodeId": code, "ProductCodeType": "marketplace"} for code in product_codes]
    instance.console_output = console_output
    # As most servers that are backed up; what was started just now is a case of its own.
    set_started(instance, 86_400)
    devices = {}
    names = (name for name in device_names() if name not in {one.get("device") for one in volumes})
    for index, volume in enumerate(volumes):
        device = volume.get("device") or (root_device_name if index == 0 else next(names))
        devices[device] = attach_new_volume(backend, instance, device, volume, root=index == 0)
    set_state(instance, state)
    return {
        "instanceId": instance.id,
        "imageId": instance.image_id,
        "availabilityZone": instance.placement.zone,
        "rootDeviceName": root_device_name,
        "rootVolumeId": next(iter(devices.values())),
        "volumeIds": list(devices.values()),
        "devices": devices,
    }


def device_names() -> Iterator[str]:
    """For data volumes: the recommended `/dev/sd[f-p]`, then `/dev/xvdba` and so on."""
    for letter in "fghijklmnop":
        yield f"/dev/sd{letter}"
    for first, second in itertools.product("bcdefghi", "abcdefghijklmnopqrstuvwxyz"):
        yield f"/dev/xvd{first}{second}"


def attach_new_volume(backend: Any, instance: Any, device: str, volume: "dict[str, Any]", root: bool) -> str:
    kind = volume.get("type", "gp3")
    iops = volume.get("iops", {"gp3": 3000, "io1": 1000, "io2": 1000}.get(kind))
    with next_id("elastic_block_store.random_volume_id", volume.get("volumeId")):
        created = backend.create_volume(
            size=volume.get("sizeGiB", 8),
            zone_name=instance.placement.zone,
            snapshot_id=volume.get("snapshotId"),
            encrypted=volume.get("encrypted", False),
            kms_key_id=volume.get("kmsKeyId"),
            volume_type=kind,
            iops=iops,
            throughput=volume.get("throughput", 125 if kind == "gp3" else None),
            multi_attach_enabled=volume.get("multiAttach", False),
        )
    created.add_tags(volume.get("tags", {}))
    backend.attach_volume(created.id, instance.id, device, volume.get("deleteOnTermination", root))
    return created.id


def set_state(instance: Any, state: str, reason: "str | None" = None) -> None:
    """:param reason: code and message, as DescribeInstances tells them"""
    if state == "terminated":
        if instance.state != "terminated":
            instance.terminate()
        return
    instance._state.name = state
    instance._state.code = STATE_CODES[state]
    stopped = state in ("stopping", "stopped")
    code = "Client.UserInitiatedShutdown"
    instance.state_reason = StateReason(f"{code}: User initiated shutdown", code) if stopped else StateReason()
    if reason is not None:
        instance.state_reason = StateReason(reason, reason.split(":")[0])


def set_started(instance: Any, seconds_ago: float) -> None:
    instance.launch_time = utcnow() - timedelta(seconds=seconds_ago)


def find(account_id: str, region: str, instance_id: str) -> "tuple[Any, Any]":
    backend = ec2_backends[account_id][region]
    return backend, backend.get_instance(instance_id)


def install() -> None:
    # moto knows the region of the European Sovereign Cloud, but no zone of it; the zone's id is assumed.
    zone = Zone(region_name=SOVEREIGN, name=f"{SOVEREIGN}a", zone_id="eusc1-az1")
    RegionsAndZonesBackend.zones.setdefault(SOVEREIGN, [zone])
    original = Instance.__init__

    def with_defaults(self, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        for name, value in DEFAULTS.items():
            setattr(self, name, value)

    Instance.__init__ = with_defaults
