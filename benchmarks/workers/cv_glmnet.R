# The worker of cv.glmnet: as cv_sklearn.py, in R
package <- "glmnet"
source(file.path(dirname(sub("--file=", "", grep("--file=", commandArgs(), value = TRUE))), "loop.R"))

y <- doubles("y", n)
ratios <- as.numeric(strsplit(sub('.*"l1_ratios": *\\[([^]]*)\\].*', "\\1", job), ",")[[1]])
lambdas <- matrix(doubles("lambdas", n_lambdas * length(ratios)), ncol = length(ratios))
folds <- readBin(file.path(folder, "folds"), "integer", n, size = 4) + 1
glmnet.control(fdev = 0, devmax = 1) # no early end

options_of <- function(line) list(
  standardize = FALSE, type.gaussian = field(line, "type"), thresh = number(line, "thresh"), maxit = 1e9
)
# Below alpha = 1 glmnet divides the ridge part by the standard deviation of y, which differs from fold to fold: what is
# judged has the penalty of the other programs, at the same tolerance
judged <- function(rows, a, line) {
  spread <- sqrt(mean((y[rows] - mean(y[rows]))^2))
  factor <- ratios[a] + (1 - ratios[a]) * spread
  fit <- do.call(glmnet, c(list(
    X[rows, ], y[rows],
    alpha = ratios[a] / factor, lambda = lambdas[, a] * factor
  ), options_of(line)))
  as.matrix(fit$beta)
}

answer_requests(
  fit = function(line) {
    for (a in seq_along(ratios)) {
      do.call(cv.glmnet, c(list(X, y, alpha = ratios[a], lambda = lambdas[, a], foldid = folds), options_of(line)))
    }
  },
  save = function(result, line, out) {
    for (a in seq_along(ratios)) {
      writeBin(as.vector(judged(seq_len(n), a, line)), out)
      for (k in sort(unique(folds))) writeBin(as.vector(judged(which(folds != k), a, line)), out)
    }
  }
)
