"""
What AWSEC2-CreateVssSnapshot, and the second step of AWSEC2-VssInstallAndSnapshot, do on the instance.
https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/create-vss-snapshots-ssm.html,
https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/application-consistent-snapshots-troubleshooting.html

No Windows, no VSS: the EC2 calls are real calls with the instance's role, in the order that AWSEC2VssSnapshotPolicy
implies; the sentences that are printed are assumed but for the phrases that the troubleshooting page quotes.
"""

import contextlib
import json
import re
import time
import uuid
from typing import Any, Iterator

from moto.ec2.models import ec2_backends

from .instance_role import RoleError

RESERVED_TAGS = ("Device", "AppConsistent", "AwsVssConfig")
TAG_TEXT = r"""[A-Za-z0-9() ./\\\-"'@_+:={}]"""
TAGS_PATTERN = rf"|Key={TAG_TEXT}+,Value={TAG_TEXT}*(;Key={TAG_TEXT}+,Value={TAG_TEXT}*)*;?"
ONE_TAG = re.compile(r"Key=([^,;]+),Value=([^;]*)")
TOO_SMALL = re.compile(r"(t2|t3|t3a)\.(nano|micro)")
FIRST_WITH_CONFIG_TAG = (2, 3, 1)
FIRST_WITH_METADATA = (2, 4, 0)


class Failure(Exception):
    """What the document prints on stderr before it ends with exit code 1."""


def create_snapshot(run: Any) -> int:
    try:
        _check_parameters(run)
        _check_instance(run)
        devices = _volumes(run)
        if run.work() == "fail":
            raise Failure("The VSS snapshot operation failed.")
        with _frozen(run):
            snapshots, image_id = _take(run, devices)
        _thaw(run, snapshots)
        _tag_consistent(run, snapshots, image_id)
    except Failure as failure:
        run.print_error(str(failure))
        return 1
    except RoleError as error:
        run.print_error(f"{error.code}: {error}")
        return 1
    for snapshot_id, device in snapshots.items():
        run.print(f"Snapshot {snapshot_id} of {device} was created.")
    if image_id is not None:
        run.print(f"Image {image_id} was created.")
    return 0


def _flag(run: Any, name: str) -> bool:
    return run.parameter(name) == "True"


def _tags(run: Any) -> "dict[str, str]":
    return dict(ONE_TAG.findall(run.parameter("tags")))


def _version(run: Any) -> "tuple[int, ...]":
    return tuple(int(part) for part in (run.instance.components.version or "0").split("."))


def _check_parameters(run: Any) -> None:
    reserved = [name for name in RESERVED_TAGS if name in _tags(run)]
    if reserved:
        raise Failure(f"The tag key {reserved[0]} is reserved and can't be specified in tags.")
    if _flag(run, "CreateAmi") and _flag(run, "ExcludeBootVolume"):
        raise Failure("ExcludeBootVolume must be False when CreateAmi is True.")
    if _flag(run, "NoWriters") and _flag(run, "SaveVssMetadata"):
        raise Failure("NoWriters and SaveVssMetadata are mutually exclusive.")


def _check_instance(run: Any) -> None:
    if run.course.vss == "languageMode":
        # The one message that is documented in full.
        raise Failure("Cannot invoke method. Method invocation is supported only on core types in this language mode.")
    _check_components(run)
    if _flag(run, "SaveVssMetadata") and _version(run) < FIRST_WITH_METADATA:
        raise Failure("SaveVssMetadata requires AwsVssComponents 2.4.0 or later.")


def _check_components(run: Any) -> None:
    if run.instance.components.version is None:
        raise Failure("AwsVssComponents is not installed: ec2-vss-agent.exe was not found.")


def _volumes(run: Any) -> "dict[str, str]":
    """Volume id by device name: "the call to enumerate attached EBS volumes"."""
    if run.course.vss == "endpointUnreachable":
        host = f"ec2.{run.instance.region}.amazonaws.com"
        raise Failure(f"Failed to enumerate attached EBS volumes: The remote name could not be resolved: '{host}'")
    answer = run.ec2(
        "DescribeInstanceAttribute", InstanceId=run.instance.instance_id, Attribute="blockDeviceMapping"
    )
    return {
        item.findtext("deviceName", ""): item.findtext("ebs/volumeId", "")
        for item in answer.iterfind("blockDeviceMapping/item")
    }


def _ec2_instance(run: Any) -> Any:
    return ec2_backends[run.instance.account_id][run.instance.region].get_instance(run.instance.instance_id)


@contextlib.contextmanager
def _frozen(run: Any) -> Iterator[None]:
    """However it ends, also by cancellation, VSS has thawed by then."""
    _check_freeze(run)
    with run.acting:
        if run.instance.frozen:
            # VSS_E_SNAPSHOT_SET_IN_PROGRESS: https://learn.microsoft.com/en-us/windows/win32/vss/vss-error-codes
            raise Failure("The creation of a shadow copy is already in progress (0x80042316).")
        run.instance.frozen = True
    try:
        yield
    finally:
        with run.acting:
            run.instance.frozen = False


def _check_freeze(run: Any) -> None:
    # Another run may have removed them meanwhile.
    _check_components(run)
    # "When you use smaller instance types ... timeouts due to memory and CPU constraints can occur."
    too_small = TOO_SMALL.fullmatch(_ec2_instance(run).instance_type)
    if too_small or run.course.vss == "freezeTimedOut":
        raise Failure("Timed out: timeout waiting for VSS Freeze.")
    if run.course.vss == "writerFailed" and not _flag(run, "NoWriters"):
        # As `vssadmin list writers` words it.
        raise Failure(
            "VSS writer 'SqlServerWriter' failed: state [8] Failed, last error: Non-retryable error (0x800423F4)."
        )


