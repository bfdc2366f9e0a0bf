"""Instances on which an agent of Systems Manager runs, and what is installed there."""

import datetime
from dataclasses import dataclass, field
from typing import Any, Callable

from moto.ssm.exceptions import SSMException

from .commands import now

DEFAULT_AGENT_VERSION = "3.3.1957.0"
DEFAULT_PLATFORM_NAMES = {"Windows": "Microsoft Windows Server 2022 Datacenter", "Linux": "Amazon Linux"}
DEFAULT_PLATFORM_VERSIONS = {"Windows": "10.0.20348", "Linux": "2023"}
PING_STATUSES = ("Online", "ConnectionLost", "Inactive")


@dataclass
class Components:
    """AwsVssComponents on one instance."""

    version: "str | None" = None
    provider_registered: bool = False
    """Versions before 2.3.2 leave it registered when they are removed."""
    busy_with: "str | None" = None
    """The action that holds the package's lock; `other`: of another process."""


@dataclass
class ManagedInstance:
    account_id: str
    region: str
    instance_id: str
    state: "Callable[[], str]"
    """Of the EC2 instance."""
    role_key: str
    """Access key id with which the agent signs: the instance's role."""
    ping_status: str = "Online"
    agent_version: str = DEFAULT_AGENT_VERSION
    platform_type: str = "Windows"
    platform_name: str = ""
    platform_version: str = ""
    refuses_when_unreachable: bool = True
    shell: "list[str] | None" = None
    """The command line that runs a script, its last argument, on the instance."""
    components: Components = field(default_factory=Components)
    registered: datetime.datetime = field(default_factory=now)
    frozen: bool = False
    """A shadow copy set is being made."""

    @property
    def ping(self) -> str:
        """Nothing reports from an instance that does not run."""
        return self.ping_status if self.ping_status != "Online" or self.state() == "running" else "ConnectionLost"

    def change(self, changes: "dict[str, Any]") -> None:
        if changes.get("ping_status", "Online") not in PING_STATUSES:
            raise ValueError(f"no such ping status: {changes['ping_status']}")
        for name, value in changes.items():
            setattr(self, name, value)

    def as_information(self) -> "dict[str, Any]":
        return {
            "InstanceId": self.instance_id,
            "PingStatus": self.ping,
            "LastPingDateTime": now(),
            "AgentVersion": self.agent_version,
            "IsLatestVersion": self.agent_version == DEFAULT_AGENT_VERSION,
            "PlatformType": self.platform_type,
            "PlatformName": self.platform_name or DEFAULT_PLATFORM_NAMES.get(self.platform_type, ""),
            "PlatformVersion": self.platform_version or DEFAULT_PLATFORM_VERSIONS.get(self.platform_type, ""),
            "RegistrationDate": self.registered,
            "ResourceType": "EC2Instance",
            "IPAddress": "10.0.0.10",
            "ComputerName": "server.local",
            "AssociationStatus": "Success",
        }

    def meets(self, key: str, values: "list[str]") -> bool:
        own: "dict[str, str]" = {
            "InstanceIds": self.instance_id,
            "AgentVersion": self.agent_version,
            "PingStatus": self.ping,
            "PlatformTypes": self.platform_type,
            "ResourceType": "EC2Instance",
            "AssociationStatus": "Success",
        }
        if key not in own:
            raise SSMException("InvalidFilterKey", f"The filter key {key} is not valid.")
        return own[key] in values
