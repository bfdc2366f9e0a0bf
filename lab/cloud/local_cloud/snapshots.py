"""
EBS snapshots that take their time.
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateSnapshots.html,
https://docs.aws.amazon.com/ebs/latest/userguide/ebs-create-snapshot.html,
https://docs.aws.amazon.com/ebs/latest/userguide/ebs-deleting-snapshot.html
"""

import re
import threading
import time
from dataclasses import dataclass, replace
from typing import Any, Callable

import moto.ec2.models.elastic_block_store as ebs
from moto.core.responses import ActionResult, EmptyResult
from moto.core.serialize import EC2Serializer, TimestampSerializer
from moto.ec2.responses.elastic_block_store import ElasticBlockStore
from moto.ec2.utils import generic_filter, random_snapshot_id

from .errors import CloudError
from .images import Images
from .recycle_bin import RecycleBin
from .snapshot_locks import Lock, SnapshotLocks
from .tags import check_tags, specified_tags, user_tags

MOST_VOLUMES = 128
# https://docs.aws.amazon.com/ebs/latest/userguide/ebs-resource-quotas.html
MOST_PENDING = {"st1": 1, "sc1": 1}
MOST_PENDING_OTHERWISE = 5
SNAPSHOT_ID = re.compile(r"snap-([0-9a-f]{8}|[0-9a-f]{17})")
INSTANCE_ID = re.compile(r"i-([0-9a-f]{8}|[0-9a-f]{17})")


@dataclass(frozen=True)
class Course:
    """How the snapshots of an instance, or of the whole cloud, are to go."""

    duration_ms: float
    """Time in `pending`."""
    invisible_ms: float = 0
    """How long Describe does not know of new ones: eventual consistency."""
    fail_after_ms: "float | None" = None
    """Then all of the set turn to `error`."""
    fail_message: str = "Snapshot creation failed"


class Progress:
    """Shared by all snapshots of a set: one that fails takes the others with it."""

    def __init__(self, course: Course) -> None:
        self._course = course
        self._started = time.monotonic()
        self._ended: "str | None" = None
        self.message: "str | None" = None

    def _elapsed_ms(self) -> float:
        return (time.monotonic() - self._started) * 1000

    @property
    def status(self) -> str:
        if self._ended is None:
            elapsed = self._elapsed_ms()
            if self._course.fail_after_ms is not None and elapsed >= self._course.fail_after_ms:
                self.fail(self._course.fail_message)
            elif elapsed >= self._course.duration_ms:
                self._ended = "completed"
        return self._ended or "pending"

    @property
    def percent(self) -> int:
        if self.status == "completed":
            return 100
        return min(99, int(100 * self._elapsed_ms() / max(self._course.duration_ms, 1)))

    @property
    def visible(self) -> bool:
        return self._elapsed_ms() >= self._course.invisible_ms

    def complete(self) -> None:
        self._ended = "completed"

    def fail(self, message: str) -> None:
        self._ended = "error"
        self.message = message


class GradualSnapshot(ebs.Snapshot):
    def __init__(self, *args: Any, progress: "Progress | None" = None, **kwargs: Any) -> None:
        self._progress = progress or Progress(Course(duration_ms=0))
        super().__init__(*args, **kwargs)
        self.kms_key_id = self.kms_key_id or self.volume.kms_key_id
        self._size = self.volume.size
        self.discard_contents: "Callable[[], None]" = lambda: None
        """Called when it is deleted."""
        self.lock: "Lock | None" = None
        self.bin_state: "str | None" = None
        """`recoverable` in the Recycle Bin, `recovering` on its way out of it."""
        self.recovered_at: float = 0

    @property
    def status(self) -> str:
        if self.bin_state == "recovering" and time.monotonic() >= self.recovered_at:
            self.bin_state = None
        return self.bin_state or self._progress.status

    @status.setter
    def status(self, _: str) -> None:
        """moto sets it once, to `completed`, when the object is made."""

    @property
    def state(self) -> str:
        return self.status

    @property
    def state_message(self) -> "str | None":
        return self._progress.message

    @property
    def progress(self) -> str:
        return f"{self._progress.percent}%"

    @property
    def visible(self) -> bool:
        return self._progress.visible

    @property
    def volume_size(self) -> int:
        return self._size

    def as_created(self) -> "dict[str, Any]":
        """The answer to the request that made it: always at the very beginning, however fast it completes."""
        return {
            "SnapshotId": self.id,
            "VolumeId": self.volume_id,
            "VolumeSize": self.volume_size,
            "StartTime": self.start_time,
            "State": "pending",
            "Progress": "0%",
            "OwnerId": self.owner_id,
            "Description": self.description,
            "Encrypted": self.encrypted,
            "KmsKeyId": self.kms_key_id,
            "Tags": self.tag_set,
        }


