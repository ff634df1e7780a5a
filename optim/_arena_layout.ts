/** Where the parameters of an arena lie. */

import { type Shape, sizeOf } from "@cram/tensor";

/** Where a parameter lies. */
export interface Place {
  readonly chunk: number;
  readonly offset: number;
  readonly shape: Shape;
}

/** Parameters begin at multiples of this, so that kernels can read whole vectors and bindings are aligned. */
const ALIGNMENT_BYTES = 256;

/** Places of parameters of these shapes, and the length of each chunk, in elements. */
export function layOut(
  shapes: readonly Shape[],
  byteSize: number,
  maxBytes: number,
): { readonly places: Place[]; readonly lengths: number[] } {
  const alignment = ALIGNMENT_BYTES / byteSize;
  const maxLength = Math.floor(maxBytes / byteSize);
  const order = [...shapes.keys()].sort((a, b) =>
    Number(shapes[a].length < 2) - Number(shapes[b].length < 2)
  );
  const places = new Array<Place>(shapes.length);
  const lengths: number[] = [];
  for (const index of order) {
    const shape = shapes[index];
    const length = Math.ceil(sizeOf(shape) / alignment) * alignment;
    const last = lengths.length - 1;
    const fits = last >= 0 && lengths[last] + length <= maxLength;
    const chunk = fits ? last : lengths.push(0) - 1;
    places[index] = { chunk, offset: lengths[chunk], shape };
    lengths[chunk] += length;
  }
  return { places, lengths };
}
