"""Parts of a user's own, that `KSHOT_PARTS=my_parts` registers: one file each."""

from my_parts import toy_encoder, toy_head, toy_input, toy_network

__all__ = ["toy_encoder", "toy_head", "toy_input", "toy_network"]
