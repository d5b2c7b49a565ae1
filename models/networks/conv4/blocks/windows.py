"""What both kinds of block agree on: the windows of a 3×3 convolution, and batch norm's epsilon."""

KERNEL = 3
EPSILON = 1e-3  # TensorFlow's default, which the Reptile paper's networks use


def same_padding(size: int, stride: int) -> tuple[int, int]:
    """Zeros before and after an axis so that its output has ceil(size / stride) places (TensorFlow's SAME)."""
    total = max((places(size, stride) - 1) * stride + KERNEL - size, 0)
    return total // 2, total - total // 2


def places(size: int, stride: int) -> int:
    """Windows along an axis of `size` pixels: ceil(size / stride)."""
    return -(-size // stride)
