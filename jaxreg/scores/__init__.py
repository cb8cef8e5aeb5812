"""Scores of predictions: metrics of held-out rows, their averages over folds, and what assesses a fit."""
