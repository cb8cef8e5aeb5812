"""Results made by hand, and what the figures of them hold."""

from itertools import pairwise

import numpy as np
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.figure import Figure
from matplotlib.text import Annotation, Text
from matplotlib.transforms import Bbox
from scipy.sparse import csr_array

from jaxreg import CVResult, PathResult


def make_path(coef, lambdas, names=None, sd=()):
    length = len(lambdas)
    df = np.count_nonzero(coef, axis=1)
    return PathResult(
        lambdas=np.asarray(lambdas, float),
        coef_sparse=csr_array(coef),
        intercept=np.zeros(length),
        gap=np.zeros(length),
        df=df,
        effective_df=df,
        dev_ratio=np.linspace(0, 1, length),
        n_iter=np.ones(length, int),
        status=np.zeros(length, int),
        tol=1e-6,
        l1_ratio=1.0,
        solver="pivot",
        feature_names=names,
        feature_sd=np.asarray(sd, float),
    )


def grown(p, active, length=30, seed=0):
    """A path on which feature after feature enters and grows."""
    rng = np.random.default_rng(seed)
    coef = np.zeros((length, p))
    features = rng.choice(p, active, replace=False)
    entry = rng.integers(1, length - 2, active)
    size = rng.standard_normal(active)
    coef[:, features] = size * np.maximum(np.arange(length)[:, None] - entry, 0) / length
    return make_path(coef, np.geomspace(10, 0.01, length))


def new_axes(size=(8, 5)):
    return Figure(figsize=size, layout="constrained").subplots()


def annotations(ax):
    """The names right of the axes, each with a line to the end of its curve."""
    return [text for text in ax.texts if isinstance(text, Annotation) and text.arrow_patch and text.get_text()]


def named(ax):
    """The names right of the axes that are seen, without the arrows of curves that left."""
    return {text.get_text().lstrip("\N{UPWARDS ARROW}\N{DOWNWARDS ARROW} "): text for text in annotations(ax)}


def said(ax):
    """The texts that are seen within the axes."""
    texts = [text for text in ax.texts if text.get_text() and text not in annotations(ax)]
    return [text for text in texts if _seen(text)]


def _seen(text):
    return text.get_tightbbox().width > 0


def assert_clear(ax):
    """No line or curve passes through a text within the axes, nor do texts overlap."""
    ax.figure.draw_without_rendering()
    boxes = [Text.get_window_extent(text) for text in said(ax)]
    for k, (text, box) in enumerate(zip(said(ax), boxes, strict=True)):
        inner = box.padded(-0.5)  # pixels
        assert not any(_crosses(*drawn, inner) for drawn in _drawn(ax)), f"{text.get_text()} is crossed"
        assert not any(inner.overlaps(other) for other in boxes[:k]), f"{text.get_text()} is on another text"


def _drawn(ax):
    """(path in pixels, whether it is an area, the box it is seen in) of lines, curves, bands and leaders of texts."""
    for line in ax.lines:
        yield line.get_transform().transform_path(line.get_path()), False, line.get_clip_box() or ax.figure.bbox
    for collection in ax.collections:
        if isinstance(collection, (LineCollection, PolyCollection)):
            for path in collection.get_paths():
                area = isinstance(collection, PolyCollection)
                yield collection.get_transform().transform_path(path), area, collection.get_clip_box()
    for text in ax.texts:
        if isinstance(text, Annotation) and text.arrow_patch:
            leader = text.arrow_patch
            if leader.get_visible() and _seen(text):
                yield leader.get_transform().transform_path(leader.get_path()), False, ax.figure.bbox


def _crosses(path, area, seen, box):
    shared = Bbox.intersection(box, seen)
    return shared is not None and path.intersects_bbox(shared, filled=area)


def boxes(ax):
    """Label boxes in pixels, from the bottom up, without the lines that lead to them."""
    return sorted((Text.get_window_extent(text) for text in annotations(ax)), key=lambda box: box.y0)


def assert_apart(*all_axes):
    all_axes[0].figure.canvas.figure.draw_without_rendering()
    for ax in all_axes:
        for below, above in pairwise(boxes(ax)):
            assert below.y1 <= above.y0


def make_cv(paths, fold_loss, l1_ratios=(1.0,)):
    """A CVResult of paths and the losses (A, K, L) of their folds; what no figure looks at is empty."""
    folds = fold_loss.shape[1]
    return CVResult(
        paths=tuple(paths),
        l1_ratios=np.asarray(l1_ratios, float),
        lambdas=np.stack([path.lambdas for path in paths]),
        fold_loss=fold_loss,
        mean_loss=fold_loss.mean(axis=1),
        std_error=fold_loss.std(axis=1) / np.sqrt(folds - 1),
        train_loss=np.linspace(2.0, 0.5, fold_loss.shape[2]),
        gap=np.zeros(fold_loss.shape),
        status=np.zeros(fold_loss.shape, int),
        metric="mean squared error",
        fold_weight=np.full(folds, 1 / folds),
        oof_predictions=np.zeros(0),
        observation_loss=None,
        n_samples=100,
        train_mse=np.zeros((*fold_loss[:, 0].shape, 1)),
        minus_two_log_likelihood=np.zeros((*fold_loss[:, 0].shape, 1)),
        fit_intercept=True,
        timings={},
        _effective_df=np.stack([path.df for path in paths]),
    )
