"""Asks `transformers` the questions that `deno task evaluate-squad` asked.

    python tests/goldens/squad_answers.py RUN/huggingface OUT/questions.json \
        OUT/predictions.json 128

RUN is a run folder of train-squad, OUT the folder of its evaluation, and the
last number the --max-length; questions that need several windows are left out.
Prints how many answers are the same. Not part of the tests: it shows that what
is written is what others read.
"""

import json
import sys

import torch
from transformers import AutoModelForQuestionAnswering, AutoTokenizer

MAX_ANSWER_LENGTH = 30

folder, questions, predictions, max_length = sys.argv[1:]
model = AutoModelForQuestionAnswering.from_pretrained(folder).eval()
tokenizer = AutoTokenizer.from_pretrained(folder)


def answer(question: str, context: str) -> str | None:
    inputs = tokenizer(
        question, context, return_tensors="pt", return_offsets_mapping=True
    )
    offsets = inputs.pop("offset_mapping")[0]
    if len(offsets) > int(max_length):
        return None
    with torch.no_grad():
        out = model(**inputs)
    in_context = inputs["token_type_ids"][0].bool()
    in_context[-1] = False  # [SEP]
    tokens = torch.nonzero(in_context)[:, 0]
    scores = out.start_logits[0][tokens, None] + out.end_logits[0][None, tokens]
    index = torch.arange(len(tokens))
    length = index[None, :] - index[:, None] + 1
    scores[(length < 1) | (length > MAX_ANSWER_LENGTH)] = -torch.inf
    start, end = divmod(int(scores.argmax()), len(tokens))
    return context[offsets[tokens[start]][0] : offsets[tokens[end]][1]]


with open(questions) as file:
    data = json.load(file)["data"]
with open(predictions) as file:
    predicted = json.load(file)
asked = same = 0
for paragraph in (p for article in data for p in article["paragraphs"]):
    for item in paragraph["qas"]:
        text = answer(item["question"], paragraph["context"])
        if text is None:
            continue
        asked += 1
        same += text == predicted[item["id"]]
print(f"{same} of {asked} answers are the same")
