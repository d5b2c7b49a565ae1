"""MiniLM: sentences to vectors, in 8 bits, by ONNX Runtime."""
