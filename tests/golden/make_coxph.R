# Golden fits without penalty of R's glm, glm.nb and coxph, survival curves of survfit and concordances, read by
# tests/test_families_coxph.py. Run from the repository root, after make_families.R:
#
#     Rscript tests/golden/make_coxph.R
#
# Made with R 4.2.2, survival 3.5-3, MASS 7.3-58.2 and statmod 1.5.0. Files in tests/golden/families/, of rows.csv:
#   glm_fits.csv        case, weights, offset, theta, deviance, nulldev, intercept, b1..b8
#   coxph_fits.csv      ties, weights, strata, start, offset, case, log-likelihoods, concordance, b1..b8
#   coxph_curves.csv    case, row, time, survival: the curves of the first rows of rows.csv
# Rows of weight 0 are left out: coxph takes none.

suppressMessages(library(survival))

FOLDER <- file.path("tests", "golden", "families")

save_table <- function(table, name) {
  numbers <- vapply(table, is.double, logical(1))
  table[numbers] <- lapply(table[numbers], function(v) sprintf("%.14g", v))
  write.table(table, file.path(FOLDER, paste0(name, ".csv")), sep = ",", quote = FALSE, row.names = FALSE)
}

all_rows <- read.csv(file.path(FOLDER, "rows.csv"))
predictors <- grep("^x", names(all_rows), value = TRUE)

rows_for <- function(weights) {
  if (weights) return(all_rows[all_rows$weight > 0, ])
  all_rows$weight <- 1
  all_rows
}

coefficients <- function(b) setNames(as.data.frame(t(unname(b))), paste0("b", seq_along(b)))

# ---- generalised linear models ----

glm_case <- function(name, family, response, weights = FALSE, offset = FALSE) {
  data <- rows_for(weights)
  if (!offset) data$offset <- 0
  formula <- reformulate(predictors, parse(text = response)[[1]])
  control <- glm.control(epsilon = 1e-15, maxit = 1000)
  fit <- suppressWarnings(if (is.null(family)) {
    MASS::glm.nb(update(formula, . ~ . + offset(offset)), data = data, weights = weight, control = control)
  } else {
    glm(formula, family = family, data = data, weights = weight, offset = offset, control = control)
  })
  b <- coef(fit)
  data.frame(
    case = name, weights = weights, offset = offset, theta = if (is.null(family)) fit$theta else NA,
    deviance = fit$deviance, nulldev = fit$null.deviance, intercept = unname(b[1]), coefficients(b[-1])
  )
}

# quasi families take what is not whole
label <- '(label == "present")'
save_table(rbind(
  glm_case("logit", binomial(), label),
  glm_case("logit_weights", quasibinomial(), label, weights = TRUE, offset = TRUE),
  glm_case("logit_counts", binomial(), "cbind(success, failure)", offset = TRUE),
  glm_case("probit", binomial("probit"), label),
  glm_case("probit_counts_weights", quasibinomial("probit"), "cbind(success, failure)", weights = TRUE),
  glm_case("cloglog", binomial("cloglog"), label, offset = TRUE),
  glm_case("cloglog_counts", binomial("cloglog"), "cbind(success, failure)"),
  glm_case("poisson", poisson(), "count", offset = TRUE),
  glm_case("poisson_weights", quasipoisson(), "count", weights = TRUE),
  glm_case("poisson_amounts", quasi(link = "log", variance = "mu"), "amount", offset = TRUE),
  glm_case("gamma", Gamma("log"), "positive"),
  glm_case("gamma_weights", quasi(link = "log", variance = "mu^2"), "positive", weights = TRUE, offset = TRUE),
  glm_case("tweedie_1.5", statmod::tweedie(var.power = 1.5, link.power = 0), "amount"),
  glm_case("tweedie_1.2_weights", statmod::tweedie(var.power = 1.2, link.power = 0), "amount", weights = TRUE,
           offset = TRUE),
  glm_case("negativebinomial_1.5", MASS::negative.binomial(theta = 1.5), "dispersed", offset = TRUE),
  glm_case("negativebinomial", NULL, "dispersed"),
  glm_case("negativebinomial_weights", NULL, "dispersed", weights = TRUE, offset = TRUE)
), "glm_fits")

# ---- Cox ----

cases <- expand.grid(
  ties = c("efron", "breslow"), weights = c(FALSE, TRUE), strata = c(FALSE, TRUE), start = c(FALSE, TRUE),
  stringsAsFactors = FALSE
)
cases$offset <- cases$weights != cases$strata
cases$case <- with(cases, paste0(
  ties, ifelse(start, "_start", ""), ifelse(strata, "_strata", ""), ifelse(weights, "_weights", ""),
  ifelse(offset, "_offset", "")
))
NEW <- c(1, 2, 3, 5)  # row 4 has weight 0

cox_case <- function(case) {
  data <- rows_for(case$weights)
  if (!case$offset) data$offset <- 0
  data$y <- if (case$start) Surv(data$start, data$time, data$event) else Surv(data$time, data$event)
  terms <- c(predictors, "offset(offset)", if (case$strata) "strata(stratum)")
  fit <- coxph(
    reformulate(terms, "y"), data = data, weights = weight, ties = case$ties, robust = FALSE,
    control = coxph.control(eps = 1e-15, iter.max = 100)
  )
  data$eta <- drop(as.matrix(data[predictors]) %*% coef(fit)) + data$offset
  agreement <- function(formula) concordance(formula, data = data, weights = weight, reverse = TRUE)$concordance
  # quarters fall between the event times, eighths on them; the last is beyond all
  times <- c(0.0625, 0.125, 0.25, 0.3125, 0.5, 0.75, 1, 1.5, 2, 9)
  new <- data[data$row %in% NEW, ]
  curves <- lapply(seq_len(nrow(new)), function(i) {
    values <- summary(survfit(fit, newdata = new[i, ], se.fit = FALSE), times = times, extend = TRUE)
    data.frame(case = case$case, row = NEW[i], time = values$time, survival = as.numeric(values$surv))
  })
  list(
    fit = data.frame(
      case, loglik_null = fit$loglik[1], loglik = fit$loglik[2],
      concordance = agreement(if (case$strata) y ~ eta + strata(stratum) else y ~ eta), coefficients(coef(fit))
    ),
    curves = do.call(rbind, curves)
  )
}

all_rows$row <- seq_len(nrow(all_rows))
results <- lapply(seq_len(nrow(cases)), function(i) cox_case(cases[i, ]))
save_table(do.call(rbind, lapply(results, function(r) r$fit)), "coxph_fits")
save_table(do.call(rbind, lapply(results, function(r) r$curves)), "coxph_curves")
