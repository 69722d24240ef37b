"""What the lessons teach, as pure functions of NumPy arrays."""
