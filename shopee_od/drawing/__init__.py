"""How boxes, tags and stages look: the same in notebooks, reports and `shopee-od detect`.

>>> import numpy as np
>>> from shopee_od.structures import Detections
>>> image = np.full((480, 640, 3), 128, np.uint8)
>>> detections = Detections([[100, 100, 300, 400]], [0.93], [0])
>>> draw_detections(image, detections, classes=["dress"]).size  # a PIL.Image to show or save
(640, 480)
"""

from shopee_od.drawing.boxes import (
    Layer,
    draw_detections,
    draw_ground_truth,
    draw_layers,
    make_class_layer,
    make_color_layer,
)
from shopee_od.drawing.contact_sheet import make_contact_sheet
from shopee_od.drawing.heat_map import draw_heat_map
from shopee_od.drawing.primitives import Color
from shopee_od.drawing.styles import PALETTE, STYLES, Style, class_color
from shopee_od.drawing.trace import draw_stage, draw_trace

__all__ = [
    "PALETTE",
    "STYLES",
    "Color",
    "Layer",
    "Style",
    "class_color",
    "draw_detections",
    "draw_ground_truth",
    "draw_heat_map",
    "draw_layers",
    "draw_stage",
    "draw_trace",
    "make_class_layer",
    "make_color_layer",
    "make_contact_sheet",
]
