"""The service: it adapts a meta-initialization to uploaded images, keeps the result, and answers from it."""

from kshot import __version__ as __version__
