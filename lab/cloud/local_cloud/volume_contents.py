"""
Volumes with real contents: ranges of files. A snapshot's is a file beside them that bears its id.

The file system has to share blocks (XFS with reflink=1). The kernel lets no write come into a FICLONE
(ioctl_ficlone(2): "clones are atomic with regards to concurrent writes"), so volumes of one file are copied at one
instant, as EBS does with the volumes of one instance.
"""

import fcntl
import os
import struct
from dataclasses import dataclass
from typing import Any

FICLONE = 0x40049409
FICLONERANGE = 0x4020940D


@dataclass(frozen=True)
class Range:
    file: str
    offset: int
    length: int


class VolumeContents:
    def __init__(self) -> None:
        self._ranges: "dict[str, Range]" = {}

    def give(self, volume_id: str, range: Range) -> None:
        self._ranges[volume_id] = range

    def copy(self, snapshots: "list[Any]") -> None:
        """The contents of all volumes that have any; of each file's at one instant."""
        for file in {one.file for one in self._ranges.values()}:
            of_file = [one for one in snapshots if self._range_of(one) and self._range_of(one).file == file]
            if of_file:
                self._copy_ranges(file, of_file)

    def _range_of(self, snapshot: Any) -> "Range | None":
        return self._ranges.get(snapshot.volume_id)

    def _copy_ranges(self, file: str, snapshots: "list[Any]") -> None:
        folder = os.path.dirname(file)
        whole = os.open(folder, os.O_RDWR | os.O_TMPFILE, 0o600)
        try:
            source = os.open(file, os.O_RDONLY)
            try:
                fcntl.ioctl(whole, FICLONE, source)
            finally:
                os.close(source)
            for snapshot in snapshots:
                path = os.path.join(folder, snapshot.id)
                _copy_range(whole, self._ranges[snapshot.volume_id], path)
                snapshot.discard_contents = lambda path=path: os.unlink(path)
        finally:
            os.close(whole)


def _copy_range(whole: int, range: Range, path: str) -> None:
    target = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        fcntl.ioctl(target, FICLONERANGE, struct.pack("qQQQ", whole, range.offset, range.length, 0))
    finally:
        os.close(target)
