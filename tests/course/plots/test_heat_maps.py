"""Heat maps next to each other have one scale: one color is one value in all of them."""

import numpy as np
import pytest

from shopee_od.course.plots import plot_heat_maps

IMAGE = np.full((40, 30, 3), 128, np.uint8)
MAPS = {"flat": np.full((4, 3), 0.1), "strong": np.linspace(0, 0.9, 12).reshape(4, 3)}


def heat_images(figure):
    """The heat of each panel, which is above its gray image."""
    return [axes.images[1] for axes in figure.axes if len(axes.images) == 2]


@pytest.mark.parametrize(("limits", "expected"), [(None, (0, 0.9)), ((0, 1), (0, 1))])
def test_all_maps_have_one_scale_and_a_bar(limits, expected):
    figure = plot_heat_maps(IMAGE, MAPS, "objectness", limits)
    heats = heat_images(figure)
    assert [heat.get_clim() for heat in heats] == [pytest.approx(expected)] * 2
    colors = [heat.cmap(heat.norm(0.1)) for heat in heats]
    assert colors[0] == colors[1]
    assert [axes.get_title() for axes in figure.axes[:2]] == list(MAPS)
    assert figure.axes[-1].get_ylabel() == "objectness"


def test_a_feature_map_is_shown_by_its_magnitude_and_empty_panels_stay_empty():
    maps = {str(k): np.full((4, 3, 5), -k) for k in range(1, 6)}
    figure = plot_heat_maps(IMAGE, maps, "mean magnitude", columns=3)
    heats = heat_images(figure)
    assert len(heats) == 5
    assert heats[0].get_clim() == (1, 5)
    assert heats[3].get_array().max() == 4


def test_values_that_are_not_finite_do_not_stretch_the_scale():
    maps = {"one": np.array([[0.0, -np.inf], [2.0, np.nan]])}
    assert heat_images(plot_heat_maps(IMAGE, maps, "score"))[0].get_clim() == (0, 2)
