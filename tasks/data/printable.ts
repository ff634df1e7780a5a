/** Text that comes out of files, made fit for messages. */

/**
 * Writes control characters as escapes, because a terminal would obey them.
 *
 * @param text Any text.
 * @returns It without characters of control, and of direction.
 */
export function printable(text: string): string {
  return text.replace(
    /[\p{Cc}\p{Cf}\u2028\u2029]/gu,
    (character) => `\\u{${character.codePointAt(0)!.toString(16)}}`,
  );
}
