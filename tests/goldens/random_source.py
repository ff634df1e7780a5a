"""The random sequences of tensor/random_source.ts and tensor/random.ts in NumPy,
so that both sides draw the same weights and images, and no file has to hold
them: Philox4x32-10 (Salmon et al., SC 2011) of seed, stream and position."""

import math

import numpy as np
import torch

ROUNDS = 10
MASK = np.uint64(0xFFFFFFFF)
HALF = np.uint64(32)


def philox(seed, stream, count):
    """The first words of a sequence."""
    blocks = np.arange(-(-count // 4), dtype=np.uint64)
    c = [blocks & MASK, blocks >> HALF]
    c += [np.full_like(blocks, stream & 0xFFFFFFFF), np.full_like(blocks, stream >> 32)]
    low, high = seed & 0xFFFFFFFF, seed >> 32
    for _ in range(ROUNDS):
        a, b = c[0] * np.uint64(0xD2511F53), c[2] * np.uint64(0xCD9E8D57)
        c = [
            (b >> HALF) ^ c[1] ^ np.uint64(low),
            b & MASK,
            (a >> HALF) ^ c[3] ^ np.uint64(high),
            a & MASK,
        ]
        low, high = (low + 0x9E3779B9) & 0xFFFFFFFF, (high + 0xBB67AE85) & 0xFFFFFFFF
    return np.stack(c, 1).reshape(-1)[:count]


class RandomSource:
    """Hands out the streams of a seed, one for each draw."""

    def __init__(self, seed, stream=0):
        self.seed = seed
        self.stream = stream

    def words(self, count):
        words = philox(self.seed, self.stream, count)
        self.stream += 1
        return words

    def integer(self, bound):
        high, low = (int(word) for word in self.words(2))
        return math.floor(((high >> 5) * 2**26 + (low >> 6)) * 2.0**-53 * bound)

    def uniform(self, shape, low, high):
        """As `randomUniform` computes: in float32, the product rounded before the sum."""
        unit = (self.words(math.prod(shape)) >> np.uint64(8)).astype(np.float32) * np.float32(2**-24)
        return torch.from_numpy(unit * np.float32(high - low) + np.float32(low)).reshape(shape)

    def normal(self, shape, deviation):
        """As `randomNormal` computes: quantiles in float64, rounded to float32."""
        p = (self.words(math.prod(shape)).astype(np.float64) + 0.5) * 2.0**-32
        return torch.special.ndtri(torch.from_numpy(p)).mul(deviation).float().reshape(shape)
