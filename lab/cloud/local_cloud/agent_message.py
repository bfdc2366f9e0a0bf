"""
The messages between a client of Session Manager and the agent, as the open sources of both have them: amazon-ssm-agent,
agent/session/contracts/model.go and agentmessage.go; session-manager-plugin, src/message.
"""

import hashlib
import json
import struct
import time
import uuid
from dataclasses import dataclass, field
from typing import Any

HEADER_LENGTH = 116
LAYOUT = struct.Struct(">I32sIQqQ16s32sI")

INPUT = "input_stream_data"
OUTPUT = "output_stream_data"
ACKNOWLEDGE = "acknowledge"
CLOSED = "channel_closed"

DATA = 1
HANDSHAKE_REQUEST = 5
HANDSHAKE_RESPONSE = 6
HANDSHAKE_COMPLETE = 7
FLAG = 10

DISCONNECT_TO_PORT = 1
TERMINATE_SESSION = 2


class BadMessage(Exception):
    pass


@dataclass(frozen=True)
class Message:
    type: str
    payload: bytes
    sequence: int = 0
    payload_type: int = 0
    id: uuid.UUID = field(default_factory=uuid.uuid4)

    def encode(self) -> bytes:
        # The lower half of the id comes first.
        half = self.id.bytes[8:] + self.id.bytes[:8]
        header = LAYOUT.pack(
            HEADER_LENGTH,
            self.type.ljust(32).encode(),
            1,
            int(time.time() * 1000),
            self.sequence,
            0,
            half,
            hashlib.sha256(self.payload).digest(),
            self.payload_type,
        )
        return header + struct.pack(">I", len(self.payload)) + self.payload

    @staticmethod
    def decode(data: bytes) -> "Message":
        length, kind, _, _, sequence, _, half, digest, payload_type = LAYOUT.unpack_from(data)
        [size] = struct.unpack_from(">I", data, length)
        payload = data[length + 4 : length + 4 + size]
        if length != HEADER_LENGTH or len(payload) != size:
            raise BadMessage("a message of another length than it says")
        if hashlib.sha256(payload).digest() != digest:
            raise BadMessage("a digest of another payload")
        name = kind.decode().strip("\0 ")
        return Message(name, payload, sequence, payload_type, uuid.UUID(bytes=half[8:] + half[:8]))

    def acknowledgement(self) -> "Message":
        content = {
            "AcknowledgedMessageType": self.type,
            "AcknowledgedMessageId": str(self.id),
            "AcknowledgedMessageSequenceNumber": self.sequence,
            "IsSequentialMessage": True,
        }
        return Message(ACKNOWLEDGE, json.dumps(content).encode())

    def content(self) -> "dict[str, Any]":
        return json.loads(self.payload)
