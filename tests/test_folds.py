"""Folds: who is held out with whom, and what is refused."""

from functools import partial

import numpy as np
import pytest

from jaxreg.cv._folds import make_folds
from jaxreg.penalties import GroupLasso

N = 23
Y = np.arange(N, dtype=float)
EVEN = np.full(N, 1 / N)
_folds = partial(make_folds, X=np.arange(N)[:, None])


def ids_of(folds):
    """(n,) the fold that holds each row out, of a partition."""
    ids = np.full(folds.n, -1)
    for k, part in enumerate(folds.held_out):
        assert (ids[part.rows] == -1).all()
        ids[part.rows] = k
    return ids


def test_drawn_folds_are_a_balanced_partition_that_the_seed_decides():
    first, again, other = (_folds(5, y=Y, weight=EVEN, seed=seed) for seed in (0, 0, 1))
    sizes = np.bincount(ids_of(first))
    assert sorted(sizes) == [4, 4, 5, 5, 5]
    assert (ids_of(first) == ids_of(again)).all()
    assert (ids_of(first) != ids_of(other)).any()


def test_repeats_draw_new_folds():
    folds = _folds(4, y=Y, weight=EVEN, repeats=3)
    assert (len(folds), folds.repeats) == (12, 3)
    held = np.array([np.bincount(part.rows, minlength=N) for part in folds.held_out]).reshape(3, 4, N)
    assert (held.sum(axis=1) == 1).all()
    assert (held[0] != held[1]).any()


def test_groups_stay_together_in_folds_of_about_equal_size():
    groups = np.repeat(list("abcdefgh"), [9, 1, 2, 3, 1, 2, 4, 1])
    ids = ids_of(_folds(3, y=Y, weight=EVEN, groups=groups))
    assert all(len(set(ids[groups == g])) == 1 for g in set(groups))
    assert sorted(np.bincount(ids)) == [7, 7, 9]  # a group larger than a fold is one


def test_strata_are_shared_out():
    strata = np.repeat([0, 1, 2], [15, 6, 2])
    ids = ids_of(_folds(3, y=Y, weight=EVEN, strata=strata))
    assert (np.bincount(ids[strata == 0]) == 5).all()
    assert (np.bincount(ids[strata == 1]) == 2).all()
    assert len(set(ids[strata == 2])) == 2  # a class with fewer rows than folds is absent from some


def test_fold_ids_are_taken_in_sorted_order():
    ids = np.where(np.arange(N) < 7, 30, np.where(np.arange(N) < 12, -1, 4))
    folds = _folds(ids.tolist(), y=Y, weight=EVEN)
    assert [part.rows[0] for part in folds.held_out] == [7, 12, 0]


def test_leaving_one_out_has_a_fold_for_each_row():
    assert (ids_of(_folds("loo", y=Y, weight=EVEN)) == np.arange(N)).all()


@pytest.mark.parametrize("as_mask", [False, True])
def test_pairs_count_rows_as_often_as_they_are_named(as_mask):
    train = np.array([0, 1, 1, 5, -1])
    test = np.array([2, 3])
    if as_mask:
        test = np.isin(np.arange(N), test)
    folds = _folds([(train, test), (test, train)], y=Y, weight=EVEN)
    expected = np.bincount([0, 1, 1, 5, N - 1], minlength=N)
    assert (folds.train(0) == expected).all()
    assert (folds.held_out[1].counts == expected[expected > 0]).all()
    assert folds.held_weight(EVEN) == pytest.approx([2 / N, 5 / N])


def test_splitters_of_scikit_learn():
    selection = pytest.importorskip("sklearn.model_selection")
    folds = _folds(selection.TimeSeriesSplit(3), y=Y, weight=EVEN)
    for k, (train, test) in enumerate(selection.TimeSeriesSplit(3).split(Y[:, None])):
        assert (np.flatnonzero(folds.train(k)) == train).all()
        assert (folds.held_out[k].rows == test).all()
    groups = np.arange(N) % 6
    by_group = _folds(selection.GroupKFold(3), y=Y, weight=EVEN, groups=groups)
    ids = ids_of(by_group)
    assert all(len(set(ids[groups == g])) == 1 for g in range(6))


