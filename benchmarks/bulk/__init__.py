"""Bulk jobs: `kshot bulk predict` and `kshot bulk adapt` on large sets, as users run them."""
