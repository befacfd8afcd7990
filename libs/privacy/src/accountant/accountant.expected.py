"""Epsilons as another system computes them: writes accountant.expected.json beside this file.

    PYTHONPATH=differential-privacy/python/dp_accounting python accountant.expected.py

with numpy, scipy, attrs, absl-py and Google's dp_accounting 0.6.0 (github.com/google/differential-privacy, commit b5b0286e).
`pldLower` and `pldUpper` are its optimistic and pessimistic bounds, `rdp` and `order` are of its default orders.
"""
import json
import math
import pathlib
import random

import dp_accounting as dp
from dp_accounting import pld, rdp
from scipy.special import log_ndtr

TABLE = [
    (1.5, 0.04, 2250, 1e-5), (1.3, 150 / 60000, 6000, 1e-5), (1.0, 0.001, 30000, 1e-7), (0.7, 0.01, 120, 1e-5),
    (0.35, 0.01, 120, 1e-5), (1.0, 0.0064, 782, 1e-6), (0.8, 0.001, 1000, 1e-6), (1.5, 0.001, 1000, 1e-6),
    (2, 0.05, 1000, 1e-6), (1.5, 0.05, 1000, 1e-6), (3, 0.05, 1000, 1e-6), (0.8, 0.05, 100, 1e-6), (2, 0.2, 100, 1e-6),
    (1.5, 0.001, 20000, 1e-6), (3, 0.05, 20000, 1e-6), (2, 0.05, 50000, 1e-6), (3, 0.001, 50000, 1e-6),
    (0.5, 0.2, 3, 0.15594), (1.0, 0.1, 100, 1e-5), (1.0, 0.01, 1000, 1e-6), (2.0, 0.5, 50, 1e-5),
]
rng = random.Random(6)
drawn = [
    (round(rng.uniform(0.5, 6), 3), float(f"{10 ** rng.uniform(-3, -0.05):.3g}"), int(10 ** rng.uniform(0, 3.7)), 10 ** -rng.randint(3, 12))
    for _ in range(24)
]


def event(phases):
    return dp.ComposedDpEvent([
        dp.SelfComposedDpEvent(dp.PoissonSampledDpEvent(rate, dp.GaussianDpEvent(noise)), steps) for noise, rate, steps in phases
    ])


def by_pld(phases, delta, pessimistic):
    interval = 1e-5 if min(rate for _, rate, _ in phases) < 0.005 else 1e-4
    total = None
    for noise, rate, steps in phases:
        one = pld.privacy_loss_distribution.from_gaussian_mechanism(
            noise, sampling_prob=rate, value_discretization_interval=interval, pessimistic_estimate=pessimistic,
            use_connect_dots=pessimistic,
        ).self_compose(steps)
        total = one if total is None else total.compose(one)
    return total.get_epsilon_for_delta(delta)


def case(phases, delta):
    accountant = rdp.RdpAccountant().compose(event(phases))
    epsilon, order = accountant.get_epsilon_and_optimal_order(delta)
    lower, upper = by_pld(phases, delta, False), by_pld(phases, delta, True)
    return dict(
        phases=[dict(noiseMultiplier=noise, samplingRate=rate, steps=steps, sampling="poisson") for noise, rate, steps in phases],
        delta=delta, rdp=float(epsilon), order=float(order), pldLower=float(lower), pldUpper=float(upper),
    )


cases = [case([(noise, rate, steps)], delta) for noise, rate, steps, delta in TABLE + drawn]
mixed = [
    case([(1.0, 0.01, 500), (2.0, 0.2, 20)], 1e-6),
    case([(0.9, 0.05, 10), (3.0, 0.3, 200), (1.5, 0.02, 1000)], 1e-8),
]
normal = [dict(z=z, logCdf=float(log_ndtr(z))) for z in (-37.5, -20.25, -6.1, -3.3, -0.9, -0.7, -0.3, 0.2, 0.71, 1.9, 5.5)]
assert all(math.isfinite(one["pldUpper"]) for one in cases + mixed)
pathlib.Path(__file__).with_name("accountant.expected.json").write_text(json.dumps(dict(cases=cases, mixed=mixed, normal=normal), indent=1) + "\n")
