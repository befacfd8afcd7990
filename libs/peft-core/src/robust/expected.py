"""Robust aggregation as numpy computes it from dense updates in float64: writes expected.json beside this file.

    python expected.py

needs: numpy, scipy. Every number of the input has three decimals, so that float32 and float64 read the same within 1e-8.
"""
import json
import pathlib

import numpy as np
from scipy import optimize, stats

random = np.random.default_rng(20)
MODULES = {"q": (5, 4), "v": (3, 6)}  # outputs, inputs
HEAD = 4


def normal(*shape, spread=1.0):
    return (random.normal(size=shape) * spread).round(3)


def adapter(rank, scaling, spread=1.0):
    modules = {
        name: dict(a=normal(rank, inputs, spread=spread), b=normal(outputs, rank, spread=spread), rank=rank, scaling=scaling)
        for name, (outputs, inputs) in MODULES.items()
    }
    return dict(modules=modules, head=normal(HEAD))


def dense(one):
    parts = [module["scaling"] * (module["b"] @ module["a"]).ravel() for module in one["modules"].values()]
    return np.concatenate([*parts, one["head"]])


def listed(value):
    if isinstance(value, dict):
        return {key: listed(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [listed(entry) for entry in value]
    return value.ravel().tolist() if isinstance(value, np.ndarray) else value


def changed(start, shift, frozen=()):
    """The start with every factor that is not frozen, and the head, moved by what `shift` gives for its shape."""
    modules = {
        name: {
            **module,
            **{key: (module[key] + shift(module[key].shape)).round(3) for key in "ab" if key not in frozen},
        }
        for name, module in start["modules"].items()
    }
    return dict(modules=modules, head=(start["head"] + shift((HEAD,))).round(3))


def scores(updates, among, liars):
    result = []
    for own in among:
        squares = sorted(((updates[own] - updates[other]) ** 2).sum() for other in among if other != own)
        result.append(sum(squares[: max(1, len(among) - liars - 2)]))
    return np.array(result)


def bulyan(updates, values, liars):
    left, selected = list(range(len(updates))), []
    while len(selected) < len(updates) - 2 * liars:
        best = left[int(np.argmin(scores(updates, left, liars)))]
        selected.append(best)
        left.remove(best)
    chosen = values[sorted(selected)]
    near = np.argsort(np.abs(chosen - np.median(chosen, axis=0)), axis=0, kind="stable")[: len(selected) - 2 * liars]
    return sorted(selected), np.take_along_axis(chosen, near, axis=0).mean(axis=0)


def geometric_median(updates):
    def distances(z):
        away = updates - z
        norms = np.sqrt((away**2).sum(axis=1))
        return norms.sum(), -(away / norms[:, None]).sum(axis=0)

    return optimize.minimize(distances, np.median(updates, axis=0), jac=True, method="BFGS", options=dict(gtol=1e-10, maxiter=10000)).x


def centred_clipping(updates, radius, steps):
    centre = np.zeros(updates.shape[1])
    for _ in range(steps):
        away = updates - centre
        norms = np.sqrt((away**2).sum(axis=1))
        centre = centre + (away * np.minimum(1, radius / norms)[:, None]).mean(axis=0)
    return centre


def trusted(updates, root):
    norms = np.sqrt((updates**2).sum(axis=1))
    trust = np.maximum(0, updates @ updates[root] / norms / norms[root])
    trust[root] = 0
    return (trust * norms[root] / norms) @ updates / trust.sum()


start = adapter(2, 1.5)
mixed = [adapter(1, 2.0), adapter(3, 0.5), changed(start, lambda shape: normal(*shape, spread=0.1)), adapter(2, 16 / np.sqrt(2))]
mixed_updates = np.array([dense(one) - dense(start) for one in mixed])

LIARS = 2
common = {}


def honest(shape):
    direction = common.setdefault((shape, len(common) % 5), normal(*shape))
    return 0.3 * direction + normal(*shape, spread=0.2)


def agents(frozen):
    lie = [lambda shape: normal(*shape, spread=40), lambda shape: 25 - 30 * random.random(shape)]
    return [changed(start, honest, frozen) for _ in range(9)] + [changed(start, one, frozen) for one in lie]


both = agents(())
updates = np.array([dense(one) - dense(start) for one in both])
frozen = agents(("a",))
frozen_updates = np.array([dense(one) - dense(start) for one in frozen])
values = np.array([np.concatenate([*(m["b"].ravel() for m in one["modules"].values()), one["head"]]) for one in frozen])
own = np.concatenate([*(m["b"].ravel() for m in start["modules"].values()), start["head"]])
norms = np.sqrt((updates**2).sum(axis=1))
all_scores = scores(updates, list(range(11)), LIARS)
kept = np.argsort(all_scores, kind="stable")[:4]
selected, near = bulyan(frozen_updates, values - own, LIARS)

expected = dict(
    start=start,
    mixed=dict(adapters=mixed, gram=mixed_updates @ mixed_updates.T),
    both=dict(
        adapters=both,
        gram=updates @ updates.T,
        krum=updates[int(np.argmin(all_scores))],
        multiKrum=updates[kept].mean(axis=0),
        normBound=(updates * np.minimum(1, np.median(norms) / norms)[:, None]).mean(axis=0),
        geometricMedian=geometric_median(updates),
        centredClipping=centred_clipping(updates, 2.5, 4),
        trustedRoot=trusted(updates, 3),
        updates=updates,
    ),
    frozen=dict(
        adapters=frozen,
        median=own + np.median(values - own, axis=0),
        trimmedMean=own + stats.trim_mean(values - own, 0.28, axis=0),
        bulyanSelected=[int(index) for index in selected],
        bulyan=own + near,
    ),
)
path = pathlib.Path(__file__).with_name("expected.json")
path.write_text(json.dumps(listed(expected)) + "\n")
