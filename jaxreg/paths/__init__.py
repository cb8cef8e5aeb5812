"""Whole paths: the loop over lambda, its batched form, and the closed form."""
