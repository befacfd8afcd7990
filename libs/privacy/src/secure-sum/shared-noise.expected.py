"""What a sum of rounded noisy values gives away, exactly: writes shared-noise.expected.json beside this file.

    python shared-noise.expected.py

with numpy and scipy. Every probability comes from differences of the normal distribution and convolutions of them; nothing of the mechanism's
own accounting is used. `exact` is the smallest epsilon at which the hockey-stick divergence, both ways, is at most delta. `apart` is the largest
difference between an outcome of the sum and of a B-spline rounding of the sum of the real values, by quadrature.
"""
import json
import pathlib

import numpy as np
from scipy.interpolate import BSpline
from scipy.stats import norm


def rounded(x, s, reach):
    """P(round(x + N(0, s^2)) = k) for k from -reach to reach."""
    k = np.arange(-reach, reach + 1)
    upper, lower = (k + 0.5 - x) / s, (k - 0.5 - x) / s
    return np.where(lower > 0, norm.sf(lower) - norm.sf(upper), norm.cdf(upper) - norm.cdf(lower))


def summed(xs, s, reach):
    p = rounded(xs[0], s, reach)
    for x in xs[1:]:
        p = np.convolve(p, rounded(x, s, reach))
    return p


def hockey_stick(p, q, epsilon):
    return max(np.maximum(p - np.exp(epsilon) * q, 0).sum(), np.maximum(q - np.exp(epsilon) * p, 0).sum())


def least_epsilon(p, q, delta):
    low, high = 0.0, 60.0
    for _ in range(70):
        middle = (low + high) / 2
        low, high = (low, middle) if hockey_stick(p, q, middle) <= delta else (middle, high)
    return high


def product(columns):
    all_ = columns[0]
    for one in columns[1:]:
        all_ = np.multiply.outer(all_, one).ravel()
    return all_


cases = []
for honest, s, steps, multiplier, delta in [
    (1, 8, 1, 1.0, 1e-5), (2, 8, 1, 0.7, 1e-5), (3, 8, 1, 2.0, 1e-5), (3, 9.5, 2, 1.0, 1e-6), (5, 8, 2, 3.0, 1e-4), (7, 12, 1, 4.0, 1e-7),
    (2, 8, 3, 2.5, 1e-5),
]:
    clip = s * np.sqrt(honest) / multiplier  # in steps of the ring: deliberately no whole number
    others = [0.3, -1.7, 2.45, 0.9, -0.2, 5.5][: honest - 1]
    reach = int(12 * s + clip + 8)
    with_, without = summed([clip, *others], s, reach), summed([0, *others], s, reach)
    epsilon = least_epsilon(product([with_] * steps), product([without] * steps), delta)
    cases.append(dict(honest=honest, noiseSteps=s, steps=steps, noiseMultiplier=multiplier, delta=delta, exact=epsilon))
    if honest == 3:  # the same clip over two values
        halves = [summed([clip * w, *others], s, reach) for w in (0.6, -0.8)]
        none = [summed([0, *others], s, reach)] * 2
        if steps == 1:
            both = least_epsilon(product(halves), product(none), delta)
            cases.append(dict(honest=honest, noiseSteps=s, steps=1, noiseMultiplier=multiplier, delta=delta, exact=both))

apart = []
for honest, s in [(2, 0.5), (2, 0.7), (2, 0.9), (3, 0.5), (3, 0.8), (5, 0.6), (8, 0.5)]:
    xs = [0.4, -0.35, 1.2, 0.05, -0.8, 0.5, 0.11, -2.3][:honest]
    reach = 30
    p = summed(xs, s, reach)
    k = np.arange(-reach * honest, reach * honest + 1)
    knots = np.arange(honest + 1) - honest / 2
    spline = BSpline.basis_element(knots, extrapolate=False)
    u = np.linspace(-honest / 2, honest / 2, 4001)
    weights = np.nan_to_num(spline(u))
    # round_n(y) = k with probability spline(k - y): integrate over y = k - u
    q = np.array([np.trapezoid(weights * norm.pdf(one - u, sum(xs), s * np.sqrt(honest)), u) for one in k])
    apart.append(dict(honest=honest, noiseSteps=s, apart=float(np.abs(p - q).max())))

edges = norm.ppf(np.arange(1, 16) / 16)
x, s = 3.3, 8.0
bins = np.array([np.floor(x + s * e) + 0.5 for e in edges])
chances = np.diff([0, *norm.cdf((bins - x) / s), 1])
sampled = dict(x=x, noiseSteps=s, bins=list(bins), chances=list(chances))

pathlib.Path(__file__).with_suffix(".json").write_text(json.dumps(dict(cases=cases, apart=apart, sampled=sampled), indent=2) + "\n")
