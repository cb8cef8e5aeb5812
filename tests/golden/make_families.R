# Golden paths of R's glmnet for the families, read by tests/test_families_glmnet.py. Run from the repository root:
#
#     Rscript tests/golden/make_families.R
#
# Made with R 4.2.2, glmnet 4.1-6, survival 3.5-3, MASS 7.3-58.2 and statmod 1.5.0. Files in tests/golden/families/:
#   rows.csv, wide.csv  data sets: a response for each family, weight, offset, stratum, x1..xp
#   columns.csv         one row per predictor of rows.csv: penalty factors and limits, by the names that cases.csv uses
#   cases.csv           one row per fit; lower and upper are numbers or names in columns.csv; nulldev is glmnet's
#   rows_fits.csv, wide_fits.csv  case, lambda, dev_ratio, output (1..K), intercept, b1..bp
#   grids.csv           case, lambda: the automatic grid of 100 points

suppressMessages(library(glmnet))
suppressMessages(library(survival))

FOLDER <- file.path("tests", "golden", "families")

THRESH <- 1e-22
EXACT <- 1e-15  # a step of Newton that moves the objective by less than this share is the last one
ROUGH <- 1e-6  # for the grid alone
glmnet.control(fdev = 0, devmax = 1, mxitnr = 500)  # nothing ends a grid early
set.seed(20261128, kind = "Mersenne-Twister", normal.kind = "Inversion", sample.kind = "Rejection")

save_table <- function(table, name) {
  numbers <- vapply(table, is.double, logical(1))
  table[numbers] <- lapply(table[numbers], function(v) sprintf("%.14g", v))
  write.table(table, file.path(FOLDER, paste0(name, ".csv")), sep = ",", quote = FALSE, row.names = FALSE)
}

# ---- data ----

predictors <- function(n, p, scales, means) {
  common <- matrix(rnorm(2 * n), n)
  loadings <- matrix(runif(2 * p, -1, 1), 2)
  X <- common %*% loadings + matrix(rnorm(n * p), n)
  X <- signif(sweep(sweep(X, 2, scales, "*"), 2, means, "+"), 5)
  colnames(X) <- paste0("x", seq_len(p))
  X
}

data_set <- function(X, coef) {
  n <- nrow(X)
  Z <- scale(X)
  eta <- drop(Z %*% coef)
  weight <- round(runif(n, 0.2, 3), 2)
  weight[4] <- 0
  trials <- sample(1:6, n, replace = TRUE)
  success <- rbinom(n, trials, plogis(eta))
  classes <- cbind(eta, -0.8 * eta + Z[, 2], 0.5 * Z[, 3] - 0.4)
  class <- max.col(classes - log(-log(matrix(runif(3 * n), n))))
  mean <- exp(0.5 * eta + 0.7)
  event_time <- -log(runif(n)) * exp(-eta)
  censored <- -log(runif(n)) * 1.5
  # times on a grid, so that many are tied
  time <- ceiling(8 * pmin(event_time, censored)) / 8
  # glmnet's gradient is wrong where a row starts after the last event of its stratum: all start before time 1
  start <- ifelse(runif(n) < 0.5, 0, floor(8 * pmin(time, 1) * runif(n)) / 8)
  noise <- matrix(rnorm(3 * n), n)
  several <- signif(cbind(2 * eta, Z[, 1] - eta, Z[, 4] + 1) + noise, 6)
  data.frame(
    label = ifelse(runif(n) < plogis(eta), "present", "absent"), success, failure = trials - success,
    class = c("a", "b", "c")[class], count = rpois(n, mean), dispersed = rnbinom(n, size = 1.5, mu = mean),
    positive = signif(rgamma(n, 2, scale = mean / 2), 6), amount = signif(statmod_tweedie(mean), 6),
    start, time, event = as.integer(event_time <= censored), stratum = sample(1:3, n, replace = TRUE),
    y1 = several[, 1], y2 = several[, 2], y3 = several[, 3], weight, offset = round(rnorm(n, 0.2, 0.5), 3),
    offset1 = round(rnorm(n, 0, 0.5), 3), offset2 = round(rnorm(n, 0.3, 0.5), 3), offset3 = 0, X
  )
}

# compound Poisson and gamma: sums of gamma numbers, many of them 0 (power 1.5, dispersion 1)
statmod_tweedie <- function(mean) {
  vapply(mean, function(m) sum(rgamma(rpois(1, 2 * sqrt(m)), 1, scale = sqrt(m) / 2)), 0)
}

