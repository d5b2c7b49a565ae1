"""Sentences: the checkpoint `text` beside what one would use instead, on data that it was not trained on."""
