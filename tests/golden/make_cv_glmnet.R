# Golden cross-validations of R's cv.glmnet, read by tests/test_cv_glmnet.py. Run from the repository root, after
# make_glmnet.R:
#
#     Rscript tests/golden/make_cv_glmnet.R
#
# Made with R 4.2.2 and glmnet 4.1-6. Files in tests/golden/glmnet/:
#   cv_cases.csv   one row per cross-validation, with lambda.min and lambda.1se
#   cv_curves.csv  case, lambda, cvm, cvsd
# alpha is 1: below, glmnet divides the ridge part by the standard deviation of y in each fold, so that the folds have
# penalties of their own.

suppressMessages(library(glmnet))

FOLDER <- file.path("tests", "golden", "glmnet")
glmnet.control(fdev = 0, devmax = 1)

save_table <- function(table, name) {
  numbers <- vapply(table, is.double, logical(1))
  table[numbers] <- lapply(table[numbers], function(v) sprintf("%.17g", v))
  write.table(table, file.path(FOLDER, paste0(name, ".csv")), sep = ",", quote = FALSE, row.names = FALSE)
}

case <- function(name, data, measure = "mse", weights = FALSE, offset = FALSE, factors = "", intercept = TRUE,
                 standardize = TRUE) {
  data.frame(name, data, measure, weights, offset, factors, intercept, standardize)
}

cases <- rbind(
  case("lasso", "tall"),
  case("mae", "tall", measure = "mae"),
  case("weights", "tall", weights = TRUE),
  case("weights_offset", "tall", weights = TRUE, offset = TRUE),
  case("factors", "tall", factors = "uneven"),
  case("raw_no_intercept", "tall", intercept = FALSE, standardize = FALSE),
  case("wide", "wide"),
  case("wide_weights", "wide", weights = TRUE, measure = "mae")
)

run <- function(case) {
  rows <- read.csv(file.path(FOLDER, paste0(case$data, ".csv")))
  columns <- read.csv(file.path(FOLDER, paste0(case$data, "_columns.csv")))
  X <- as.matrix(rows[, grep("^x", names(rows))])
  options <- list(
    offset = if (case$offset) rows$offset,
    weights = if (case$weights) rows$weight,
    penalty.factor = if (case$factors == "") rep(1, ncol(X)) else columns[[case$factors]],
    intercept = case$intercept, standardize = case$standardize, thresh = 1e-26, maxit = 1e7
  )
  # the tightest convergence needs a grid that does not end at a saturated fit
  largest <- do.call(glmnet, c(list(X, rows$y, nlambda = 3), options))$lambda[1]
  lambda <- signif(largest * 10^(-2 * (0:14) / 14), 6)
  folds <- (seq_len(nrow(X)) * 7) %% 5 + 1
  do.call(cv.glmnet, c(list(X, rows$y, lambda = lambda, foldid = folds, type.measure = case$measure), options))
}

found <- lapply(seq_len(nrow(cases)), function(i) run(cases[i, ]))
cases$lambda_min <- vapply(found, function(f) f$lambda.min, 0)
cases$lambda_1se <- vapply(found, function(f) f$lambda.1se, 0)
save_table(cases, "cv_cases")
curves <- lapply(seq_along(found), function(i) {
  f <- found[[i]]
  data.frame(case = cases$name[i], lambda = f$lambda, cvm = f$cvm, cvsd = f$cvsd, row.names = NULL)
})
save_table(do.call(rbind, curves), "cv_curves")
