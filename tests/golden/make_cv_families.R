# Golden cross-validations of R's cv.glmnet for the families, read by tests/test_families_cv_glmnet.py. Run from the
# repository root, after make_families.R:
#
#     Rscript tests/golden/make_cv_families.R
#
# Made with R 4.2.2, glmnet 4.1-6, survival 3.5-3, MASS 7.3-58.2 and statmod 1.5.0. Files in tests/golden/families/:
#   cv_cases.csv   one row per cross-validation, with lambda.min and lambda.1se
#   cv_curves.csv  case, lambda, cvm, cvsd

suppressMessages(library(glmnet))
suppressMessages(library(survival))

FOLDER <- file.path("tests", "golden", "families")
glmnet.control(fdev = 0, devmax = 1, epsnr = 1e-15, mxitnr = 500)

save_table <- function(table, name) {
  numbers <- vapply(table, is.double, logical(1))
  table[numbers] <- lapply(table[numbers], function(v) sprintf("%.14g", v))
  write.table(table, file.path(FOLDER, paste0(name, ".csv")), sep = ",", quote = FALSE, row.names = FALSE)
}

rows <- read.csv(file.path(FOLDER, "rows.csv"))
columns <- read.csv(file.path(FOLDER, "columns.csv"))
X <- as.matrix(rows[grep("^x", names(rows))])
folds <- (seq_len(nrow(X)) * 7) %% 5 + 1
# cv.coxnet scales the weights of all rows, and those of the rows that train, to be 1 on average, each by themselves;
# these are so in every fold, where it makes no difference.
balanced <- rows$weight / ave(rows$weight, folds)

case <- function(name, family, measure, alpha = 1, weights = FALSE, offset = FALSE, factors = "", intercept = TRUE,
                 standardize = TRUE) {
  data.frame(name, family, measure, alpha, weights, offset, factors, intercept, standardize)
}

cases <- rbind(
  case("binomial_deviance", "binomial", "deviance"),
  case("binomial_deviance_weights_offset", "binomial", "deviance", 0.5, weights = TRUE, offset = TRUE),
  case("binomial_class", "binomial", "class"),
  case("binomial_class_weights", "binomial", "class", weights = TRUE, factors = "uneven"),
  case("binomial_auc", "binomial", "auc"),
  case("binomial_auc_weights", "binomial", "auc", weights = TRUE),
  case("binomial_mse", "binomial", "mse", weights = TRUE),
  case("binomial_mae", "binomial", "mae", intercept = FALSE, standardize = FALSE),
  case("counts_deviance", "counts", "deviance", weights = TRUE),
  case("counts_class", "counts", "class", offset = TRUE),
  case("counts_mse", "counts", "mse"),
  case("multinomial_deviance", "multinomial", "deviance", 0.5),
  case("multinomial_deviance_weights", "multinomial", "deviance", weights = TRUE),
  case("multinomial_class", "multinomial", "class", weights = TRUE),
  case("multinomial_mse", "multinomial", "mse"),
  case("grouped_deviance", "grouped", "deviance", weights = TRUE, factors = "uneven"),
  case("grouped_class", "grouped", "class"),
  case("poisson_deviance", "poisson", "deviance"),
  case("poisson_deviance_weights_offset", "poisson", "deviance", 0.5, weights = TRUE, offset = TRUE),
  case("poisson_mse", "poisson", "mse", weights = TRUE),
  case("poisson_mae", "poisson", "mae", offset = TRUE, factors = "uneven"),
  case("cox_deviance", "cox", "deviance"),
  case("cox_deviance_offset", "cox", "deviance", 0.5, offset = TRUE, standardize = FALSE),
  case("cox_deviance_weights", "cox", "deviance", weights = TRUE),
  case("cox_C", "cox", "C"),
  case("cox_C_weights", "cox", "C", weights = TRUE),
  case("cox_start_deviance", "cox_start", "deviance"),
  case("cox_strata_deviance", "cox_strata", "deviance"),
  case("gamma_deviance", "gamma", "deviance", weights = TRUE),
  case("negativebinomial_deviance", "negativebinomial", "deviance"),
  case("tweedie_deviance", "tweedie", "deviance"),
  case("probit_deviance", "probit", "deviance", offset = TRUE)
)

survival_of <- function(family) {
  y <- if (grepl("start", family)) Surv(rows$start, rows$time, rows$event) else Surv(rows$time, rows$event)
  if (grepl("strata", family)) stratifySurv(y, rows$stratum) else y
}

response <- function(family) {
  switch(family,
    binomial = factor(rows$label),
    counts = cbind(rows$failure, rows$success),
    probit = as.numeric(rows$label == "present"),
    multinomial = ,
    grouped = factor(rows$class),
    poisson = rows$count,
    gamma = rows$positive,
    negativebinomial = rows$dispersed,
    tweedie = rows$amount,
    survival_of(family)
  )
}

glmnet_family <- function(family) {
  switch(family,
    counts = "binomial",
    grouped = "multinomial",
    probit = binomial("probit"),
    gamma = Gamma("log"),
    negativebinomial = MASS::negative.binomial(theta = 1.5),
    tweedie = statmod::tweedie(var.power = 1.5, link.power = 0),
    if (startsWith(family, "cox")) "cox" else family
  )
}

run <- function(case) {
  family <- glmnet_family(case$family)
  common <- list(
    X, response(case$family), family = family, alpha = case$alpha,
    weights = if (case$weights) if (startsWith(case$family, "cox")) balanced else rows$weight, offset = if (case$offset) rows$offset,
    penalty.factor = if (case$factors == "") rep(1, ncol(X)) else columns[[case$factors]],
    standardize = case$standardize, maxit = 1e8
  )
  if (!identical(family, "cox")) common$intercept <- case$intercept
  if (case$family == "grouped") common$type.multinomial <- "grouped"
  largest <- suppressWarnings(do.call(glmnet, c(common, list(nlambda = 3))))$lambda[1]
  lambda <- signif(largest * 10^(-1.75 * (0:11) / 11), 6)
  options <- list(lambda = lambda, foldid = folds, type.measure = case$measure, thresh = 1e-22)
  suppressWarnings(do.call(cv.glmnet, c(common, options)))
}

found <- lapply(seq_len(nrow(cases)), function(i) {
  cv <- run(cases[i, ])
  stopifnot(length(cv$lambda) == 12, names(cv$name) == cases$measure[i])
  cv
})
cases$lambda_min <- vapply(found, function(f) f$lambda.min, 0)
cases$lambda_1se <- vapply(found, function(f) f$lambda.1se, 0)
save_table(cases, "cv_cases")
curves <- lapply(seq_along(found), function(i) {
  f <- found[[i]]
  data.frame(case = cases$name[i], lambda = f$lambda, cvm = f$cvm, cvsd = f$cvsd, row.names = NULL)
})
save_table(do.call(rbind, curves), "cv_curves")
