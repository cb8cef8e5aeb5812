"""The problem of a path: loss, penalty and response on a design, its null model, and its grid of lambdas."""
