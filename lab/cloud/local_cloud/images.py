"""
Images that are made of snapshots, and hold on to them.
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RegisterImage.html,
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeImages.html,
https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/disable-an-ami.html
"""

import re
import threading
import time
from dataclasses import dataclass
from typing import Any

import moto.ec2.models.amis as amis
from moto.core.responses import ActionResult
from moto.ec2.responses.amis import AmisResponse
from moto.ec2.utils import random_ami_id

from .errors import CloudError
from .image_mapping import checked_mapping
from .tags import check_tags, specified_tags

NAME = re.compile(r"[A-Za-z0-9()\[\] ./\-'@_]{3,128}")


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


class ImageOfNewSnapshots(RegisteredImage):
    """Its snapshots were begun with it, and its state is theirs."""

    def __init__(self, *args: Any, snapshots: "list[Any]", **kwargs: Any) -> None:
        self._snapshots = snapshots
        self._disabled = False
        super().__init__(*args, **kwargs)

    @property
    def state(self) -> str:
        if self._disabled:
            return "disabled"
        statuses = {snapshot.status for snapshot in self._snapshots}
        return "failed" if "error" in statuses else "pending" if "pending" in statuses else "available"

    @state.setter
    def state(self, state: str) -> None:
        self._disabled = state == "disabled"

    @property
    def state_reason(self) -> "dict[str, str] | None":
        messages = [snapshot.state_message for snapshot in self._snapshots if snapshot.status == "error"]
        return {"Code": "Client.SnapshotError", "Message": messages[0]} if messages else None


def check_name(backend: Any, name: "str | None") -> None:
    if not name:
        raise CloudError("MissingParameter", "The request must contain the parameter name")
    if not NAME.fullmatch(name):
        raise CloudError(
            "InvalidAMIName.Malformed",
            "AMI names must be between 3 and 128 characters long, and may contain letters, numbers, "
            "'(', ')', '.', '-', '/', '_', '@', ' and spaces",
        )
    for other in backend.amis.values():
        if other.name == name and other.owner_id == backend.account_id:
            raise CloudError("InvalidAMIName.Duplicate", f"AMI name {name} is already in use by AMI {other.id}")


def find_image(backend: Any, image_id: str) -> RegisteredImage:
    """One that can be used."""
    image = backend.amis.get(image_id)
    if image is None:
        raise CloudError("InvalidAMIID.NotFound", f"The image id '[{image_id}]' does not exist")
    if image.state != "available":
        raise CloudError("InvalidAMIID.Unavailable", f"The image ID '{image_id}' is in state '{image.state}'")
    return image


def register_image(self) -> ActionResult:
    backend = self.ec2_backend
    name = self._get_param("Name")
    root_device_name = self._get_param("RootDeviceName")
    tags = specified_tags(self, "image")
    check_tags(tags)
    check_name(backend, name)
    mapping = checked_mapping(backend, self._get_param("BlockDeviceMappings", []))
    if not root_device_name or root_device_name not in [device["DeviceName"] for device in mapping]:
        raise CloudError("InvalidBlockDeviceMapping", "The root device must be in the block device mapping")
    boot_mode = self._get_param("BootMode")
    if self._get_param("TpmSupport") and boot_mode != "uefi":
        raise CloudError("InvalidParameterCombination", "TpmSupport needs the boot mode uefi")
    if self._get_param("SriovNetSupport") not in (None, "simple"):
        raise CloudError("InvalidParameterValue", "The only value of sriovNetSupport is simple")
    self.error_on_dryrun()
    image = RegisteredImage(
        backend,
        random_ami_id(),
        name=name,
        description=self._get_param("Description"),
        architecture=self._get_param("Architecture", "i386"),
        virtualization_type=self._get_param("VirtualizationType", "paravirtual"),
        root_device_name=root_device_name,
        boot_mode=boot_mode,
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


@dataclass(frozen=True)
class Gone:
    """An image that was deregistered."""

    image: RegisteredImage
    at: float
    """Of the monotonic clock."""


class Images:
    """What EC2 still says of images that were deregistered a moment ago: nothing, until a test says otherwise."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._gone: "list[Gone]" = []
        self.reset()

    def reset(self) -> None:
        self._holds_s: float = 0
        self._seen_s: float = 0

    def linger(self, holds_ms: float, seen_ms: float) -> None:
        """How long an image holds its snapshots, and is described, after it was deregistered."""
        self._holds_s = holds_ms / 1000
        self._seen_s = seen_ms / 1000

    def _gone_since(self, backend: Any, seconds: float) -> "list[RegisteredImage]":
        since = time.monotonic() - seconds
        with self._lock:
            return [gone.image for gone in self._gone if gone.at > since and gone.image.ec2_backend is backend]

    def holder_of(self, backend: Any, snapshot_id: str) -> "str | None":
        """The image that does not let the snapshot be deleted."""
        images = [*backend.amis.values(), *self._gone_since(backend, self._holds_s)]
        return next((image.id for image in images if snapshot_id in image.snapshot_ids), None)

    def install(self) -> None:
        images = self

        def deregister_image(self) -> ActionResult:
            self.error_on_dryrun()
            backend = self.ec2_backend
            image_id = self._get_param("ImageId")
            image = backend.amis.get(image_id)
            backend.deregister_image(image_id)
            with images._lock:
                images._gone.append(Gone(image, time.monotonic()))
            return ActionResult({"Return": True})

        def describe_images(self) -> ActionResult:
            self.error_on_dryrun()
            backend = self.ec2_backend
            found = _described(self, images._gone_since(backend, images._seen_s))
            size = self._get_param("MaxResults")
            if self._get_param("ImageIds", []) and size is not None:
                raise CloudError(
                    "InvalidParameterCombination", "The parameter imageIdSet cannot be used with maxResults"
                )
            start = int(self._get_param("NextToken") or 0)
            end = len(found) if size is None else start + int(size)
            return ActionResult({"Images": found[start:end], "NextToken": str(end) if end < len(found) else None})

        amis.Ami = RegisteredImage
        AmisResponse.register_image = register_image
        AmisResponse.deregister_image = deregister_image
        AmisResponse.describe_images = describe_images


def _described(response: AmisResponse, lingering: "list[RegisteredImage]") -> "list[RegisteredImage]":
    backend = response.ec2_backend
    known = dict(backend.amis)
    backend.amis.update({image.id: image for image in lingering})
    try:
        found = backend.describe_images(
            ami_ids=response._get_param("ImageIds", []),
            filters=response._filters_from_querystring(),
            exec_users=response._get_param("ExecutableUsers", []),
            owners=response._get_param("Owners", []),
        )
    finally:
        backend.amis.clear()
        backend.amis.update(known)
    if response._get_param("IncludeDisabled", False):
        return found
    return [image for image in found if image.state != "disabled"]
