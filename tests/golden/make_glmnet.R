# Golden paths of R's glmnet, read by tests/test_glmnet.py. Run from the repository root:
#
#     Rscript tests/golden/make_glmnet.R
#
# Made with R 4.2.2 and glmnet 4.1-6. Files in tests/golden/glmnet/:
#   <data>.csv          rows of a data set: y, weight, offset, x1..xp
#   <data>_columns.csv  one row per predictor: penalty factors and limits, by the names that cases.csv uses
#   cases.csv           one row per fit; lower and upper are numbers or names in <data>_columns.csv
#   <data>_fits.csv     case, lambda, dev_ratio, intercept, b1..bp
#   tall_between.csv    coef(fit, s = lambda) between and beyond the points of the grid, exact = FALSE

suppressMessages(library(glmnet))

THRESH <- 1e-28  # coefficients are off by about its square root over the smallest eigenvalue of the Gram matrix
MAXIT <- 1e7
FOLDER <- file.path("tests", "golden", "glmnet")

glmnet.control(fdev = 0, devmax = 1)
set.seed(20240607, kind = "Mersenne-Twister", normal.kind = "Inversion")

save_table <- function(table, name) {
  numbers <- vapply(table, is.double, logical(1))
  table[numbers] <- lapply(table[numbers], function(v) sprintf("%.17g", v))
  write.table(table, file.path(FOLDER, paste0(name, ".csv")), sep = ",", quote = FALSE, row.names = FALSE)
}

# ---- data ----

predictors <- function(n, p, scales, means) {
  common <- matrix(rnorm(2 * n), n)
  loadings <- matrix(runif(2 * p, -1, 1), 2)
  X <- common %*% loadings + matrix(rnorm(n * p), n)
  signif(sweep(sweep(X, 2, scales, "*"), 2, means, "+"), 5)
}

data_set <- function(X, coef, intercept, noise, columns) {
  n <- nrow(X)
  weight <- round(runif(n, 0.2, 3), 2)
  weight[4] <- 0
  y <- signif(intercept + drop(X %*% coef) + noise * rnorm(n), 6)
  list(X = X, y = y, weight = weight, offset = round(rnorm(n, 1, 2), 3), columns = columns)
}

tall <- data_set(
  predictors(
    60, 12,
    scales = c(1, 2, 0.5, 4, 1, 0.25, 3, 1, 1.5, 0.5, 2, 1),
    means = c(0, 3, -1, 5, 2, 1, -4, 0, 1, 0, -2, 1)
  ),
  coef = c(3, -1.5, 4, 0.5, 0, -6, 0, 0, 1, 0, -0.5, 0), intercept = 7, noise = 2,
  columns = data.frame(
    uneven = c(0, 1, 2, 0.5, 1, 3, 0.1, 1, 0.7, 1, 2, 5),
    two_zeros = c(1, 0, 1, 1, 1, 1, 1, 0, 1, 1, 1, 1),
    excluding = c(1, Inf, 2, 0.5, 1, Inf, 0.1, 1, 0.7, 1, 2, 5),
    floor = c(-Inf, -0.3, 0, -1, 0, -2, -0.1, -Inf, 0, -1, -0.2, 0),
    ceiling = c(1, 0.5, 2, Inf, 0, 0, 0.2, 3, Inf, 1, 0, 0.4)
  )
)

wide_coef <- numeric(40)
wide_coef[c(1, 4, 9, 16, 25, 36)] <- c(2, -3, 1, 4, -1, 2)
wide <- data_set(
  predictors(25, 40, scales = rep(c(1, 0.5, 2, 1.5), 10), means = rep(c(0, 1, -2, 3, 1), 8)),
  coef = wide_coef, intercept = -4, noise = 1,
  columns = data.frame(
    uneven = rep(c(1, 0.5, 2, 1, 3), 8) * c(1, 1, 0, rep(1, 37)),
    excluding = rep(c(1, 2, 0.5, 1), 10) * c(rep(1, 8), Inf, rep(1, 10), Inf, rep(1, 20)),
    floor = rep(c(-Inf, -1, 0, -0.2), 10),
    ceiling = rep(c(1, 0.3, Inf, 0.1, 2), 8)
  )
)

