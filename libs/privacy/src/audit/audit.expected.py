"""Numbers of another system for the audit: writes audit.expected.json beside this file. Needs numpy, scipy and mpmath."""
import json
import math
import pathlib

import mpmath
import numpy as np
from scipy import stats

mpmath.mp.dps = 40
rng = np.random.default_rng(17)

others = np.round(rng.gamma(12, 0.4, size=60) + 5, 3)
power = abs(stats.skew(others)) ** (2 / 3)
ratio = math.pi / 2 * power / (power + ((4 - math.pi) / 2) ** (2 / 3))
delta = math.copysign(math.sqrt(ratio), stats.skew(others))
scale = math.sqrt(np.var(others) / (1 - 2 * ratio / math.pi))
location = np.mean(others) - scale * delta * math.sqrt(2 / math.pi)
shape = delta / math.sqrt(1 - ratio)


def bits(surprise):
    z = (surprise - location) / scale
    density = lambda t: 2 * mpmath.npdf(t) * mpmath.ncdf(shape * t)
    return float(-mpmath.log(mpmath.quad(density, [-mpmath.inf, z - 20, z - 5, z - 1, z]), 2))


surprises = (7.5, 5.9, 5.0, 9.1, 13.0)
for surprise in surprises:
    assert abs(bits(surprise) + stats.skewnorm.logcdf(surprise, shape, location, scale) / math.log(2)) < 1e-8

members, non_members = np.round(rng.normal(0.6, 1, 25), 1), np.round(rng.normal(0, 1, 40), 1)
auc = stats.mannwhitneyu(members, non_members).statistic / (25 * 40)

logits, tokens = rng.normal(0, 2, (13, 50)), rng.integers(0, 50, 13)
log_p = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
p = np.exp(log_p)
chosen, mean = log_p[np.arange(13), tokens], (p * log_p).sum(-1)
deviation = np.sqrt((p * log_p**2).sum(-1) - mean**2)
lowest = lambda values: float(np.mean(np.sort(values)[: int(0.2 * 13)]))


def chance(m, r, v, epsilon, delta):
    q = 1 / (1 + math.exp(-epsilon))
    between = [(stats.binom.cdf(v - 1, r, q) - stats.binom.cdf(v - i - 1, r, q)) / i for i in range(1, v + 1)]
    p = min(1, stats.binom.sf(v - 1, r, q) + 2 * m * delta * max(between))
    return dict(canaries=m, guesses=r, correct=v, epsilon=epsilon, delta=delta, chance=p)


found = dict(
    exposure=dict(
        others=others.tolist(), shape=shape, location=location, scale=scale,
        cases=[dict(surprise=surprise, bits=bits(surprise)) for surprise in surprises],
    ),
    separation=dict(members=members.tolist(), others=non_members.tolist(), auc=auc),
    scores=dict(
        logProbabilities=chosen.tolist(), expected=mean.tolist(), deviations=deviation.tolist(),
        minK=lowest(chosen), minKPlusPlus=lowest((chosen - mean) / deviation), loss=float(-chosen.mean()),
    ),
    chances=[
        chance(1000, 100, 90, 1.5, 1e-5), chance(500, 500, 260, 0.2, 1e-4), chance(64, 20, 15, 0.7, 1e-3),
        chance(2000, 2000, 1500, 0.9, 1e-6),
    ],
)
pathlib.Path(__file__).with_name("audit.expected.json").write_text(json.dumps(found, indent=1) + "\n")
