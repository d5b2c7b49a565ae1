"""The store of an S3-compatible bucket."""
