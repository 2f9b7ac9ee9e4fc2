"""Numbers that others have printed, to stand beside ours."""

from __future__ import annotations

import pandas as pd

_TABLE_1 = {
    "ols": (37.25, 73.89, 125.48, 195.40, 211.10),
    "ridge": (48.47, 69.87, 102.89, 136.74, 148.67),
    "lasso": (20.12, 23.89, 41.52, 122.59, 127.55),
    "elasticnet": (17.00, 23.20, 37.61, 89.73, 101.87),
}


# RGB PSNR in dB over the number of 6 x 6 patches, SIGGRAPH17 on ImageNet (Zhang et al. 2017, Real-Time
# User-Guided Image Colorization with Learned Deep Priors).
_SIGGRAPH17 = {0: 24.4, 1: 25.4, 5: 27.4, 10: 28.4, 50: 30.4, 100: 31.1, 500: 32.1}


def table_1() -> pd.DataFrame:
    """The paper's Table 1 as printed, 20 rows: method, unknown (a share in [0, 1]), printed (ab-MSE)."""
    shares = (0.2, 0.4, 0.6, 0.8, 1.0)
    rows = [(m, u, v) for m, values in _TABLE_1.items() for u, v in zip(shares, values)]
    return pd.DataFrame(rows, columns=["method", "unknown", "printed"])


def siggraph17() -> pd.DataFrame:
    """SIGGRAPH17 with hints: patches, psnr (dB, RGB); other photos than ours, so only the trend compares."""
    return pd.DataFrame(list(_SIGGRAPH17.items()), columns=["patches", "psnr"])
