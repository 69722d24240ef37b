"""Each check on the right answer, on nearly right ones for the usual mistakes, and on what is no answer yet."""

import math

import numpy as np
import pytest

from shopee_od.lessons import checks
from shopee_od.ops.boxes import iou


def cosine(at, steps, highest):
    return highest * (1 + math.cos(math.pi * at / steps)) / 2


def warm(step, warmup, steps, highest):
    if step >= warmup:
        return cosine(step, steps, highest)
    return highest / 20 + (cosine(warmup, steps, highest) - highest / 20) * step / warmup


def ap(hit, boxes, envelope=True, recalls=101, reached="left"):
    right = np.cumsum(hit)
    precision, recall = right / np.arange(1, len(hit) + 1), right / boxes
    if envelope:
        precision = np.maximum.accumulate(precision[::-1])[::-1]
    at = np.searchsorted(recall, np.linspace(0, 1, recalls), side=reached)
    return np.append(precision, 0)[at].mean()


def greedy(boxes, scores, threshold, by_score=True, above=True, forgets=True):
    order = np.argsort(-scores, kind="stable") if by_score else np.arange(len(scores))
    stays, gone = [], set()
    for k, i in enumerate(order):
        if i in gone:
            if forgets:
                continue
        else:
            stays.append(int(i))
        for j in order[k + 1 :]:
            overlap = iou(boxes[[i]], boxes[[j]])[0, 0]
            if overlap > threshold if above else overlap >= threshold:
                gone.add(j)
    return stays


def soft(boxes, scores, sigma, fall=lambda u, sigma: np.exp(-(u**2) / sigma), anew=True):
    scores, left = list(scores), list(range(len(scores)))
    order = np.argsort(-np.array(scores), kind="stable").tolist()
    while left:
        best = max(left, key=lambda i: scores[i]) if anew else order.pop(0)
        left.remove(best)
        for i in left:
            scores[i] *= fall(iou(boxes[[best]], boxes[[i]])[0, 0], sigma)
    return np.array(scores)


def lowest(scores, hit, wanted):
    enough = np.flatnonzero(np.cumsum(hit) / np.arange(1, len(hit) + 1) >= wanted)
    return scores[enough[-1]] if len(enough) else None


def first_dip(scores, hit, wanted):
    """Stops where precision first falls too low."""
    best = None
    for k in range(len(hit)):
        if hit[: k + 1].mean() < wanted:
            break
        best = scores[k]
    return best


def pair(a, b, plus=0, clip=True, union=True):
    w, h = min(a[2], b[2]) - max(a[0], b[0]) + plus, min(a[3], b[3]) - max(a[1], b[1]) + plus
    shared = max(w, 0) * max(h, 0) if clip else w * h
    areas = [(box[2] - box[0] + plus) * (box[3] - box[1] + plus) for box in (a, b)]
    return shared / (sum(areas) - shared * union)


def change(box, proposal):
    (x, y, w, h), (px, py, pw, ph) = (
        ((b[0] + b[2]) / 2, (b[1] + b[3]) / 2, b[2] - b[0], b[3] - b[1]) for b in (box, proposal)
    )
    return [(x - px) / pw, (y - py) / ph, math.log(w / pw), math.log(h / ph)]


def box_of(dx, dy, dw, dh, x1, y1, x2, y2):
    w, h = x2 - x1, y2 - y1
    x, y, w, h = x1 + w / 2 + dx * w, y1 + h / 2 + dy * h, w * math.exp(dw), h * math.exp(dh)
    return [x - w / 2, y - h / 2, x + w / 2, y + h / 2]


def edges(length, n, start=math.floor, end=math.ceil, less=0):
    return [[start(k * length / n), end((k + 1) * length / n) - less] for k in range(n)]


def half_up(side):
    return math.floor(side + 0.5)


def window(box, stride, height, width, start=half_up, end=half_up, least=1):
    x1, y1, x2, y2 = (f(side / stride) for f, side in zip((start, start, end, end), box, strict=True))
    x1, y1 = min(x1, width - 1), min(y1, height - 1)
    return [x1, y1, min(max(x2, x1 + least), width), min(max(y2, y1 + least), height)]


