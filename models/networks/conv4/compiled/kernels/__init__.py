"""Loops over arrays, compiled by numba: what a block does between matrix products, in one pass through memory each.

In torch operations the same work is several passes and as many dispatches, and takes as long as the matrix products.
Arrays are C-contiguous, and all of a call's have one floating type. Each function writes to the arrays named last.
"""
