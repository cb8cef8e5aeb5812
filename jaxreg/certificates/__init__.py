"""Certificates of blocks of points: duality gaps of the coefficients as the user gets them."""