def scale_for(width, height, scales, off=lambda w, h, s: abs(w * h * s * s - 224**2)):
    return int(np.argmin([off(width, height, scale) for scale in scales]))


def too_large(width, height, scale):
    return -scale if width * height * scale**2 <= 224**2 else scale


def max_of_bins(values, roi, stride, n, start=half_up, end=half_up, best=np.max, last=math.ceil, swap=False):
    x1, y1, x2, y2 = (f(side / stride) for f, side in zip((start, start, end, end), roi, strict=True))
    cells = values[x1:x2, y1:y2] if swap else values[y1:y2, x1:x2]
    (h, w), k = cells.shape, range(n)
    part = [[cells[i * h // n : last((i + 1) * h / n), j * w // n : last((j + 1) * w / n)] for j in k] for i in k]
    return [[best(each) for each in row] for row in part]


def between(values, y, x, nearer=True, only_x=False, clamp=True):
    if clamp:
        y, x = min(max(y, 0), values.shape[0] - 1), min(max(x, 0), values.shape[1] - 1)
    top, left = (math.floor(each) for each in (y, x))
    bottom, right = min(top + 1, values.shape[0] - 1), min(left + 1, values.shape[1] - 1)
    down, across = (y - top if not only_x else 0), x - left
    if not nearer:
        down, across = 1 - down, 1 - across
    rows = values[top] * (1 - down) + values[bottom] * down
    return rows[left] * (1 - across) + rows[right] * across


def l1(x):
    return np.where(abs(x) < 1, x**2 / 2, abs(x) - 0.5)


def one_roi(probabilities, deltas, label, targets, of_box=l1, always=False, row=-1, total=np.sum):
    off = deltas[label + row] - targets
    return -math.log(probabilities[label]) + (total(of_box(off)) if label or always else 0)


def sides(level, size, octave, ratio, root=math.sqrt):
    side = size * 2**level * 2**octave
    return side * root(ratio), side / root(ratio)


def labels_of(overlap, at=0.7, under=0.3, between=-1, best=True, met=True):
    labels = []
    for k, row in enumerate(overlap):
        first = best and any((column.max() > 0 or not met) and column.argmax() == k for column in overlap.T)
        labels.append(1 if row.max() >= at or first else 0 if row.max() < under else between)
    return labels


def kept(boxes, scores, before, after, threshold):
    best = sorted(range(len(scores)), key=lambda k: -scores[k])[:before]
    return [best[k] for k in greedy(boxes[best], scores[best], threshold)][:after] if best else []


def level(width, height, lowest, highest, side=lambda w, h: (w * h) ** 0.5, whole=math.floor):
    return int(np.clip(whole(math.log(side(width, height) / 14, 2)), lowest, highest))


RIGHT = {
    checks.corners: lambda box: [box[0], box[1], box[0] + box[2], box[1] + box[3]],
    checks.overlap: pair,
    checks.learning_rate: warm,
    checks.best_step: lambda judged: max(sorted(judged), key=judged.get),
    checks.average_precision: ap,
    checks.threshold_for: lowest,
    checks.one_tag: greedy,
    checks.window_count: lambda h, w, a, b, s: max((h - a) // s + 1, 0) * max((w - b) // s + 1, 0),
    checks.cell_histogram: lambda s, d: np.array([s[(d >= 20 * k) & (d < 20 * k + 20)].sum() / 64 for k in range(9)]),
    checks.suppressed: lambda b, s, k, t: greedy(b + 100 * k[:, None], s, t),
    checks.softened: soft,
    checks.deltas: change,
    checks.moved: lambda d, p: box_of(*d, *p),
    checks.pyramid_bins: edges,
    checks.map_window: window,
    checks.chosen_scale: scale_for,
    checks.roi_pooled: max_of_bins,
    checks.sampled_at: between,
    checks.roi_loss: one_roi,
    checks.recall_of: lambda p, b, n: np.mean([any(iou(p[:n], one[None])[:, 0] >= 0.5) for one in b]),
}
RIGHT |= {
    checks.anchor_sides: sides,
    checks.anchor_labels: labels_of,
    checks.proposed: kept,
    checks.level_for: level,
}
WRONG = [
    (checks.corners, list),  # as they were
    (checks.corners, lambda box: [box[0], box[1], box[0] + box[2] - 1, box[1] + box[3] - 1]),  # inclusive
    (checks.corners, lambda box: [box[0], box[0] + box[2], box[1], box[1] + box[3]]),  # x, x, y, y
    (checks.corners, lambda box: [box[0] - box[2] / 2, box[1] - box[3] / 2, box[0] + box[2] / 2, box[1] + box[3] / 2]),
    (checks.overlap, lambda a, b: pair(a, b, clip=False)),  # sides may be negative
    (checks.overlap, lambda a, b: pair(a, b, plus=1)),  # inclusive corners
    (checks.overlap, lambda a, b: pair(a, b, union=False)),  # what is shared counts twice below
    (checks.overlap, lambda a, b: min(1.0, 2 * pair(a, b))),
    (checks.overlap, lambda a, b: max(0, min(a[2], b[2]) - max(a[0], b[0])) / 40),  # x only
    (checks.learning_rate, lambda s, w, n, h: cosine(s, n, h)),  # no warm-up
    (checks.learning_rate, lambda s, w, n, h: h * s / w if s < w else cosine(s, n, h)),  # from 0
    (checks.learning_rate, lambda s, w, n, h: h / 20 + h * 0.95 * s / w if s < w else cosine(s, n, h)),  # to highest
    (checks.learning_rate, lambda s, w, n, h: warm(s, w, n, h) if s < w else cosine(s - w, n - w, h)),  # cosine after
    (checks.learning_rate, lambda s, w, n, h: warm(s, w, n, h) if s < w else h * (1 - s / n)),  # a line down
    (checks.best_step, max),  # the last
    (checks.best_step, lambda judged: max(judged.values())),  # the AP, not the step
    (checks.best_step, lambda judged: max(reversed(judged), key=judged.get)),  # the last of equals
    (checks.best_step, lambda judged: min(judged, key=judged.get)),
    (checks.average_precision, lambda hit, boxes: ap(hit, boxes, envelope=False)),
    (checks.average_precision, lambda hit, boxes: ap(hit, boxes, recalls=11)),  # VOC 2007's
    (checks.average_precision, lambda hit, boxes: ap(hit, max(hit.sum(), 1))),  # recall of what was found only
    (checks.average_precision, lambda hit, boxes: hit.mean() if len(hit) else 0.0),  # precision
    (checks.average_precision, lambda hit, boxes: ap(hit, boxes, reached="right")),
    (checks.threshold_for, first_dip),
    (checks.threshold_for, lambda s, h, p: s[np.flatnonzero(np.cumsum(h) / np.arange(1, 7) > p)[-1:]]),  # above, a list
    (checks.threshold_for, lambda s, h, p: lowest(s, h, p) or 1.0),  # no None
    (checks.threshold_for, lambda s, h, p: s[0]),
    (checks.threshold_for, lambda s, h, p: s[np.cumsum(h) / h.sum() <= p][-1]),  # recall
    (checks.one_tag, lambda b, s, t: greedy(b, s, t, by_score=False)),
    (checks.one_tag, lambda b, s, t: greedy(b, s, t, above=False)),
    (checks.one_tag, lambda b, s, t: greedy(b, s, t, forgets=False)),
    (checks.one_tag, lambda b, s, t: sorted(greedy(b, s, t))),  # not best first
    (checks.one_tag, lambda b, s, t: b[greedy(b, s, t)]),  # boxes, not indices
    (checks.one_tag, lambda b, s, t: greedy(b, s, t)[:1]),
]
NAMED = [  # each of these is told by name what it is
    (checks.overlap, lambda a, b: pair(a, b, plus=1), "without + 1"),
    (checks.overlap, lambda a, b: pair(a, b, clip=False), "both sides come out negative"),
    (checks.overlap, lambda a, b: pair(a, b, union=False), "take it off the sum"),
    (checks.window_count, lambda h, w, a, b, s: max((h - a) // s, 0) * max((w - b) // s, 0), "one more fits"),
    (checks.window_count, lambda h, w, a, b, s: math.ceil(h / s) * math.ceil(w / s), "inside whole"),
    (checks.cell_histogram, lambda s, d: RIGHT[checks.cell_histogram](s, d) * 64, "mean over the cell's 64"),
    (checks.cell_histogram, lambda s, d: RIGHT[checks.cell_histogram](s * 0 + 1, d), "by its strength"),
    (checks.cell_histogram, lambda s, d: RIGHT[checks.cell_histogram](s, (d + 10) % 180), "not centred on 0"),
    (checks.suppressed, lambda b, s, k, t: greedy(b, s, t), "only boxes of one class"),
    (checks.suppressed, lambda b, s, k, t: greedy(b + 100 * k[:, None], s, t, above=False), "suppress above it"),
    (checks.softened, lambda b, s, g: soft(b, s, g, lambda u, g: np.exp(-u / g)), "IoU is squared"),
    (checks.softened, lambda b, s, g: soft(b, s, g, lambda u, g: np.exp(-(u**2))), "divided by sigma"),
    (checks.softened, lambda b, s, g: soft(b, s, g, anew=False), "as they are now"),
    (checks.softened, lambda b, s, g: soft(b, s, g) * np.exp(-1 / g), "the best one keeps its score"),
    (checks.deltas, lambda b, p: [change(b, p)[k] for k in (1, 0, 3, 2)], "x before y"),
    (checks.deltas, lambda b, p: change(p, b), "from the proposal to the box"),
    (checks.deltas, lambda b, p: change([*b[:2], b[2] + 1, b[3] + 1], [*p[:2], p[2] + 1, p[3] + 1]), "without + 1"),
    (checks.deltas, lambda b, p: [*change(b, p)[:2], *map(math.exp, change(b, p)[2:])], "the logarithm is taken"),
    (checks.moved, lambda d, p: box_of(d[1], d[0], d[3], d[2], *p), "x before y"),
    (checks.recall_of, lambda p, b, n: RIGHT[checks.recall_of](p, b, len(p)), "only so many proposals"),
    (checks.recall_of, lambda p, b, n: (iou(p[:n], b) >= 0.5).any(1).mean() if len(p) else 0, "not of the proposals"),
    (checks.pyramid_bins, lambda s, n: edges(s, n, end=math.floor), "the end is rounded up"),
    (checks.pyramid_bins, lambda s, n: edges(s, n, start=math.ceil), "the start is rounded down"),
    (checks.pyramid_bins, lambda s, n: edges(s, n, start=round, end=round), "the start is rounded down, the end up"),
    (checks.pyramid_bins, lambda s, n: edges(s, n, less=1), "just outside"),
    (checks.pyramid_bins, lambda s, n: [(k * (s // n), (k + 1) * (s // n)) for k in range(n)], "one whole length"),
    (checks.map_window, lambda b, s, h, w: window(b, s, h, w, least=0), "at least one cell"),
    (checks.map_window, lambda b, s, h, w: window(b, s, h, w, math.floor, math.ceil), "not where it is met"),
    (checks.map_window, lambda b, s, h, w: window(b, s, h, w, math.floor, math.floor, 0), "also at the right"),
    (checks.map_window, lambda b, s, h, w: [window(b, s, h, w)[k] for k in (1, 0, 3, 2)], "x before y"),
    (checks.map_window, lambda b, s, h, w: window([x * s * s for x in b], s, h, w), "divide by the stride"),
    (checks.map_window, lambda b, s, h, w: [x / s for x in b], "whole numbers"),
    (checks.map_window, lambda b, s, h, w: window(b, s, 99, 99), "beyond the map"),
    (
        checks.chosen_scale,
        lambda w, h, s: scale_for(w, h, s, lambda w, h, x: abs(w * h * x - 224**2)),
        "scale's square",
    ),
    (
        checks.chosen_scale,
        lambda w, h, s: scale_for(w, h, s, lambda w, h, x: abs(x * (w * h) ** 0.5 - 224)),
        "not sides",
    ),
    (checks.chosen_scale, lambda w, h, s: scale_for(w, h, s, lambda w, h, x: abs(max(w, h) * x - 224)), "longer side"),
    (checks.chosen_scale, lambda w, h, s: scale_for(w, h, s, lambda w, h, x: abs(w * h * x * x - 224)), "not 224"),
    (checks.chosen_scale, lambda w, h, s: scale_for(w, h, s, too_large), "smallest distance"),
    (checks.chosen_scale, lambda w, h, s: s[scale_for(w, h, s)], "counted from 0"),
]


def stay_by_class(b, s, k, t):
    return [i for label in sorted(set(k)) for i in np.flatnonzero(k == label)[greedy(b[k == label], s[k == label], t)]]


def shifted(d, p, start=0.5, before=0.5, after=0.5):
    """Both axes: from where it starts, with so many new sides before and after."""
    sides = [(p[k + 2] - p[k]) for k in (0, 1)]
    at = [p[k] + (start + d[k]) * sides[k] for k in (0, 1)]
    new = [side * math.exp(d[k + 2]) for k, side in enumerate(sides)]
    return [at[k] - before * new[k] for k in (0, 1)] + [at[k] + after * new[k] for k in (0, 1)]


def boxed(d, p):
    x1, y1, x2, y2 = box_of(*d, *p)
    return [(x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1]


NAMED += [  # what newcomers wrote
    (checks.window_count, lambda h, w, a, b, s: ((h - a) // s + 1) * ((w - b) // s + 1), "not less than none"),
    (checks.window_count, lambda h, w, a, b, s: ((h - a) // s) * ((w - b) // s), "one more fits"),
    (checks.window_count, lambda h, w, a, b, s: (h // s) * (w // s), "leaves over"),
    (checks.cell_histogram, lambda s, d: np.bincount((d // 20).astype(int).ravel(), s.ravel()) / 64, "nine numbers"),
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
    (checks.suppressed, stay_by_class, "not class after class"),
    (checks.suppressed, lambda b, s, k, t: greedy(b + 100 * k[:, None], s, t, forgets=False), "suppresses nothing"),
    (checks.suppressed, lambda b, s, k, t: sorted(greedy(b + 100 * k[:, None], s, t)), "not in the order of the boxes"),
    (checks.softened, lambda b, s, g: np.sort(soft(b, s, g))[::-1], "not best first"),
    (
        checks.deltas,
        lambda b, p: [change(b, p)[k] * (p[k + 2] - p[k]) / (b[k + 2] - b[k]) for k in (0, 1)] + change(b, p)[2:],
        "not of the box's",
    ),
    (checks.moved, lambda d, p: shifted(d, p, 0, 0, 1), "not the corner"),
    (checks.moved, lambda d, p: shifted(d, p, 0.5, 0, 1), "half a side before the middle"),
    (checks.moved, lambda d, p: shifted(d, p, 0.5, 1, 1), "not a whole one"),
    (checks.moved, boxed, "not the middle and the sides"),
    (checks.moved, lambda d, p: [x - e for x, e in zip(box_of(*d, *p), (0, 0, 1, 1), strict=True)], "no − 1"),
    (checks.recall_of, lambda p, b, n: (iou(p[:n], b) >= 0.5).sum() / len(b), "counts once"),
    (checks.recall_of, lambda p, b, n: 3 * RIGHT[checks.recall_of](p, b, n), "not the number"),
]
NAMED += [
    (checks.roi_pooled, lambda *case: max_of_bins(*case, start=int, end=int), "do not cut off"),
    (checks.roi_pooled, lambda *case: max_of_bins(*case, start=int, end=math.ceil), "both corners alike"),
    (checks.roi_pooled, lambda *case: max_of_bins(*case, best=np.mean), "not the mean"),
    (checks.roi_pooled, lambda *case: np.transpose(max_of_bins(*case)), "first axis of the answer is y"),
    (checks.sampled_at, lambda v, y, x: between(v.T, y, x), "y is the row"),
    (checks.sampled_at, lambda *case: between(*case, nearer=False), "weighs more"),
    (checks.sampled_at, lambda *case: between(*case, only_x=True), "along both axes"),
    (checks.sampled_at, lambda v, y, x: v[min(max(half_up(y), 0), 1), min(half_up(x), 2)], "not the nearest one"),
    (checks.roi_loss, lambda *case: one_roi(*case, always=True), "background has no box"),
    (checks.roi_loss, lambda *case: one_roi(*case, of_box=lambda x: x**2 / 2), "only up to 1"),
    (checks.roi_loss, lambda *case: one_roi(*case, of_box=np.abs), "half the square up to 1"),
    (checks.roi_loss, lambda *case: one_roi(*case, total=np.mean), "not their mean"),
    (checks.roi_loss, lambda *case: one_roi(*case, row=0), "row label − 1"),
    (checks.roi_loss, lambda p, d, k, t: one_roi(p, d, k, t) + 2 * math.log(p[k]), "minus the logarithm"),
    (checks.roi_loss, lambda p, d, k, t: -math.log(p[k]), "class and box together"),
]
WRONG += [
    (checks.roi_pooled, lambda *case: max_of_bins(*case, last=math.floor)),  # the last cells are left out
    (checks.roi_pooled, lambda *case: max_of_bins(*case, swap=True)),  # x for rows
    (checks.sampled_at, lambda *case: between(*case, clamp=False)),
    (checks.roi_loss, lambda *case: one_roi(*case) / 4),
]
NAMED += [
    (checks.anchor_sides, lambda *case: sides(*case)[::-1], "not height to width"),
    (checks.anchor_sides, lambda n, s, o, r: (s * 2 ** (n + o) * r, s * 2 ** (n + o)), "the area stays"),
    (checks.anchor_sides, lambda *case: sides(*case, root=float), "the root of the ratio"),
    (checks.anchor_sides, lambda n, s, o, r: sides(0, s * n, o, r), "is 2³ pixels"),
    (checks.anchor_sides, lambda n, s, o, r: sides(n, s * (1 + o), 0, r), "an octave doubles"),
    (checks.anchor_sides, lambda n, s, o, r: sides(n, s, 0, r), "makes it larger"),
    (checks.anchor_labels, lambda u: labels_of(u, best=False), "whatever its IoU"),
    (checks.anchor_labels, lambda u: labels_of(u, between=0), "neither answer would be wrong"),
    (checks.anchor_labels, lambda u: labels_of(u, at=0.7 + 1e-9), "0.7 itself"),
    (checks.anchor_labels, lambda u: labels_of(u, under=0.3 + 1e-9), "not at it"),
    (checks.anchor_labels, lambda u: labels_of(u[:, :1]), "with any box"),
    (checks.anchor_labels, lambda u: labels_of(u, met=False), "no anchor meets"),
    (checks.anchor_labels, lambda u: np.where(u >= 0.7, 1, np.where(u >= 0.3, -1, 0)), "has one answer"),
    (checks.proposed, lambda b, s, k, n, t: kept(b, s, 99, n, t), "cut first"),
    (checks.proposed, lambda b, s, k, n, t: kept(b, s, n, n, t), "after NMS, not before"),
    (checks.proposed, lambda b, s, k, n, t: greedy(b[:k], s[:k], t)[:n], "not the first"),
    (checks.proposed, lambda b, s, k, n, t: kept(b, s, k, 99, t), "only so many stay"),
    (checks.proposed, lambda b, s, k, n, t: np.argsort(-s)[:k][:n], "NMS is left out"),
    (checks.level_for, lambda *case: level(*case, whole=round), "to the nearest"),
    (checks.level_for, lambda *case: level(*case, side=max), "not its longer side"),
    (checks.level_for, lambda *case: level(*case, side=lambda w, h: (w + h) / 2), "not the mean"),
    (checks.level_for, lambda *case: level(*case, side=lambda w, h: math.hypot(w, h) / 2**0.5), "not its diagonal"),
    (checks.level_for, lambda w, h, low, high: level(w, h, -9, 9), "no level below"),
]
WRONG += [
    (checks.anchor_labels, lambda u: (u.max(axis=1) >= 0.5).astype(int)),
    (checks.proposed, lambda b, s, k, n, t: b[kept(b, s, k, n, t)]),  # boxes, not indices
    (checks.level_for, lambda w, h, low, high: low),
]
WRONG += (
    [(check, answer) for check, answer, _ in NAMED]
    + [
        (checks.suppressed, lambda b, s, k, t: sorted(greedy(b + 100 * k[:, None], s, t))),
        (checks.softened, lambda b, s, g: s),
        (checks.softened, lambda b, s, g: np.sort(soft(b, s, g))[::-1]),  # no longer in the order of the boxes
        (checks.deltas, lambda b, p: [b[k] - p[k] for k in range(4)]),
        (checks.moved, lambda d, p: box_of(*d[:2], 0, 0, *p)),
        (checks.window_count, lambda h, w, a, b, s: h * w // (a * b)),
        (checks.pyramid_bins, lambda s, n: [end for _, end in edges(s, n)]),
        (checks.map_window, lambda b, s, h, w: [half_up(x / s) for x in b][:2]),
        (checks.chosen_scale, lambda w, h, s: 0),
    ]
)
EVERY = list(RIGHT)


@pytest.mark.parametrize("check", EVERY, ids=lambda check: check.__name__)
def test_a_right_answer_is_correct(check):
    assert repr(check(RIGHT[check])) == "correct"


@pytest.mark.parametrize(("check", "answer"), WRONG)
def test_usual_mistakes_are_wrong_and_said_where(check, answer):
    outcome = check(answer)
    assert outcome.state == "wrong"
    assert (" gives " in outcome.says and ", expected " in outcome.says) or " raises " in outcome.says


@pytest.mark.parametrize(("check", "answer", "says"), NAMED)
def test_common_mistakes_are_known_by_name(check, answer, says):
    assert says in check(answer).says


@pytest.mark.parametrize("check", EVERY, ids=lambda check: check.__name__)
def test_what_is_no_answer_yet_is_not_attempted(check):
    def stub(*_):
        """Nothing yet."""

    def later(*_):
        raise NotImplementedError

    assert {check(each).state for each in (stub, later, lambda *_: ..., None, ...)} == {"not attempted"}


@pytest.mark.parametrize("check", EVERY, ids=lambda check: check.__name__)
@pytest.mark.parametrize("answer", [lambda *_: "a text", lambda *_: [[1], [1, 2]], lambda: 1, lambda *_: 1 / 0, slice])
def test_whatever_comes_back_a_check_does_not_raise(check, answer):
    assert check(answer).state == "wrong"


def test_an_answer_may_change_what_it_is_given():
    def spoiling(scores, hit, wanted):
        value = lowest(scores, hit, wanted)
        scores[:] = 0
        return value

    assert checks.threshold_for(spoiling).state == "correct"


def test_an_answer_may_change_a_list_that_it_is_given():
    def in_place(box):
        box[2] += box[0]
        box[3] += box[1]
        return box

    assert checks.corners(in_place).state == "correct"


def test_an_error_is_shown_with_its_line():
    said = checks.roi_loss(lambda *case: one_roi(*case, row=1)).says
    assert "raises IndexError: index 2 is out of bounds for axis 0 with size 2" in said
    assert "(at `off = deltas[label + row] - targets`), expected 2.813" in said


def test_what_is_wrong_is_shown():
    assert repr(checks.best_step(max)) == "wrong: max({250: 0.2, 500: 0.4, 750: 0.3}) gives 750, expected 500"


def test_the_learning_rate_is_model_gardens():
    from official.modeling.optimization import OptimizationConfig, OptimizerFactory

    steps, warmup, highest = 40, 10, 0.1
    config = OptimizationConfig(
        {
            "optimizer": {"type": "sgd"},
            "learning_rate": {"type": "cosine", "cosine": {"initial_learning_rate": highest, "decay_steps": steps}},
            "warmup": {
                "type": "linear",
                "linear": {"warmup_steps": warmup, "warmup_learning_rate": highest / 20},
            },
        }
    )
    theirs = OptimizerFactory(config).build_learning_rate()
    for step in range(steps + 1):
        assert checks.warmed_cosine(step, warmup, steps, highest) == pytest.approx(float(theirs(step)), abs=1e-7)


def test_large_arrays_are_not_printed():
    outcome = checks.cell_histogram(lambda s, d: np.zeros(9))
    assert "(an array of shape (8, 8), an array of shape (8, 8)) gives [0, 0" in outcome.says
