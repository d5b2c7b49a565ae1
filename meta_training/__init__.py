"""Offline meta-training: datasets, episodes, Reptile, presets, evaluation and reports."""
