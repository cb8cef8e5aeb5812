"""PathResult: what it holds, and what its methods give."""

import pickle

import numpy as np
import pytest
from reference import ar_problem

import jaxreg as jr
from jaxreg.report import write_report

X, Y = ar_problem(60, 8, 0.5)
PATH = jr.fit_path(X, Y, n_lambdas=20)


def test_shapes_and_types():
    L, p = 20, 8
    assert PATH.lambdas.shape == PATH.intercept.shape == PATH.gap.shape == PATH.df.shape == (L,)
    assert PATH.dev_ratio.shape == PATH.n_iter.shape == PATH.status.shape == PATH.effective_df.shape == (L,)
    assert PATH.coef.shape == PATH.coef_sparse.shape == (L, p)
    for name in ("lambdas", "coef", "intercept", "gap", "df", "dev_ratio", "n_iter", "status"):
        assert type(getattr(PATH, name)) is np.ndarray
    assert (np.diff(PATH.lambdas) < 0).all()
    np.testing.assert_array_equal(PATH.df, (PATH.coef != 0).sum(axis=1))
    np.testing.assert_array_equal(PATH.coef_sparse.toarray(), PATH.coef)
    assert PATH.certificate == "gap"
    assert PATH.solver == "pivot"
    assert PATH.timings["total"] > 0
    assert set(PATH.timings) == {"prepare", "solve", "total"}


def test_deviance_ratio():
    residual = Y[:, None] - PATH.predict(X)
    np.testing.assert_allclose(PATH.dev_ratio, 1 - (residual**2).mean(axis=0) / Y.var(), atol=1e-12)


def test_deviance_ratio_with_offset_and_without_intercept():
    offset = np.linspace(-1, 1, 60)
    path = jr.fit_path(X, Y, offset=offset, fit_intercept=False, n_lambdas=5)
    residual = Y[:, None] - path.predict(X, offset=offset)
    np.testing.assert_allclose(path.dev_ratio, 1 - (residual**2).sum(axis=0) / ((Y - offset) ** 2).sum(), atol=1e-12)


def test_predict():
    new = X[:7]
    expected = PATH.intercept + new @ PATH.coef.T
    np.testing.assert_allclose(PATH.predict(new), expected)
    np.testing.assert_allclose(PATH.predict(new, PATH.lambdas[4]), expected[:, 4])
    np.testing.assert_allclose(PATH.predict(new, PATH.lambdas[4], type="link"), expected[:, 4])
    np.testing.assert_allclose(PATH.predict(new, offset=np.arange(7.0)), expected + np.arange(7.0)[:, None])
    assert PATH.predict(new[:0]).shape == (0, 20)


def test_coef_at_interpolates_in_lambda():
    lam = 0.3 * PATH.lambdas[5] + 0.7 * PATH.lambdas[6]
    intercept, coef = PATH.coef_at(lam)
    np.testing.assert_allclose(coef, 0.3 * PATH.coef[5] + 0.7 * PATH.coef[6], atol=1e-12)
    assert intercept == pytest.approx(0.3 * PATH.intercept[5] + 0.7 * PATH.intercept[6])
    for k in (0, 7, 19):
        np.testing.assert_array_equal(PATH.coef_at(PATH.lambdas[k])[1], PATH.coef[k])
    np.testing.assert_array_equal(PATH.coef_at(1e9)[1], PATH.coef[0])
    np.testing.assert_array_equal(PATH.coef_at(0.0)[1], PATH.coef[-1])


def test_coef_at_is_exact_where_the_lasso_keeps_its_columns():
    lam = 0.99 * PATH.lambdas[-1] + 0.01 * PATH.lambdas[-2]
    exact = jr.fit_path(X, Y, lambdas=[lam])
    np.testing.assert_allclose(PATH.coef_at(lam)[1], exact.coef[0], atol=1e-9)


@pytest.mark.parametrize("lam", [-1.0, np.nan, np.inf, "1", [1.0], True])
def test_bad_lambda(lam):
    with pytest.raises(ValueError, match=r"lam is .*; give one number >= 0"):
        PATH.coef_at(lam)


def test_bad_predictions():
    with pytest.raises(ValueError, match=r"X has 7 feature\(s\), but the path was fitted on 8"):
        PATH.predict(X[:, :7])
    with pytest.raises(ValueError, match=r"type is 'class', but the loss .* is none of classes"):
        PATH.predict(X, type="class")
    with pytest.raises(ValueError, match="X has NaN"):
        PATH.predict(np.full((2, 8), np.nan))
    with pytest.raises(ValueError, match="offset is missing"):
        jr.fit_path(X, Y, offset=np.ones(60), n_lambdas=2).predict(X)
    with pytest.raises(ValueError, match="offset has length 3"):
        PATH.predict(X, offset=np.ones(3))


