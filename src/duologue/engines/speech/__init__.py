"""The speech engines that come with the package, on onnxruntime."""
