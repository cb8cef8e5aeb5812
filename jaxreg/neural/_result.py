"""NeuralPath: losses along a path of trained networks, and the choice on it."""

import pickle
from dataclasses import dataclass, field
from typing import Any

import jax
import numpy as np

from jaxreg import _arrays, _hints, _validation, plotting
from jaxreg.neural import _pickling, _prediction, _saving, _summary
from jaxreg.neural._metrics import NeuralMetric
from jaxreg.neural._selection import NeuralSelection
from jaxreg.results import _html

RULES = ("min", "1se")


@dataclass(frozen=True)
class NeuralPath:
    """Networks trained at S strengths, in K folds, from R seeds.

    Attributes
    ----------
    strengths : array (S,), or (S, J) for J regularizers
        In the order they were given; of several regularizers all combinations, the last one changing first.
    train_loss, valid_loss : array (S, K, R, epochs)
        Mean loss after each epoch, without noise or dropout, on the rows of the fold that train and on those held out:
        the mean squared error (averaged over responses), or the cross-entropy. Where a lane stopped early, the losses
        after that are those of the parameters it keeps.
    mean_loss, std_error : array (S,)
        Held-out loss at the end, averaged over seeds and folds, and its standard error over the folds (of one fold:
        over the seeds, and 0 of one seed). Infinite and NaN where a lane diverged.
    kept_epoch : array (S, K, R)
        Epochs after which the parameters were kept: the last one, or the best one of `EarlyStopping` with patience.
    diverged : array (S, K, R)
        Whether the held-out loss at the end is NaN or infinite.
    seeds : array (R,)
    metric : str
        Name of the loss.
    model, regularizers
        What was trained, and how.
    params, state : pytree of NumPy arrays (S, ...), or None
        Of the networks that were refitted to all the data at each strength; None without `refit`.
    classes : array (C,), or None
        Labels of a classification.
    feature_names : tuple of str, or None
    timings : dict
        Seconds by phase.
    metrics : dict of NeuralMetric
        Further measures by name, those that `fit_path` was asked for.
    data : dict
        Of the data that were fitted "n_samples", "n_outputs" (responses or classes), "dtype"; "y_variance" of one
        response (else None); "y_values", the values of the responses where they are 2 to 10 whole numbers, which may be
        labels of classes (else empty); and "versions", those of the packages that fitted them.
    settings : dict
        Python source of the model and of the keywords of `fit_path` that were not at their defaults; what text cannot
        hold is there by its name.

    Examples
    --------
    >>> import jaxreg as jr
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> path = jr.neural.fit_path(
    ...     jr.neural.MLP((8,), "classification"), X, y, regularizer=jr.neural.L2(), strengths=[0, 0.01, 0.1], epochs=5
    ... )
    >>> path.valid_loss.shape, path.metric
    ((3, 5, 1, 5), 'cross-entropy')
    >>> path.predict(X[:2], type="probability").shape
    (2, 3)
    >>> path.select("1se").strength >= path.strength_min
    True
    >>> 0 <= path.score(X, y) <= 1
    True
    """

    strengths: np.ndarray
    train_loss: np.ndarray
    valid_loss: np.ndarray
    mean_loss: np.ndarray
    std_error: np.ndarray
    kept_epoch: np.ndarray
    seeds: np.ndarray
    metric: str
    model: Any
    regularizers: tuple
    params: Any
    state: Any
    classes: np.ndarray | None
    feature_names: tuple[str, ...] | None
    timings: dict[str, float]
    _of_steps: np.ndarray  # (S, J) strengths as training steps see them: those of early stopping are 0
    _row_shape: tuple[int, ...]
    _single: bool  # whether y was (n,)
    metrics: dict[str, NeuralMetric] = field(default_factory=dict)
    data: dict[str, Any] = field(default_factory=dict)
    settings: dict[str, str] = field(default_factory=dict)

    @property
    def diverged(self) -> np.ndarray:
        return ~np.isfinite(self.valid_loss[..., -1])

    @property
    def best(self) -> int:
        """Position of the strength with the least mean loss; of equal ones the strongest regularization."""
        if not np.isfinite(self.mean_loss).any():
            raise ValueError("every strength diverged; train with a smaller step size.")
        return self._strongest(self.mean_loss.min())

    @property
    def has_error(self) -> bool:
        """Whether there is a standard error: of one fold and one seed there is none."""
        return self.valid_loss.shape[1:3] != (1, 1)

    @property
    def best_1se(self) -> int:
        """Position of the strongest regularization whose mean loss is within one standard error of the least.

        Of several regularizers that with the largest sum of ranks of its strengths. ValueError for one fold and one
        seed, which have no standard error.
        """
        if not self.has_error:
            raise ValueError(
                "rule is '1se', but one fold and one seed have no standard error; give 'min', or more folds or seeds."
            )
        best = self.best
        return self._strongest(self.mean_loss[best] + self.std_error[best])

    def _strongest(self, most):
        """Position of the strongest regularization whose mean loss is at most this."""
        within = np.flatnonzero(self.mean_loss <= most)
        columns = self.strengths.reshape(len(self.strengths), -1).T
        rank = np.sum([np.unique(column, return_inverse=True)[1] for column in columns], axis=0)
        strongest = within[rank[within] == rank[within].max()]
        return int(strongest[np.argmin(self.mean_loss[strongest])])

    @property
    def strength_min(self):
        """The strength of the least mean loss; a tuple for several regularizers."""
        return self._strength(self.best)

    @property
    def strength_1se(self):
        """The strength at `best_1se`; a tuple for several regularizers."""
        return self._strength(self.best_1se)

    def _strength(self, index):
        at = self.strengths[index]
        return float(at) if at.ndim == 0 else tuple(at.tolist())

    def _strength_texts(self, index):
        """The strengths of the regularizers at a position, as text."""
        return [f"{strength:.4g}" for strength in np.atleast_1d(self.strengths[index])]

    def _said(self, index):
        texts = self._strength_texts(index)
        return texts[0] if len(texts) == 1 else f"({', '.join(texts)})"

    @property
    def _regularizer_names(self):
        """Class names, numbered where one comes again."""
        names = [type(each).__name__ for each in self.regularizers]
        return [
            f"{name}_{names[:j].count(name) + 1}" if names.count(name) > 1 else name for j, name in enumerate(names)
        ]

    def _strength_columns(self):
        """{name: strengths (S,)} for tables."""
        if self.strengths.ndim == 1:
            return {"strength": self.strengths}
        return {f"strength_{name}": own for name, own in zip(self._regularizer_names, self.strengths.T, strict=True)}

    def _losses(self):
        """Columns (S,) of the losses at the end, averaged over folds and seeds."""
        return {
            **self._strength_columns(),
            "mean_loss": self.mean_loss,
            "std_error": self.std_error,
            "train_loss": self.train_loss[..., -1].mean(axis=(1, 2)),
        }

    def _measured(self):
        """Columns (S,) of the metrics at the end, averaged over folds and seeds."""
        columns: dict[str, np.ndarray] = {}
        for name, metric in self.metrics.items():
            columns |= {f"mean_{name}": metric.mean, f"train_{name}": metric.train[..., -1].mean(axis=(1, 2))}
        return columns

    def select(self, rule="min") -> NeuralSelection:
        """The network that a rule chooses.

        Parameters
        ----------
        rule : str
            "min": least mean loss. "1se": the strongest regularization within one standard error of it, a ValueError
            for one fold and one seed.

        Returns
        -------
        NeuralSelection
            A named tuple (strength, index, loss, std_error, params, state).
        """
        _validation.check_choice(rule, "rule", RULES)
        k = self.best if rule == "min" else self.best_1se
        params, state = jax.tree.map(lambda leaf: leaf[k], (self.params, self.state))
        return NeuralSelection(self._strength(k), k, float(self.mean_loss[k]), float(self.std_error[k]), params, state)

    def predict(self, X, strength=None, type="response") -> np.ndarray:
        """Predictions for new rows by a network that was refitted to all the data.

        Parameters
        ----------
        X : array (m, ...) or frame
            With the columns of the fit, in their order.
        strength : float, tuple of float, "min", "1se" or None
            One of the strengths, or a rule; None is "min".
        type : str
            "response": responses, or the labels of the most probable classes. "probability": (m, C), of a
            classification. "link": its logits (m, C).

        Returns
        -------
        array (m,)
            (m, C) for C responses, probabilities or logits.

        Raises
        ------
        ValueError
            Without `refit`, for a strength that was not trained or whose refit diverged, or for X of another shape.
        """
        return _prediction.predict(self, X, strength, type)

    def score(self, X, y, strength=None) -> float:
        """Accuracy of a classification, R squared of a regression (averaged over responses), of the predictions of X.

        Parameters
        ----------
        X, strength
            As in `predict`.
        y : array (m,) or (m, C)
            Labels or responses of these rows, as in the fit. A label that the fit had not counts as a miss. A Series
            with an index goes by that of X.

        Returns
        -------
        float

        Raises
        ------
        ValueError
            As `predict`; for y of another shape, without any label of the fit, or that does not vary.
        """
        return _prediction.score(self, X, y, strength)

    def _position(self, strength):
        """Position among the strengths of one of them, or of a rule's choice."""
        if strength is None or isinstance(strength, str):
            rule = _validation.check_choice("min" if strength is None else strength, "strength", RULES)
            return self.best if rule == "min" else self.best_1se
        wanted = np.asarray(_arrays.numeric(strength, "strength"), np.float64)
        if wanted.shape != self.strengths.shape[1:] or not np.isfinite(wanted).all():
            raise ValueError(f"strength is {strength!r}; give one of the strengths, 'min' or '1se'.")
        equal = np.isclose(self.strengths, wanted, rtol=1e-6, atol=0)
        found = np.flatnonzero(equal if equal.ndim == 1 else equal.all(axis=1))
        if not found.size:
            nearest = np.argmin(np.abs(self.strengths - wanted).reshape(len(self.strengths), -1).sum(axis=1))
            raise ValueError(
                f"strength is {strength!r}, which was not trained; the nearest that was is {self._strength(nearest)!r}."
            )
        return int(found[0])

    def _positions(self, strength):
        """Positions of one strength, or of a sequence of them, for `plot_epochs`; None: the whole run of the best."""
        if strength is None:
            same = (self._of_steps == self._of_steps[self.best]).all(axis=1)
            return [int(np.argmax(np.where(same, self.kept_epoch.mean(axis=(1, 2)), -1.0)))]
        inner = self.strengths.ndim > 1
        if isinstance(strength, str) or not np.iterable(strength) or (inner and not any(map(np.iterable, strength))):
            return [self._position(strength)]
        found = list(dict.fromkeys(self._position(each) for each in strength))
        if not found:
            raise ValueError("strength is empty; give one of the strengths, 'min' or '1se', or some of these.")
        return found

    def to_frame(self):
        """pandas DataFrame: a row per strength, in the order of the path, with losses, epochs and diverged lanes.

        Columns: strength ("strength_L2", ... of several regularizers), mean_loss, std_error, train_loss; of a metric
        "mean_accuracy", "train_accuracy", say; kept_epoch, on average; diverged, how many lanes did.
        """
        import pandas as pd

        kept, diverged = self.kept_epoch.mean(axis=(1, 2)), self.diverged.sum(axis=(1, 2))
        return pd.DataFrame({**self._losses(), **self._measured(), "kept_epoch": kept, "diverged": diverged})

    plot = plotting.plot_strengths
    plot_folds = plotting.plot_strength_folds
    plot_epochs = plotting.plot_epochs

    def summary(self) -> str:
        """The choice and its reasons in a few lines of text."""
        table = _html.text_table(_summary.columns(self), _summary.rows(self))
        return "\n".join([_summary.headline(self), *table, *_summary.explanation(self), *_summary.notes(self)])

    def report(self, path=None, title=None):
        """Write the path as one HTML page that needs no network: figures, losses, the choice, model and settings.

        Parameters
        ----------
        path : str, pathlib.Path or None
            File to write; one that is there is replaced. None writes none, for a look in Jupyter.
        title : str or None
            Heading of the page; None names the kind of result.

        Returns
        -------
        jaxreg.report.Report
            The page, which Jupyter shows; `path` is the file.

        Raises
        ------
        OSError
            For a path in a folder that is not there, to a folder, or not to be written to.
        ImportError
            Without matplotlib, which draws the figures.
        """
        from jaxreg.neural._report import write_report

        return write_report(self, path, title)

    def save(self, path) -> None:
        """Write an .npz file, without pickle, to the path as it is given; see `load`.

        It holds all arrays, and the model and the regularizers by their names and numbers. A module of Flax or Equinox,
        a model of your own, or a function that is not of `jax.nn` or `jax.numpy` has no place in it.

        OSError for a path in a folder that is not there, or to a folder; ValueError for labels that are no text,
        numbers or dates, and for parameters that NumPy itself has no dtype for, as bfloat16.
        """
        _saving.write(self, path)

    @classmethod
    def load(cls, path, model=None, regularizer=None) -> "NeuralPath":
        """The NeuralPath that `save` wrote to a file.

        Parameters
        ----------
        path : str or pathlib.Path
        model : Model or None
            The model that was trained, where the file has no place for it. It must have the parameters that were saved,
            and give the outputs that they gave.
        regularizer : Regularizer, a tuple of them, or None
            As it was given to `fit_path`, where the file has no place for it.

        Raises
        ------
        ValueError
            For a file that `save` did not write, and for a model or a regularizer that is missing or another one.
        OSError
            Where no file is.
        """
        return _saving.read(cls, path, model, regularizer)

    def __getattr__(self, name):
        raise _hints.missing(self, name, _hints.NEURAL_ATTRIBUTES)

    def __repr__(self):
        return f"<NeuralPath: {_summary.headline(self)}>"

    def __str__(self):
        return self.summary()

    def _repr_html_(self):
        said = " ".join(_summary.explanation(self))
        return _html.shown(
            _summary.headline(self), _summary.columns(self), _summary.rows(self), said, *_summary.notes(self)
        )

    def __getstate__(self):
        return _pickling.dumps(self.__dict__)

    def __setstate__(self, state):
        self.__dict__.update(pickle.loads(state))
