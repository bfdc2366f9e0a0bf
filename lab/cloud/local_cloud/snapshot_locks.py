"""
Snapshot Lock: nobody deletes a locked snapshot until its lock has expired or was taken off.
https://docs.aws.amazon.com/ebs/latest/userguide/snapshot-lock-concepts.html,
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_LockSnapshot.html,
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeLockedSnapshots.html
"""

import datetime
from dataclasses import dataclass
from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.responses.elastic_block_store import ElasticBlockStore

from .errors import CloudError

MODES = ("governance", "compliance")
MOST_DAYS = 36_500
MOST_COOL_OFF_HOURS = 72
FILTERS = ("lock-state",)


@dataclass
class Lock:
    mode: str
    created: datetime.datetime
    days: "int | None"
    until: "datetime.datetime | None"
    """Given instead of `days`."""
    cool_off_hours: "int | None"
    starts: "datetime.datetime | None"
    """Of a pending snapshot's lock: when it is completed."""

    @property
    def expires(self) -> "datetime.datetime | None":
        if self.until is not None or self.starts is None:
            return self.until
        return self.starts + datetime.timedelta(days=self.days or 0)

    @property
    def cool_off_expires(self) -> "datetime.datetime | None":
        return self.cool_off_hours and self.created + datetime.timedelta(hours=self.cool_off_hours)

    def state(self, now: datetime.datetime) -> str:
        if self.expires is not None and self.expires <= now:
            return "expired"
        cooling = self.cool_off_expires is not None and now < self.cool_off_expires
        return "compliance-cooloff" if self.mode == "compliance" and cooling else self.mode


class SnapshotLocks:
    def __init__(self) -> None:
        self._passed = datetime.timedelta()

    def pass_time(self, hours: float) -> None:
        """For locks only: requests are still signed at the time that it is."""
        self._passed += datetime.timedelta(hours=hours)

    def _now(self) -> datetime.datetime:
        return datetime.datetime.now(datetime.timezone.utc) + self._passed

    def _lock_of(self, snapshot: Any) -> "Lock | None":
        lock = snapshot.lock
        if lock is not None and lock.starts is None and snapshot.status != "pending":
            lock.starts = self._now()
        return lock

    def _state_of(self, snapshot: Any) -> "str | None":
        lock = self._lock_of(snapshot)
        return lock and lock.state(self._now())

    def check_deletion(self, snapshot: Any) -> None:
        # That it is refused is documented, the code is not: assumed.
        if self._state_of(snapshot) not in (None, "expired"):
            raise CloudError("OperationNotPermitted", f"The snapshot {snapshot.id} is locked and cannot be deleted.")

    def _described(self, snapshot: Any) -> "dict[str, Any]":
        lock = self._lock_of(snapshot)
        return {
            "OwnerId": snapshot.owner_id,
            "SnapshotId": snapshot.id,
            "LockState": self._state_of(snapshot),
            "LockDuration": lock.days,
            "CoolOffPeriod": lock.cool_off_hours,
            "CoolOffPeriodExpiresOn": lock.cool_off_expires,
            "LockCreatedOn": lock.created,
            "LockDurationStartTime": lock.starts,
            "LockExpiresOn": lock.expires,
        }

    def _new_lock(self, snapshot: Any, mode: str, days: Any, until: Any, cool_off_hours: Any) -> Lock:
        if mode not in MODES:
            raise CloudError("InvalidParameterValue", f"Invalid value '{mode}' for LockMode")
        if (days is None) == (until is None):
            raise CloudError("InvalidParameterCombination", "Specify either LockDuration or ExpirationDate")
        if days is not None and not 1 <= int(days) <= MOST_DAYS:
            raise CloudError("InvalidParameterValue", f"LockDuration must be between 1 and {MOST_DAYS} days")
        if cool_off_hours is not None and mode != "compliance":
            raise CloudError("InvalidParameterCombination", "CoolOffPeriod is for compliance mode only")
        if cool_off_hours is not None and not 1 <= int(cool_off_hours) <= MOST_COOL_OFF_HOURS:
            raise CloudError("InvalidParameterValue", f"CoolOffPeriod must be between 1 and {MOST_COOL_OFF_HOURS} hours")
        now = self._now()
        return Lock(
            mode=mode,
            created=now,
            days=None if days is None else int(days),
            # moto hands it over without its zone.
            until=until and until.replace(tzinfo=datetime.timezone.utc),
            cool_off_hours=None if cool_off_hours is None else int(cool_off_hours),
            starts=None if snapshot.status == "pending" else now,
        )

    def _check_change(self, snapshot: Any, lock: Lock) -> None:
        before = self._lock_of(snapshot)
        if self._state_of(snapshot) != "compliance":
            return
        longer = None not in (lock.expires, before.expires) and lock.expires >= before.expires
        if lock.mode != "compliance" or lock.cool_off_hours is not None or not longer:
            raise CloudError("OperationNotPermitted", f"The lock of {snapshot.id} can only be extended")

    def install(self) -> None:
        locks = self

        def lock_snapshot(self) -> ActionResult:
            snapshot = self.ec2_backend.get_snapshot(self._get_param("SnapshotId"))
            given = ("LockMode", "LockDuration", "ExpirationDate", "CoolOffPeriod")
            lock = locks._new_lock(snapshot, *(self._get_param(name) for name in given))
            locks._check_change(snapshot, lock)
            self.error_on_dryrun()
            snapshot.lock = lock
            return ActionResult(locks._described(snapshot))

        def unlock_snapshot(self) -> ActionResult:
            snapshot = self.ec2_backend.get_snapshot(self._get_param("SnapshotId"))
            if locks._state_of(snapshot) == "compliance":
                raise CloudError("OperationNotPermitted", f"{snapshot.id} is locked in compliance mode")
            self.error_on_dryrun()
            snapshot.lock = None
            return ActionResult({"SnapshotId": snapshot.id})

        def describe_locked_snapshots(self) -> ActionResult:
            backend = self.ec2_backend
            self.error_on_dryrun()
            ids = self._get_param("SnapshotIds", [])
            if ids and self._get_param("MaxResults") is not None:
                raise CloudError("InvalidParameterCombination", "SnapshotIds cannot be used with MaxResults")
            # That one which is not there is an error: assumed, as DescribeSnapshots has it.
            asked = [backend.get_snapshot(one) for one in ids] or list(backend.snapshots.values())
            found = [locks._described(one) for one in asked if locks._lock_of(one) is not None]
            for one in self._get_param("Filters", []):
                if one["Name"] not in FILTERS:
                    raise CloudError("InvalidParameterValue", f"The filter '{one['Name']}' is invalid")
                found = [lock for lock in found if lock["LockState"] in one["Values"]]
            return ActionResult({"Snapshots": found})

        ElasticBlockStore.lock_snapshot = lock_snapshot
        ElasticBlockStore.unlock_snapshot = unlock_snapshot
        ElasticBlockStore.describe_locked_snapshots = describe_locked_snapshots
