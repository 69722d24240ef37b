"""Each check on the right answer, on nearly right ones for the usual mistakes, and on a stub."""

import math

import numpy as np
import pytest

from shopee_od.course import checks
from shopee_od.ops.boxes import box_iou


def cosine(at, steps, highest):
    return highest * (1 + math.cos(math.pi * at / steps)) / 2


def warmup_cosine(step, warmup, steps, highest):
    if step >= warmup:
        return cosine(step, steps, highest)
    return highest / 20 + (cosine(warmup, steps, highest) - highest / 20) * step / warmup


def average_precision(correct, num_boxes, envelope=True, recalls=101, side="left"):
    true_positives = np.cumsum(correct)
    precision = true_positives / np.arange(1, len(correct) + 1)
    if envelope:
        precision = np.maximum.accumulate(precision[::-1])[::-1]
    index = np.searchsorted(true_positives / num_boxes, np.linspace(0, 1, recalls), side=side)
    return np.append(precision, 0)[index].mean()


def greedy_nms(boxes, scores, threshold, by_score=True, above=True, removes=True):
    order = np.argsort(-scores, kind="stable") if by_score else np.arange(len(scores))
    kept = []
    suppressed = set()
    for k, i in enumerate(order):
        if i in suppressed:
            if removes:
                continue
        else:
            kept.append(int(i))
        for j in order[k + 1 :]:
            iou = box_iou(boxes[[i]], boxes[[j]])[0, 0]
            if iou > threshold if above else iou >= threshold:
                suppressed.add(j)
    return kept


def soft_nms(boxes, scores, sigma, decay=lambda u, sigma: np.exp(-(u**2) / sigma), current=True):
    scores = list(scores)
    remaining = list(range(len(scores)))
    order = np.argsort(-np.array(scores), kind="stable").tolist()
    while remaining:
        best = max(remaining, key=lambda i: scores[i]) if current else order.pop(0)
        remaining.remove(best)
        for i in remaining:
            scores[i] *= decay(box_iou(boxes[[best]], boxes[[i]])[0, 0], sigma)
    return np.array(scores)


def lowest_threshold(scores, correct, wanted):
    precision = np.cumsum(correct) / np.arange(1, len(correct) + 1)
    sufficient = np.flatnonzero(precision >= wanted)
    return scores[sufficient[-1]] if len(sufficient) else None


def stop_at_first_dip(scores, correct, wanted):
    """Stops where precision first falls too low."""
    best = None
    for k in range(len(correct)):
        if correct[: k + 1].mean() < wanted:
            break
        best = scores[k]
    return best


def iou(a, b, extra=0, clip=True, union=True):
    width = min(a[2], b[2]) - max(a[0], b[0]) + extra
    height = min(a[3], b[3]) - max(a[1], b[1]) + extra
    intersection = max(width, 0) * max(height, 0) if clip else width * height
    areas = [(box[2] - box[0] + extra) * (box[3] - box[1] + extra) for box in (a, b)]
    return intersection / (sum(areas) - intersection * union)


