"""Solvers of one reduced problem; none knows of paths, folds or grids.

`pivot`, `block` (on the tiles of `tiling`) and `ridge` are for the squared loss. `proximal` is for any smooth part, and
`narrow` for losses that are parabolas for hardly any residual; `composite` chooses between these two.
"""