class CopiedSnapshot(GradualSnapshot):
    """Of a snapshot, not of a volume: "an arbitrary volume ID that you should not use for any purpose"."""

    @property
    def volume_id(self) -> str:
        return "vol-ffffffff"

    @volume_id.setter
    def volume_id(self, _: str) -> None:
        """moto sets it once, to the id of a volume that may be of another region."""


class Snapshots:
    def __init__(self, duration_ms: float, images: Images, locks: SnapshotLocks, bin: RecycleBin) -> None:
        self._lock = threading.Lock()
        self._images = images
        self._locks = locks
        self._bin = bin
        self._initial_course = Course(duration_ms)
        self.at_instant: "list[Callable[[list[GradualSnapshot]], None]]" = []
        """Called with all snapshots of a set, while nothing else can happen in the cloud: copy real data here."""
        self._started: "dict[str, list[GradualSnapshot]]" = {}
        self._requested_at: "dict[str, float]" = {}
        self.reset()

    def reset(self) -> None:
        with self._lock:
            self._course = self._initial_course
            self._courses: "dict[str, Course]" = {}
            self.account_limit: "int | None" = None
            self.volume_interval_ms: float = 0

    def configure(self, instance_id: "str | None", **changes: Any) -> None:
        """For new snapshots of one instance, or of all that have no course of their own."""
        with self._lock:
            if instance_id is None:
                self._course = replace(self._course, **changes)
            else:
                self._courses[instance_id] = replace(self._courses.get(instance_id, self._course), **changes)

    def _course_of(self, instance_id: "str | None") -> Course:
        with self._lock:
            return self._courses.get(instance_id or "", self._course)

    def take(
        self,
        backend: Any,
        volumes: "list[Any]",
        description: str,
        tags_of: "dict[str, dict[str, str]]",
        instance_id: "str | None",
    ) -> "list[GradualSnapshot]":
        """One set, at one instant."""
        self._check_limits(backend, volumes)
        progress = Progress(self._course_of(instance_id))
        snapshots = [
            GradualSnapshot(
                backend,
                random_snapshot_id(),
                volume=volume,
                description=description,
                encrypted=volume.encrypted,
                progress=progress,
            )
            for volume in volumes
        ]
        for snapshot in snapshots:
            snapshot.start_time = snapshots[0].start_time
            snapshot.add_tags(tags_of[snapshot.volume_id])
            self._started.setdefault(snapshot.volume_id, []).append(snapshot)
            self._requested_at[snapshot.volume_id] = time.monotonic()
        for hook in self.at_instant:
            hook(snapshots)
        backend.snapshots.update({snapshot.id: snapshot for snapshot in snapshots})
        return snapshots

    def copy(
        self,
        backend: Any,
        source: GradualSnapshot,
        description: str,
        encrypted: bool,
        key: "str | None",
        tags: "dict[str, str]",
    ) -> GradualSnapshot:
        """
        Into the region of `backend`. A key that is not there is no error of the request: the copy fails later.
        https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CopySnapshot.html
        """
        progress = Progress(self._course)
        copy = CopiedSnapshot(
            backend,
            random_snapshot_id(),
            volume=source.volume,
            description=description,
            encrypted=encrypted,
            progress=progress,
        )
        default_key = backend.default_kms_key_id or backend._create_default_encryption_key()
        copy.kms_key_id = (key or default_key) if encrypted else None
        if key is not None and key.startswith("arn:") and key.split(":")[3] != backend.region_name:
            progress.fail("Given key ID is not accessible")
        copy.add_tags(tags)
        backend.snapshots[copy.id] = copy
        return copy

    def _check_limits(self, backend: Any, volumes: "list[Any]") -> None:
        if self.account_limit is not None:
            owned = [one for one in backend.snapshots.values() if one.owner_id == backend.account_id]
            if len(owned) + len(volumes) > self.account_limit:
                raise CloudError("SnapshotLimitExceeded", "The maximum number of snapshots has been reached.")
        for volume in volumes:
            # Deleted ones count until they have completed: that is when the deletion takes effect.
            pending = [one for one in self._started.get(volume.id, []) if one.status == "pending"]
            self._started[volume.id] = pending
            if len(pending) >= MOST_PENDING.get(volume.volume_type, MOST_PENDING_OTHERWISE):
                raise CloudError(
                    "ConcurrentSnapshotLimitExceeded",
                    "Maximum allowed in-progress snapshots for a single volume exceeded.",
                )
            last = self._requested_at.get(volume.id)
            if last is not None and (time.monotonic() - last) * 1000 < self.volume_interval_ms:
                raise CloudError(
                    "SnapshotCreationPerVolumeRateExceeded",
                    "The maximum per volume CreateSnapshot request rate has been exceeded. "
                    "Use an increasing or variable sleep interval between requests.",
                )

    def install(self) -> None:
        snapshots = self

        def create_snapshots(self) -> ActionResult:
            backend = self.ec2_backend
            specification = self._get_param("InstanceSpecification", {})
            instance = _snapshottable_instance(backend, specification.get("InstanceId", ""))
            volumes = _chosen_volumes(backend, instance, specification)
            given = specified_tags(self, "snapshot")
            copy = self._get_param("CopyTagsFromSource")
            tags_of = {
                volume.id: {**(user_tags(backend, volume.id) if copy == "volume" else {}), **given}
                for volume in volumes
            }
            for tags in tags_of.values():
                check_tags(tags)
            self.error_on_dryrun()
            taken = snapshots.take(
                backend, volumes, self._get_param("Description", ""), tags_of, instance.id
            )
            return ActionResult({"Snapshots": [snapshot.as_created() for snapshot in taken]})

        def create_snapshot(self) -> ActionResult:
            backend = self.ec2_backend
            volume = backend.get_volume(self._get_param("VolumeId"))
            tags = specified_tags(self, "snapshot")
            check_tags(tags)
            self.error_on_dryrun()
            instance_id = volume.attachments[0].instance_id if volume.attachments else None
            description = self._get_param("Description", "")
            [taken] = snapshots.take(backend, [volume], description, {volume.id: tags}, instance_id)
            return ActionResult(taken.as_created())

        # EBS tells start times to the millisecond; moto cuts them off, to before the request.
        EC2Serializer.DEFAULT_TIMESTAMP_FORMAT = TimestampSerializer.TIMESTAMP_FORMAT_ISO8601
        ebs.Snapshot = GradualSnapshot
        ElasticBlockStore.create_snapshots = create_snapshots
        ElasticBlockStore.create_snapshot = create_snapshot
        ElasticBlockStore.describe_snapshots = describe_snapshots
        ElasticBlockStore.delete_snapshot = delete_snapshot_held_by(self._images, self._locks, self._bin)
        ebs.EBSBackend.get_snapshot = get_snapshot


