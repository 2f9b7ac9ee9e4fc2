"""Row models: the lightness of one row of pixels in, one chroma channel of that row out (paper, sections 3.2 to 3.4).

`RowRegressor` is one such model, a decision tree, a forest or a boosted sum of trees, all of scikit-learn's trees.
`colorizers.RowColorizer` holds those of a whole photo. A fitted model is plain arrays: its trees are complete and
binary.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.base import BaseEstimator, MultiOutputMixin, RegressorMixin
from sklearn.ensemble import RandomForestRegressor
from sklearn.tree import DecisionTreeRegressor
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

KINDS = ("tree", "forest", "boosting")
DEEPEST = 10  # a complete tree of this depth has 1,024 leaves


@dataclass(frozen=True, eq=False)
class Trees:
    """T complete binary trees of depth d that share their targets: sums of k scores that stand for W numbers.

    Attributes
    ----------
    feature, threshold : np.ndarray
        (T, 2^d - 1), integer and float64, level by level; a sample goes right where x[feature] > threshold. The
        threshold is infinite where a tree does not split.
    leaf : np.ndarray
        (T, 2^d, k) scores, already multiplied by what each tree counts.
    mean : np.ndarray
        (W,), so that a row is mean + scores @ components.
    components : np.ndarray
        (k, W).
    """

    feature: np.ndarray
    threshold: np.ndarray
    leaf: np.ndarray
    mean: np.ndarray
    components: np.ndarray

    @property
    def depth(self) -> int:
        return self.leaf.shape[1].bit_length() - 1

    def apply(self, X: np.ndarray) -> np.ndarray:
        """The leaf that each sample reaches.

        Parameters
        ----------
        X : np.ndarray
            (n, features) float32.

        Returns
        -------
        np.ndarray
            (n, T) integer, 0 to 2^d - 1 from left to right.
        """
        count = len(self.feature)
        tree, node = np.arange(count), np.zeros((len(X), count), np.intp)
        for _ in range(self.depth):
            value = np.take_along_axis(X, self.feature[tree, node].astype(np.intp), axis=1)
            node = 2 * node + 1 + (value > self.threshold[tree, node])
        return node - (2**self.depth - 1)

    def scores(self, X: np.ndarray) -> np.ndarray:
        """The sum of the leaves that each sample reaches.

        Parameters
        ----------
        X : np.ndarray
            (n, features) float32.

        Returns
        -------
        np.ndarray
            (n, k).
        """
        tree, step = np.arange(len(self.leaf)), max(1, 4_000_000 // self.leaf[:, 0].size)
        parts = [X[i : i + step] for i in range(0, len(X), step)]
        return np.concatenate([self.leaf[tree, self.apply(part)].sum(axis=1) for part in parts])

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Rows for the samples.

        Parameters
        ----------
        X : np.ndarray
            (n, features) float32.

        Returns
        -------
        np.ndarray
            (n, W).
        """
        return self.mean + self.scores(X) @ self.components