def _take(run: Any, devices: "dict[str, str]") -> "tuple[dict[str, str], str | None]":
    """Device name by snapshot id, and the image's id. Tags of the whole set go with the request."""
    started = time.monotonic()
    window = run.course.freeze_window_ms / 1000
    tags = dict(_tags(run))
    if _version(run) >= FIRST_WITH_CONFIG_TAG:
        config = {"Version": run.instance.components.version, "SnapshotSetId": f"{{{uuid.uuid4()}}}"}
        tags["AwsVssConfig"] = json.dumps(config, separators=(",", ":"))
    try:
        if _flag(run, "CreateAmi"):
            return _create_image(run, tags, window)
        return _create_snapshots(run, devices, tags, window), None
    except RoleError as error:
        # VSS has thawed by itself; what was asked of EC2 may be done all the same.
        if time.monotonic() - started >= window:
            raise Failure("Thaw pipe connection timed out.") from error
        raise


def _specification(resource_type: str, tags: "dict[str, str]") -> "dict[str, Any]":
    return {"ResourceType": resource_type, "Tag": [{"Key": key, "Value": value} for key, value in tags.items()]}


def _create_snapshots(
    run: Any, devices: "dict[str, str]", tags: "dict[str, str]", window: float
) -> "dict[str, str]":
    instance = {"InstanceId": run.instance.instance_id}
    if _flag(run, "ExcludeBootVolume"):
        instance["ExcludeBootVolume"] = "true"
    if run.course.vss == "halfOfVolumes":
        data = [volume for name, volume in devices.items() if name != _ec2_instance(run).root_device_name]
        instance["ExcludeDataVolumeId"] = data[len(data) - len(devices) // 2 :]
    answer = run.ec2(
        "CreateSnapshots",
        window,
        InstanceSpecification=instance,
        Description=run.parameter("description"),
        TagSpecification=[_specification("snapshot", tags)],
    )
    names = {volume: name for name, volume in devices.items()}
    return {
        item.findtext("snapshotId", ""): names[item.findtext("volumeId", "")]
        for item in answer.iterfind("snapshotSet/item")
    }


def _create_image(run: Any, tags: "dict[str, str]", window: float) -> "tuple[dict[str, str], str]":
    """
    "You may remove snapshot/*" from both CreateTags statements of AWSEC2VssSnapshotPolicy, and DescribeSnapshots, to
    create images only (vss-iam-reqs): so their snapshots are tagged neither at creation nor afterwards.
    """
    kinds = ("image", "snapshot") if run.course.tags_snapshots_of_image else ("image",)
    answer = run.ec2(
        "CreateImage",
        window,
        InstanceId=run.instance.instance_id,
        Name=run.parameter("AmiName"),
        Description=run.parameter("description"),
        NoReboot="true",
        TagSpecification=[_specification(kind, tags) for kind in kinds],
    )
    image_id = answer.findtext("imageId", "")
    images = run.ec2("DescribeImages", ImageId=[image_id])
    mapping = images.iterfind("imagesSet/item/blockDeviceMapping/item")
    return {item.findtext("ebs/snapshotId", ""): item.findtext("deviceName", "") for item in mapping}, image_id


def _thaw(run: Any, snapshots: "dict[str, str]") -> None:
    """"If the system encounters an error, the snapshot created ... does not include the AppConsistent:true tag"."""
    if run.course.vss == "hangsAfterSnapshots":
        run.hang()
    if run.course.vss == "thawPipeTimedOut":
        raise Failure("Thaw pipe connection timed out.")
    if run.course.vss == "thawFailed":
        raise Failure("Encountered an error on thaw.")
    _check_components(run)
    if _flag(run, "CreateAmi") and not run.course.tags_snapshots_of_image:
        return
    try:
        run.ec2("DescribeSnapshots", SnapshotId=list(snapshots))
    except RoleError as error:
        if error.code != "InvalidSnapshot.NotFound":  # eventual consistency
            raise


def _tag_consistent(run: Any, snapshots: "dict[str, str]", image_id: "str | None") -> None:
    """The tags that the policy allows after creation. The agent sets them one by one."""
    failure = run.course.vss
    if image_id is not None:
        if failure == "taggingFailed":
            raise Failure(f"Failed to tag image {image_id}: the CreateTags request failed.")
        _tag(run, image_id, {"AppConsistent": "False" if failure == "notConsistent" else "True"})
    if image_id is None or run.course.tags_snapshots_of_image:
        _tag_snapshots(run, snapshots, failure)


def _tag_snapshots(run: Any, snapshots: "dict[str, str]", failure: "str | None") -> None:
    last = list(snapshots)[-1]
    for snapshot_id, device in snapshots.items():
        if failure == "taggingFailed":
            raise Failure(f"Failed to tag snapshot {snapshot_id}: the CreateTags request failed.")
        tags = {"Device": device, "AppConsistent": "False" if failure == "notConsistent" else "True"}
        if failure == "oneNotConsistent" and snapshot_id == last:
            del tags["AppConsistent"]
        _tag(run, snapshot_id, tags)


def _tag(run: Any, resource_id: str, tags: "dict[str, str]") -> None:
    run.ec2(
        "CreateTags", ResourceId=[resource_id], Tag=[{"Key": key, "Value": value} for key, value in tags.items()]
    )
