"""Where the pictures of a job come from: folders, globs, archives, buckets, lists."""
