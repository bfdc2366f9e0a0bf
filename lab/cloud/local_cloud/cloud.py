"""The cloud as a whole: its parts, and the one place that installs them into moto."""

import threading

from . import block_devices, console, copy_image, create_image, images, instances, launches, snapshots, tags, volumes
from .clock import Clock
from .connect_endpoints import ConnectEndpoints
from .credentials import Credentials
from .errors import install_status_codes
from .faults import Faults
from .instance_connect import InstanceConnect
from .journal import Journal
from .late_launches import LateLaunches
from .launches_seen import LaunchesSeen
from .permissions import Permissions
from .recycle_bin import RecycleBin
from .snapshot_locks import SnapshotLocks
from .systems_manager import SystemsManager
from .timing import Latency, Throttle
from .volume_contents import VolumeContents


class Cloud:
    """
    :param account_id: the account that access keys belong to, unless told otherwise
    :param snapshot_duration_ms: how long snapshots stay `pending`
    """

    def __init__(self, account_id: str = "123456789012", snapshot_duration_ms: float = 400) -> None:
        # moto is not made for threads; what happens under this lock happens at one instant for all callers.
        self.acting = threading.RLock()
        self.journal = Journal()
        self.faults = Faults()
        self.permissions = Permissions()
        self.throttle = Throttle()
        self.latency = Latency()
        self.clock = Clock()
        self.credentials = Credentials(account_id, self.clock)
        self.images = images.Images()
        self.locks = SnapshotLocks()
        self.recycle_bin = RecycleBin()
        self.snapshots = snapshots.Snapshots(snapshot_duration_ms, self.images, self.locks, self.recycle_bin)
        self.systems_manager = SystemsManager(self)
        self.instance_connect = InstanceConnect()
        self.connect_endpoints = ConnectEndpoints()
        self.volume_contents = VolumeContents()
        self.launches_seen = LaunchesSeen()
        self.late_launches = LateLaunches()

        install_status_codes()
        self.credentials.install()
        tags.install()
        volumes.install()
        self.snapshots.install()
        self.snapshots.at_instant.append(self.volume_contents.copy)
        self.images.install()
        self.locks.install()
        self.recycle_bin.install()
        create_image.install(self.snapshots)
        copy_image.install(self.snapshots)
        instances.install()
        self.late_launches.install()
        launches.install(self.launches_seen, self.late_launches)
        block_devices.install()
        console.install()
        self.systems_manager.install()
        self.instance_connect.install()
        self.connect_endpoints.install()

    def reset(self) -> None:
        """Takes back everything that tests have told the cloud to do; resources and journal stay."""
        self.faults.reset()
        self.permissions.reset()
        self.throttle.reset()
        self.latency.reset()
        self.clock.reset()
        self.credentials.reset()
        self.images.reset()
        self.late_launches.reset()
        self.recycle_bin.reset()
        self.snapshots.reset()
        self.systems_manager.reset()
        self.instance_connect.reset()
        self.connect_endpoints.reset()
