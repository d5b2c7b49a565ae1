"""Loops over arrays, compiled by numba: what lies between the matrix products of an inner step, in one pass each.

In torch operations the same work is several passes through memory and as many dispatches, and takes as long as the
matrix products. Arrays are C-contiguous, and all of a call's have one floating type. Each function writes to the arrays
named last.
"""
