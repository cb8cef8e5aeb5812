"""What the command line writes of a result: figures, tables, summaries. Each function gives the text to print."""


def write_path(path, out, title):
    """path.png, coefficients.csv (a row for each lambda) and summary.txt."""
    from jaxreg.plotting import plot_path

    _draw(plot_path, path, out / "path.png", title)
    path.to_frame().to_csv(out / "coefficients.csv")
    summary = path.summary()
    (out / "summary.txt").write_text(summary + "\n", encoding="utf-8")
    worst = f"Worst relative gap {path.gap.max():.1e}."
    return f"{summary}\n{worst}\nWrote path.png, coefficients.csv and summary.txt to {out}."


def write_cv(cv, rule, choice, out, title):
    """validation_curve.png, path.png, coefficients.csv (at the choice), cv.csv and summary.txt."""
    from pandas import DataFrame

    from jaxreg.plotting import plot_path

    path = cv.paths[cv.l1_ratios.tolist().index(choice.l1_ratio)]
    write_curve(cv, out, title)
    _draw(plot_path, path, out / "path.png", title)
    coefficients = {"feature": ["(intercept)", *path.names], "coefficient": [choice.intercept, *choice.coef]}
    DataFrame(coefficients).to_csv(out / "coefficients.csv", index=False)
    cv.to_frame().to_csv(out / "cv.csv", index=False)
    summary = (
        f"{cv.summary()}\nChosen by {rule}: l1_ratio {choice.l1_ratio:g}, lambda {choice.lam:.4g}, "
        f"{(choice.coef != 0).sum()} of {len(choice.coef)} coefficients not 0."
    )
    (out / "summary.txt").write_text(summary + "\n", encoding="utf-8")
    return f"{summary}\nWrote validation_curve.png, path.png, coefficients.csv, cv.csv and summary.txt to {out}."


def write_curve(cv, out, title):
    """validation_curve.png."""
    from jaxreg.plotting import plot_validation_curve

    _draw(plot_validation_curve, cv, out / "validation_curve.png", title)
    return f"Wrote validation_curve.png to {out}."


def write_report(cv, file, title):
    """The interactive page."""
    cv.report(file, title=title)
    return f"Wrote {file}."


def _draw(plot, result, file, title):
    from matplotlib.figure import Figure  # not pyplot: no display, no global state

    figure = Figure(figsize=(8, 5), layout="constrained")
    plot(result, ax=figure.subplots()).set_title(title, parse_math=False)
    figure.savefig(file, dpi=150)
