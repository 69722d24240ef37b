"""Each check on the right answer, on nearly right ones for the usual mistakes, and on a stub."""

import math

import numpy as np
import pytest

from shopee_od.course import checks
from shopee_od.ops.boxes import box_iou
from shopee_od.ops.pooling import pooling_bins


def yolo(box, width, height, before=0.5, after=0.5):
    x, y, w, h = np.multiply(box, [width, height, width, height])
    return [x - before * w, y - before * h, x + after * w, y + after * h]


def envelope_of(precision):
    return np.array([precision[k:].max() for k in range(len(precision))])


def area(precision, recall, envelope=envelope_of, start=0.0):
    steps = [b - a for a, b in zip([start, *recall[:-1]], recall, strict=True)]
    return float(np.dot(steps, envelope(precision)))


def mean_at_101_recalls(precision, recall):
    return np.mean([max(precision[recall >= r], default=0) for r in np.linspace(0, 1, 101)])


def precision_recall(matrix, k, tags=None, boxes=None):
    num_tags = max(1, matrix[:tags, k].sum())
    num_boxes = max(1, matrix[k, :boxes].sum())
    return [matrix[k, k] / num_tags, matrix[k, k] / num_boxes]


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


def largest_move(x1, x2, stride, edges=(0, 1), half=0.5, choose=max):
    xs = [(x1, x2)[k] for k in edges]
    moves = range(stride)

    def stays(x, move):
        return math.floor((x + move) / stride + half) == math.floor(x / stride + half)

    return choose(move for move in moves if all(stays(x, move) for x in xs))


def align(values, roi, n, samples, reduce=np.mean, first=0.5, parts=None):
    x1, y1, x2, y2 = roi
    count = n * samples
    parts = parts or count
    pooled = np.zeros((n, n))
    for i in range(n):
        for j in range(n):
            points = []
            for k in range(samples):
                for m in range(samples):
                    y = y1 + (i * samples + k + first) / parts * (y2 - y1)
                    x = x1 + (j * samples + m + first) / parts * (x2 - x1)
                    points.append(bilinear(values, y, x))
            pooled[i, j] = reduce(points)
    return pooled


def bilinear(values, y, x):
    height, width = values.shape
    y = min(max(y, 0), height - 1)
    x = min(max(x, 0), width - 1)
    top = min(math.floor(y), height - 2)
    left = min(math.floor(x), width - 2)
    return sum(
        values[row, column] * (1 - abs(y - row)) * (1 - abs(x - column))
        for row in (top, top + 1)
        for column in (left, left + 1)
    )


def count_samples(ious, num, fraction, lowest, fg=0.5, low=0.0, rounding=math.floor):
    num_fg = min(sum(iou >= fg for iou in ious), rounding(fraction * num))
    num_bg = sum(lowest + low <= iou < fg for iou in ious)
    return [num_fg, min(num_bg, num - num_fg)]


