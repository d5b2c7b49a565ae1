"""Published few-shot accuracy in %, ± as published, to compare ours with. T: transductive batch norm.

Source: Nichol, Achiam and Schulman 2018 (arXiv 1803.02999) for Reptile and, as quoted there, MAML and
first-order MAML (Finn et al. 2017, arXiv 1703.03400). iMAML: Rajeswaran et al. 2019 (arXiv 1909.04630).
"""

OMNIGLOT, MINI_IMAGENET = "Omniglot", "Mini-ImageNet"

SETTINGS = (
    (OMNIGLOT, 5, 1),
    (OMNIGLOT, 5, 5),
    (OMNIGLOT, 20, 1),
    (OMNIGLOT, 20, 5),
    (MINI_IMAGENET, 5, 1),
    (MINI_IMAGENET, 5, 5),
)
"""Data set, ways and shots of each figure of a row."""

ROWS = {
    "MAML T": ("98.7 ± 0.4", "99.9 ± 0.1", "95.8 ± 0.3", "98.9 ± 0.2", "48.70 ± 1.84", "63.11 ± 0.92"),
    "FOMAML T": ("98.3 ± 0.5", "99.2 ± 0.2", "89.4 ± 0.5", "97.9 ± 0.1", "48.07 ± 1.75", "63.15 ± 0.91"),
    "Reptile": ("95.39 ± 0.09", "98.90 ± 0.10", "88.14 ± 0.15", "96.65 ± 0.33", "47.07 ± 0.26", "62.74 ± 0.37"),
    "Reptile T": ("97.68 ± 0.04", "99.48 ± 0.06", "89.43 ± 0.14", "97.12 ± 0.32", "49.97 ± 0.32", "65.99 ± 0.58"),
    "iMAML (T)": ("99.50", "99.74", "96.18", "99.14", None, None),
}
