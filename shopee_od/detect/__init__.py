"""What `shopee-od detect` does: photos in, drawn photos and tags out."""

from shopee_od.detect.run import DetectResult, detect_photos
from shopee_od.detect.tag_files import COLUMNS, NO_GARMENT, TYPE_TAGS, name_garments

__all__ = [
    "COLUMNS",
    "NO_GARMENT",
    "TYPE_TAGS",
    "DetectResult",
    "detect_photos",
    "name_garments",
]
