"""What only notebooks need."""
