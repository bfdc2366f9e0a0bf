"""
CopyImage: an image like another, of this or another region, with snapshots of its own; `pending` until they are copied.
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CopyImage.html,
https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/CopyingAMIs.html
"""

from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.models import ec2_backends
from moto.ec2.responses.amis import AmisResponse
from moto.ec2.utils import random_ami_id

from .errors import CloudError
from .images import ImageOfNewSnapshots, check_name, find_image
from .snapshots import Snapshots
from .tags import check_tags

COPIED = (
    "ena_support",
    "imds_support",
    "platform_details",
    "product_codes",
    "sriov_net_support",
    "tpm_support",
    "usage_operation",
)


def install(snapshots: Snapshots) -> None:
    def copy_image(self) -> ActionResult:
        backend = self.ec2_backend
        name = self._get_param("Name")
        key = self._get_param("KmsKeyId")
        encrypted = self._get_param("Encrypted", False)
        source_region = self._get_param("SourceRegion")
        if key and not encrypted:
            raise CloudError("InvalidParameterCombination", "KmsKeyId needs Encrypted")
        tags = self._parse_tag_specification()
        for given in tags.values():
            check_tags(given)
        check_name(backend, name)
        source = find_image(ec2_backends[backend.account_id][source_region], self._get_param("SourceImageId"))
        self.error_on_dryrun()
        image_id = random_ami_id()
        copies = {}
        for device in source.block_device_mappings:
            original = source.ec2_backend.get_snapshot(device["Ebs"]["SnapshotId"])
            description = f"Copied for DestinationAmi {image_id} from SourceAmi {source.id} for SourceSnapshot {original.id}"
            copies[device["DeviceName"]] = snapshots.copy(
                backend, original, description, encrypted or original.encrypted, key, tags.get("snapshot", {})
            )
        image = ImageOfNewSnapshots(
            backend,
            image_id,
            name=name,
            description=self._get_param("Description"),
            source_ami=source,
            root_device_name=source.root_device_name,
            boot_mode=source.boot_mode,
            mapping=[_mapped(device, copies[device["DeviceName"]]) for device in source.block_device_mappings],
            snapshots=list(copies.values()),
            tags=tags.get("image", {}),
        )
        for attribute in COPIED:
            setattr(image, attribute, getattr(source, attribute, None))
        backend.amis[image_id] = image
        return ActionResult({"ImageId": image_id})

    AmisResponse.copy_image = copy_image


def _mapped(device: "dict[str, Any]", copy: Any) -> "dict[str, Any]":
    return {**device, "Ebs": {**device["Ebs"], "SnapshotId": copy.id, "Encrypted": copy.encrypted}}
