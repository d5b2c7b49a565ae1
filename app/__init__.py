"""The service: it adapts a meta-initialization to uploaded images, keeps the result, and answers from it."""

__version__ = "0.1.0"
