"""Checks by hand that PyTorch loads what train-imagenet writes, and the other
way round: weights that PyTorch wrote are where the training begins (--init),
`load_state_dict(strict=True)` takes what it ends with, and both sides compute
the same logits of both. Made with PyTorch 2.13.0.
Run: python tests/goldens/resnet_roundtrip.py
"""

import pathlib
import subprocess
import tempfile

import torch
from safetensors.torch import load_file, save_file

from resnet import ResNet
from resnet_networks import NETWORKS, disturb_normalizations

SCRIPT = pathlib.Path(__file__).with_suffix(".ts")
CLASSES = 3


def check(name):
    torch.manual_seed(0)
    model = ResNet(**{**NETWORKS[name], "classes": CLASSES})
    disturb_normalizations(model, 2)
    begin = {key: tensor.clone() for key, tensor in model.state_dict().items()}
    with tempfile.TemporaryDirectory() as folder:
        save_file(begin, f"{folder}/begin.safetensors")
        subprocess.run(["deno", "run", "-A", str(SCRIPT), folder, name], check=True)
        end = load_file(f"{folder}/run/model.safetensors")
        found = load_file(f"{folder}/logits.safetensors")
    images = found["images"].permute(0, 3, 1, 2)
    for what, state in [("begin", begin), ("end", end)]:
        model.load_state_dict(state, strict=True)
        with torch.no_grad():
            expected = model.eval()(images)
        error = ((found[what] - expected).norm() / expected.norm()).item()
        print(f"{name}, {what}: logits differ by {error:.1e} of their norm")
        assert error < 1e-5
    for key, tensor in end.items():
        assert not torch.equal(tensor, begin[key]), f"{key} was not trained"


if __name__ == "__main__":
    for name in NETWORKS:
        check(name)