def _snapshottable_instance(backend: Any, instance_id: str) -> Any:
    if not INSTANCE_ID.fullmatch(instance_id):
        raise CloudError("InvalidInstanceID.Malformed", f'Invalid id: "{instance_id}"')
    instance = backend.get_instance(instance_id)
    if instance.state in ("shutting-down", "terminated"):
        raise CloudError(
            "IncorrectInstanceState",
            f"The instance '{instance_id}' is in the '{instance.state}' state, from which no snapshots can be made.",
        )
    return instance


def _chosen_volumes(backend: Any, instance: Any, specification: "dict[str, Any]") -> "list[Any]":
    devices = {device.volume_id: name for name, device in instance.block_device_mapping.items()}
    excluded = specification.get("ExcludeDataVolumeIds", [])
    for volume_id in excluded:
        if volume_id not in devices:
            raise CloudError(
                "InvalidParameterValue",
                f"The volume '{volume_id}' in ExcludeDataVolumeIds is not attached to instance '{instance.id}'",
            )
        if devices[volume_id] == instance.root_device_name:
            raise CloudError(
                "InvalidParameterValue",
                f"The volume '{volume_id}' in ExcludeDataVolumeIds is the root volume: use ExcludeBootVolume",
            )
    without_boot = specification.get("ExcludeBootVolume", False)
    chosen = [
        volume_id
        for volume_id, name in devices.items()
        if volume_id not in excluded and not (without_boot and name == instance.root_device_name)
    ]
    if not chosen:
        raise CloudError("InvalidParameterValue", f"The instance '{instance.id}' has no volumes to be snapshotted")
    if len(chosen) > MOST_VOLUMES:
        raise CloudError("InvalidParameterValue", f"At most {MOST_VOLUMES} volumes can be snapshotted together")
    return [backend.get_volume(volume_id) for volume_id in chosen]


