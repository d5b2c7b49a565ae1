"""Shares of a model: what is sent and answered."""
