"""Frozen encoders of photographs: what they compute, in torch, and in ONNX Runtime for the CPU."""
