"""
RunInstances, of images that there are, with volumes of their snapshots; directly or by a launch template.
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RunInstances.html
"""

import copy
from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.models.instances import Instance
from moto.ec2.responses.instances import InstanceResponse
from moto.ec2.utils import parse_user_data

from .errors import CloudError
from .images import find_image
from .instances import attach_new_volume
from .late_launches import LateLaunches
from .launches_seen import LaunchesSeen
from .tags import check_tags

# What a launch template and a request may both say; the request wins.
PARAMETERS = (
    "IamInstanceProfile",
    "ImageId",
    "InstanceType",
    "KeyName",
    "MetadataOptions",
    "NetworkInterfaces",
    "PrivateIpAddress",
    "SecurityGroupIds",
    "SubnetId",
    "UserData",
)
OF_THE_IMAGE = (
    "architecture",
    "boot_mode",
    "ena_support",
    "platform",
    "platform_details",
    "product_codes",
    "sriov_net_support",
    "tpm_support",
    "usage_operation",
    "virtualization_type",
)


def run_instances(self) -> ActionResult:
    backend = self.ec2_backend
    template = self._get_param("LaunchTemplate", {})
    said = backend._get_template_from_args(template).data if template else {}
    asked = {name: self._get_param(name) for name in PARAMETERS}
    launch = {**said, **{name: value for name, value in asked.items() if value}}
    tags = self._parse_tag_specification()
    for given in tags.values():
        check_tags(given)
    if self._get_param("MaxCount") not in (1, "1"):
        raise CloudError("InvalidParameterValue", "the local cloud launches one instance at a time")
    if not launch.get("ImageId"):
        raise CloudError("MissingParameter", "The request must contain the parameter ImageId")
    image = find_image(backend, launch["ImageId"])
    token = self._get_param("ClientToken")
    earlier = _by_token(backend).get(token)
    if earlier is not None:
        return ActionResult(earlier)
    interfaces = _checked_interfaces(backend, launch)
    self.error_on_dryrun()
    reservation = backend.run_instances(
        image.id,
        1,
        parse_user_data(launch.get("UserData")),
        [],
        instance_type=launch.get("InstanceType", "m1.small"),
        is_instance_type_default="InstanceType" not in launch,
        region_name=self.region,
        key_name=launch.get("KeyName"),
        iam_instance_profile=launch.get("IamInstanceProfile"),
        metadata_options=launch.get("MetadataOptions", {}),
        nics=interfaces,
        launch_template=template,
        tags=tags,
        # An empty list would have moto make a root volume of its own.
        block_device_mappings=[],
    )
    [instance] = reservation.instances
    for attribute in OF_THE_IMAGE:
        setattr(instance, attribute, getattr(image, attribute, None))
    instance.root_device_name = image.root_device_name
    instance.current_instance_boot_mode = "legacy-bios" if image.boot_mode == "legacy-bios" else "uefi"
    for device in image.block_device_mappings:
        root = device["DeviceName"] == image.root_device_name
        volume = {**_volume(backend, device["Ebs"]), "tags": tags.get("volume", {})}
        attach_new_volume(backend, instance, device["DeviceName"], volume, root)
    if token:
        _by_token(backend)[token] = reservation
    return ActionResult(reservation)


def _by_token(backend: Any) -> "dict[str, Any]":
    """https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-idempotency.html; that the parameters are the same is not looked at."""
    return backend.__dict__.setdefault("launched_by_token", {})


def _checked_interfaces(backend: Any, launch: "dict[str, Any]") -> "list[dict[str, Any]]":
    interfaces = launch.get("NetworkInterfaces", [])
    for name in ("SubnetId", "SecurityGroupIds", "PrivateIpAddress"):
        if interfaces and launch.get(name):
            raise CloudError(
                "InvalidParameterCombination",
                f"Network interfaces and an instance-level {name} may not be specified on the same request",
            )
    if not interfaces:
        interfaces = [
            {
                "DeviceIndex": 0,
                "DeleteOnTermination": True,
                "SubnetId": launch.get("SubnetId") or _default_subnet(backend).id,
                "Groups": launch.get("SecurityGroupIds", []),
                "PrivateIpAddress": launch.get("PrivateIpAddress"),
            }
        ]
    return [_checked_interface(backend, interface) for interface in interfaces]


def _default_subnet(backend: Any) -> Any:
    subnets = backend.get_default_subnets()
    return subnets[min(subnets)]


def _checked_interface(backend: Any, interface: "dict[str, Any]") -> "dict[str, Any]":
    subnet = backend.get_subnet(interface["SubnetId"])
    for group_id in interface.get("Groups", []):
        group = backend.get_security_group_from_id(group_id)
        if group is None:
            raise CloudError("InvalidGroup.NotFound", f"The security group '{group_id}' does not exist")
        if group.vpc_id != subnet.vpc_id:
            raise CloudError(
                "InvalidParameter", f"Security group {group_id} and subnet {subnet.id} belong to different networks."
            )
    address = interface.get("PrivateIpAddress")
    if address in subnet._subnet_ips:
        raise CloudError("InvalidIPAddress.InUse", f"Address {address} is in use.")
    return {name: value for name, value in interface.items() if value is not None}


def _volume(backend: Any, disk: "dict[str, Any]") -> "dict[str, Any]":
    snapshot = backend.get_snapshot(disk["SnapshotId"])
    volume = {
        "snapshotId": snapshot.id,
        "sizeGiB": disk["VolumeSize"],
        "type": disk["VolumeType"],
        "iops": disk.get("Iops"),
        "throughput": disk.get("Throughput"),
        "encrypted": snapshot.encrypted,
        "kmsKeyId": snapshot.kms_key_id if snapshot.encrypted else None,
        "deleteOnTermination": disk["DeleteOnTermination"],
    }
    return {name: value for name, value in volume.items() if value is not None}


def terminate(self: Instance) -> Any:
    """Its addresses are free at once: moto keeps them until Python collects the object. One that is terminated stays so."""
    if self.state == "terminated":
        return copy.copy(self._state)
    subnet = self.ec2_backend.get_subnet(self.subnet_id)
    for interface in self.nics.values():
        subnet.del_subnet_ip(interface.private_ip_address)
    return _terminate(self)


_terminate = Instance.terminate


def install(seen: LaunchesSeen, late: LateLaunches) -> None:
    def seen_run_instances(self) -> ActionResult:
        result = run_instances(self)
        for instance in result.result.instances:
            late.launched(instance)
            seen.launched(instance)
        return result

    def seen_terminate(self: Instance) -> Any:
        result = terminate(self)
        seen.terminated(self)
        return result

    InstanceResponse.run_instances = seen_run_instances
    Instance.terminate = seen_terminate
