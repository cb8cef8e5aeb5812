"""Cross-validation: folds, metrics, and the fits of all folds."""
