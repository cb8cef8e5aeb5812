# What every R worker does: as loop.py. Requests and replies are flat enough to do without a JSON package.
# A worker names its `package` and sources this file, which attaches it and loads the job; then it calls
# answer_requests(fit, save):
#   fit(line) -> result of a request's line: this alone is timed
#   save(result, line, out): write what the judge reads to an open binary file
began <- proc.time()[["elapsed"]]
suppressPackageStartupMessages(library(package, character.only = TRUE))
importing <- proc.time()[["elapsed"]] - began

field <- function(line, name) {
  pattern <- sprintf('.*"%s": *"?([^",}]*).*', name)
  if (grepl(pattern, line)) sub(pattern, "\\1", line) else NA
}
number <- function(line, name) as.numeric(field(line, name))
# /proc tells nothing outside Linux
memory <- function(name) tryCatch({
  status <- readLines("/proc/self/status")
  as.numeric(gsub("[^0-9]", "", status[startsWith(status, name)])) / 1024
}, error = function(e) NA, warning = function(w) NA)
doubles <- function(name, count) readBin(file.path(folder, name), "double", count)

folder <- commandArgs(trailingOnly = TRUE)[1]
job <- paste(readLines(file.path(folder, "job.json")), collapse = "")
n <- number(job, "n")
p <- number(job, "p")
n_lambdas <- number(job, "n_lambdas")
X <- doubles("X", n * p)
dim(X) <- c(n, p)

answer_requests <- function(fit, save) {
  invisible(gc())
  # the peak starts anew, where the kernel allows
  try(suppressWarnings(cat("5", file = "/proc/self/clear_refs")), silent = TRUE)
  before <- memory("VmRSS")
  first <- TRUE
  requests <- file("stdin", "r")
  while (length(line <- readLines(requests, n = 1)) > 0) {
    reply <- tryCatch({
      runs <- number(line, "runs")
      seconds <- numeric(runs)
      extra <- ""
      for (k in seq_len(runs)) {
        began <- Sys.time() # finer than proc.time
        result <- suppressWarnings(fit(line))
        seconds[k] <- as.numeric(Sys.time() - began, units = "secs")
        if (first) {
          peak <- memory("VmHWM") - before
          extra <- sprintf(
            ', "import_seconds": %.6f, "peak_mb": %s, "versions": {"%s": "%s", "R": "%s"}',
            importing, if (is.na(peak)) "null" else sprintf("%.3f", peak), package, packageVersion(package),
            getRversion()
          )
          first <- FALSE
        }
      }
      target <- field(line, "save")
      if (target != "null") {
        out <- file(target, "wb")
        save(result, line, out)
        close(out)
      }
      sprintf('{"seconds": [%s]%s}', paste(sprintf("%.9f", seconds), collapse = ", "), extra)
    }, error = function(e) sprintf('{"error": "%s"}', gsub('["\\\\\n]', " ", conditionMessage(e))))
    cat(reply, "\n", sep = "")
    flush(stdout())
  }
}
