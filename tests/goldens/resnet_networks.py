"""Makes resnet_networks.json: ResNet-50, ResNet-18 and ResNet-20 in PyTorch, as
fingerprints of their logits, gradients and running statistics. Made with
PyTorch 2.13.0 (CPU) in float64.

Weights are those that this library begins with, which are a function of the
seed: kaiming_normal_ with fan_out for convolutions, the default of nn.Linear.
Normalizations get other values than 1 and 0.
Run: python tests/goldens/resnet_networks.py > tests/goldens/resnet_networks.json
"""

import json
import math

import torch
from torch import nn
from torch.nn import functional as F

from fingerprint import fingerprint
from random_source import RandomSource
from resnet import ResNet

NETWORKS = {
    "resnet20": dict(stem="cifar", block="basic", widths=[16, 32, 64], depths=[3] * 3, classes=10),
    "resnet18": dict(
        stem="imagenet", block="basic", widths=[64, 128, 256, 512], depths=[2] * 4, classes=1000
    ),
    "resnet50": dict(
        stem="imagenet", block="bottleneck", widths=[64, 128, 256, 512], depths=[3, 4, 6, 3], classes=1000
    ),
}

# Where the values of a normalization lie, by the end of its name; the first that fits.
# Branches of a bottleneck add little, as in trained networks: else a rounding error
# grows by a factor of 300 on the way through the 50 layers, in PyTorch too.
RANGES = {
    "bn3.weight": (0.1, 0.3),
    "weight": (0.5, 1.5),
    "bias": (-0.3, 0.3),
    "running_mean": (-0.3, 0.3),
    "running_var": (0.5, 1.5),
}


def network(name, seed):
    """A network with the weights that models/resnet.ts begins with."""
    model = ResNet(**NETWORKS[name]).double()
    random = RandomSource(seed)
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, nn.Conv2d):
                o, i, h, w = module.weight.shape
                weight = random.normal((h, w, i, o), math.sqrt(2 / (h * w * o)))
                module.weight.copy_(weight.permute(3, 2, 0, 1))
            if isinstance(module, nn.Linear):
                o, i = module.weight.shape
                bound = 1 / math.sqrt(i)
                module.weight.copy_(random.uniform((i, o), -bound, bound).T)
                module.bias.copy_(random.uniform((o,), -bound, bound))
    return model


def disturb_normalizations(model, seed):
    random = RandomSource(seed)
    with torch.no_grad():
        for name, tensor in model.state_dict().items():
            if tensor.dim() == 1 and not name.startswith("fc."):
                low, high = next(range for end, range in RANGES.items() if name.endswith(end))
                tensor.copy_(random.uniform(tensor.shape, low, high))


def examples(batch, size, classes, seed):
    """Images [N, 3, H, W] in [-2, 2), and labels."""
    images = RandomSource(seed).uniform((batch, size, size, 3), -2, 2)
    return images.permute(0, 3, 1, 2).double(), torch.arange(batch) * 7 % classes


def case(name, batch, size, seed):
    model = network(name, 1)
    disturb_normalizations(model, 2)
    images, labels = examples(batch, size, model.fc.out_features, seed)
    model.eval()
    evaluation = fingerprint(model(images))
    model.train()
    logits = model(images)
    loss = F.cross_entropy(logits, labels)
    loss.backward()
    return {
        "name": name,
        "batch": batch,
        "size": size,
        "seed": seed,
        "evaluation": evaluation,
        "logits": fingerprint(logits),
        "loss": loss.item(),
        "gradients": {name: fingerprint(p.grad) for name, p in model.named_parameters()},
        "running": {
            name: fingerprint(tensor) for name, tensor in model.state_dict().items() if "running" in name
        },
    }


if __name__ == "__main__":
    torch.set_default_dtype(torch.float64)
    # Seeds of images with which no activation is so close to 0 that a rounding error
    # lifts it over, which would change a gradient by more than all rounding does.
    networks = [case("resnet20", 4, 8, 3), case("resnet18", 2, 33, 12), case("resnet50", 2, 33, 30)]
    print(json.dumps({"ranges": RANGES, "networks": networks}))
