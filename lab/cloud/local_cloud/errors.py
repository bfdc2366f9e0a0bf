"""Errors as AWS answers them: code, HTTP status and body of each protocol."""

import json
from xml.sax.saxutils import escape

from moto.core.serialize import EC2Serializer
from moto.ec2.exceptions import EC2ClientError

from .call import Answer, Call

# https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-error-codes.html; all others of EC2 are 400.
STATUS_CODES = {
    "DryRunOperation": 412,
    "UnauthorizedOperation": 403,
    "AuthFailure": 401,
    "RequestLimitExceeded": 503,
    "InternalError": 500,
    "InternalFailure": 500,
    "ServiceUnavailable": 503,
    "Unavailable": 503,
    "AccessDenied": 403,
    "ExpiredToken": 403,
    "SignatureDoesNotMatch": 403,
}


class CloudError(EC2ClientError):
    """Raised inside moto: it serializes the error."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, message)


def status_of(code: str) -> int:
    return STATUS_CODES.get(code, 400)


def error_answer(call: Call, code: str, message: str, status: "int | None" = None) -> Answer:
    status = status_of(code) if status is None else status
    if call.service == "ec2":
        body = (
            '<?xml version="1.0" encoding="UTF-8"?><Response><Errors><Error>'
            f"<Code>{escape(code)}</Code><Message>{escape(message)}</Message>"
            f"</Error></Errors><RequestID>{call.request_id}</RequestID></Response>"
        )
        content_type = "text/xml;charset=UTF-8"
    elif call.service == "sts":
        fault = "Receiver" if status >= 500 else "Sender"
        body = (
            '<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error>'
            f"<Type>{fault}</Type><Code>{escape(code)}</Code><Message>{escape(message)}</Message>"
            f"</Error><RequestId>{call.request_id}</RequestId></ErrorResponse>"
        )
        content_type = "text/xml"
    else:
        body = json.dumps({"__type": code, "message": message})
        content_type = "application/x-amz-json-1.1"
    headers = {"Content-Type": content_type, "x-amzn-RequestId": call.request_id}
    return Answer(status, headers, body.encode(), code)


def throttled(call: Call) -> Answer:
    if call.service == "ec2":
        return error_answer(call, "RequestLimitExceeded", "Request limit exceeded.")
    # https://docs.aws.amazon.com/systems-manager/latest/APIReference/CommonErrors.html
    return error_answer(call, "ThrottlingException", "Rate exceeded")


def install_status_codes() -> None:
    """EC2's service model has no error shapes, so moto answers each error with 400."""
    original = EC2Serializer._serialized_error_to_response

    def with_status(self, resp, error, shape, serialized_error):
        response = original(self, resp, error, shape, serialized_error)
        response["status_code"] = status_of(shape.error_code)
        return response

    EC2Serializer._serialized_error_to_response = with_status
