import numpy as np
import pytest


@pytest.fixture
def gray() -> np.ndarray:
    """uint8 (480, 640, 3) of one gray."""
    return np.full((480, 640, 3), 128, np.uint8)


@pytest.fixture
def classes() -> tuple[str, ...]:
    return ("dress", "skirt", "top")