rows <- data_set(
  predictors(
    100, 8, scales = c(1, 2, 0.5, 4, 1, 0.25, 3, 1), means = c(0, 3, -1, 5, 2, 1, -4, 0)
  ),
  coef = c(0.9, -0.6, 0.4, 0, 0, -0.5, 0, 0.3)
)
wide_coef <- numeric(50)
wide_coef[c(1, 9, 25, 36)] <- c(0.8, -0.6, 0.5, -0.7)
wide <- data_set(
  predictors(40, 50, scales = rep(c(1, 0.5, 2, 1.5, 1), 10), means = rep(c(0, 1, -2, 3, 1), 10)), coef = wide_coef
)
data_sets <- list(rows = rows, wide = wide)
columns <- data.frame(
  uneven = c(0.5, 1, 2, 0.5, 1, 3, 0.1, 1),
  two_zeros = c(1, 0, 1, 1, 1, 1, 1, 0),
  excluding = c(1, Inf, 2, 0.5, 1, 1, 0.1, Inf),
  floor = c(-Inf, -0.1, 0, -0.02, 0, -0.9, -0.05, -Inf),
  ceiling = c(0.4, 0.5, 0.2, Inf, 0.05, 0, 0.1, 0.2)
)

# ---- cases ----

case <- function(name, family, alpha = 1, data = "rows", weights = FALSE, offset = FALSE, factors = "", lower = -Inf,
                 upper = Inf, intercept = TRUE, standardize = TRUE) {
  data.frame(
    name, family, alpha, data, weights, offset, factors, lower = as.character(lower), upper = as.character(upper),
    intercept, standardize
  )
}

cases <- rbind(
  case("binomial", "binomial"),
  case("binomial_ridge", "binomial", 0),
  case("binomial_weights", "binomial", 0.5, weights = TRUE),
  case("binomial_offset_factors", "binomial", offset = TRUE, factors = "uneven"),
  case("binomial_limits_raw", "binomial", lower = "floor", upper = "ceiling", standardize = FALSE),
  case("binomial_no_intercept_raw", "binomial", 0.5, intercept = FALSE, standardize = FALSE),
  case("binomial_all", "binomial", 0.5, weights = TRUE, offset = TRUE, factors = "excluding", lower = "floor",
       upper = 0.3),
  case("binomial_wide", "binomial", data = "wide"),
  case("counts", "counts"),
  case("counts_weights_offset", "counts", 0.5, weights = TRUE, offset = TRUE),
  case("counts_factors_limits_no_intercept", "counts", factors = "two_zeros", lower = -0.2, upper = "ceiling",
       intercept = FALSE),
  case("multinomial", "multinomial"),
  case("multinomial_ridge", "multinomial", 0),
  case("multinomial_weights", "multinomial", 0.5, weights = TRUE),
  case("multinomial_factors_raw", "multinomial", 0.7, factors = "uneven", standardize = FALSE),
  case("multinomial_limits", "multinomial", 0.5, lower = -0.3, upper = 0.2),
  case("multinomial_no_intercept", "multinomial", intercept = FALSE),
  case("multinomial_offset", "multinomial", offset = TRUE),
  case("multinomial_wide", "multinomial", data = "wide"),
  case("grouped", "grouped"),
  case("grouped_weights_factors", "grouped", weights = TRUE, factors = "uneven"),
  case("grouped_no_intercept_raw", "grouped", intercept = FALSE, standardize = FALSE),
  case("grouped_offset", "grouped", offset = TRUE),
  case("poisson", "poisson"),
  case("poisson_offset", "poisson", offset = TRUE),
  case("poisson_weights", "poisson", 0.5, weights = TRUE),
  case("poisson_factors_limits_raw", "poisson", factors = "two_zeros", lower = "floor", upper = "ceiling",
       standardize = FALSE),
  case("poisson_no_intercept", "poisson", 0.5, offset = TRUE, intercept = FALSE),
  case("poisson_all", "poisson", 0.5, weights = TRUE, offset = TRUE, factors = "excluding", lower = "floor",
       upper = 0.3, standardize = FALSE),
  case("poisson_wide", "poisson", data = "wide"),
  case("cox", "cox"),
  case("cox_ridge_weights", "cox", 0, weights = TRUE),
  case("cox_offset_factors", "cox", 0.5, offset = TRUE, factors = "uneven"),
  case("cox_limits_raw", "cox", lower = "floor", upper = "ceiling", standardize = FALSE),
  case("cox_all", "cox", 0.5, weights = TRUE, offset = TRUE, factors = "two_zeros", lower = "floor", upper = 0.3),
  case("cox_wide", "cox", data = "wide"),
  case("cox_start", "cox_start"),
  case("cox_start_weights", "cox_start", 0.5, weights = TRUE),
  case("cox_strata", "cox_strata"),
  case("cox_strata_weights_offset_raw", "cox_strata", 0.5, weights = TRUE, offset = TRUE, standardize = FALSE),
  case("cox_start_strata_factors", "cox_start_strata", factors = "uneven"),
  case("cox_start_strata_all", "cox_start_strata", 0.5, weights = TRUE, offset = TRUE, factors = "excluding",
       lower = "floor", upper = 0.3),
  case("mgaussian", "mgaussian"),
  case("mgaussian_weights_factors", "mgaussian", weights = TRUE, factors = "uneven"),
  case("mgaussian_offset", "mgaussian", offset = TRUE),
  case("mgaussian_no_intercept_raw", "mgaussian", intercept = FALSE, standardize = FALSE),
  case("mgaussian_ridge", "mgaussian", 0, weights = TRUE),
  case("gamma", "gamma"),
  case("gamma_weights_offset", "gamma", 0.5, weights = TRUE, offset = TRUE, factors = "two_zeros"),
  case("gamma_limits_raw", "gamma", lower = "floor", upper = "ceiling", standardize = FALSE),
  case("gamma_no_intercept", "gamma", 0.5, intercept = FALSE),
  case("probit", "probit"),
  case("probit_weights_offset", "probit", 0.5, weights = TRUE, offset = TRUE, factors = "uneven"),
  case("cloglog", "cloglog"),
  case("cloglog_weights_raw", "cloglog", 0.5, weights = TRUE, standardize = FALSE),
  case("negativebinomial", "negativebinomial"),
  case("negativebinomial_weights_offset", "negativebinomial", 0.5, weights = TRUE, offset = TRUE),
  case("tweedie", "tweedie"),
  case("tweedie_weights_offset", "tweedie", 0.5, weights = TRUE, offset = TRUE, factors = "uneven")
)