def _complete(tree, depth: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A tree of scikit-learn as feature, threshold and leaf of a complete one; early leaves are repeated."""
    feature, threshold, nodes = [], [], np.zeros(1, int)
    for _ in range(depth):
        split = tree.children_left[nodes] >= 0
        feature.append(np.where(split, tree.feature[nodes], 0))
        threshold.append(np.where(split, tree.threshold[nodes], np.inf))
        left, right = (np.where(split, side[nodes], nodes) for side in (tree.children_left, tree.children_right))
        nodes = np.column_stack([left, right]).ravel()
    return np.concatenate(feature), np.concatenate(threshold), tree.value[nodes, :, 0]


class RowRegressor(MultiOutputMixin, RegressorMixin, BaseEstimator):
    """One row model with many outputs: a decision tree, a random forest or gradient boosting, squared error.

    Boosting is F_t = F_{t-1} + learning_rate * h_t from the mean, each h_t one tree for all outputs, fitted to the
    residuals (for squared error that is the gradient).

    fit(X (n, features), y (n,) or (n, outputs)) raises ValueError for NaN, for fewer than two samples, for features
    that are all constant, and for parameters out of range.

    Parameters
    ----------
    kind : str
        "tree", "forest" or "boosting".
    max_depth : int
        Of each tree, 1 to 10.
    n_estimators : int
        Trees of a forest or of boosting, at least 1.
    learning_rate : float
        Of boosting, above 0.
    max_features : int, float or str, optional
        How many features each split looks at, as in scikit-learn; None is all.
    variance : float, optional
        The targets are replaced by as many principal components as hold this share of their variance, in (0, 1], for
        finding splits and in the leaves; predictions are full rows again. None fits the targets as they are.
    random_state : int, optional
        An int makes fits repeatable.

    Attributes
    ----------
    trees_ : Trees
        The fitted trees.
    n_features_in_ : int
        The number of features that `fit` was given.

    References
    ----------
    Friedman 2001, for boosting.
    """

    def __init__(
        self,
        kind="tree",
        *,
        max_depth=3,
        n_estimators=100,
        learning_rate=0.1,
        max_features=None,
        variance=0.95,
        random_state=None,
    ):
        self.kind = kind
        self.max_depth = max_depth
        self.n_estimators = n_estimators
        self.learning_rate = learning_rate
        self.max_features = max_features
        self.variance = variance
        self.random_state = random_state

    def check(self):
        """Raise ValueError for a parameter that is out of range."""
        if self.kind not in KINDS:
            raise ValueError(f"kind must be one of {', '.join(KINDS)}, got {self.kind!r}")
        if not isinstance(self.max_depth, (int, np.integer)) or not 1 <= self.max_depth <= DEEPEST:
            raise ValueError(f"max_depth must be a whole number from 1 to {DEEPEST}, got {self.max_depth!r}")
        if not isinstance(self.n_estimators, (int, np.integer)) or self.n_estimators < 1:
            raise ValueError(f"n_estimators must be a whole number from 1, got {self.n_estimators!r}")
        if not 0 < self.learning_rate < np.inf:
            raise ValueError(f"learning_rate must be above 0 and finite, got {self.learning_rate!r}")
        if self.random_state is not None and not isinstance(self.random_state, (int, np.integer)):
            raise ValueError(f"random_state must be a whole number or None, got {self.random_state!r}")
        if self.variance is not None and not 0 < self.variance <= 1:
            raise ValueError(f"variance must be above 0 and at most 1, or None, got {self.variance!r}")

    def fit(self, X, y):
        self.check()
        X, y = validate_data(self, X, y, multi_output=True, y_numeric=True, ensure_min_samples=2,
                             dtype=(np.float32, np.float64))  # fmt: skip
        if (X == X[0]).all():
            raise ValueError("every sample has the same features: there is nothing to split on")
        X = X.astype(np.float32, copy=False)  # what scikit-learn's trees compare
        self._one_output = y.ndim == 1
        y = y.reshape(len(y), -1)
        if y.dtype != np.float32:
            y = y.astype(np.float64)
        mean = y.mean(axis=0, dtype=np.float64)
        centred = y - mean.astype(y.dtype)
        components = self._components(centred)
        scores = (centred @ components.T.astype(y.dtype)).astype(np.float64)
        del centred
        feature, threshold, leaf = (np.stack(part) for part in zip(*self._grow(X, scores)))
        kind = np.int16 if X.shape[1] < 2**15 else np.int32
        self.trees_ = Trees(feature.astype(kind), threshold, leaf, mean, components)
        return self

    def _components(self, centred):
        """The principal components (k, outputs) of centred targets that hold `variance`; the identity for None."""
        outputs = centred.shape[1]
        if self.variance is None or outputs == 1:
            return np.eye(outputs)
        spread, directions = np.linalg.eigh((centred.T @ centred).astype(np.float64))
        held = np.cumsum(spread[::-1].clip(min=0))
        count = np.searchsorted(held, self.variance * held[-1] * (1 - 1e-12)) + 1
        return np.ascontiguousarray(directions[:, ::-1][:, :count].T)

    def _grow(self, X, scores):
        """Fit the trees; returns (feature, threshold, leaf) of each."""
        rng = check_random_state(self.random_state)
        if self.kind == "forest":
            forest = RandomForestRegressor(
                self.n_estimators, max_depth=self.max_depth, max_features=self.max_features or 1.0, random_state=rng
            ).fit(X, scores if scores.shape[1] > 1 else scores.ravel())
            grown = (_complete(tree.tree_, self.max_depth) for tree in forest)
            return [(feature, threshold, leaf / self.n_estimators) for feature, threshold, leaf in grown]
        rate, rounds = (1, 1) if self.kind == "tree" else (self.learning_rate, self.n_estimators)
        found, residual = [], scores
        for _ in range(rounds):
            tree = DecisionTreeRegressor(
                max_depth=self.max_depth, max_features=self.max_features, random_state=rng.randint(2**31 - 1)
            ).fit(X, residual)
            feature, threshold, leaf = _complete(tree.tree_, self.max_depth)
            found.append((feature, threshold, rate * leaf))
            if len(found) < rounds:
                residual = residual - rate * tree.predict(X).reshape(residual.shape)
        return found

    def predict(self, X):
        """Predict the targets of samples.

        Parameters
        ----------
        X : array-like
            (n, features).

        Returns
        -------
        np.ndarray
            (n,) or (n, outputs), as y was given to `fit`.
        """
        check_is_fitted(self)
        X = validate_data(self, X, reset=False, dtype=(np.float32, np.float64)).astype(np.float32, copy=False)
        rows = self.trees_.predict(X)
        return rows[:, 0] if self._one_output else rows


def paper_models(seed: int = 0) -> dict[str, RowRegressor]:
    """The paper's three models (section 5.1): depth 3, 100 trees, rate 0.1.

    What it does not say is chosen for speed: forests and boosting look at a random 20 of 400 pixels for each split, and
    targets are reduced to components.

    Parameters
    ----------
    seed : int
        The models' `random_state`.

    Returns
    -------
    dict
        "tree", "forest" and "boosting" -> unfitted RowRegressor.
    """
    return {
        "tree": RowRegressor("tree", random_state=seed),
        "forest": RowRegressor("forest", max_features="sqrt", random_state=seed),
        "boosting": RowRegressor("boosting", max_features="sqrt", random_state=seed),
    }
