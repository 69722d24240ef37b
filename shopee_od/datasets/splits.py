"""The splits of a data set, and which a photo is in where its data set does not tell."""

SPLITS = ("train", "val", "test")


def assign_split(position: int) -> str:
    """The split of a photo by its position, where a data set gives none.

    Of every ten photos the 2nd is val, the 3rd and the 8th are test: photos that are added at the
    end change no other's split.

    Args:
        position: from 0, in the order of the file.
    Returns:
        One of SPLITS.

    >>> [assign_split(k) for k in range(4)]
    ['train', 'val', 'test', 'train']
    """
    return {1: "val", 2: "test", 7: "test"}.get(position % 10, "train")