def center_and_sides(box):
    x1, y1, x2, y2 = box
    return (x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1


def encode(box, proposal):
    x, y, w, h = center_and_sides(box)
    px, py, pw, ph = center_and_sides(proposal)
    return [(x - px) / pw, (y - py) / ph, math.log(w / pw), math.log(h / ph)]


def decode(dx, dy, dw, dh, *proposal):
    px, py, pw, ph = center_and_sides(proposal)
    x = px + dx * pw
    y = py + dy * ph
    w = pw * math.exp(dw)
    h = ph * math.exp(dh)
    return [x - w / 2, y - h / 2, x + w / 2, y + h / 2]


def bins(length, n, start=math.floor, end=math.ceil, shorter=0):
    return [[start(k * length / n), end((k + 1) * length / n) - shorter] for k in range(n)]


def half_up(side):
    return math.floor(side + 0.5)


def quantize(roi, stride, height, width, start=half_up, end=half_up, least=1):
    x1, y1 = (start(side / stride) for side in roi[:2])
    x2, y2 = (end(side / stride) for side in roi[2:])
    x1 = min(x1, width - 1)
    y1 = min(y1, height - 1)
    return [x1, y1, min(max(x2, x1 + least), width), min(max(y2, y1 + least), height)]


def nearest_scale(width, height, scales, distance=lambda w, h, s: abs(w * h * s * s - 224**2)):
    return int(np.argmin([distance(width, height, scale) for scale in scales]))


def too_large(width, height, scale):
    return -scale if width * height * scale**2 <= 224**2 else scale


def max_pool(
    values, roi, stride, n, start=half_up, end=half_up, reduce=np.max, last=math.ceil, swap=False
):
    x1, y1 = (start(side / stride) for side in roi[:2])
    x2, y2 = (end(side / stride) for side in roi[2:])
    cells = values[x1:x2, y1:y2] if swap else values[y1:y2, x1:x2]
    height, width = cells.shape
    pooled = []
    for i in range(n):
        rows = cells[i * height // n : last((i + 1) * height / n)]
        starts = [j * width // n for j in range(n)]
        ends = [last((j + 1) * width / n) for j in range(n)]
        pooled.append([reduce(rows[:, a:b]) for a, b in zip(starts, ends, strict=True)])
    return pooled


def bilinear(values, y, x, nearer=True, only_x=False, clamp=True):
    height, width = values.shape
    if clamp:
        y = min(max(y, 0), height - 1)
        x = min(max(x, 0), width - 1)
    top = math.floor(y)
    left = math.floor(x)
    bottom = min(top + 1, height - 1)
    right = min(left + 1, width - 1)
    down = 0 if only_x else y - top
    across = x - left
    if not nearer:
        down = 1 - down
        across = 1 - across
    rows = values[top] * (1 - down) + values[bottom] * down
    return rows[left] * (1 - across) + rows[right] * across


def smooth_l1(x):
    return np.where(abs(x) < 1, x**2 / 2, abs(x) - 0.5)


def roi_loss(
    probabilities,
    deltas,
    label,
    targets,
    box_loss=smooth_l1,
    background=False,
    offset=-1,
    reduce=np.sum,
):
    errors = deltas[label + offset] - targets
    counts = label or background
    return -math.log(probabilities[label]) + (reduce(box_loss(errors)) if counts else 0)


def sides(level, size, octave, ratio, root=math.sqrt):
    side = size * 2**level * 2**octave
    return side * root(ratio), side / root(ratio)


def label_anchors(iou, positive=0.7, negative=0.3, between=-1, best=True, touch=True):
    labels = []
    for k, row in enumerate(iou):
        is_best = best and any(
            (column.max() > 0 or not touch) and column.argmax() == k for column in iou.T
        )
        if row.max() >= positive or is_best:
            labels.append(1)
        else:
            labels.append(0 if row.max() < negative else between)
    return labels


def select(boxes, scores, before, after, threshold):
    best = sorted(range(len(scores)), key=lambda k: -scores[k])[:before]
    if not best:
        return []
    return [best[k] for k in greedy_nms(boxes[best], scores[best], threshold)][:after]


def root(width, height):
    return (width * height) ** 0.5


def level(width, height, lowest, highest, side=root, rounding=math.floor):
    return int(np.clip(rounding(math.log(side(width, height) / 14, 2)), lowest, highest))


RIGHT = {
    checks.box_area: lambda box: (box[2] - box[0]) * (box[3] - box[1]),
    checks.xywh_to_xyxy: lambda box: [box[0], box[1], box[0] + box[2], box[1] + box[3]],
    checks.iou: iou,
    checks.learning_rate: warmup_cosine,
    checks.best_step: lambda ap: max(sorted(ap), key=ap.get),
    checks.average_precision: average_precision,
    checks.threshold_for_precision: lowest_threshold,
    checks.class_agnostic_nms: greedy_nms,
    checks.number_of_windows: lambda h, w, a, b, s: (
        max((h - a) // s + 1, 0) * max((w - b) // s + 1, 0)
    ),
    checks.cell_histogram: lambda s, d: np.array(
        [s[(d >= 20 * k) & (d < 20 * k + 20)].sum() / 64 for k in range(9)]
    ),
    checks.nms_per_class: lambda b, s, k, t: greedy_nms(b + 100 * k[:, None], s, t),
    checks.soft_nms: soft_nms,
    checks.encode_box: encode,
    checks.decode_box: lambda d, p: decode(*d, *p),
    checks.pyramid_bins: bins,
    checks.quantize_roi: quantize,
    checks.assign_scale: nearest_scale,
    checks.roi_pool: max_pool,
    checks.bilinear_sample: bilinear,
    checks.roi_loss: roi_loss,
    checks.recall_at: lambda p, b, n: np.mean(
        [any(box_iou(p[:n], box[None])[:, 0] >= 0.5) for box in b]
    ),
}
RIGHT |= {
    checks.anchor_sides: sides,
    checks.anchor_labels: label_anchors,
    checks.select_proposals: select,
    checks.fpn_level: level,
}
WRONG = [
    (checks.box_area, lambda box: box[2] - box[0]),  # the width
    (checks.box_area, lambda box: 2 * (box[2] - box[0] + box[3] - box[1])),  # the perimeter
    (checks.xywh_to_xyxy, list),  # as they were
    (
        checks.xywh_to_xyxy,
        lambda box: [box[0], box[1], box[0] + box[2] - 1, box[1] + box[3] - 1],
    ),  # inclusive
    (
        checks.xywh_to_xyxy,
        lambda box: [box[0], box[0] + box[2], box[1], box[1] + box[3]],
    ),  # x, x, y, y
    (
        checks.xywh_to_xyxy,
        lambda box: [
            box[0] - box[2] / 2,
            box[1] - box[3] / 2,
            box[0] + box[2] / 2,
            box[1] + box[3] / 2,
        ],
    ),
    (checks.iou, lambda a, b: iou(a, b, clip=False)),  # sides may be negative
    (checks.iou, lambda a, b: iou(a, b, extra=1)),  # inclusive corners
    (checks.iou, lambda a, b: iou(a, b, union=False)),  # the union counts the intersection twice
    (checks.iou, lambda a, b: min(1.0, 2 * iou(a, b))),
    (checks.iou, lambda a, b: max(0, min(a[2], b[2]) - max(a[0], b[0])) / 40),  # x only
    (checks.learning_rate, lambda s, w, n, h: cosine(s, n, h)),  # no warm-up
    (checks.learning_rate, lambda s, w, n, h: h * s / w if s < w else cosine(s, n, h)),  # from 0
    (
        checks.learning_rate,
        lambda s, w, n, h: h / 20 + h * 0.95 * s / w if s < w else cosine(s, n, h),
    ),  # to highest
    (
        checks.learning_rate,
        lambda s, w, n, h: warmup_cosine(s, w, n, h) if s < w else cosine(s - w, n - w, h),
    ),  # cosine after
    (
        checks.learning_rate,
        lambda s, w, n, h: warmup_cosine(s, w, n, h) if s < w else h * (1 - s / n),
    ),  # a line down
    (checks.best_step, max),  # the last
    (checks.best_step, lambda ap: max(ap.values())),  # the AP, not the step
    (checks.best_step, lambda ap: max(reversed(ap), key=ap.get)),  # the last of equals
    (checks.best_step, lambda ap: min(ap, key=ap.get)),
    (checks.average_precision, lambda correct, n: average_precision(correct, n, envelope=False)),
    (
        checks.average_precision,
        lambda correct, n: average_precision(correct, n, recalls=11),
    ),  # VOC 2007's
    (
        checks.average_precision,
        lambda correct, n: average_precision(correct, max(correct.sum(), 1)),
    ),  # recall of detected boxes only
    (
        checks.average_precision,
        lambda correct, n: correct.mean() if len(correct) else 0.0,
    ),  # precision
    (checks.average_precision, lambda correct, n: average_precision(correct, n, side="right")),
    (checks.threshold_for_precision, stop_at_first_dip),
    (
        checks.threshold_for_precision,
        lambda s, h, p: s[np.flatnonzero(np.cumsum(h) / np.arange(1, 7) > p)[-1:]],
    ),  # above, a list
    (checks.threshold_for_precision, lambda s, h, p: lowest_threshold(s, h, p) or 1.0),  # no None
    (checks.threshold_for_precision, lambda s, h, p: s[0]),
    (checks.threshold_for_precision, lambda s, h, p: s[np.cumsum(h) / h.sum() <= p][-1]),  # recall
    (checks.class_agnostic_nms, lambda b, s, t: greedy_nms(b, s, t, by_score=False)),
    (checks.class_agnostic_nms, lambda b, s, t: greedy_nms(b, s, t, above=False)),
    (checks.class_agnostic_nms, lambda b, s, t: greedy_nms(b, s, t, removes=False)),
    (checks.class_agnostic_nms, lambda b, s, t: sorted(greedy_nms(b, s, t))),  # not best first
    (checks.class_agnostic_nms, lambda b, s, t: b[greedy_nms(b, s, t)]),  # boxes, not indices
    (checks.class_agnostic_nms, lambda b, s, t: greedy_nms(b, s, t)[:1]),
]
NAMED = [  # each is answered by the name of the mistake
    (checks.box_area, lambda box: box[2] * box[3], "not width and height"),
    (checks.box_area, lambda box: (box[2] - box[0] + 1) * (box[3] - box[1] + 1), "without + 1"),
    (checks.iou, lambda a, b: iou(a, b, extra=1), "without + 1"),
    (checks.iou, lambda a, b: iou(a, b, clip=False), "clip both sides at 0"),
    (checks.iou, lambda a, b: iou(a, b, union=False), "subtract it once"),
    (
        checks.number_of_windows,
        lambda h, w, a, b, s: max((h - a) // s, 0) * max((w - b) // s, 0),
        "one more fits",
    ),
    (
        checks.number_of_windows,
        lambda h, w, a, b, s: math.ceil(h / s) * math.ceil(w / s),
        "inside completely",
    ),
    (
        checks.cell_histogram,
        lambda s, d: RIGHT[checks.cell_histogram](s, d) * 64,
        "mean over the cell's 64",
    ),
    (
        checks.cell_histogram,
        lambda s, d: RIGHT[checks.cell_histogram](s * 0 + 1, d),
        "by its magnitude",
    ),
    (
        checks.cell_histogram,
        lambda s, d: RIGHT[checks.cell_histogram](s, (d + 10) % 180),
        "not centered on 0",
    ),
    (checks.nms_per_class, lambda b, s, k, t: greedy_nms(b, s, t), "only boxes of the same class"),
    (
        checks.nms_per_class,
        lambda b, s, k, t: greedy_nms(b + 100 * k[:, None], s, t, above=False),
        "suppress above the threshold",
    ),
    (
        checks.soft_nms,
        lambda b, s, g: soft_nms(b, s, g, lambda u, g: np.exp(-u / g)),
        "square the IoU",
    ),
    (
        checks.soft_nms,
        lambda b, s, g: soft_nms(b, s, g, lambda u, g: np.exp(-(u**2))),
        "divide by sigma",
    ),
    (checks.soft_nms, lambda b, s, g: soft_nms(b, s, g, current=False), "by the current scores"),
    (
        checks.soft_nms,
        lambda b, s, g: soft_nms(b, s, g) * np.exp(-1 / g),
        "the selected box keeps its score",
    ),
    (checks.encode_box, lambda b, p: [encode(b, p)[k] for k in (1, 0, 3, 2)], "x before y"),
    (checks.encode_box, lambda b, p: encode(p, b), "from the proposal to the box"),
    (
        checks.encode_box,
        lambda b, p: encode([*b[:2], b[2] + 1, b[3] + 1], [*p[:2], p[2] + 1, p[3] + 1]),
        "without + 1",
    ),
    (
        checks.encode_box,
        lambda b, p: [*encode(b, p)[:2], *map(math.exp, encode(b, p)[2:])],
        "take the logarithm",
    ),
    (checks.decode_box, lambda d, p: decode(d[1], d[0], d[3], d[2], *p), "x before y"),
    (
        checks.recall_at,
        lambda p, b, n: RIGHT[checks.recall_at](p, b, len(p)),
        "only the first n proposals",
    ),
    (
        checks.recall_at,
        lambda p, b, n: (box_iou(p[:n], b) >= 0.5).any(1).mean() if len(p) else 0,
        "not of the proposals",
    ),
    (checks.pyramid_bins, lambda s, n: bins(s, n, end=math.floor), "round the end up"),
    (checks.pyramid_bins, lambda s, n: bins(s, n, start=math.ceil), "round the start down"),
    (
        checks.pyramid_bins,
        lambda s, n: bins(s, n, start=round, end=round),
        "round the start down and the end up",
    ),
    (checks.pyramid_bins, lambda s, n: bins(s, n, shorter=1), "the end is exclusive"),
    (
        checks.pyramid_bins,
        lambda s, n: [(k * (s // n), (k + 1) * (s // n)) for k in range(n)],
        "one integer length",
    ),
    (checks.quantize_roi, lambda b, s, h, w: quantize(b, s, h, w, least=0), "at least one cell"),
    (
        checks.quantize_roi,
        lambda b, s, h, w: quantize(b, s, h, w, math.floor, math.ceil),
        "not all that the region touches",
    ),
    (
        checks.quantize_roi,
        lambda b, s, h, w: quantize(b, s, h, w, math.floor, math.floor, 0),
        "also at the right",
    ),
    (
        checks.quantize_roi,
        lambda b, s, h, w: [quantize(b, s, h, w)[k] for k in (1, 0, 3, 2)],
        "x before y",
    ),
    (
        checks.quantize_roi,
        lambda b, s, h, w: quantize([x * s * s for x in b], s, h, w),
        "divide by the stride",
    ),
    (checks.quantize_roi, lambda b, s, h, w: [x / s for x in b], "round to integers"),
    (checks.quantize_roi, lambda b, s, h, w: quantize(b, s, 99, 99), "beyond the map"),
    (
        checks.assign_scale,
        lambda w, h, s: nearest_scale(w, h, s, lambda w, h, x: abs(w * h * x - 224**2)),
        "square of the scale",
    ),
    (
        checks.assign_scale,
        lambda w, h, s: nearest_scale(w, h, s, lambda w, h, x: abs(x * (w * h) ** 0.5 - 224)),
        "not sides",
    ),
    (
        checks.assign_scale,
        lambda w, h, s: nearest_scale(w, h, s, lambda w, h, x: abs(max(w, h) * x - 224)),
        "longer side",
    ),
    (
        checks.assign_scale,
        lambda w, h, s: nearest_scale(w, h, s, lambda w, h, x: abs(w * h * x * x - 224)),
        "not 224",
    ),
    (checks.assign_scale, lambda w, h, s: nearest_scale(w, h, s, too_large), "smallest distance"),
    (checks.assign_scale, lambda w, h, s: s[nearest_scale(w, h, s)], "counted from 0"),
]


def class_by_class(b, s, k, t):
    return [
        i
        for label in sorted(set(k))
        for i in np.flatnonzero(k == label)[greedy_nms(b[k == label], s[k == label], t)]
    ]


def decode_from(d, p, start=0.5, before=0.5, after=0.5):
    """Both axes: from where it starts, with so many new sides before and after."""
    sides = [(p[k + 2] - p[k]) for k in (0, 1)]
    at = [p[k] + (start + d[k]) * sides[k] for k in (0, 1)]
    new = [side * math.exp(d[k + 2]) for k, side in enumerate(sides)]
    return [at[k] - before * new[k] for k in (0, 1)] + [at[k] + after * new[k] for k in (0, 1)]


def center_and_size(d, p):
    x1, y1, x2, y2 = decode(*d, *p)
    return [(x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1]


NAMED += [  # what newcomers wrote
    (
        checks.number_of_windows,
        lambda h, w, a, b, s: ((h - a) // s + 1) * ((w - b) // s + 1),
        "not a negative number",
    ),
    (
        checks.number_of_windows,
        lambda h, w, a, b, s: ((h - a) // s) * ((w - b) // s),
        "one more fits",
    ),
    (checks.number_of_windows, lambda h, w, a, b, s: (h // s) * (w // s), "what the window leaves"),
    (
        checks.cell_histogram,
        lambda s, d: np.bincount((d // 20).astype(int).ravel(), s.ravel()) / 64,
        "nine numbers",
    ),
    (
        checks.cell_histogram,
        lambda s, d: [s[d // 20 == k].mean() if (d // 20 == k).any() else 0 for k in range(9)],
        "not by those in the bin",
    ),
    (
        checks.cell_histogram,
        lambda s, d: [s[(d > 20 * k) & (d <= 20 * k + 20)].sum() / 64 for k in range(9)],
        "second bin",
    ),
    (checks.nms_per_class, class_by_class, "not class by class"),
    (
        checks.nms_per_class,
        lambda b, s, k, t: greedy_nms(b + 100 * k[:, None], s, t, removes=False),
        "suppresses nothing",
    ),
    (
        checks.nms_per_class,
        lambda b, s, k, t: sorted(greedy_nms(b + 100 * k[:, None], s, t)),
        "not in the order of the boxes",
    ),
    (checks.soft_nms, lambda b, s, g: np.sort(soft_nms(b, s, g))[::-1], "not sorted"),
    (
        checks.encode_box,
        lambda b, p: (
            [encode(b, p)[k] * (p[k + 2] - p[k]) / (b[k + 2] - b[k]) for k in (0, 1)]
            + encode(b, p)[2:]
        ),
        "not by the box's",
    ),
    (checks.decode_box, lambda d, p: decode_from(d, p, 0, 0, 1), "not the corner"),
    (checks.decode_box, lambda d, p: decode_from(d, p, 0.5, 0, 1), "half a side before the center"),
    (checks.decode_box, lambda d, p: decode_from(d, p, 0.5, 1, 1), "not a whole one"),
    (checks.decode_box, center_and_size, "not center and size"),
    (
        checks.decode_box,
        lambda d, p: [x - e for x, e in zip(decode(*d, *p), (0, 0, 1, 1), strict=True)],
        "no − 1",
    ),
    (checks.recall_at, lambda p, b, n: (box_iou(p[:n], b) >= 0.5).sum() / len(b), "counts once"),
    (checks.recall_at, lambda p, b, n: 3 * RIGHT[checks.recall_at](p, b, n), "not the number"),
]
NAMED += [
    (checks.roi_pool, lambda *case: max_pool(*case, start=int, end=int), "do not truncate"),
    (
        checks.roi_pool,
        lambda *case: max_pool(*case, start=int, end=math.ceil),
        "both corners in the same way",
    ),
    (checks.roi_pool, lambda *case: max_pool(*case, reduce=np.mean), "not the mean"),
    (
        checks.roi_pool,
        lambda *case: np.transpose(max_pool(*case)),
        "first axis of the result is y",
    ),
    (checks.bilinear_sample, lambda v, y, x: bilinear(v.T, y, x), "y is the row"),
    (checks.bilinear_sample, lambda *case: bilinear(*case, nearer=False), "weighs more"),
    (checks.bilinear_sample, lambda *case: bilinear(*case, only_x=True), "along both axes"),
    (
        checks.bilinear_sample,
        lambda v, y, x: v[min(max(half_up(y), 0), 1), min(half_up(x), 2)],
        "do not take the nearest",
    ),
    (checks.roi_loss, lambda *case: roi_loss(*case, background=True), "background has no box loss"),
    (checks.roi_loss, lambda *case: roi_loss(*case, box_loss=lambda x: x**2 / 2), "only below 1"),
    (checks.roi_loss, lambda *case: roi_loss(*case, box_loss=np.abs), "not |x|"),
    (checks.roi_loss, lambda *case: roi_loss(*case, reduce=np.mean), "not their mean"),
    (checks.roi_loss, lambda *case: roi_loss(*case, offset=0), "row label − 1"),
    (
        checks.roi_loss,
        lambda p, d, k, t: roi_loss(p, d, k, t) + 2 * math.log(p[k]),
        "minus the logarithm",
    ),
    (checks.roi_loss, lambda p, d, k, t: -math.log(p[k]), "add the class loss and the box loss"),
]
WRONG += [
    (
        checks.roi_pool,
        lambda *case: max_pool(*case, last=math.floor),
    ),  # the last cells are left out
    (checks.roi_pool, lambda *case: max_pool(*case, swap=True)),  # x for rows
    (checks.bilinear_sample, lambda *case: bilinear(*case, clamp=False)),
    (checks.roi_loss, lambda *case: roi_loss(*case) / 4),
]
NAMED += [
    (checks.anchor_sides, lambda *case: sides(*case)[::-1], "not height to width"),
    (
        checks.anchor_sides,
        lambda n, s, o, r: (s * 2 ** (n + o) * r, s * 2 ** (n + o)),
        "the area stays the same",
    ),
    (checks.anchor_sides, lambda *case: sides(*case, root=float), "width to height is its square"),
    (checks.anchor_sides, lambda n, s, o, r: sides(0, s * n, o, r), "is 2³ pixels"),
    (checks.anchor_sides, lambda n, s, o, r: sides(n, s * (1 + o), 0, r), "an octave doubles"),
    (checks.anchor_sides, lambda n, s, o, r: sides(n, s, 0, r), "changes the size"),
    (checks.anchor_labels, lambda u: label_anchors(u, best=False), "at any IoU"),
    (checks.anchor_labels, lambda u: label_anchors(u, between=0), "-1, ignored"),
    (checks.anchor_labels, lambda u: label_anchors(u, positive=0.7 + 1e-9), "exactly 0.7"),
    (checks.anchor_labels, lambda u: label_anchors(u, negative=0.3 + 1e-9), "exactly 0.3"),
    (checks.anchor_labels, lambda u: label_anchors(u[:, :1]), "with any box"),
    (checks.anchor_labels, lambda u: label_anchors(u, touch=False), "overlaps no anchor"),
    (
        checks.anchor_labels,
        lambda u: np.where(u >= 0.7, 1, np.where(u >= 0.3, -1, 0)),
        "one label per anchor",
    ),
    (
        checks.select_proposals,
        lambda b, s, k, n, t: select(b, s, 99, n, t),
        "only these go into NMS",
    ),
    (checks.select_proposals, lambda b, s, k, n, t: select(b, s, n, n, t), "after NMS, not before"),
    (
        checks.select_proposals,
        lambda b, s, k, n, t: greedy_nms(b[:k], s[:k], t)[:n],
        "not the first",
    ),
    (
        checks.select_proposals,
        lambda b, s, k, n, t: select(b, s, k, 99, t),
        "keep only post_nms_top_n",
    ),
    (checks.select_proposals, lambda b, s, k, n, t: np.argsort(-s)[:k][:n], "NMS is left out"),
    (checks.fpn_level, lambda *case: level(*case, rounding=round), "to the nearest integer"),
    (checks.fpn_level, lambda *case: level(*case, side=max), "not the longer side"),
    (checks.fpn_level, lambda *case: level(*case, side=lambda w, h: (w + h) / 2), "not the mean"),
    (
        checks.fpn_level,
        lambda *case: level(*case, side=lambda w, h: math.hypot(w, h) / 2**0.5),
        "not the diagonal",
    ),
    (checks.fpn_level, lambda w, h, low, high: level(w, h, -9, 9), "no level below"),
]
WRONG += [
    (checks.anchor_labels, lambda u: (u.max(axis=1) >= 0.5).astype(int)),
    (checks.select_proposals, lambda b, s, k, n, t: b[select(b, s, k, n, t)]),  # boxes, not indices
    (checks.fpn_level, lambda w, h, low, high: low),
]
WRONG += (
    [(check, answer) for check, answer, _ in NAMED]
    + [
        (checks.nms_per_class, lambda b, s, k, t: sorted(greedy_nms(b + 100 * k[:, None], s, t))),
        (checks.soft_nms, lambda b, s, g: s),
        (
            checks.soft_nms,
            lambda b, s, g: np.sort(soft_nms(b, s, g))[::-1],
        ),  # no longer in the order of the boxes
        (checks.encode_box, lambda b, p: [b[k] - p[k] for k in range(4)]),
        (checks.decode_box, lambda d, p: decode(*d[:2], 0, 0, *p)),
        (checks.number_of_windows, lambda h, w, a, b, s: h * w // (a * b)),
        (checks.pyramid_bins, lambda s, n: [end for _, end in bins(s, n)]),
        (checks.quantize_roi, lambda b, s, h, w: [half_up(x / s) for x in b][:2]),
        (checks.assign_scale, lambda w, h, s: 0),
    ]
)
CHECKS = list(RIGHT)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_a_right_answer_is_correct(check):
    assert repr(check(RIGHT[check])) == "correct"


@pytest.mark.parametrize(("check", "answer"), WRONG)
def test_usual_mistakes_are_wrong_and_said_where(check, answer):
    outcome = check(answer)
    assert outcome.state == "wrong"
    shows_result = " gives " in outcome.message and ", expected " in outcome.message
    assert shows_result or " raises " in outcome.message


@pytest.mark.parametrize(("check", "answer", "message"), NAMED)
def test_common_mistakes_are_known_by_name(check, answer, message):
    assert message in check(answer).message


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_what_is_no_answer_yet_is_not_attempted(check):
    def stub(*_):
        """Nothing yet."""

    def later(*_):
        raise NotImplementedError

    answers = (stub, later, lambda *_: ..., None, ...)
    assert {check(answer).state for answer in answers} == {"not attempted"}


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize(
    "answer", [lambda *_: "a text", lambda *_: [[1], [1, 2]], lambda: 1, lambda *_: 1 / 0, slice]
)
def test_whatever_comes_back_a_check_does_not_raise(check, answer):
    assert check(answer).state == "wrong"


def test_an_answer_may_change_what_it_is_given():
    def overwrite(scores, correct, wanted):
        threshold = lowest_threshold(scores, correct, wanted)
        scores[:] = 0
        return threshold

    assert checks.threshold_for_precision(overwrite).state == "correct"


def test_an_answer_may_change_a_list_that_it_is_given():
    def in_place(box):
        box[2] += box[0]
        box[3] += box[1]
        return box

    assert checks.xywh_to_xyxy(in_place).state == "correct"


def test_an_error_is_shown_with_its_line():
    message = checks.roi_loss(lambda *case: roi_loss(*case, offset=1)).message
    assert "raises IndexError: index 2 is out of bounds for axis 0 with size 2" in message
    assert "(at `errors = deltas[label + offset] - targets`), expected 2.813" in message


def test_what_is_wrong_is_shown():
    outcome = repr(checks.best_step(max))
    assert outcome == "wrong: max({250: 0.2, 500: 0.4, 750: 0.3}) gives 750, expected 500"


@pytest.mark.slow
def test_the_learning_rate_is_model_gardens():
    from official.modeling.optimization import OptimizationConfig, OptimizerFactory

    steps = 40
    warmup = 10
    highest = 0.1
    config = OptimizationConfig(
        {
            "optimizer": {"type": "sgd"},
            "learning_rate": {
                "type": "cosine",
                "cosine": {"initial_learning_rate": highest, "decay_steps": steps},
            },
            "warmup": {
                "type": "linear",
                "linear": {"warmup_steps": warmup, "warmup_learning_rate": highest / 20},
            },
        }
    )
    schedule = OptimizerFactory(config).build_learning_rate()
    for step in range(steps + 1):
        assert checks.warmup_cosine(step, warmup, steps, highest) == pytest.approx(
            float(schedule(step)), abs=1e-7
        )


def test_large_arrays_are_not_printed():
    outcome = checks.cell_histogram(lambda s, d: np.zeros(9))
    assert "(an array of shape (8, 8), an array of shape (8, 8)) gives [0, 0" in outcome.message
