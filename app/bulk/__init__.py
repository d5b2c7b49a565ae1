"""Jobs over any number of pictures, in a process of their own: no HTTP, and none of its limits."""