flat_X <- predictors(20, 5, scales = c(1, 2, 1, 1, 0.5), means = c(0, 1, 0, -1, 2))
flat_X[, 3] <- 2.5
flat_X[, 4] <- as.numeric(flat_X[, 4] > -1)
flat <- data_set(
  flat_X,
  coef = c(1, -2, 0, 2, 3), intercept = 1, noise = 1,
  columns = data.frame(uneven = c(1, 0.5, 4, 2, 1))
)

four <- list(
  X = cbind(c(0, 1, 2, 3), c(5, 7, 11, 13)), y = c(17, 19, 23, 29),
  weight = rep(1, 4), offset = numeric(4), columns = data.frame(uneven = c(1, 1))
)

data_sets <- list(tall = tall, wide = wide, flat = flat, four = four)

# ---- cases ----

case <- function(name, data, alpha, weights = FALSE, offset = FALSE, factors = "", exclude = "", lower = -Inf,
                 upper = Inf, intercept = TRUE, standardize = TRUE, grid = "explicit") {
  data.frame(
    name, data, alpha = as.character(alpha), weights, offset, factors, exclude, lower = as.character(lower),
    upper = as.character(upper), intercept, standardize, grid
  )
}

cases <- rbind(
  case("lasso", "tall", 1),
  case("enet", "tall", 0.5),
  case("ridge", "tall", 0),
  case("lasso_no_intercept", "tall", 1, intercept = FALSE),
  case("enet_no_intercept", "tall", 0.5, intercept = FALSE),
  case("ridge_no_intercept", "tall", 0, intercept = FALSE),
  case("lasso_raw", "tall", 1, standardize = FALSE),
  case("ridge_raw", "tall", 0, standardize = FALSE),
  case("lasso_raw_no_intercept", "tall", 1, intercept = FALSE, standardize = FALSE),
  case("enet_raw_no_intercept", "tall", 0.5, intercept = FALSE, standardize = FALSE),
  case("lasso_weights", "tall", 1, weights = TRUE),
  case("enet_weights_raw", "tall", 0.5, weights = TRUE, standardize = FALSE),
  case("ridge_weights", "tall", 0, weights = TRUE),
  case("lasso_offset", "tall", 1, offset = TRUE),
  case("enet_offset", "tall", 0.5, offset = TRUE),
  case("ridge_offset_no_intercept", "tall", 0, offset = TRUE, intercept = FALSE),
  case("lasso_factors", "tall", 1, factors = "uneven"),
  case("enet_factors", "tall", 0.5, factors = "two_zeros"),
  case("ridge_factors", "tall", 0, factors = "uneven"),
  case("lasso_excluding", "tall", 1, factors = "excluding"),
  case("ridge_excluding", "tall", 0, factors = "excluding"),
  case("enet_exclude", "tall", 0.5, factors = "uneven", exclude = "3 6 12"),
  case("lasso_positive", "tall", 1, lower = 0),
  case("ridge_positive", "tall", 0, lower = 0),
  case("lasso_box", "tall", 1, lower = -0.8, upper = 1.2),
  case("enet_limits", "tall", 0.5, lower = "floor", upper = "ceiling"),
  case("lasso_limits_factors", "tall", 1, factors = "two_zeros", lower = "floor", upper = "ceiling"),
  case("lasso_all", "tall", 1, weights = TRUE, offset = TRUE, factors = "excluding", lower = "floor",
       upper = "ceiling", intercept = FALSE),
  case("enet_all", "tall", 0.5, weights = TRUE, offset = TRUE, factors = "uneven", lower = "floor", upper = 2.5),
  case("ridge_all", "tall", 0, weights = TRUE, offset = TRUE, factors = "excluding", lower = "floor",
       upper = "ceiling", standardize = FALSE),
  case("lasso_grid", "tall", 1, grid = "auto"),
  case("lasso_weights_factors_grid", "tall", 1, weights = TRUE, offset = TRUE, factors = "uneven", grid = "auto"),
  case("lasso_limits_raw_no_intercept_grid", "tall", 1, factors = "two_zeros", lower = "floor", upper = "ceiling",
       intercept = FALSE, standardize = FALSE, grid = "auto"),
  case("wide_lasso", "wide", 1),
  case("wide_enet", "wide", 0.5),
  case("wide_ridge", "wide", 0),
  case("wide_lasso_raw_no_intercept", "wide", 1, intercept = FALSE, standardize = FALSE),
  case("wide_lasso_weights_factors", "wide", 1, weights = TRUE, factors = "uneven"),
  case("wide_ridge_weights_excluding", "wide", 0, weights = TRUE, factors = "excluding"),
  case("wide_enet_all", "wide", 0.5, weights = TRUE, offset = TRUE, factors = "excluding", lower = "floor",
       upper = "ceiling"),
  case("wide_lasso_grid", "wide", 1, grid = "auto"),
  case("wide_enet_exclude_grid", "wide", 0.5, factors = "uneven", exclude = "2 3 4", grid = "auto"),
  case("flat_lasso_factors", "flat", 1, factors = "uneven"),
  case("flat_ridge_no_intercept", "flat", 0, weights = TRUE, factors = "uneven", intercept = FALSE),
  case("four_ridge", "four", 0, standardize = FALSE)
)

