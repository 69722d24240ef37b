import numpy as np
import pytest

from shopee_od import drawing
from shopee_od.drawing.heat_map import COLOR_STOPS, draw_value_grid


def test_a_heat_map_is_bright_where_the_values_are_high(gray):
    values = np.zeros((6, 8))
    values[:, 4:] = 5
    picture = np.asarray(drawing.draw_heat_map(gray, values), int).sum(-1)
    assert picture.shape == (480, 640)
    assert picture[:, 500:].min() > picture[:, :140].max()
    drawing.draw_heat_map(gray, np.full((3, 3), np.nan))


def test_a_feature_map_is_drawn_as_the_mean_magnitude_of_its_channels(gray):
    features = np.random.default_rng(0).normal(size=(6, 8, 5))
    magnitude = np.abs(features).mean(axis=-1)
    one, other = (np.asarray(drawing.draw_heat_map(gray, v), int) for v in (features, magnitude))
    assert np.abs(one - other).max() <= 1  # float32 rounding
    signed = np.asarray(drawing.draw_heat_map(gray, features.mean(axis=-1)), int)
    assert np.abs(one - signed).max() > 50


@pytest.mark.parametrize("shape", [(7, 7), (7, 7, 3), (3, 6)])
def test_a_grid_shows_each_value_as_one_square(shape):
    values = np.zeros(shape)
    values[0, 1] = 2
    pixels = np.asarray(draw_value_grid(values, size=84))
    side = 84 // max(shape[:2])
    assert pixels.shape == (shape[0] * side, shape[1] * side, 3)
    assert (pixels[:side, side : 2 * side] == COLOR_STOPS[-1]).all()
    assert (pixels[side:] == COLOR_STOPS[0]).all()
