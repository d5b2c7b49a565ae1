"""Where models start: a checkpoint's initializations, the choice between them, and what a model keeps of it."""
