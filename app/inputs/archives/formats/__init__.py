"""Zips and tars, by one interface."""