fit_case <- function(case) {
  d <- data_sets[[case$data]]
  limit <- function(text) {
    if (text %in% names(d$columns)) d$columns[[text]] else as.numeric(text)
  }
  excluded <- as.integer(strsplit(case$exclude, " ")[[1]])
  fit <- function(alpha, ...) {
    glmnet(
      d$X, d$y,
      alpha = alpha,
      weights = if (case$weights) d$weight,
      offset = if (case$offset) d$offset,
      penalty.factor = if (case$factors == "") rep(1, ncol(d$X)) else d$columns[[case$factors]],
      exclude = if (length(excluded)) excluded,
      lower.limits = limit(case$lower), upper.limits = limit(case$upper),
      intercept = case$intercept, standardize = case$standardize, thresh = THRESH, maxit = MAXIT, ...
    )
  }
  alpha <- as.numeric(case$alpha)
  if (case$grid == "auto") {
    return(fit(alpha, nlambda = 20))
  }
  if (case$data == "four") {
    return(fit(alpha, lambda = 0.1))
  }
  # a ridge grid starts where the lasso's does: glmnet's own begins a thousand times higher, where all is 0
  largest <- fit(max(alpha, 0.5), nlambda = 3)$lambda[1]
  fit(alpha, lambda = signif(largest * 10^(-2 * (0:7) / 7), 4))
}

coefficients <- function(name, lambda, beta, intercept, extra = data.frame(row.names = seq_along(lambda))) {
  beta <- t(as.matrix(beta))
  colnames(beta) <- paste0("b", seq_len(ncol(beta)))
  data.frame(case = name, lambda = lambda, extra, intercept = unname(intercept), beta, row.names = NULL)
}

fits <- setNames(lapply(seq_len(nrow(cases)), function(i) fit_case(cases[i, ])), cases$name)
for (fit in fits) stopifnot(fit$jerr == 0)

save_table(cases, "cases")
for (data in names(data_sets)) {
  d <- data_sets[[data]]
  colnames(d$X) <- paste0("x", seq_len(ncol(d$X)))
  save_table(data.frame(y = d$y, weight = d$weight, offset = d$offset, d$X), data)
  save_table(d$columns, paste0(data, "_columns"))
  tables <- lapply(cases$name[cases$data == data], function(name) {
    fit <- fits[[name]]
    coefficients(name, fit$lambda, fit$beta, fit$a0, data.frame(dev_ratio = fit$dev.ratio))
  })
  save_table(do.call(rbind, tables), paste0(data, "_fits"))
}

between <- lapply(c("lasso", "enet_all"), function(name) {
  lambda <- fits[[name]]$lambda
  s <- c(2 * lambda[1], lambda[1], 0.3 * lambda[1] + 0.7 * lambda[2], lambda[4], 0.9 * lambda[5] + 0.1 * lambda[6],
         0.5 * lambda[7] + 0.5 * lambda[8], lambda[8], lambda[8] / 3)
  table <- as.matrix(coef(fits[[name]], s = s, exact = FALSE))
  coefficients(name, s, table[-1, ], table[1, ])
})
save_table(do.call(rbind, between), "tall_between")
