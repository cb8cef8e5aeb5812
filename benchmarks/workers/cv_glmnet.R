# The worker of cv.glmnet: as cv_sklearn.py, in R; see glmnet.R for how it talks.
began <- proc.time()[["elapsed"]]
suppressPackageStartupMessages(library(glmnet))
importing <- proc.time()[["elapsed"]] - began

field <- function(line, name) {
  pattern <- sprintf('.*"%s": *"?([^",}]*).*', name)
  if (grepl(pattern, line)) sub(pattern, "\\1", line) else NA
}
number <- function(line, name) as.numeric(field(line, name))
memory <- function(name) tryCatch({
  status <- readLines("/proc/self/status")
  as.numeric(gsub("[^0-9]", "", status[startsWith(status, name)])) / 1024
}, error = function(e) NA, warning = function(w) NA)
doubles <- function(name, count) readBin(file.path(folder, name), "double", count)

folder <- commandArgs(trailingOnly = TRUE)[1]
job <- paste(readLines(file.path(folder, "job.json")), collapse = "")
n <- number(job, "n")
p <- number(job, "p")
X <- doubles("X", n * p)
dim(X) <- c(n, p)
y <- doubles("y", n)
ratios <- as.numeric(strsplit(sub('.*"l1_ratios": *\\[([^]]*)\\].*', "\\1", job), ",")[[1]])
lambdas <- matrix(doubles("lambdas", number(job, "n_lambdas") * length(ratios)), ncol = length(ratios))
folds <- readBin(file.path(folder, "folds"), "integer", n, size = 4) + 1
glmnet.control(fdev = 0, devmax = 1) # no early end
invisible(gc())
try(suppressWarnings(cat("5", file = "/proc/self/clear_refs")), silent = TRUE)
before <- memory("VmRSS")
first <- TRUE

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

requests <- file("stdin", "r")
while (length(line <- readLines(requests, n = 1)) > 0) {
  reply <- tryCatch({
    runs <- number(line, "runs")
    seconds <- numeric(runs)
    extra <- ""
    for (k in seq_len(runs)) {
      began <- Sys.time()
      for (a in seq_along(ratios)) {
        suppressWarnings(do.call(cv.glmnet, c(list(
          X, y,
          alpha = ratios[a], lambda = lambdas[, a], foldid = folds
        ), options_of(line))))
      }
      seconds[k] <- as.numeric(Sys.time() - began, units = "secs")
      if (first) {
        peak <- memory("VmHWM") - before
        extra <- sprintf(
          ', "import_seconds": %.6f, "peak_mb": %s, "versions": {"glmnet": "%s", "R": "%s"}',
          importing, if (is.na(peak)) "null" else sprintf("%.3f", peak), packageVersion("glmnet"), getRversion()
        )
        first <- FALSE
      }
    }
    save <- field(line, "save")
    if (save != "null") {
      out <- file(save, "wb")
      for (a in seq_along(ratios)) {
        writeBin(as.vector(judged(seq_len(n), a, line)), out)
        for (k in sort(unique(folds))) writeBin(as.vector(judged(which(folds != k), a, line)), out)
      }
      close(out)
    }
    sprintf('{"seconds": [%s]%s}', paste(sprintf("%.9f", seconds), collapse = ", "), extra)
  }, error = function(e) sprintf('{"error": "%s"}', gsub('["\\\\\n]', " ", conditionMessage(e))))
  cat(reply, "\n", sep = "")
  flush(stdout())
}