def test_frame():
    pytest.importorskip("pandas")
    frame = PATH.to_frame()
    assert frame.index.name == "lambda"
    assert frame.columns.tolist() == ["(intercept)", *(f"x{j}" for j in range(8))]
    np.testing.assert_array_equal(frame.index, PATH.lambdas)
    np.testing.assert_array_equal(frame["x3"], PATH.coef[:, 3])
    np.testing.assert_array_equal(frame["(intercept)"], PATH.intercept)


def test_summary_says_what_matters():
    text = PATH.summary()
    assert text == str(PATH)
    assert "Lasso path: 20 lambdas, 8 features, solver pivot; 20 converged; worst relative gap" in text
    assert f"{PATH.gap.max():.1e}" in text
    assert len(text.splitlines()) == 1 + 1 + 12 + 1
    constant = jr.fit_path(np.column_stack([X, np.ones(60)]), Y, penalty=jr.penalties.ElasticNet(0.25), n_lambdas=3)
    assert "Elastic-net (0.25) path: 3 lambdas" in constant.summary()
    assert "Constant, left out: x8" in constant.summary()


def test_html_escapes_nothing_it_should_not():
    assert repr(PATH) == f"<PathResult: {PATH.summary().splitlines()[0]}>"
    page = PATH._repr_html_()
    assert page.count("<tr>") == 13
    assert "&lt;" not in page
    assert f"{PATH.lambdas[0]:.4g}" in page


@pytest.mark.parametrize("names", [None, ("a", "b é", "c", "d", "e", "f", "g", "h")])
def test_save_and_load(tmp_path, names):
    path = PATH
    if names:
        pandas = pytest.importorskip("pandas")
        path = jr.fit_path(pandas.DataFrame(X, columns=list(names)), Y, penalty=jr.penalties.ElasticNet(0.5))
    file = tmp_path / "path.npz"
    path.save(file)
    again = jr.PathResult.load(file)
    for name in path.__dataclass_fields__:
        old, new = getattr(path, name), getattr(again, name)
        if name == "coef_sparse":
            np.testing.assert_array_equal(old.toarray(), new.toarray())
        elif isinstance(old, np.ndarray):
            np.testing.assert_array_equal(old, new)
            assert old.dtype == new.dtype
        else:
            assert old == new
    np.testing.assert_array_equal(again.predict(X), path.predict(X))


@pytest.mark.parametrize("method", ["report", "save", "load"])
def test_a_path_without_a_folder_is_named(method, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    act = getattr(PATH, method)
    with pytest.raises(FileNotFoundError, match=r"path is 'nodir/x.html', but there is no folder 'nodir'; make it"):
        act("nodir/x.html")
    with pytest.raises(IsADirectoryError, match=r"path is '\.', which is a folder; give the name of a file"):
        act(".")
    with pytest.raises(TypeError, match=r"path is 3; give the name of a file"):
        act(3)
    assert not list(tmp_path.iterdir())


def test_only_what_was_saved_is_loaded(tmp_path):
    file = tmp_path / "x.npz"
    with pytest.raises(FileNotFoundError, match=r"x.npz"):
        jr.PathResult.load(file)
    np.savez(file, coef=np.zeros(3))
    others = [file.read_bytes(), b"", b"lambda,a,b\n", b"PK\x03\x04"]
    np.save(tmp_path / "x.npy", np.zeros(3))
    for content in (*others, (tmp_path / "x.npy").read_bytes()):
        file.write_bytes(content)
        with pytest.raises(ValueError, match=r"x.npz', which is not a file that PathResult.save wrote"):
            jr.PathResult.load(file)
    PATH.save(str(file))
    np.testing.assert_array_equal(jr.PathResult.load(str(file)).coef, PATH.coef)


def test_a_report_is_of_a_result(tmp_path):
    with pytest.raises(TypeError, match=r"result is a dict; give a PathResult or a CVResult"):
        write_report({}, tmp_path / "x.html")


def test_pickle():
    again = pickle.loads(pickle.dumps(PATH))
    np.testing.assert_array_equal(again.coef, PATH.coef)
    assert again.summary() == PATH.summary()


def test_coefficients_of_a_large_path_are_stored_sparse():
    X, y = ar_problem(40, 3000)
    path = jr.fit_path(X, y)
    assert path.coef_sparse.nnz == path.df.sum()
    assert path.coef_sparse.format == "csr"
