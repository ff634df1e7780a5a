/**
 * Which characters BERT's tokenizer takes for what. Hugging Face's library
 * knows the characters of Unicode 8, and so does this, whatever the engine
 * knows: other classes would mean other tokens than a model was trained with.
 *
 * @module
 */

/** Where marks, punctuation, format characters and decompositions lie that came after Unicode 8. */
const LATER =
  /[\u{61d}\u{7fd}\u{890}-\u{8e2}\u{9fd}\u{9fe}\u{a76}\u{afa}-\u{aff}\u{b55}\u{c04}-\u{c3c}\u{c77}\u{c84}\u{d00}\u{d3b}\u{d3c}\u{d81}\u{eba}\u{ece}\u{1715}\u{180f}\u{1885}\u{1886}\u{1abf}-\u{1ace}\u{1b4e}\u{1b4f}\u{1b7d}-\u{1b7f}\u{1df6}-\u{1dfb}\u{2e43}-\u{2e5d}\u{a82c}\u{a8c5}\u{a8ff}\u{a9bd}\u{105c9}-\u{105e4}\u{10d24}-\u{10d6e}\u{10eab}-\u{10f89}\u{11070}-\u{11074}\u{110c2}-\u{110cd}\u{111c9}\u{111cf}\u{1123e}-\u{11241}\u{1133b}\u{11383}-\u{1145e}\u{11660}-\u{1166c}\u{116b9}\u{1182f}-\u{1183b}\u{11938}-\u{11946}\u{119d4}-\u{11b09}\u{11be1}-\u{11cb6}\u{11d31}-\u{11d97}\u{11ef3}-\u{11f5a}\u{11fff}\u{12ff1}\u{12ff2}\u{13430}-\u{13455}\u{1611e}-\u{1612f}\u{16d68}-\u{16d6f}\u{16e97}-\u{16e9a}\u{16f4f}\u{16fe2}-\u{16ff1}\u{1cf00}-\u{1cf46}\u{1e000}-\u{1e02a}\u{1e08f}\u{1e130}-\u{1e136}\u{1e2ae}-\u{1e2ef}\u{1e4ec}-\u{1e4ef}\u{1e5ee}-\u{1e5ff}\u{1e944}-\u{1e95f}]/u;

/** Marks of Unicode 9, which the library knows the order of, but not that they are marks. */
const UNICODE_9_MARK =
  /[\u{8d4}-\u{8e1}\u{1dfb}\u{11442}\u{11446}\u{11c3f}\u{1e000}-\u{1e02a}\u{1e944}-\u{1e94a}]/u;

/** Marks that Unicode 8 had as nonspacing, and later versions have as spacing. */
const FORMER_MARK = /[\u{1734}\u{1171e}]/u;

/** Symbols that Unicode 8 had as punctuation. */
const FORMER_PUNCTUATION = /[\u{166d}\u{111c9}]/u;

/** The blocks of CJK ideographs that BERT knows, compatibility ideographs included. */
const IDEOGRAPH =
  /[\u{3400}-\u{4dbf}\u{4e00}-\u{9fff}\u{f900}-\u{faff}\u{20000}-\u{2a6df}\u{2a700}-\u{2b81f}\u{2b920}-\u{2ceaf}\u{2f800}-\u{2fa1f}]/u;

/** Whether a UTF-16 code unit is white space: line breaks, tabs and what Unicode has as separators. */
export function isWhiteSpace(unit: number): boolean {
  if (unit < 0x80) {
    return unit === 0x20 || unit === 0x09 || unit === 0x0a || unit === 0x0d;
  }
  return unit === 0xa0 || unit === 0x1680 ||
    unit >= 0x2000 && unit <= 0x200a || unit === 0x2028 || unit === 0x2029 ||
    unit === 0x202f || unit === 0x205f || unit === 0x3000;
}

/** Whether a UTF-16 code unit is punctuation or a symbol of ASCII. */
export function isAsciiPunctuation(unit: number): boolean {
  return unit >= 0x21 && unit <= 0x2f || unit >= 0x3a && unit <= 0x40 ||
    unit >= 0x5b && unit <= 0x60 || unit >= 0x7b && unit <= 0x7e;
}

/** Whether a character is nothing to read: control and format characters, private ones, halves of surrogate pairs, U+FFFD. */
export function isUnreadable(char: string): boolean {
  return char === "\ufffd" ||
    /[\p{Cc}\p{Cf}\p{Co}\p{Cs}]/u.test(char) && !LATER.test(char);
}

/** Whether a character is a mark on the one before it, like an accent. */
export function isNonspacingMark(char: string): boolean {
  return /\p{Mn}/u.test(char) && !LATER.test(char) || FORMER_MARK.test(char);
}

/** Whether a character is a token of its own. */
export function isPunctuation(char: string): boolean {
  return isAsciiPunctuation(char.charCodeAt(0)) ||
    /\p{P}/u.test(char) && !LATER.test(char) || FORMER_PUNCTUATION.test(char);
}

/** Whether a character is a CJK ideograph, which is a word of its own. */
export function isIdeograph(char: string): boolean {
  return IDEOGRAPH.test(char);
}

/** The canonical decomposition of a character, like a letter and its accent. */
export function decompose(char: string): string {
  return LATER.test(char) ? char : char.normalize("NFD");
}

/** Whether a decomposed character comes before the one that it stands behind, in canonical order. */
export function comesBefore(char: string, before: string): boolean {
  return char !== before && isOrdered(char) && isOrdered(before) &&
    (before + char).normalize("NFD") === char + before;
}

function isOrdered(char: string): boolean {
  return /\p{M}/u.test(char) &&
    (!LATER.test(char) || UNICODE_9_MARK.test(char));
}
