"""Hints at the names of this package, for names of other packages."""

from difflib import get_close_matches

KEYWORDS = {
    "alpha": "the strength is lambda: lambdas=[...], or solve(X, y, lam)",
    **dict.fromkeys(("alphas", "lam", "lambda_"), "the strengths are lambdas="),
    **dict.fromkeys(("n_alphas", "nlambda"), "the length of the grid is n_lambdas="),
    "eps": "the ratio of the ends of the grid is lambda_min_ratio=",
    "l1_ratio": "it belongs to the penalty: penalty=jr.penalties.ElasticNet(l1_ratio), or l1_ratios= of fit_cv",
    "n_jobs": "there is none: the folds go side by side on all cores",
    "random_state": "the draw of the folds is seed= of fit_cv",
    **dict.fromkeys(("n_splits", "nfolds"), "the number of folds is cv= of fit_cv"),
    "scoring": "the loss of the folds is metric= of fit_cv, lower is better",
    "weights": "the weights of the rows are sample_weight=",
    "penalty_factor": "they are penalty_factors=",
    "positive": "coefficients >= 0 are lower=0.0",
    "normalize": "columns are scaled by standardize=",
    "intercept": "that is fit_intercept=",
    "family": "that is loss=, one of jaxreg.losses",
    "verbose": "a bar is progress=True",
}
NEURAL_KEYWORDS = {
    **dict.fromkeys(("alpha", "strength", "lambdas"), "the strengths of the regularizer are strengths=[...]"),
    "learning_rate": "it belongs to the optimizer: optimizer=optax.adam(learning_rate)",
    "lr": "it belongs to the optimizer: optimizer=optax.adam(lr)",
    "n_jobs": "there is none: the lanes train side by side on all cores",
    **dict.fromkeys(("random_state", "seed"), "the seeds are seeds=[...]"),
    "n_epochs": "they are epochs=",
    "validation_split": "the folds are cv=",
    **dict.fromkeys(("metric", "scoring"), "further measures are metrics=(...); the loss decides"),
    "task": "it belongs to the model: jr.neural.MLP(task=...)",
    "verbose": "a bar is progress=True",
}
ATTRIBUTES = {
    **dict.fromkeys(("coef_", "coefs", "coef_path_", "coefs_", "beta"), "the coefficients are coef"),
    **dict.fromkeys(("intercept_", "a0"), "the intercepts are intercept"),
    **dict.fromkeys(("alphas", "alphas_"), "the strengths are lambdas"),
    **dict.fromkeys(
        ("alpha", "alpha_", "lambda_"), "the strengths are lambdas, and the chosen one of a CVResult is lambda_min"
    ),
    "l1_ratio": "the chosen mixing parameter of a CVResult is l1_ratio_",
    **dict.fromkeys(("mse_path_", "cv_results_"), "the losses of the folds are fold_loss of a CVResult"),
    **dict.fromkeys(("dual_gap_", "dual_gaps_"), "the certificate is gap"),
    "n_iter_": "the steps are n_iter",
    "feature_names_in_": "they are feature_names",
    "n_features_in_": "it is n_features",
    "fit": "it is fitted already; estimators with fit are in jaxreg.sklearn",
}
NEURAL_ATTRIBUTES = {
    **dict.fromkeys(("coef", "coef_", "coefs_", "weights"), "the parameters are params"),
    **dict.fromkeys(("alphas", "lambdas"), "the strengths are strengths"),
    **dict.fromkeys(("alpha_", "lambda_min"), "the strengths are strengths, and the chosen one is strength_min"),
    **dict.fromkeys(("history", "losses", "loss_curve_"), "the losses of the epochs are train_loss and valid_loss"),
    "fold_loss": "the losses of the folds are valid_loss",
    "classes_": "the labels are classes",
    "accuracy": "it is metrics['accuracy'], with fit_path(..., metrics=('accuracy',))",
    "fit": "it is trained already: fit_path trains",
}


def refuse_keywords(unknown, function, known, hints=KEYWORDS):
    """Raise TypeError for keywords that a function does not have."""
    for name in unknown:
        raise TypeError(f"{function} has no argument {name!r}{_hint(name, hints, known)}.")


def missing(result, name, hints=ATTRIBUTES):
    """The AttributeError of a result for an attribute that it does not have."""
    kind = type(result)
    public = [known for known in (*dir(kind), *kind.__annotations__) if not known.startswith("_")]
    hint = "" if name.startswith("_") else _hint(name, hints, public)
    return AttributeError(f"{kind.__name__} has no attribute {name!r}{hint}.")


def _hint(name, hints, known):
    if name in hints:
        return f"; {hints[name]}"
    near = get_close_matches(name, known, n=1, cutoff=0.75)
    return f"; there is {near[0]!r}" if near else ""
