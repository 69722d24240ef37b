"""Seeds for TensorFlow's random weights and dropout."""

from __future__ import annotations


def set_random_seed(seed: int) -> None:
    """Seeds Python, NumPy and TensorFlow for the layers that are built next."""
    import tf_keras

    tf_keras.utils.set_random_seed(seed)
