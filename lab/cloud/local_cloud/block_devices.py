"""DescribeInstanceAttribute of `blockDeviceMapping`, which moto answers without its volumes."""

from moto.core.responses import ActionResult
from moto.ec2.responses.instances import InstanceResponse


def install() -> None:
    original = InstanceResponse.describe_instance_attribute

    def describe_instance_attribute(self) -> ActionResult:
        if self._get_param("Attribute") != "blockDeviceMapping":
            return original(self)
        self.error_on_dryrun()
        instance = self.ec2_backend.get_instance(self._get_param("InstanceId"))
        mapping = [
            {
                "DeviceName": name,
                "Ebs": {
                    "VolumeId": device.volume_id,
                    "Status": "attached",
                    "AttachTime": device.attach_time,
                    "DeleteOnTermination": device.delete_on_termination,
                },
            }
            for name, device in instance.block_device_mapping.items()
        ]
        return ActionResult({"InstanceId": instance.id, "BlockDeviceMappings": mapping})

    InstanceResponse.describe_instance_attribute = describe_instance_attribute
