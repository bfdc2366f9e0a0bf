"""
The Recycle Bin: where a retention rule sends snapshots that are deleted, and out of which they can be restored.
https://docs.aws.amazon.com/ebs/latest/userguide/recycle-bin.html,
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RestoreSnapshotFromRecycleBin.html
"""

import time
from dataclasses import dataclass
from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.responses.elastic_block_store import ElasticBlockStore

from .errors import CloudError


@dataclass
class Binned:
    snapshot: Any
    tags: "dict[str, str]"
    """A snapshot keeps them in the bin."""


class RecycleBin:
    def __init__(self) -> None:
        self._binned: "dict[str, Binned]" = {}
        self.reset()

    def reset(self) -> None:
        """Without a retention rule, as most accounts."""
        self.retains = False
        self.shows = False
        """Whether DescribeSnapshots tells of them, as `recoverable`: API Snapshot has the state, not when it is seen."""
        self.recovering_ms: float = 0

    def delete(self, backend: Any, snapshot: Any) -> None:
        """As DeleteSnapshot, which succeeds with a retention rule and without."""
        tags = backend.tags.pop(snapshot.id, {})
        if self.retains:
            self._binned[snapshot.id] = Binned(snapshot, dict(tags))
            snapshot.bin_state = "recoverable"
        if not (self.retains and self.shows):
            del backend.snapshots[snapshot.id]
        else:
            backend.tags[snapshot.id] = dict(tags)
        if not self.retains:
            snapshot.discard_contents()

    def check_deletion(self, snapshot: Any) -> None:
        # What EC2 says of either is not documented: assumed.
        if snapshot.status == "recoverable":
            raise CloudError("InvalidSnapshot.NotFound", f"The snapshot '{snapshot.id}' does not exist.")
        if snapshot.status == "recovering":
            raise CloudError("IncorrectState", f"The snapshot {snapshot.id} is being recovered")

    def install(self) -> None:
        bin = self

        def restore_snapshot_from_recycle_bin(self) -> ActionResult:
            backend = self.ec2_backend
            snapshot_id = self._get_param("SnapshotId")
            binned = bin._binned.get(snapshot_id)
            if binned is None or binned.snapshot.ec2_backend is not backend:
                raise CloudError("InvalidSnapshot.NotFound", f"The snapshot '{snapshot_id}' does not exist.")
            self.error_on_dryrun()
            del bin._binned[snapshot_id]
            snapshot = binned.snapshot
            snapshot.bin_state = "recovering"
            snapshot.recovered_at = time.monotonic() + bin.recovering_ms / 1000
            backend.snapshots[snapshot_id] = snapshot
            backend.tags[snapshot_id] = binned.tags
            return ActionResult({**snapshot.as_created(), "State": "recovering"})

        ElasticBlockStore.restore_snapshot_from_recycle_bin = restore_snapshot_from_recycle_bin
