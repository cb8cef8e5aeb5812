"""What a call asks of the device: programs that are run, and what is fetched to the host.

Programs are those in a trace of JAX's profiler, so that operations that nobody compiled count too. Fetches are counted
where Python asks for them, since on a CPU they copy nothing: by NumPy inside jaxreg, as numbers, and by `device_get`,
which is one fetch whatever it brings. An array that came once is on the host.
"""

import sys
from contextlib import contextmanager
from dataclasses import dataclass, field

import jax
import numpy as np
from jax._src.array import ArrayImpl

MARK = "dispatches.mark"


@dataclass
class Counts:
    """Between one mark and the next: names of the programs run, and of each fetch the shapes of what it brought."""

    programs: list = field(default_factory=list)
    fetches: list = field(default_factory=list)

    def __len__(self):
        return len(self.programs) + len(self.fetches)


class _Fetches:
    def __init__(self):
        self.parts, self._fetched, self._joined = [[]], {}, False

    def note(self, *values):
        """Arrays that have to come to the host."""
        arrays = [x for x in jax.tree.leaves(values) if isinstance(x, ArrayImpl) and id(x) not in self._fetched]
        self._fetched.update((id(x), x) for x in arrays)
        if arrays and not self._joined:
            self.parts[-1].append([x.shape for x in arrays])

    def get(self, device_get, tree):
        self.note(tree)
        self._joined = True
        try:
            return device_get(tree)
        finally:
            self._joined = False


class _Numpy:
    """NumPy, or a function of it, to which a jax.Array is no stranger."""

    def __init__(self, inner, note):
        self._inner, self._note = inner, note

    def __getattr__(self, name):
        value = getattr(self._inner, name)
        return value if isinstance(value, type) or not callable(value) else _Numpy(value, self._note)

    def __call__(self, *args, **kwargs):
        self._note(args, kwargs)
        return self._inner(*args, **kwargs)


@contextmanager
def counted(monkeypatch, folder):
    """(list of Counts, complete at the end of the block, a function that begins the next of them); of one thread."""
    fetches, counts, value, device_get = _Fetches(), [], ArrayImpl._value, jax.device_get

    def mark():
        fetches.parts.append([])
        with jax.profiler.TraceAnnotation(MARK):
            pass

    def noted(array):
        fetches.note(array)
        return value.fget(array)

    options = jax.profiler.ProfileOptions()
    options.python_tracer_level = 0
    with monkeypatch.context() as patch, jax.profiler.trace(str(folder), profiler_options=options):
        patch.setattr(ArrayImpl, "_value", property(noted))
        patch.setattr(jax, "device_get", lambda tree: fetches.get(device_get, tree))
        for name, module in list(sys.modules.items()):
            if name.startswith("jaxreg") and getattr(module, "np", None) is np:
                patch.setattr(module, "np", _Numpy(np, fetches.note))
        yield counts, mark
    counts += [Counts(*both) for both in zip(_programs(folder), fetches.parts, strict=True)]


def _programs(folder):
    """Names of the programs between marks. A program that is called while another one is traced is part of that."""
    from jax.profiler import ProfileData

    (trace,) = folder.rglob("*.xplane.pb")
    parts, end = [[]], 0.0
    events = [
        event
        for plane in ProfileData.from_file(str(trace)).planes
        for line in plane.lines
        for event in line.events
        if event.name == MARK or event.name.startswith("PjitFunction(")
    ]
    for event in sorted(events, key=lambda event: event.start_ns):
        if event.name == MARK:
            parts.append([])
        elif event.start_ns >= end:
            parts[-1].append(event.name.removeprefix("PjitFunction(").removesuffix(")"))
            end = event.start_ns + event.duration_ns
    return parts
