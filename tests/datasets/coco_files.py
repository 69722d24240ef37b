"""Files as ModaNet and Fashionpedia have them, for their tests."""

import json

from PIL import Image


def write_coco(root, file, folder, images, annotations, names, first_id=0):
    """Writes a COCO JSON file, and a 60 × 40 photo for each image; returns the root."""
    (root / folder).mkdir(parents=True, exist_ok=True)
    for row in images:
        Image.new("RGB", (60, 40)).save(root / folder / row["file_name"])
    categories = [
        {"id": k, "name": name, "supercategory": "fashion"}
        for k, name in enumerate(names, first_id)
    ]
    content = {
        "info": {},
        "licenses": [],
        "images": images,
        "annotations": annotations,
        "categories": categories,
    }
    (root / file).write_text(json.dumps(content))
    return root


def image(number):
    """The entry of a photo."""
    return {"id": number, "file_name": f"{number:07d}.jpg", "width": 60, "height": 40, "license": 1}


def box(number, image_id, category, bbox=(5, 6, 20, 30), **more):
    """The entry of a box."""
    entry = {
        "id": number,
        "image_id": image_id,
        "category_id": category,
        "bbox": list(bbox),
        "area": 600,
        "iscrowd": 0,
        "segmentation": [[5, 6, 25, 6, 25, 36]],
    }
    return entry | more
