"""Makes squad_metrics.json: what the official evaluation scripts of SQuAD say of
odd answers and predictions, and the words that they see in odd texts.

The scripts are not part of this project. Both are given by their paths:
evaluate-v1.1.py and evaluate-v2.0.py. Made with Python 3.11.
Run: python tests/goldens/squad_metrics.py V1 V2 > tests/goldens/squad_metrics.json
"""

import importlib.util
import json
import random
import subprocess
import sys
import tempfile
from pathlib import Path

# Right answers and the prediction.
ANSWERED = [
    (["Denver Broncos"], "Denver Broncos"),
    (["Denver Broncos", "The Denver Broncos"], "the denver  broncos."),
    (["Denver Broncos", "Broncos"], "Denver"),
    (["a cat and a dog"], "cat, dog, cat and cat"),
    (["U.S.", "United States"], "the US"),
    (["don't", "do not"], "dont"),
    (["The", "The The"], "the"),
    (["an"], "A"),
    (["the", "cat"], "a"),
    (["!!!"], "?"),
    (["3.5 million"], "35 million"),
    (["naïve café"], "NAÏVE CAFÉ"),
    (["a\u0301gora"], "gora"),
    (["A-team"], "team"),
    (["a ä the thé an"], "ä thé"),
    (["the\u00a0end", "end"], "\u3000the end\u2028"),
    (["ΟΔΟΣ"], "οδος"),
    (["İstanbul"], "i̇stanbul"),
    (["Straße"], "STRASSE"),
    (["“quoted”"], "quoted"),
    (["x\u001cy\u0085z"], "x y z"),
    (["x\ufeffy"], "x y"),
    (["1/2"], "½"),
    (["東京"], "東京 "),
    (["one two three four five"], "five four three two one zero"),
    (["left"], None),
    (["known"], ""),
    (["wrong"], "something else"),
]
UNANSWERED = ["", "something", None, "the", " ", "."]

rng = random.Random(5)


def dataset(version, cases):
    paragraphs = []
    for number, (answers, _) in enumerate(cases):
        context, places = "𝒮 ", []
        for text in answers:
            places.append({"text": text, "answer_start": len(context)})
            context += text + " | "
        qa = {"id": str(number), "question": "What?", "answers": places}
        if version == "v2.0":
            qa["is_impossible"] = not answers
        paragraphs.append({"context": context, "qas": [qa]})
    return {"version": version, "data": [{"title": "Odd", "paragraphs": paragraphs}]}


def run(script, folder, *files):
    paths = []
    for name, content in files:
        path = Path(folder) / name
        path.write_text(json.dumps(content))
        paths.append(str(path))
    if len(paths) == 3:
        paths.insert(2, "--na-prob-file")
    out = subprocess.run(
        [sys.executable, script, *paths], capture_output=True, check=True, text=True
    )
    return json.loads(out.stdout)


def odd_text():
    letters = "aAnNtThHeE .,'-_ ä\u0301Σσİ\u00a0\u2003\u200b\ufeff\u0085\u001f½²٣語«»‘𝒶\u0903"
    words = ["a", "an", "the", "The", "A"]
    return "".join(
        rng.choice(words) if rng.random() < 0.3 else rng.choice(letters)
        for _ in range(rng.randrange(12))
    )


def main():
    v1, v2 = sys.argv[1:]
    spec = importlib.util.spec_from_file_location("official", v1)
    official = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(official)

    def predictions(cases):
        return {str(i): text for i, (_, text) in enumerate(cases) if text is not None}

    # The second script fails over missing predictions.
    mixed = ANSWERED + [([], text) for text in UNANSWERED]
    mixed = [case for case in mixed if case[1] is not None]
    odds = {str(i): round(rng.uniform(-5, 5), 1) for i in range(len(mixed))}
    with tempfile.TemporaryDirectory() as folder:
        data1, data2 = dataset("1.1", ANSWERED), dataset("v2.0", mixed)
        first, second = predictions(ANSWERED), predictions(mixed)
        result1 = run(v1, folder, ("data.json", data1), ("pred.json", first))
        result2 = run(v2, folder, ("data.json", data2), ("pred.json", second))
        files = ("data.json", data2), ("pred.json", second), ("odds.json", odds)
        best = run(v2, folder, *files)
    texts = [odd_text() for _ in range(400)]
    golden = {
        "v1": {"dataset": data1, "predictions": first, "scores": result1},
        "v2": {
            "dataset": data2,
            "predictions": second,
            "nullOdds": odds,
            "scores": result2,
            "best": {key: best[key] for key in best if key.startswith("best")},
        },
        "normalized": [[text, official.normalize_answer(text)] for text in texts],
    }
    print(json.dumps(golden))


main()