survival_of <- function(d, family) {
  y <- if (grepl("start", family)) Surv(d$start, d$time, d$event) else Surv(d$time, d$event)
  if (grepl("strata", family)) stratifySurv(y, d$stratum) else y
}

response <- function(d, family) {
  switch(family,
    binomial = factor(d$label),
    counts = cbind(d$failure, d$success),  # the last column is the class that is modelled
    probit = ,
    cloglog = as.numeric(d$label == "present"),
    multinomial = ,
    grouped = factor(d$class),
    poisson = d$count,
    mgaussian = cbind(d$y1, d$y2, d$y3),
    gamma = d$positive,
    negativebinomial = d$dispersed,
    tweedie = d$amount,
    survival_of(d, family)
  )
}

glmnet_family <- function(family) {
  switch(family,
    counts = "binomial",
    grouped = "multinomial",
    probit = binomial("probit"),
    cloglog = binomial("cloglog"),
    gamma = Gamma("log"),
    negativebinomial = MASS::negative.binomial(theta = 1.5),
    tweedie = statmod::tweedie(var.power = 1.5, link.power = 0),
    if (startsWith(family, "cox")) "cox" else family
  )
}

offset_of <- function(d, family) {
  if (family %in% c("multinomial", "grouped", "mgaussian")) as.matrix(d[paste0("offset", 1:3)]) else d$offset
}

fit_case <- function(case, precision, lambda = NULL) {
  glmnet.control(epsnr = precision)
  d <- data_sets[[case$data]]
  X <- as.matrix(d[grep("^x", names(d))])
  limit <- function(text) {
    if (text %in% names(columns)) columns[[text]] else as.numeric(text)
  }
  family <- glmnet_family(case$family)
  options <- list(
    X, response(d, case$family), family = family, alpha = case$alpha,
    weights = if (case$weights) d$weight, offset = if (case$offset) offset_of(d, case$family),
    penalty.factor = if (case$factors == "") rep(1, ncol(X)) else columns[[case$factors]],
    lower.limits = limit(case$lower), upper.limits = limit(case$upper), standardize = case$standardize,
    thresh = THRESH, maxit = 1e8, lambda = lambda
  )
  if (!identical(family, "cox")) options$intercept <- case$intercept
  if (case$family == "grouped") options$type.multinomial <- "grouped"
  suppressWarnings(do.call(glmnet, options))  # non-integer numbers of successes, where there are weights
}

fits <- list()
grids <- list()
for (i in seq_len(nrow(cases))) {
  case <- cases[i, ]
  grid <- fit_case(case, ROUGH)$lambda
  if (length(grid) == 100) grids[[case$name]] <- data.frame(case = case$name, lambda = grid)
  # a ridge grid starts where the lasso's does: glmnet's own begins a thousand times higher, where all is 0
  largest <- grid[1] * max(case$alpha, 0.001) / max(case$alpha, 0.5)
  fit <- fit_case(case, EXACT, signif(largest * 10^(-1.75 * (0:7) / 7), 6))
  stopifnot(fit$jerr == 0, length(fit$lambda) == 8)
  cat(case$name, length(grid), fit$npasses, round(fit$dev.ratio[8], 3), "\n")
  cases$nulldev[i] <- fit$nulldev
  beta <- if (is.list(fit$beta)) fit$beta else list(fit$beta)
  K <- length(beta)
  intercept <- if (is.null(fit$a0)) matrix(0, K, 8) else matrix(fit$a0, K)
  fits[[case$name]] <- do.call(rbind, lapply(seq_len(K), function(k) {
    b <- t(as.matrix(beta[[k]]))
    colnames(b) <- paste0("b", seq_len(ncol(b)))
    data.frame(case = case$name, lambda = fit$lambda, dev_ratio = fit$dev.ratio, output = k,
               intercept = intercept[k, ], b, row.names = NULL)
  }))
}

save_table(rows, "rows")
save_table(wide, "wide")
save_table(columns, "columns")
save_table(cases, "cases")
save_table(do.call(rbind, fits[cases$name[cases$data == "rows"]]), "rows_fits")
save_table(do.call(rbind, fits[cases$name[cases$data == "wide"]]), "wide_fits")
save_table(do.call(rbind, grids), "grids")
