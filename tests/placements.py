"""Placements that tests pretend: the data where they are, with or without what an accelerator prefers."""

from dataclasses import replace

from jaxreg.design._placement import current

HOST = replace(current(), accelerated=False)
ACCELERATED = replace(current(), accelerated=True)
DEVICE = replace(current(), on_host=False, accelerated=True)
