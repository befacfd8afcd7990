"""Server optimisers as numpy computes them in float64, from the papers' formulas: writes server-optimizer.expected.json beside this file.

    python server-optimizer.expected.py

`path` has the adapter after each of three rounds, and `v` the second moments, for the changes below.
"""
import json
import pathlib

import numpy as np

START = np.array([0.5, -1.25, 2.0, 0.0])
CHANGES = np.array([[0.1, -0.02, 0.003, 0.0], [-0.04, -0.05, 0.0001, 2.0], [0.3, 0.01, -0.002, -0.5]])
ETA, BETA, BETA1, BETA2, TAU = 0.05, 0.9, 0.8, 0.95, 1e-2


def momentum():
    x, v, path = START.copy(), np.zeros(4), []
    for d in CHANGES:
        v = BETA * v + d
        x = x + ETA * v
        path.append(x.tolist())
    return dict(path=path)


def adaptive(square, corrects=False):
    x, m, v, path, seen = START.copy(), np.zeros(4), np.full(4, TAU**2), [], []
    for t, d in enumerate(CHANGES, start=1):
        m = BETA1 * m + (1 - BETA1) * d
        v = square(v, d)
        fair_m, fair_v = (m / (1 - BETA1**t), v / (1 - BETA2**t)) if corrects else (m, v)
        x = x + ETA * fair_m / (np.sqrt(fair_v) + TAU)
        path.append(x.tolist())
        seen.append(v.tolist())
    return dict(path=path, v=seen)


def adam(v, d):
    return BETA2 * v + (1 - BETA2) * d**2


expected = dict(
    start=START.tolist(),
    changes=CHANGES.tolist(),
    settings=dict(learningRate=ETA, momentum=BETA, beta1=BETA1, beta2=BETA2, tau=TAU),
    fedavgm=momentum(),
    fedadagrad=adaptive(lambda v, d: v + d**2),
    fedadam=adaptive(adam),
    fedyogi=adaptive(lambda v, d: v - (1 - BETA2) * d**2 * np.sign(v - d**2)),
    corrected=adaptive(adam, corrects=True),
)
pathlib.Path(__file__).with_name("server-optimizer.expected.json").write_text(json.dumps(expected, indent=1) + "\n")
