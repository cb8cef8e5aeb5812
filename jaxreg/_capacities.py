"""Lengths for which kernels are compiled: one open-ended ladder."""

CAPACITIES = (64, 128, 256, 384, 512, 768, 1024, 1280, 1536, 2048, 3072, 4096, 6144, 8192)  # then in such steps
FINE, STEP = 256, 32  # up to FINE columns all are padded to a multiple of STEP: 0.7 of the time at 200
PADDED = 1536  # columns up to which arrays of all of them are padded


def capacities():
    """The ladder, without an end: beyond CAPACITIES by a half and a third in turn, as their last steps are."""
    yield from CAPACITIES
    last = CAPACITIES[-1]
    while True:
        yield last + last // 2
        last *= 2
        yield last


def capacity_for(size):
    """Smallest capacity that holds `size` columns."""
    return next(capacity for capacity in capacities() if capacity >= size)


def padded_length(p):
    """Columns to which arrays of all p are padded."""
    if p <= FINE:
        return -(-p // STEP) * STEP
    return capacity_for(p) if p <= PADDED else p
