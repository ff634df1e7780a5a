"""Makes bert.safetensors: a small BERT for question answering of Hugging
Face's transformers, its weights, inputs, hidden states, logits, loss and
gradients; and 20 training steps of a smaller one by AdamW and CrAM+. Made with
transformers 5.18.0 and PyTorch 2.13.0 (CPU) in float64; weights are numbers
that float32 has too.

CrAM is that of trajectories.py. Weights decay but for biases and LayerNorm,
the learning rate rises in 4 steps and falls evenly, gradients are clipped to
norm 1, as is usual where BERT is fine-tuned; only the linear weights of the
encoder are pruned.
Run: python tests/goldens/bert.py tests/goldens/bert.safetensors
"""

import re
import sys

import torch
from safetensors.torch import save_file
from transformers import BertConfig, BertForQuestionAnswering

from random_source import RandomSource
from trajectories import top_k

STEPS = 20
WARMUP = 4
PEAK = 0.01
RHO = 0.05
PRUNABLE = re.compile(r"\.encoder\..*(query|key|value|dense)\.weight$")
UNDECAYED = re.compile(r"(bias|LayerNorm\.weight)$")


def build(**sizes):
    """A network without dropout, whose biases and scales are no zeros and ones."""
    config = BertConfig(
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        attn_implementation="eager",
        **sizes,
    )
    model = BertForQuestionAnswering(config).double()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith("LayerNorm.weight"):
                parameter.uniform_(0.5, 1.5)
            elif name.endswith("bias"):
                parameter.uniform_(-0.3, 0.3)
            else:
                parameter.normal_(0, 0.2)
            parameter.copy_(parameter.float())
    return model


def inputs(config, lengths):
    """Sequences with padding at the end, whose last third is of the second type."""
    longest = max(lengths)
    ids = torch.zeros(len(lengths), longest, dtype=torch.long)
    types = torch.zeros_like(ids)
    mask = torch.zeros_like(ids)
    for row, length in enumerate(lengths):
        ids[row, :length] = torch.randint(1, config.vocab_size, (length,))
        types[row, length - length // 3 : length] = 1
        mask[row, :length] = 1
    return dict(input_ids=ids, token_type_ids=types, attention_mask=mask)


def stored(tensors, prefix, dtype=None):
    return {
        f"{prefix}/{name}": tensor.detach().to(dtype or tensor.dtype).clone().contiguous()
        for name, tensor in tensors.items()
    }


def single():
    model = build(
        vocab_size=100,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=12,
    )
    batch = inputs(model.config, [9, 6, 4])
    # The last example's answer lies behind the sequence: it does not count. -1 is taken for 0.
    positions = dict(
        start_positions=torch.tensor([2, -1, 50]),
        end_positions=torch.tensor([5, 4, 9]),
    )
    result = model(**batch, **positions, output_hidden_states=True)
    result.loss.backward()
    return {
        **stored(model.state_dict(), "state", torch.float32),
        **stored(batch, "inputs", torch.int32),
        **stored({**positions}, "inputs", torch.int32),
        **stored({str(i): h for i, h in enumerate(result.hidden_states)}, "hidden"),
        **stored({"start": result.start_logits, "end": result.end_logits}, "logits"),
        "loss": result.loss.detach(),
        **stored({n: p.grad for n, p in model.named_parameters()}, "gradients"),
    }


def train(model, batch, compressors):
    named = dict(model.named_parameters())
    parameters = list(named.values())
    optimizer = torch.optim.AdamW(
        [
            {"params": [p for n, p in named.items() if not UNDECAYED.search(n)]},
            {"params": [p for n, p in named.items() if UNDECAYED.search(n)], "weight_decay": 0.0},
        ],
        lr=PEAK,
        eps=1e-6,
        weight_decay=0.01,
    )
    prunable = [i for i, n in enumerate(named) if PRUNABLE.search(n)]
    losses = []

    def gradients():
        optimizer.zero_grad()
        loss = model(**batch).loss
        loss.backward()
        return loss.item(), [p.grad.clone() for p in parameters]

    for step in range(STEPS):
        loss, combined = gradients()
        losses.append(loss)
        if compressors:
            saved = [p.detach().clone() for p in parameters]
            with torch.no_grad():
                for p, g in zip(parameters, combined):
                    p.add_(g, alpha=RHO)
                drawn = RandomSource(0, step + 1).integer(len(compressors))
                kept = dict(zip(prunable, compressors[drawn]([parameters[i] for i in prunable])))
                for i, mask in kept.items():
                    parameters[i].mul_(mask)
            _, second = gradients()
            combined = [
                g + (h * kept[i] if i in kept else h)
                for i, (g, h) in enumerate(zip(combined, second))
            ]
            with torch.no_grad():
                for p, old in zip(parameters, saved):
                    p.copy_(old)
        for p, g in zip(parameters, combined):
            p.grad = g
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        rate = (step + 1) / WARMUP if step < WARMUP else (STEPS - step) / (STEPS - WARMUP)
        for group in optimizer.param_groups:
            group["lr"] = PEAK * rate
        optimizer.step()
    return torch.tensor(losses, dtype=torch.float64)


def trajectories():
    model = build(
        vocab_size=40,
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=24,
        max_position_embeddings=8,
    )
    batch = {
        **inputs(model.config, [7, 7, 5, 4]),
        "start_positions": torch.tensor([1, 3, 2, 0]),
        "end_positions": torch.tensor([4, 3, 4, 2]),
    }
    initial = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    result = {
        **stored(initial, "trajectories/state", torch.float32),
        **stored(batch, "trajectories/inputs", torch.int32),
    }
    runs = {
        "AdamW": [],
        "CrAM+-Multi": [top_k(0.5), top_k(0.6), top_k(0.7)],
    }
    for name, compressors in runs.items():
        model.load_state_dict(initial)
        result[f"trajectories/{name}/losses"] = train(model, batch, compressors)
        result |= stored(model.state_dict(), f"trajectories/{name}/state")
    return result


if __name__ == "__main__":
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)
    save_file({**single(), **trajectories()}, sys.argv[1])
