"""Scripts that make what the package ships, and measure what its documents state."""
