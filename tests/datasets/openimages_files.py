"""Files as Open Images has them, for the tests of its reader and its download."""

from PIL import Image

from shopee_od.datasets.openimages import SUBSETS
from shopee_od.datasets.openimages_csv import CLASS_IDS

BOX_HEADER = (
    "ImageID,Source,LabelName,Confidence,XMin,XMax,YMin,YMax,"
    "IsOccluded,IsTruncated,IsGroupOf,IsDepiction,IsInside"
)
CLICKS = ",XClick1X,XClick2X,XClick3X,XClick4X,XClick1Y,XClick2Y,XClick3Y,XClick4Y"
"""Of the training file only."""
PHOTO_HEADER = (
    "ImageID,Subset,OriginalURL,OriginalLandingURL,License,AuthorProfileURL,Author,Title,"
    "OriginalSize,OriginalMD5,Thumbnail300KURL,Rotation"
)
WHOLE = (0.0, 0.0, 1.0, 1.0)


def photo_id(number):
    """An id: 16 hexadecimal digits, sorted as the numbers are."""
    return f"{number:04x}c0ffee00beef"


def box_row(number, name, corners=(0.25, 0.25, 0.75, 0.75), group=0, depiction=0, inside=0):
    """A row of validation's or test's file of boxes; corners are x1, y1, x2, y2."""
    x1, y1, x2, y2 = (f"{value:.6f}" if isinstance(value, float) else value for value in corners)
    return (
        f"{photo_id(number)},xclick,{CLASS_IDS.get(name, name)},1,{x1},{x2},{y1},{y2},"
        f"0,1,{group},{depiction},{inside}"
    )


def photo_row(number, folder="train", rotation="0.0"):
    """A row of a file of photos; the title has a comma and quotation marks."""
    return (
        f"{photo_id(number)},{folder},https://farm1.staticflickr.com/{number}_o.jpg,"
        f"https://www.flickr.com/photos/ann/{number},https://creativecommons.org/licenses/by/2.0/,"
        f'https://www.flickr.com/people/ann/,Ann Ö.,"A ""dress"", red",4405052,KFuk==,'
        f",{rotation}"
    )


def box_text(rows, split="train"):
    """A whole file of boxes."""
    clicks = "" if split != "train" else ",0.1" * 8
    header = BOX_HEADER + (CLICKS if clicks else "")
    return "\n".join([header, *(f"{row}{clicks}" for row in rows)]) + "\n"


def photo_text(rows):
    """A whole file of photos."""
    return "\n".join([PHOTO_HEADER, *rows]) + "\n"


def write_split(root, split, boxes, photos, present):
    """Writes a split's two files, and a 60 × 40 photo for each number in `present`."""
    subset = SUBSETS[split]
    (root / "annotations").mkdir(parents=True, exist_ok=True)
    (root / subset.box_file).write_text(box_text(boxes, split), encoding="utf-8")
    (root / subset.photo_file).write_text(photo_text(photos), encoding="utf-8")
    (root / "images" / subset.folder).mkdir(parents=True, exist_ok=True)
    for number in present:
        Image.new("RGB", (60, 40)).save(root / "images" / subset.folder / f"{photo_id(number)}.jpg")
    return root