HALF = np.arange(N) < 12
BAD = [
    ({"cv": 1}, "cv is 1; give a whole number >= 2"),
    ({"cv": 24}, "cv is 24, but there are 23 rows; give cv <= 23"),
    ({"cv": 5, "groups": np.arange(N) % 4}, "cv is 5, but there are 4 groups; give cv <= 4"),
    ({"cv": 5, "groups": np.arange(4)}, r"groups has shape \(4,\), but needs one entry per row of X, \(23,\)"),
    ({"cv": 2.5}, "cv is 2.5; give a number of folds, a splitter, fold ids"),
    ({"cv": "kfold"}, "cv is 'kfold'; give a number"),
    ({"cv": True}, "cv is True; give a number"),
    ({"cv": np.zeros(N)}, "cv has entries of dtype float64; fold ids are integers"),
    ({"cv": np.zeros(4, int)}, r"cv has shape \(4,\), but fold ids need one entry per row of X"),
    ({"cv": np.zeros(N, int)}, r"cv has the fold id 0 only, so that no row is left to train on"),
    ({"cv": []}, r"cv is empty; give at least one \(train, test\) pair"),
    ({"cv": [(HALF, ~HALF, HALF)] * 2}, "cv has 3 entries in fold 0"),
    ({"cv": [(HALF, HALF), (HALF, ~HALF)]}, "cv has row 0 in the training and the test part of fold 0"),
    ({"cv": [(HALF, [23]), (HALF, ~HALF)]}, r"cv has a test row of fold 0 outside 0..22"),
    ({"cv": [(HALF, [0.5]), (HALF, ~HALF)]}, "cv has test rows of fold 0 that are neither integers nor a mask"),
    ({"cv": [(HALF, []), (HALF, ~HALF)]}, r"cv leaves 0 row\(s\) of positive weight in the test part of fold 0"),
    ({"cv": [([3], ~HALF), (HALF, ~HALF)]}, r"cv leaves 1 row\(s\) of positive weight in the training part of fold 0"),
    ({"cv": np.arange(N) % 2, "repeats": 2}, "repeats is 2, but only folds of an integer cv can be drawn again"),
    ({"cv": 5, "repeats": 0}, "repeats is 0; give a whole number >= 1"),
    ({"cv": 5, "seed": -1}, "seed is -1; give a whole number >= 0"),
    ({"cv": np.arange(N) % 2, "groups": np.arange(N)}, "groups is given, but cv says itself"),
]


@pytest.mark.parametrize(("arguments", "message"), BAD)
def test_bad_folds_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        _folds(y=Y, weight=EVEN, **arguments)


def test_a_fold_that_holds_out_weights_of_zero_alone_is_refused():
    weight = np.where(np.arange(N) % 4 == 1, 0.0, 1.0)
    with pytest.raises(ValueError, match=r"cv leaves 0 row\(s\) of positive weight in the test part of fold 1"):
        _folds(np.arange(N) % 4, y=Y, weight=weight)
    assert len(_folds(np.arange(N) % 5, y=Y, weight=weight)) == 5


class Recorder:
    def split(self, X, y, groups):
        self.seen = X, y, groups
        return [(np.arange(10), np.arange(10, N)), (np.arange(10, N), np.arange(10))]


def test_a_splitter_sees_the_data_and_the_labels():
    X, groups, splitter = np.arange(2 * N).reshape(N, 2), np.repeat(["a", "b"], [10, N - 10]), Recorder()
    make_folds(splitter, X, Y, EVEN, groups=groups)
    assert splitter.seen[0] is X
    assert splitter.seen[2] is groups


def test_complete_partitions_in_a_row_are_repeats():
    selection = pytest.importorskip("sklearn.model_selection")
    assert _folds(selection.RepeatedKFold(n_splits=4, n_repeats=3), y=Y, weight=EVEN).repeats == 3
    assert _folds(selection.KFold(4), y=Y, weight=EVEN).repeats == 1
    assert _folds(selection.ShuffleSplit(4), y=Y, weight=EVEN).repeats == 1
    assert _folds(selection.TimeSeriesSplit(4), y=Y, weight=EVEN).repeats == 1


@pytest.mark.parametrize("missing", [None, np.nan])
def test_rows_without_a_group_are_refused(missing):
    groups = np.array([*"aabbcc", missing, *"d" * (N - 7)], dtype=object)
    with pytest.raises(ValueError, match=r"groups has no label \(None or NaN\) at row 6"):
        _folds(3, y=Y, weight=EVEN, groups=groups)
    with pytest.raises(ValueError, match=r"groups has no label \(None or NaN\) at row 6"):
        _folds(3, y=Y, weight=EVEN, groups=groups.tolist())


def test_groups_of_mixed_kinds_are_refused():
    with pytest.raises(TypeError, match="groups has labels that cannot be sorted"):
        _folds(3, y=Y, weight=EVEN, groups=np.array([1, "a"] * 11 + [2], dtype=object))
    with pytest.raises(TypeError, match="groups has labels that cannot be sorted"):
        _folds(3, y=Y, weight=EVEN, groups=[1, "1"] * 11 + [2])
    with pytest.raises(TypeError, match="some are text and some are not"):
        GroupLasso([1, "1", 2])
    for missing in (None, np.nan):
        with pytest.raises(ValueError, match=r"groups has no label \(None or NaN\) for column 1"):
            GroupLasso(["a", missing, "b"])
