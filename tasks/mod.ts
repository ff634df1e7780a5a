/**
 * Data sets, the training loop and the parts that command lines are made of.
 *
 * @module
 */

export * from "./batch_norm_tuning.ts";
export * from "./checkpoint.ts";
export * from "./classification.ts";
export * from "./data/augment.ts";
export * from "./data/cache.ts";
export * from "./data/cifar10.ts";
export * from "./data/dataset.ts";
export * from "./data/decode.ts";
export * from "./data/decoded_cache.ts";
export * from "./data/download.ts";
export * from "./data/emoji.ts";
export * from "./data/image_folder.ts";
export * from "./data/image_source.ts";
export * from "./data/loader.ts";
export * from "./data/normalization.ts";
export * from "./data/parquet.ts";
export * from "./data/random_streams.ts";
export * from "./data/resize.ts";
export * from "./data/tar.ts";
export * from "./data/web_dataset.ts";
export * from "./errors.ts";
export * from "./evaluate.ts";
export * from "./one_shot.ts";
export * from "./one_shot_plot.ts";
export * from "./one_shot_table.ts";
export * from "./optimizers.ts";
export * from "./output_file.ts";
export * from "./plot.ts";
export * from "./progress.ts";
export * from "./recipes.ts";
export * from "./run_directory.ts";
export * from "./squad/answer_search.ts";
export * from "./squad/answer_words.ts";
export * from "./squad/bert_folder.ts";
export * from "./squad/dataset.ts";
export * from "./squad/default/default_squad.ts";
export * from "./squad/default/generator.ts";
export * from "./squad/default/squad_file.ts";
export * from "./squad/evaluate_answers.ts";
export * from "./squad/feature.ts";
export * from "./squad/hub.ts";
export * from "./squad/loader.ts";
export * from "./squad/metrics.ts";
export * from "./squad/prediction_files.ts";
export * from "./squad/question_answering.ts";
export * from "./squad/squad_document.ts";
export * from "./squad/squad_model.ts";
export * from "./squad/squad_recipes.ts";
export * from "./squad/squad_source.ts";
export * from "./statistics.ts";
export * from "./step_meter.ts";
export * from "./text/vocabulary.ts";
export * from "./text/word_piece.ts";
export * from "./train.ts";