def max_pool_gradient(values, roi, n, add=1.0):
    x1, y1, x2, y2 = roi
    gradient = np.zeros(values.shape)
    height = y2 - y1
    width = x2 - x1
    for i in range(n):
        rows = range(y1 + i * height // n, y1 + math.ceil((i + 1) * height / n))
        for j in range(n):
            columns = range(x1 + j * width // n, x1 + math.ceil((j + 1) * width / n))
            best = max(((y, x) for y in rows for x in columns), key=lambda cell: values[cell])
            gradient[best] += add
    return gradient


def smooth_l1(x):
    return np.where(abs(x) < 1, x**2 / 2, abs(x) - 0.5)


def reshaped_align(values, roi, n, samples, axes):
    points = align(values, roi, n * samples, 1)
    points = points.reshape([n if axis == "n" else samples for axis in axes])
    return points.mean(axis=tuple(k for k in range(4) if axes[k] == "s"))


def bins_of(roi, n):
    x1, y1, x2, y2 = roi
    for top, bottom in pooling_bins(y2 - y1, n):
        for left, right in pooling_bins(x2 - x1, n):
            yield slice(y1 + top, y1 + bottom), slice(x1 + left, x1 + right)


def counted_from(values, box, n, roi=0, bin=0):
    gradient = np.zeros(values.shape)
    for rows, columns in bins_of(box, n):
        cells = values[rows, columns]
        y, x = np.unravel_index(cells.argmax(), cells.shape)
        y += roi * box[1] + bin * (rows.start - box[1])
        x += roi * box[0] + bin * (columns.start - box[0])
        gradient[y, x] += 1
    return gradient


def mean_gradient(values, roi, n):
    gradient = np.zeros(values.shape)
    for cells in bins_of(roi, n):
        gradient[cells] += 1 / gradient[cells].size
    return gradient


def whole_square(x):
    return np.where(abs(x) < 1, x**2, abs(x) - 0.5)


def without_abs(x):
    return np.where(x < 1, x**2 / 2, x - 0.5)


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


def pyramid_windows(
    height, width, window, stride, downscale, shrink=math.ceil, extra=1, fits=min, first=0, last=99
):
    counts = []
    while fits(height, width) >= window:
        down = (height - window) // stride + extra
        counts.append(down * ((width - window) // stride + extra))
        height = shrink(height / downscale)
        width = shrink(width / downscale)
    return sum(counts[first:last])


def share_votes(magnitude, orientation, first=10, around=True, swap=False, divisor=64):
    histogram = np.zeros(9)
    for vote, angle in zip(magnitude.ravel(), orientation.ravel(), strict=True):
        low = math.floor((angle - first) / 20)
        share = (angle - first) / 20 - low
        if swap:
            share = 1 - share
        if around or low >= 0:
            histogram[low % 9] += (1 - share) * vote
        if around or low < 8:
            histogram[(low + 1) % 9] += share * vote
    return histogram / divisor


def mine(scores, windows, gt_boxes, count, lowest=-1, limit=0.3, sign=-1, at=False):
    negatives = []
    for k in np.argsort(sign * scores, kind="stable").tolist():
        ious = box_iou(windows[[k]], gt_boxes)[0]
        is_negative = (ious <= limit if at else ious < limit).all()
        if scores[k] > lowest and is_negative:
            negatives.append(k)
    return negatives[:count]


def network_window(layers, step=lambda n, k, s: (n - 1) * s + k, order=-1, stride=math.prod):
    side = 1
    for size, layer_stride in layers[::order]:
        side = step(side, size, layer_stride)
    return side, stride(s for _, s in layers)


RIGHT = {
    checks.box_area: lambda box: (box[2] - box[0]) * (box[3] - box[1]),
    checks.yolo_to_xyxy: lambda *case: yolo(*case),
    checks.leak_probability: lambda n, share: 1 - share ** (n - 1),
    checks.reported_scores: lambda labeled, unlabeled: [labeled / (labeled + unlabeled), 1],
    checks.iou: iou,
    checks.area_under_curve: area,
    checks.images_needed: lambda n, half, wanted: n * half**2 / wanted**2,
    checks.precision_recall: precision_recall,
    checks.soft_nms: soft_nms,
    checks.pyramid_windows: pyramid_windows,
    checks.interpolated_histogram: share_votes,
    checks.hard_negatives: mine,
    checks.window_and_stride: network_window,
    checks.encode_box: encode,
    checks.decode_box: lambda d, p: decode(*d, *p),
    checks.quantize_roi: quantize,
    checks.assign_scale: nearest_scale,
    checks.largest_move: largest_move,
    checks.roi_align: align,
    checks.count_samples: count_samples,
    checks.max_pool_gradient: max_pool_gradient,
    checks.roi_loss: roi_loss,
    checks.average_best_overlap: lambda p, b: np.mean(
        [max(box_iou(p, box[None])[:, 0], default=0) for box in b]
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
    (checks.yolo_to_xyxy, lambda box, width, height: [side * width for side in box]),
    (checks.yolo_to_xyxy, lambda box, width, height: yolo(box, width, width)),  # one side for both
    (checks.leak_probability, lambda n, share: 1 - share),  # of a single other image
    (checks.reported_scores, lambda labeled, unlabeled: [labeled / 200, 1]),
    (checks.reported_scores, lambda labeled, unlabeled: labeled / (labeled + unlabeled)),
    (checks.area_under_curve, lambda p, r: p.max() * r.max()),
    (checks.images_needed, lambda n, half, wanted: n + (half / wanted) ** 2),
    (checks.precision_recall, lambda matrix, k: [matrix[k, k] / max(matrix[k].sum(), 1)] * 2),
    (checks.precision_recall, lambda matrix, k: precision_recall(matrix, k)[::-1]),
    (checks.iou, lambda a, b: iou(a, b, clip=False)),  # sides may be negative
    (checks.iou, lambda a, b: iou(a, b, extra=1)),  # inclusive corners
    (checks.iou, lambda a, b: iou(a, b, union=False)),  # the union counts the intersection twice
    (checks.iou, lambda a, b: min(1.0, 2 * iou(a, b))),
    (checks.iou, lambda a, b: max(0, min(a[2], b[2]) - max(a[0], b[0])) / 40),  # x only
]
NAMED = [  # each is answered by the name of the mistake
    (checks.box_area, lambda box: box[2] * box[3], "not width and height"),
    (checks.box_area, lambda box: (box[2] - box[0] + 1) * (box[3] - box[1] + 1), "without + 1"),
    (checks.yolo_to_xyxy, lambda *case: yolo(*case, before=0, after=1), "not the corner"),
    (checks.yolo_to_xyxy, lambda *case: yolo(*case, before=1, after=1), "not the whole"),
    (checks.yolo_to_xyxy, lambda box, w, h: yolo(box, h, w), "shares of the image's width"),
    (checks.yolo_to_xyxy, lambda box, w, h: yolo(box, 1, 1), "in pixels"),
    (checks.yolo_to_xyxy, lambda b, w, h: [b[0] * w, b[1] * h, b[2] * w, b[3] * h], "not center"),
    (checks.yolo_to_xyxy, lambda *case: np.subtract(yolo(*case), [0, 0, 1, 1]), "no − 1"),
    (checks.leak_probability, lambda n, share: 1 - share**n, "not one of the others"),
    (checks.leak_probability, lambda n, share: share ** (n - 1), "no other image is in training"),
    (checks.leak_probability, lambda n, share: (1 - share) ** (n - 1), "one other image"),
    (checks.leak_probability, lambda n, share: 1 - (1 - share) ** (n - 1), "not of training"),
    (checks.leak_probability, lambda n, share: 1 - (n - 1) * share, "multiplied, not added"),
    (checks.reported_scores, lambda labeled, unlabeled: (1, 1), "counts as wrong"),
    (checks.reported_scores, lambda a, b: [a / (a + b), a / (a + b)], "recall asks only"),
    (checks.reported_scores, lambda a, b: [1, a / (a + b)], "precision first"),
    (checks.reported_scores, lambda a, b: [b / (a + b), 1], "not of wrong ones"),
    (checks.area_under_curve, lambda p, r: area(p, r, envelope=lambda p: p), "interpolated"),
    (
        checks.area_under_curve,
        lambda p, r: area(p, r, envelope=np.maximum.accumulate),
        "not at a lower one",
    ),
    (checks.area_under_curve, lambda p, r: area(p[1:], r[1:], start=r[0]), "prepend=0"),
    (checks.area_under_curve, mean_at_101_recalls, "not the mean at 101 recalls"),
    (checks.area_under_curve, lambda p, r: np.mean(envelope_of(p)), "not the mean over detections"),
    (checks.images_needed, lambda n, half, wanted: n * half / wanted, "square the factor"),
    (checks.images_needed, lambda n, half, wanted: n * wanted**2 / half**2, "not the reverse"),
    (checks.images_needed, lambda n, half, wanted: n * (half / wanted) ** 0.5, "grows with the"),
    (checks.images_needed, lambda n, half, wanted: (half / wanted) ** 2, "not how many times"),
    (checks.precision_recall, lambda m, k: precision_recall(m.T, k), "a row its boxes"),
    (checks.precision_recall, lambda m, k: precision_recall(m[:-1, :-1], k), "recall the boxes in"),
    (checks.precision_recall, lambda m, k: precision_recall(m, k, tags=-1), "in precision, too"),
    (checks.precision_recall, lambda m, k: precision_recall(m, k, boxes=-1), "in recall, too"),
    (checks.iou, lambda a, b: iou(a, b, extra=1), "without + 1"),
    (checks.iou, lambda a, b: iou(a, b, clip=False), "clip both sides at 0"),
    (checks.iou, lambda a, b: iou(a, b, union=False), "subtract it once"),
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
        checks.average_best_overlap,
        lambda p, b: box_iou(p, b).max(axis=1).mean() if len(p) else 0,
        "not over the proposals",
    ),
    (
        checks.average_best_overlap,
        lambda p, b: box_iou(p, b).mean() if len(p) else 0,
        "of each box the best IoU",
    ),
    (
        checks.average_best_overlap,
        lambda p, b: box_iou(p, b).max(initial=0),
        "not the best of all",
    ),
    (
        checks.average_best_overlap,
        lambda p, b: (box_iou(p, b).max(axis=0, initial=0) >= 0.5).mean(),
        "not whether it is at least 0.5",
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
    (
        checks.average_best_overlap,
        lambda p, b: box_iou(p, b).max(axis=0, initial=0).sum(),
        "not the sum",
    ),
]
NAMED += [
    (checks.largest_move, lambda *case: largest_move(*case, edges=(0,)), "both edges"),
    (
        checks.largest_move,
        lambda *case: max(largest_move(*case, edges=(k,)) for k in (0, 1)),
        "not the last",
    ),
    (checks.largest_move, lambda *case: largest_move(*case, half=0), "to the nearest cell"),
    (checks.largest_move, lambda *case: largest_move(*case) + 1, "at which nothing changes"),
    (
        checks.largest_move,
        lambda x1, x2, stride: max(
            move
            for move in range(stride)
            if all(round((x + move) / stride) == round(x / stride) for x in (x1, x2))
        ),
        "Python's round",
    ),
    (checks.largest_move, lambda x1, x2, stride: stride // 2, "from a whole cell"),
    (checks.roi_align, lambda *case: reshaped_align(*case, "snsn"), "in adjacent rows"),
    (checks.roi_align, lambda *case: reshaped_align(*case, "nnss"), "crosses all n bins"),
    (
        checks.count_samples,
        lambda u, n, f, low: [int(f * n), n - int(f * n)],
        "fewer RoIs of a kind",
    ),
    (checks.max_pool_gradient, lambda *case: counted_from(*case), "the bin's first row"),
    (checks.max_pool_gradient, lambda *case: counted_from(*case, roi=1), "place in the RoI"),
    (checks.max_pool_gradient, lambda *case: counted_from(*case, bin=1), "add y1 and x1"),
    (checks.max_pool_gradient, lambda *case: mean_gradient(*case), "a mean would spread it"),
    (checks.max_pool_gradient, lambda *case: mean_gradient(*case) > 0, "not every cell of the RoI"),
    (checks.roi_loss, lambda *case: roi_loss(*case, box_loss=whole_square), "half of the square"),
    (checks.roi_loss, lambda *case: roi_loss(*case, box_loss=without_abs), "np.abs of the errors"),
    (
        checks.roi_loss,
        lambda p, d, k, t: roi_loss(p, d, k, t) if k else 0,
        "background has a class loss",
    ),
    (
        checks.roi_loss,
        lambda p, d, k, t: -math.log(p[k]) + (smooth_l1(d - t).sum() if k else 0),
        "not all rows",
    ),
    (checks.roi_align, lambda v, r, n, s: align(v, r, n, 1), "not its center alone"),
    (checks.roi_align, lambda v, r, n, s: align(v, r, n, s, first=0), "not their starts"),
    (
        checks.roi_align,
        lambda v, r, n, s: align(v, r, n, s, first=0, parts=max(n * s - 1, 1)),
        "on the edge",
    ),
    (checks.roi_align, lambda *case: align(*case, reduce=max), "not the maximum"),
    (checks.roi_align, lambda *case: align(*case, reduce=sum), "not the sum"),
    (checks.roi_align, lambda v, r, n, s: align(v, np.round(r), n, s), "nothing is rounded"),
    (
        checks.roi_align,
        lambda v, r, n, s: align(v, [r[1], r[0], r[3], r[2]], n, s),
        "rows are y",
    ),
    (checks.roi_align, lambda *case: align(*case).T, "first axis of the result is y"),
    (
        checks.count_samples,
        lambda u, n, f, low: [
            count_samples(u, n, f, low)[0],
            min(count_samples(u, 999, f, low)[1], n - int(f * n)),
        ],
        "that foreground leaves free",
    ),
    (
        checks.count_samples,
        lambda u, n, f, low: [
            min(sum(u >= 0.5), n - count_samples(u, n, f, low)[1]),
            count_samples(u, n, f, low)[1],
        ],
        "is a maximum, also",
    ),
    (checks.count_samples, lambda *case: count_samples(*case, fg=0.5 + 1e-9), "exactly 0.5"),
    (checks.count_samples, lambda *case: count_samples(*case, low=1e-9), "exactly the lowest"),
    (
        checks.count_samples,
        lambda u, n, f, low: count_samples(u, n, f, 0),
        "below the lowest IoU",
    ),
    (checks.count_samples, lambda *case: count_samples(*case, rounding=math.ceil), "round the"),
    (checks.count_samples, lambda *case: count_samples(*case)[::-1], "first foreground"),
    (
        checks.max_pool_gradient,
        lambda *case: np.minimum(max_pool_gradient(*case), 1),
        "has their gradients added",
    ),
    (
        checks.max_pool_gradient,
        lambda v, r, n: max_pool_gradient(v, r, n)[r[1] : r[3], r[0] : r[2]],
        "covers the whole map",
    ),
    (checks.max_pool_gradient, lambda v, r, n: v * max_pool_gradient(v, r, n), "not its value"),
    (checks.max_pool_gradient, lambda v, r, n: max_pool_gradient(v, r, 1), "of the whole RoI"),
    (
        checks.max_pool_gradient,
        lambda v, r, n: max_pool_gradient(v, [r[1], r[0], r[3], r[2]], n),
        "rows are y",
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
    (checks.largest_move, lambda x1, x2, stride: 0),
    (checks.max_pool_gradient, lambda *case: max_pool_gradient(*case, add=0.25)),
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
        (checks.soft_nms, lambda b, s, g: s),
        (
            checks.soft_nms,
            lambda b, s, g: np.sort(soft_nms(b, s, g))[::-1],
        ),  # no longer in the order of the boxes
        (checks.encode_box, lambda b, p: [b[k] - p[k] for k in range(4)]),
        (checks.decode_box, lambda d, p: decode(*d[:2], 0, 0, *p)),
        (checks.average_best_overlap, lambda p, b: box_iou(b, p).max(axis=1).mean()),  # raises
        (checks.quantize_roi, lambda b, s, h, w: [half_up(x / s) for x in b][:2]),
        (checks.assign_scale, lambda w, h, s: 0),
    ]
)
WINDOWS = [
    (checks.pyramid_windows, lambda *case: pyramid_windows(*case, extra=0), "one more fits"),
    (checks.pyramid_windows, lambda *case: pyramid_windows(*case, last=1), "of all levels"),
    (checks.pyramid_windows, lambda *case: pyramid_windows(*case, first=1), "the image itself"),
    (checks.pyramid_windows, lambda *case: pyramid_windows(*case, shrink=int), "round the sides"),
    (
        checks.pyramid_windows,
        lambda *case: pyramid_windows(*case, fits=lambda height, width: height),
        "one of the two sides",
    ),
    (
        checks.pyramid_windows,
        lambda h, w, n, s, d: (
            pyramid_windows(h, w, n, s, d)
            if max(h, w) >= n
            else ((h - n) // s + 1) * ((w - n) // s + 1)
        ),
        "not a negative number",
    ),
    (
        checks.pyramid_windows,
        lambda *case: pyramid_windows(*case, fits=lambda *sides: min(sides) - 1),
        "of exactly the window's size",
    ),
    (
        checks.pyramid_windows,
        lambda h, w, n, s, d: sum(
            pyramid_windows(math.ceil(h / d**k), math.ceil(w / d**k), n, s, d, last=1)
            for k in range(20)
        ),
        "not those of the image",
    ),
    (
        checks.pyramid_windows,
        lambda h, w, n, s, d: ((h - n) // s + 1) * ((w - n) // s + 1),
        "one level is not enough",
    ),
    (
        checks.interpolated_histogram,
        lambda m, o: np.bincount((o // 20).astype(int).ravel(), m.ravel(), 9) / 64,
        "between two bins",
    ),
    (
        checks.interpolated_histogram,
        lambda m, o: share_votes(m, o, swap=True),
        "the nearer bin gets the larger share",
    ),
    (checks.interpolated_histogram, lambda m, o: share_votes(m, o, first=0), "centers are 10, 30"),
    (
        checks.interpolated_histogram,
        lambda m, o: share_votes(m, o, around=False),
        "the last bin and the first are neighbors",
    ),
    (
        checks.interpolated_histogram,
        lambda m, o: share_votes(m, np.clip(o, 10, 170)),
        "shared as well",
    ),
    (
        checks.interpolated_histogram,
        lambda m, o: share_votes(m, o, divisor=1),
        "mean over the cell's 64",
    ),
    (
        checks.interpolated_histogram,
        lambda m, o: share_votes(m * 0 + 1, o),
        "by the pixel's magnitude",
    ),
    (checks.hard_negatives, lambda *case: mine(*case, limit=2), "0.3 or more is no negative"),
    (checks.hard_negatives, lambda *case: mine(*case, at=True), "exactly 0.3"),
    (checks.hard_negatives, lambda *case: mine(*case, lowest=0), "inside the margin"),
    (checks.hard_negatives, lambda *case: mine(*case, lowest=-9), "changes nothing"),
    (checks.hard_negatives, lambda *case: sorted(mine(*case)), "the highest score first"),
    (checks.hard_negatives, lambda s, w, b, n: mine(s, w, b, 99), "at most `count`"),
    (
        checks.hard_negatives,
        lambda s, w, b, n: [k for k in np.argsort(-s)[:n] if k in mine(s, w, b, 99)],
        "first, then take",
    ),
    (checks.hard_negatives, lambda s, w, b, n: mine(s, w, b[:1], n), "all boxes of the image"),
    (
        checks.hard_negatives,
        lambda s, w, b, n: mine(s, w, b, 99)[::-1][:n],
        "puts the lowest score first",
    ),
    (
        checks.hard_negatives,
        lambda s, w, b, n: np.argsort(-s[sorted(mine(s, w, b, 99))])[:n],
        "places among the candidates",
    ),
    (
        checks.hard_negatives,
        lambda s, w, b, n: [
            k
            for k in np.argsort(-s, kind="stable")
            if s[k] > -1 and (box_iou(w[[k]], b)[0] < 0.3).any()
        ][:n],
        "not with any one",
    ),
    (checks.window_and_stride, lambda n: network_window(n, stride=sum), "they do not add up"),
    (checks.window_and_stride, lambda n: network_window(n, order=1), "from the last layer"),
    (
        checks.window_and_stride,
        lambda n: network_window(n, lambda n, k, s: n * s + k),
        "of the layer before",
    ),
    (
        checks.window_and_stride,
        lambda n: network_window(n, lambda n, k, s: n * s + k - 1),
        "needs no step",
    ),
    (
        checks.window_and_stride,
        lambda n: network_window(n, lambda n, k, s: n - 1 + k),
        "makes the window larger",
    ),
    (checks.window_and_stride, lambda n: network_window(n)[::-1], "the window first"),
    (
        checks.window_and_stride,
        lambda n: (sum(size for size, _ in n), network_window(n)[1]),
        "so sizes do not add up",
    ),
]
NAMED += WINDOWS
WRONG += [(check, answer) for check, answer, _ in WINDOWS] + [
    (checks.pyramid_windows, lambda h, w, n, s, d: h * w // n**2),
    (checks.interpolated_histogram, lambda m, o: share_votes(m, o)[:8]),
    (checks.hard_negatives, lambda s, w, b, n: s[mine(s, w, b, n)]),  # scores, not indices
    (checks.hard_negatives, lambda s, w, b, n: mine(s, w, b, n, sign=1)),  # the lowest scores
    (checks.window_and_stride, lambda n: (48, 8)),
]
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
    def in_place(box, width, height):
        box[:] = yolo(box, width, height)
        return box

    assert checks.yolo_to_xyxy(in_place).state == "correct"


def test_an_error_is_shown_with_its_line():
    message = checks.roi_loss(lambda *case: roi_loss(*case, offset=1)).message
    assert "raises IndexError: index 2 is out of bounds for axis 0 with size 2" in message
    assert "(at `errors = deltas[label + offset] - targets`), expected 2.813" in message


def test_what_is_wrong_is_shown():
    outcome = repr(checks.images_needed(min))
    assert outcome == "wrong: min(200, 0.04, 0.02) gives 0.02, expected 800"


def test_large_arrays_are_not_printed():
    outcome = checks.interpolated_histogram(lambda m, o: np.zeros(9))
    assert "(an array of shape (8, 8), an array of shape (8, 8)) gives [0, 0" in outcome.message
