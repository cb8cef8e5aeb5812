# The worker of ncvreg. It scales the columns to variance 1 and fits an intercept: neither changes these data.
package <- "ncvreg"
source(file.path(dirname(sub("--file=", "", grep("--file=", commandArgs(), value = TRUE))), "loop.R"))

y <- doubles("y", n)
lambdas <- doubles("lambdas", n_lambdas)
penalty <- toupper(field(job, "penalty"))
gamma <- number(job, "gamma")

answer_requests(
  fit = function(line) ncvreg(
    X, y,
    penalty = penalty, gamma = gamma, lambda = lambdas, eps = number(line, "eps"), max.iter = 1e9,
    convex = FALSE, returnX = FALSE
  ),
  save = function(result, line, out) writeBin(as.vector(result$beta[-1, ]), out)
)
