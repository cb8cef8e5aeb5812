# The worker of glmnet with its families, and of cv.glmnet
package <- "glmnet"
source(file.path(dirname(sub("--file=", "", grep("--file=", commandArgs(), value = TRUE))), "loop.R"))

family <- field(job, "family")
y <- matrix(doubles("y", file.size(file.path(folder, "y")) / 8), nrow = n, byrow = TRUE)
if (family == "cox") colnames(y) <- c("time", "status") else y <- y[, 1]
lambdas <- doubles("lambdas", n_lambdas)
folded <- field(job, "cv") == "true"
folds <- if (folded) readBin(file.path(folder, "folds"), "integer", n, size = 4) + 1
glmnet.control(fdev = 0, devmax = 1) # no early end
options <- list(
  family = switch(family, squared = "gaussian", logistic = "binomial", grouped = "multinomial", family),
  lambda = lambdas, standardize = FALSE, maxit = 1e9
)
if (family == "grouped") options$type.multinomial <- "grouped"

path <- function(rows, thresh) {
  response <- if (is.matrix(y)) y[rows, ] else y[rows]
  do.call(glmnet, c(list(X[rows, , drop = FALSE], response, thresh = thresh), options))
}
# (1 + p, L), the intercepts first; of classes (K, 1 + p, L)
with_intercept <- function(result) {
  if (is.list(result$beta)) {
    aperm(vapply(seq_along(result$beta), function(k) {
      rbind(result$a0[k, ], as.matrix(result$beta[[k]]))
    }, matrix(0, 1 + p, n_lambdas)), c(3, 1, 2))
  } else {
    rbind(if (is.null(result$a0)) 0 else result$a0, as.matrix(result$beta))
  }
}

answer_requests(
  fit = function(line) {
    thresh <- number(line, "thresh")
    if (folded) do.call(cv.glmnet, c(list(X, y, foldid = folds, thresh = thresh), options))
    else do.call(glmnet, c(list(X, y, thresh = thresh), options))
  },
  save = function(result, line, out) {
    if (folded) {
      thresh <- number(line, "thresh")
      writeBin(as.vector(with_intercept(path(seq_len(n), thresh))), out)
      for (k in sort(unique(folds))) writeBin(as.vector(with_intercept(path(which(folds != k), thresh))), out)
    } else {
      writeBin(as.vector(with_intercept(result)), out)
    }
  }
)
