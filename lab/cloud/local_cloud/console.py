"""
GetConsoleOutput: nothing until the instance is said to have written something; then the last 64 KiB of it.
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_GetConsoleOutput.html
"""

from moto.core.responses import ActionResult
from moto.core.utils import utcnow
from moto.ec2.responses.general import General
from moto.ec2.utils import Base64EncodedString

KEPT = 64 * 1024


def get_console_output(self) -> ActionResult:
    instance = self.ec2_backend.get_instance(self._get_param("InstanceId"))
    self.error_on_dryrun()
    text = getattr(instance, "console_output", None)
    result = {"InstanceId": instance.id, "Timestamp": utcnow()}
    if text:
        result["Output"] = Base64EncodedString.from_raw_bytes(text.encode()[-KEPT:])
    return ActionResult(result)


def install() -> None:
    General.get_console_output = get_console_output
