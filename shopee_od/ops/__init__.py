"""The operations that the lessons teach, as pure functions of NumPy arrays."""
