"""The colors of the notebooks' plots, which color-blind readers can tell apart.

Source: Okabe and Ito, "Color universal design", 2008.
"""

BLUE = "#0072B2"
ORANGE = "#E69F00"
GREEN = "#009E73"
PURPLE = "#CC79A7"
GRAY = "#999999"
DARK_GRAY = "#555555"

ORANGE_RGB = (230, 159, 0)
"""Of background RoIs near a garment."""
GREEN_RGB = (0, 158, 115)
"""Of foreground anchors and RoIs in pictures."""
GRAY_RGB = (150, 150, 150)
"""Of ignored ones."""
LIGHT_GRAY_RGB = (190, 190, 190)
"""Of boxes that are only a backdrop."""
