"""What `shopee-od detect` does: photos in, drawn photos and tags out."""

from shopee_od.detect.run import DetectResult, detect_photos
from shopee_od.detect.tag_files import COLUMNS, NO_GARMENT

__all__ = [
    "COLUMNS",
    "NO_GARMENT",
    "DetectResult",
    "detect_photos",
]