def get_snapshot(self, snapshot_id: str) -> Any:
    if not SNAPSHOT_ID.fullmatch(snapshot_id or ""):
        raise CloudError("InvalidSnapshotID.Malformed", f"The snapshot ID '{snapshot_id}' is malformed")
    snapshot = self.snapshots.get(snapshot_id)
    if snapshot is None:
        raise CloudError("InvalidSnapshot.NotFound", f"The snapshot '{snapshot_id}' does not exist.")
    return snapshot


def describe_snapshots(self) -> ActionResult:
    backend = self.ec2_backend
    ids = self._get_param("SnapshotIds", [])
    size = self._get_param("MaxResults")
    if ids and size is not None:
        raise CloudError(
            "InvalidParameterCombination",
            "The parameter snapshotSet cannot be used with the parameter maxResults",
        )
    self.error_on_dryrun()
    if ids:
        found = [backend.get_snapshot(snapshot_id) for snapshot_id in ids]
        for snapshot in found:
            if not snapshot.visible:
                raise CloudError("InvalidSnapshot.NotFound", f"The snapshot '{snapshot.id}' does not exist.")
    else:
        found = [snapshot for snapshot in backend.snapshots.values() if snapshot.visible]
    owners = self._get_param("OwnerIds", [])
    if owners:
        accounts = {backend.account_id if owner == "self" else owner for owner in owners}
        found = [snapshot for snapshot in found if snapshot.owner_id in accounts]
    found = generic_filter(self._filters_from_querystring(), found)
    start = int(self._get_param("NextToken") or 0)
    end = len(found) if size is None else start + int(size)
    return ActionResult(
        {"Snapshots": found[start:end], "NextToken": str(end) if end < len(found) else None}
    )


def delete_snapshot_held_by(images: Images, locks: SnapshotLocks, bin: RecycleBin) -> "Callable[[Any], EmptyResult]":
    def delete_snapshot(self) -> EmptyResult:
        backend = self.ec2_backend
        snapshot = backend.get_snapshot(self._get_param("SnapshotId"))
        self.error_on_dryrun()
        bin.check_deletion(snapshot)
        locks.check_deletion(snapshot)
        holder = images.holder_of(backend, snapshot.id)
        if holder is not None:
            raise CloudError("InvalidSnapshot.InUse", f"The snapshot {snapshot.id} is currently in use by {holder}")
        bin.delete(backend, snapshot)
        return EmptyResult()

    return delete_snapshot
