"""How much memory this process has."""

import psutil


def resident_megabytes() -> float:
    """What of this process's memory is in RAM now, in MB of 10⁶ bytes; a GPU's own is not counted."""
    return round(float(psutil.Process().memory_info().rss) / 1e6, 1)
