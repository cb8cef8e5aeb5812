# The worker of glmnet with several responses: its family mgaussian has the penalty of MultiTaskLasso
package <- "glmnet"
source(file.path(dirname(sub("--file=", "", grep("--file=", commandArgs(), value = TRUE))), "loop.R"))

responses <- file.size(file.path(folder, "y")) / 8 / n
y <- matrix(doubles("y", n * responses), ncol = responses, byrow = TRUE)
lambdas <- doubles("lambdas", n_lambdas)
glmnet.control(fdev = 0, devmax = 1) # no early end

answer_requests(
  fit = function(line) glmnet(
    X, y,
    family = "mgaussian", lambda = lambdas, standardize = FALSE, intercept = FALSE,
    thresh = number(line, "thresh"), maxit = 1e9
  ),
  # coefficients of each response are (p, L); written for each lambda are those of column 1, of column 2, ...
  save = function(result, line, out) {
    beta <- vapply(result$beta, as.matrix, matrix(0, p, n_lambdas))
    writeBin(as.vector(aperm(beta, c(3, 1, 2))), out)
  }
)
