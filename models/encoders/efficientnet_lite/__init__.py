"""EfficientNet-Lite: its layers, in torch, and in ONNX Runtime for the CPU."""
