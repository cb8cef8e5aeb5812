"""Solvers of one reduced problem; none knows of paths, folds or grids."""
