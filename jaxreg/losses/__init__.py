"""Losses: smooth functions of the response and the linear predictor, one value per observation."""

from jaxreg.losses._base import Custom, Huber, Loss as Loss, Quantile, Squared, SquaredHinge

__all__ = ["Custom", "Huber", "Quantile", "Squared", "SquaredHinge"]
