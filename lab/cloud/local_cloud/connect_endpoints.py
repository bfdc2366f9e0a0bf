"""
EC2 Instance Connect Endpoints, as EC2 describes them. What they carry is lab/hosts/connectEndpoint.ts.
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstanceConnectEndpoints.html
"""

import secrets
from typing import Any

from moto.core.responses import ActionResult
from moto.core.utils import utcnow
from moto.ec2.responses.general import General

from .errors import CloudError

FILTERS = {"state": "State", "subnet-id": "SubnetId", "vpc-id": "VpcId", "instance-connect-endpoint-id": "InstanceConnectEndpointId"}


class ConnectEndpoints:
    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self._endpoints: "dict[tuple[str, str], dict[str, dict[str, Any]]]" = {}

    def create(self, account_id: str, region: str, changes: "dict[str, Any]") -> "dict[str, Any]":
        """`changes`: members of API Ec2InstanceConnectEndpoint."""
        endpoint_id = f"eice-{secrets.token_hex(9)[:17]}"
        endpoint = {
            "OwnerId": account_id,
            "InstanceConnectEndpointId": endpoint_id,
            "State": "create-complete",
            "StateMessage": "",
            "CreatedAt": utcnow(),
            "PreserveClientIp": False,
            "IpAddressType": "ipv4",
            **changes,
        }
        self._endpoints.setdefault((account_id, region), {})[endpoint_id] = endpoint
        return {"endpointId": endpoint_id}

    def install(self) -> None:
        endpoints = self

        def describe_instance_connect_endpoints(self: Any) -> ActionResult:
            self.error_on_dryrun()
            there = endpoints._endpoints.get((self.current_account, self.region), {})
            ids = self._get_param("InstanceConnectEndpointIds", [])
            missing = [one for one in ids if one not in there]
            if missing:
                raise CloudError(
                    "InvalidInstanceConnectEndpointId.NotFound",
                    f"The instanceConnectEndpoint ID '{missing[0]}' does not exist",
                )
            found = [there[one] for one in ids] or list(there.values())
            for one in self._get_param("Filters", []):
                if one["Name"] not in FILTERS:
                    raise CloudError("InvalidParameterValue", f"The filter '{one['Name']}' is invalid")
                found = [endpoint for endpoint in found if endpoint.get(FILTERS[one["Name"]]) in one["Values"]]
            start = int(self._get_param("NextToken") or 0)
            end = start + int(self._get_param("MaxResults") or 50)
            more = {"NextToken": str(end)} if end < len(found) else {}
            return ActionResult({"InstanceConnectEndpoints": found[start:end], **more})

        General.describe_instance_connect_endpoints = describe_instance_connect_endpoints
