# The worker of glmnet
package <- "glmnet"
source(file.path(dirname(sub("--file=", "", grep("--file=", commandArgs(), value = TRUE))), "loop.R"))

y <- doubles("y", n)
lambdas <- doubles("lambdas", n_lambdas)
alpha <- number(job, "l1_ratio")
glmnet.control(fdev = 0, devmax = 1) # no early end

answer_requests(
  fit = function(line) glmnet(
    X, y,
    alpha = alpha, lambda = lambdas, standardize = FALSE, intercept = FALSE,
    type.gaussian = field(line, "type"), thresh = number(line, "thresh"), maxit = 1e9
  ),
  save = function(result, line, out) writeBin(as.vector(as.matrix(result$beta)), out)
)
