/** The least and the greatest numbers of integer dtypes. */

import type { DType } from "./dtype.ts";

/** Ranges of the dtypes that have whole numbers only. */
export const INTEGER_RANGES: Readonly<
  Partial<Record<DType, readonly [least: number, greatest: number]>>
> = {
  int32: [-(2 ** 31), 2 ** 31 - 1],
  uint32: [0, 2 ** 32 - 1],
  uint8: [0, 255],
};
