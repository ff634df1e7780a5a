"""Tensors in a few numbers: the norm, and products with vectors of -1 and 1.

For an error e and such a vector s that knows nothing of it, s·e is as large as
|e| in the mean square (Alon, Matias, Szegedy, STOC 1996). So a few products
tell how far two tensors are apart. tests/fingerprint.ts computes the same."""

import numpy as np

VECTORS = 4


def signs(count):
    """For each element a word whose lowest bits are the signs: a hash of the index."""
    h = np.arange(count, dtype=np.uint32) * np.uint32(0x9E3779B1)
    h = (h ^ (h >> np.uint32(15))) * np.uint32(0x85EBCA77)
    h = (h ^ (h >> np.uint32(13))) * np.uint32(0xC2B2AE3D)
    return h ^ (h >> np.uint32(16))


def fingerprint(tensor):
    """The norm, then the products, in PyTorch's order of elements."""
    values = tensor.detach().double().flatten().numpy()
    h = signs(len(values))
    products = [
        np.where((h >> np.uint32(bit)) & np.uint32(1), -values, values).sum() for bit in range(VECTORS)
    ]
    return [float(f"{x:.13g}") for x in [np.sqrt((values * values).sum()), *products]]
