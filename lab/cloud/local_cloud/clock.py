"""
AWS's clock: it is in the header Date of each answer, and requests that are signed by another one are refused.
https://docs.aws.amazon.com/IAM/latest/UserGuide/signature-v4-troubleshooting.html
"""

import datetime
import re

from .call import Answer, Call
from .errors import error_answer

FORMAT = "%Y%m%dT%H%M%SZ"
SIGNED_AT = re.compile(r"\d{8}T\d{6}Z")
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv4.html: within five minutes.
TOLERANCE = datetime.timedelta(minutes=5)
# EC2 says AuthFailure (seen: packer issue 3140, aws-sdk-java issue 519); its error codes document RequestExpired.
CODES = ("AuthFailure", "RequestExpired")
MESSAGES = {
    "AuthFailure": "AWS was not able to validate the provided access credentials",
    "RequestExpired": "Request has expired.",
}


class Clock:
    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.offset = datetime.timedelta()
        self._ec2_code = CODES[0]

    def set(self, offset_ms: float, ec2_code: str) -> None:
        """Ahead of this machine's, by so much; behind it, when negative."""
        if ec2_code not in CODES:
            raise ValueError(f"EC2 does not answer {ec2_code}")
        self.offset = datetime.timedelta(milliseconds=offset_ms)
        self._ec2_code = ec2_code

    def now(self) -> datetime.datetime:
        return datetime.datetime.now(datetime.timezone.utc) + self.offset

    def refusal(self, call: Call) -> "Answer | None":
        # Instances get their time from AWS.
        if call.by_instance() or not SIGNED_AT.fullmatch(call.signed_at):
            return None
        now = self.now()
        signed = datetime.datetime.strptime(call.signed_at, FORMAT).replace(tzinfo=datetime.timezone.utc)
        if abs(now - signed) <= TOLERANCE:
            return None
        if call.service == "ec2":
            return error_answer(call, self._ec2_code, MESSAGES[self._ec2_code])
        late = signed < now
        what, relation = ("expired", "earlier") if late else ("not yet current", "later")
        limit, sign = (now - TOLERANCE, "-") if late else (now + TOLERANCE, "+")
        message = (
            f"Signature {what}: {call.signed_at} is {'now' if late else 'still'} {relation} than "
            f"{limit.strftime(FORMAT)} ({now.strftime(FORMAT)} {sign} 5 min.)"
        )
        return error_answer(call, "SignatureDoesNotMatch" if call.service == "sts" else "InvalidSignatureException", message)
