"""Makes resnet_trajectories.json: 20 training steps of ResNet-20 on one batch in
PyTorch, by SGD, SAM, CrAM and CrAM+: the loss of each step, and fingerprints of
parameters and running statistics at the end. Made with PyTorch 2.13.0 (CPU) in
float64.

The networks are those of resnet_networks.py as they begin, the optimizers those
of trajectories.py.
Run: python tests/goldens/resnet_trajectories.py > tests/goldens/resnet_trajectories.json
"""

import json
from itertools import islice

import torch

from fingerprint import fingerprint
from resnet_networks import examples, network
from trajectories import top_k, train

STEPS = 20
LEARNING_RATE = 0.002
COMPRESSORS = [top_k(0.5), top_k(0.7), top_k(0.9)]
ASCENTS = {
    "SGD": None,
    "SAM": dict(rho=0.05, normalize=True, plus=False, compressors=[]),
    "CrAM": dict(rho=0.05, normalize=False, plus=False, compressors=COMPRESSORS),
    "CrAM+": dict(rho=0.05, normalize=False, plus=True, compressors=COMPRESSORS),
}
# Seeds of images with which no rounding to float32 lifts an activation over 0 or swaps
# two weights whose magnitudes decide which of them is pruned: from then on, losses
# differ in the third digit. Five runs of PyTorch in float32, the weights disturbed by
# 1e-7, stay within 2e-5 of this one in all 20 steps.
SEEDS = {"SGD": 3, "SAM": 5, "CrAM": 12, "CrAM+": 8}


def trajectory(ascent, seed):
    model = network("resnet20", 1)
    images, labels = examples(3, 5, 10, seed)
    optimizer = torch.optim.SGD(model.parameters(), lr=LEARNING_RATE, momentum=0.9, weight_decay=5e-4)
    losses = list(islice(train(model, images, labels, optimizer, ascent), STEPS))
    return {
        "seed": seed,
        "losses": losses,
        "state": {
            name: fingerprint(tensor)
            for name, tensor in model.state_dict().items()
            if "num_batches" not in name
        },
    }


if __name__ == "__main__":
    torch.set_default_dtype(torch.float64)
    print(json.dumps({name: trajectory(ascent, SEEDS[name]) for name, ascent in ASCENTS.items()}))
