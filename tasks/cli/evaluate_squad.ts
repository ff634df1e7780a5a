/**
 * `deno task evaluate-squad`: what is left of models that answer questions
 * when they are compressed at once.
 *
 * @module
 */

import type { Compressor } from "@cram/compress";
import { bertConfigToJson, type Precision } from "@cram/models";
import type { Device } from "@cram/tensor";
import { join } from "node:path";
import { OneShotTable } from "../one_shot_table.ts";
import { ProgressLine, standardOutput } from "../progress.ts";
import { evaluateAnswersOneShot } from "../squad/evaluate_answers.ts";
import { writePredictions } from "../squad/prediction_files.ts";
import { writeQuestions } from "../squad/squad_document.ts";
import { loadSquadModel } from "../squad/squad_model.ts";
import { openSquadSource } from "../squad/squad_source.ts";
import {
  chosenCompressors,
  commonData,
  COMPRESSION_OPTIONS,
  type Evaluated,
  EvaluationReport,
  findCompared,
} from "./evaluation.ts";
import {
  describeOptions,
  integer,
  type OptionValues,
  parseOptions,
  repeated,
  text,
} from "./options.ts";
import { runProgram } from "./program.ts";
import { QUESTION_OPTIONS, SQUAD_OPTIONS } from "./squad_options.ts";
import {
  ANSWER_METRICS,
  misplacedTold,
  type Questions,
  readQuestions,
} from "./squad_training.ts";
import { TRAINING_OPTIONS } from "./training_options.ts";
import { count, openChosenDevice } from "./training_run.ts";
import { findTrainedSquad, type TrainedSquad } from "./trained_squad.ts";

const { model, vocab, prunable } = SQUAD_OPTIONS;
const { device, precision, threads, help } = TRAINING_OPTIONS;

/** To which parts of zeros models are pruned, if nothing is said. */
const SPARSITIES = [0.5, 0.6, 0.7, 0.8];

const OPTIONS = {
  checkpoint: repeated(text(
    "PATH",
    "a run folder of train-squad, a folder of Hugging Face (config.json, model.safetensors, vocab.txt), or a .safetensors file; several to compare them",
  )),
  data: text(
    "PATH",
    "the questions: a file, all of which is used, a folder with dev*.json or val*.json, squad or squad-v2, which are downloaded, or default; default: those that the training evaluates on",
  ),
  model: {
    ...model,
    help:
      "the size of a file's model: bert-base, bert-mini, bert-tiny, or a config.json; default: as the config.json next to it says",
  },
  vocab: {
    ...vocab,
    help:
      "the tokens, one a line; default: vocab.txt next to --checkpoint, or those of bert-base-uncased",
  },
  ...QUESTION_OPTIONS,
  prunable,
  ...COMPRESSION_OPTIONS,
  sparsities: {
    ...COMPRESSION_OPTIONS.sparsities,
    help: `parts of zeros that Top-K prunes to; default ${SPARSITIES}`,
  },
  batchSize: integer(1, "sequences in a batch; default 32"),
  device,
  precision,
  threads,
  out: text(
    "DIR",
    "where evaluation.json, evaluation.svg, questions.json and the answers are written, behind each row anew",
  ),
  help,
};

const HELP =
  `Measures trained models that answer questions, as they are and compressed at
once, by exact match and F1 as the official scripts of SQuAD compute them.

Usage: deno task evaluate-squad --checkpoint PATH [options]

--out receives predictions.json and nbest_predictions.json of the model as it
is, those of the compressed ones in a folder each, and the questions in the
format of the official scripts. No weight is trained.

Options (of those on lengths, the default is the training's, or else that of
SQuAD: 384, 128 and 64):
${describeOptions(OPTIONS)}

Ctrl-C ends the evaluation; what was measured is written to --out.

Examples:
  deno task evaluate-squad --checkpoint runs/a
  deno task evaluate-squad --checkpoint runs/a --checkpoint runs/b \\
    --sparsities 0.5,0.8 --nm 2:4,4:8 --quantize 8,4 --out runs/compared
  deno task evaluate-squad --checkpoint DIR --data dev-v1.1.json --out answers
`;

/** A model with its questions. */
type Candidate = Evaluated<TrainedSquad> & { readonly questions: Questions };

