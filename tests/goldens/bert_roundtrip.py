"""Checks by hand that transformers loads what this project exports: weights
that transformers wrote (of pre-training, with the heads of that and a pooling
layer, and of question answering) are read and exported by bert_roundtrip.ts,
loaded by transformers again without a missing or unexpected name, and give the
same logits. transformers 5.18.0, PyTorch 2.13.0.
Run: python tests/goldens/bert_roundtrip.py
"""

import pathlib
import subprocess
import tempfile

import torch
from safetensors.torch import load_file
from transformers import BertConfig, BertForPreTraining, BertForQuestionAnswering, BertModel

SCRIPT = pathlib.Path(__file__).with_suffix(".ts")


def check(kind, size):
    config = BertConfig(vocab_size=200, max_position_embeddings=40, **size)
    torch.manual_seed(0)
    theirs = kind(config).eval()
    with torch.no_grad():
        for parameter in theirs.parameters():
            parameter.normal_(0, 0.1)
    with tempfile.TemporaryDirectory() as folder:
        theirs.save_pretrained(f"{folder}/theirs")
        subprocess.run(["deno", "run", "-A", str(SCRIPT), folder], check=True)
        ours, report = BertForQuestionAnswering.from_pretrained(
            f"{folder}/ours", output_loading_info=True
        )
        assert not any(report[key] for key in ("missing_keys", "unexpected_keys", "mismatched_keys")), report
        logits = load_file(f"{folder}/logits.safetensors")
        with torch.no_grad():
            result = ours.eval()(logits["inputIds"].long())
            base = getattr(theirs, "bert", theirs)
            states = base(logits["inputIds"].long())[0]
            torch.testing.assert_close(ours.bert(logits["inputIds"].long())[0], states)
        for name in ("start", "end"):
            torch.testing.assert_close(logits[name], result[f"{name}_logits"], rtol=1e-5, atol=1e-5)
        for name, tensor in theirs.state_dict().items():
            name = name if name.startswith(("bert.", "cls.", "qa_")) else f"bert.{name}"
            if name in ours.state_dict():
                assert torch.equal(tensor, ours.state_dict()[name]), name
    print(kind.__name__, "is read, exported and loaded again")


if __name__ == "__main__":
    SIZE = dict(hidden_size=32, num_hidden_layers=3, num_attention_heads=4, intermediate_size=48)
    for kind in (BertForQuestionAnswering, BertForPreTraining, BertModel):
        check(kind, SIZE)
    check(BertForQuestionAnswering, {**SIZE, "hidden_act": "gelu_new"})
