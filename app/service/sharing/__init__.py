"""Shares: tokens that may only predict with one model, for whoever is given a link."""