async function evaluate(
  options: OptionValues<typeof OPTIONS>,
  signal: AbortSignal,
): Promise<void> {
  const compressors = chosenCompressors(options, SPARSITIES);
  const found = await findCompared(
    options.checkpoint,
    (path) => findTrainedSquad(path, options),
  );
  const { data: said, batchSize = 32, precision = "float32" } = options;
  const data = said ?? commonData(found, "questions");
  const source = await openSquadSource(data, {
    validation: said === undefined ? found[0].validation : undefined,
    whole: said !== undefined,
    maxMisplaced: options.maxMisplaced,
    onMisplaced: misplacedTold(),
    onProgress: (message) => console.error(message),
    signal,
  });
  const dataset = await source.validation();
  const models = found.map((model): Candidate => ({
    ...model,
    questions: readQuestions(dataset, model.model, model.settings),
  }));
  await using device = await openChosenDevice(options);
  const questions = dataset.examples.length;
  const report = new EvaluationReport(
    options.out,
    {
      data,
      questions,
      device: device.info.kind,
      precision,
      compressors: compressors.map(({ name }) => name),
      batchSize,
    },
    models.map(describe),
    (results) => results.length === 1 + compressors.length,
  );
  // Whether it can be written shows before any work is done.
  await report.save();
  if (options.out !== undefined) await writeQuestions(options.out, dataset);
  const batches = models.reduce(
    (sum, { questions: { features } }) =>
      sum + Math.ceil(features.length / batchSize),
    0,
  );
  const progress = new ProgressLine(
    standardOutput(),
    batches * (1 + compressors.length),
  );
  let done = 0;
  progress.note(
    `On ${device.info.kind} (${device.info.description}), ${
      count(questions, "question")
    } of ${source.name}`,
  );
  for (const model of models) {
    if (signal.aborted) break;
    await evaluateModel(model, {
      device,
      precision,
      compressors,
      batchSize,
      progress,
      report,
      signal,
      onBatch: () => progress.advance(++done),
      out: options.out === undefined || models.length === 1
        ? options.out
        : join(options.out, slug(model.name)),
    });
  }
  progress.finish();
  const written = await report.finish({
    title: "Answers after one-shot compression",
    metric: "f1",
    label: `F1 on ${count(questions, "question")}`,
  });
  if (written !== undefined) progress.note(written);
}

/** What the report says of a model; its results come in later. */
function describe(
  { model: { config }, questions, prunable, ...model }: Candidate,
): Evaluated<{ readonly name: string }> {
  return {
    ...model,
    ...{
      prunable: prunable.source,
      sequences: questions.features.length,
      bert: bertConfigToJson(config),
    },
  };
}

/** What models are measured with. */
interface Work {
  readonly device: Device;
  readonly precision: Precision;
  readonly compressors: readonly Compressor[];
  readonly batchSize: number;
  readonly progress: ProgressLine;
  readonly report: EvaluationReport;
  readonly signal: AbortSignal;
  readonly onBatch: () => void;
  readonly out: string | undefined;
}

/** Measures one model; its weights are on the device for that long. */
async function evaluateModel(
  trained: Candidate,
  work: Work,
): Promise<void> {
  const { device, compressors, progress, report, out } = work;
  const { model, initialized } = await loadSquadModel(device, trained.model);
  using _model = model;
  const table = new OneShotTable({ compressors }, ANSWER_METRICS);
  progress.note(`\n${trained.name} (${trained.checkpoint})`);
  if (initialized.length > 0) {
    progress.note(`Not in the file, so random: ${initialized.join(", ")}`);
  }
  progress.note(table.header);
  await evaluateAnswersOneShot({
    ...work,
    ...trained.settings,
    ...trained.questions,
    model,
    prunable: trained.prunable,
    padId: trained.model.vocabulary.special.pad,
    onResult: async (result, predictions) => {
      progress.note(table.row(result));
      if (out !== undefined) {
        const isFirst = trained.results.length === 0;
        const folder = isFirst ? out : join(out, slug(result.name));
        await writePredictions(folder, predictions);
      }
      trained.results.push(result);
      await report.save();
    },
  });
}

/** A name as that of a folder. */
function slug(name: string): string {
  return name.replace(/[^\w.]+/g, "-").replace(/^-|-$/g, "");
}

if (import.meta.main) {
  Deno.exit(
    await runProgram(async (signal) => {
      const options = parseOptions(Deno.args, OPTIONS);
      if (options.help) console.log(HELP.trimEnd());
      else await evaluate(options, signal);
    }),
  );
}
