"""TensorFlow's SAME padding, which the Reptile paper's networks and EfficientNet use."""


def places(size: int, stride: int) -> int:
    """Return how many windows lie along an axis of `size`: ceil(size / stride)."""
    return -(-size // stride)


def same_padding(size: int, kernel: int, stride: int) -> tuple[int, int]:
    """Return the zeros before and after an axis of `size` by which it has ceil(size / stride) windows of `kernel`."""
    total = max((places(size, stride) - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2
