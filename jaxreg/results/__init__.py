"""Results: NumPy in frozen dataclasses, with what they say, draw, save and choose."""
