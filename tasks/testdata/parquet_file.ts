/** Makes Parquet files of images for tests, as Hugging Face writes them. */

import { parquetWriteBuffer } from "hyparquet-writer";

/** A row of a file. */
export interface ParquetImage {
  readonly bytes: Uint8Array | undefined;
  readonly path: string | undefined;
  readonly label: number | undefined;
}

/** How a file is written. */
export interface ParquetFileOptions {
  /** The names of the classes; without them, the file has no description by Hugging Face. */
  readonly classes?: readonly string[];
  readonly rowsPerGroup?: number;
  /** The names of the columns. */
  readonly columns?: readonly [image: string, label: string];
}

/** A file with a struct `{bytes, path}` and an int64. */
export function parquetFile(
  images: readonly ParquetImage[],
  options: ParquetFileOptions = {},
): Uint8Array<ArrayBuffer> {
  const { classes, rowsPerGroup = 1000, columns = ["image", "label"] } =
    options;
  const [image, label] = columns;
  const description = {
    info: {
      features: {
        [image]: { _type: "Image" },
        [label]: { names: classes, _type: "ClassLabel" },
      },
    },
  };
  return new Uint8Array(parquetWriteBuffer({
    columnData: [
      { name: image, data: images.map(({ bytes, path }) => ({ bytes, path })) },
      {
        name: label,
        data: images.map(({ label }) =>
          label === undefined ? undefined : BigInt(label)
        ),
      },
    ],
    schema: [
      { name: "schema", num_children: 2 },
      { name: image, num_children: 2, repetition_type: "OPTIONAL" },
      { name: "bytes", type: "BYTE_ARRAY", repetition_type: "OPTIONAL" },
      {
        name: "path",
        type: "BYTE_ARRAY",
        converted_type: "UTF8",
        repetition_type: "OPTIONAL",
      },
      { name: label, type: "INT64", repetition_type: "OPTIONAL" },
    ],
    rowGroupSize: rowsPerGroup,
    kvMetadata: classes &&
      [{ key: "huggingface", value: JSON.stringify(description) }],
  }));
}
