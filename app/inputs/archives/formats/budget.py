"""How many bytes of an archive may still be unpacked. What its headers say of sizes doesn't count."""

from __future__ import annotations

from dataclasses import dataclass

from app import errors
from app.inputs.archives.faults import Overspent, archive_error
from app.inputs.limits import ArchiveLimits

LEAST_UNPACKED = 2**20  # bytes that any archive may unpack to, whatever its ratio


@dataclass
class Budget:
    """Bytes that may be unpacked in all, and those that still may."""

    most: int
    left: int

    @classmethod
    def of(cls, size: int, limits: ArchiveLimits) -> Budget:
        """Return the budget of an archive of `size` bytes."""
        most = min(limits.max_archive_bytes, max(size * limits.max_archive_ratio, LEAST_UNPACKED))
        return cls(most, most)

    def spend(self, count: int) -> None:
        """Take so many bytes from it. Raises Overspent."""
        self.left -= count
        if self.left < 0:
            raise Overspent(f"the archive unpacks to more than {self.most} bytes, the most for one of its size")


def check_entries(count: int, limits: ArchiveLimits) -> None:
    """Raise ArchiveTooLarge for an archive of too many entries."""
    if count > limits.max_archive_entries:
        detail = f"It has more than {limits.max_archive_entries} entries. Send fewer images."
        raise archive_error(errors.ArchiveTooLarge, detail)
