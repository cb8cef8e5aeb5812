"""Pages of memory-mapped files."""

import mmap


def release(X):
    """Let go of the pages of X that have been read, if it is a memory map: else they count as the process's own.

    They stay in the cache of the system. In a map of mode "c" they hold the changes that were made to it.
    """
    pages = getattr(X, "_mmap", None)
    if pages is not None and X.mode != "c" and hasattr(mmap, "MADV_DONTNEED"):
        pages.madvise(mmap.MADV_DONTNEED)
