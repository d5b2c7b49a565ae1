"""EfficientNet-Lite 0, 1 and 2: its layers, in torch, and in ONNX Runtime for the CPU."""
