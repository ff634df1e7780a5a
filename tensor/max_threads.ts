/**
 * How many threads the cpu device can have.
 *
 * @module
 */

/** The most threads of the cpu device: more would find too few parts of kernels to work on. */
export const MAX_THREADS = 64;
