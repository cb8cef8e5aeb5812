"""The seam to the data: products with standardised columns under weights of the rows."""
