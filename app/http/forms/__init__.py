"""Requests that bring a form, as multipart or as JSON."""
