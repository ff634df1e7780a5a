import { RandomSource } from "@cram/tensor";
import { assert, assertEquals } from "@std/assert";
import { join } from "node:path";
import {
  huggingFaceTokenizer,
  SPECIAL_TOKENS,
  unitOffsets,
} from "../testdata/hugging_face.ts";
import { withoutPermissions as ignore } from "../testdata/temporary_folder.ts";
import passages from "../squad/default/passages.json" with { type: "json" };
import { bertVocabulary, Vocabulary } from "./vocabulary.ts";
import { WordPieceTokenizer } from "./word_piece.ts";

async function assertAsHuggingFace(texts: Iterable<string>): Promise<number> {
  const theirs = await huggingFaceTokenizer();
  const tokenizer = new WordPieceTokenizer(await bertVocabulary());
  let count = 0;
  for (const text of texts) {
    const { ids, starts, ends } = tokenizer.encode(text);
    // Half a surrogate pair cannot be handed over; it comes as U+FFFD.
    const encoding = await theirs.encode(text.toWellFormed(), null, {
      addSpecialTokens: false,
    });
    const units = unitOffsets(text);
    const offsets = encoding.getOffsets();
    assertEquals(
      [ids, starts, ends].map((array) => [...array]),
      [
        encoding.getIds(),
        offsets.map(([start]) => units[start]),
        offsets.map(([, end]) => units[end]),
      ],
      `tokens of ${JSON.stringify(text)}`,
    );
    count += ids.length;
  }
  return count;
}

async function tokensOf(text: string): Promise<string[]> {
  const { vocabulary, encode } = await ours();
  return Array.from(encode(text).ids, (id) => vocabulary.tokens[id]);
}

async function ours(): Promise<
  Pick<WordPieceTokenizer, "vocabulary" | "encode">
> {
  const tokenizer = new WordPieceTokenizer(await bertVocabulary());
  return {
    vocabulary: tokenizer.vocabulary,
    encode: (text) => tokenizer.encode(text),
  };
}

/** What is known to go wrong elsewhere. */
const ODD_TEXTS = [
  "",
  " ",
  "\t\r\n",
  "Hello, world!",
  "don't stop-me  now",
  // Accents, composed and apart, doubled, out of order, alone.
  "café cafe\u0301 CAFÉ Ångström a\u0323\u0302 ậ a\u0302\u0323 \u0301 \u0301a q\u0307\u0323",
  "Việt Nam naïve fiancée Zürich São Łódź Þór ß ẞ ŒUVRE Ǆ",
  "a\u1d165\u0323b a\u{1d165}\u0323b \u0344\u0316x",
  // Capitals that become more than one letter, or depend on their place.
  "İstanbul DİYARBAKIR ΟΔΥΣΣΕΥΣ Σ ΑΣ ǅ ŉ ΐ K Å Ω",
  "ﬁnance ﬂow ﬀ ﬃ ﬆ ŀ №",
  // Ideographs, Japanese, Korean, compatibility forms, an extension that is not known.
  "東京 is 東京tower 日本語テキスト 한국어 텍스트 각 각 豈 丽 𠀀a𠀀 𫝀 𫠠 𬺰 ｆｕｌｌ",
  // Nothing to read.
  "a\u0000b\u0001c\u007fd\u0085e\u00ade\ufefff\u200bg\u200dh\u2060i\ufffdj\ue000k\u061cl\u180em",
  "a\u000bb\u000cc\u001cd\u001fe",
  "\u200b\u200b \ufeff",
  // White space.
  "a\u00a0b\u1680c\u2000d\u200ae\u2028f\u2029g\u202fh\u205fi\u3000j\u2001k",
  // Emoji, flags, surrogate pairs and halves of them.
  "👍🏽 👨‍👩‍👧‍👦 🇩🇪 ☃️ 1️⃣ 𝐁𝐨𝐥𝐝 𐐀𐐨 𝄞 x\ud83dy \udc4d\ud83d z\ud83d",
  // Punctuation and symbols.
  "¿Qué? „so“ ‚x‘ … — – ‐ a·b ÷ × € £ ¥ $^`|~+=<> ≠ ≯ ؟ ، 。、「」 ༺ ᙭ ֊",
  "(((a)))[b]{c} ... ?!?! --- ___ a_b @x #y 50% C++ & co.",
  // Special tokens in texts.
  "[CLS] what [SEP] is [MASK] this[SEP]",
  "[UNK][PAD][cls] [ SEP ] [SEP]x x[SEP]é [[SEP]] [SEP",
  "##ing # ##",
  // Numbers and other scripts.
  "3.14159 1,234,567 ٣٫١٤ १२३ Ⅷ ½ ² H₂O",
  "हिन्दी বাংলা தமிழ் ไทย မြန်မာ עִבְרִית العَرَبِيَّة ქართული Ελληνικά",
  // Long words.
  "a".repeat(100),
  "a".repeat(101),
  "é".repeat(100) + " " + "é".repeat(101),
  "x\u0301".repeat(100) + "y",
  "𐐀".repeat(100),
  "pneumonoultramicroscopicsilicovolcanoconiosis antidisestablishmentarianism",
];

Deno.test(
  "encode() has the tokens and offsets of Hugging Face's tokenizer for odd texts",
  { ignore },
  () => assertAsHuggingFace(ODD_TEXTS).then(() => {}),
);

Deno.test(
  "encode() has the tokens and offsets of Hugging Face's tokenizer for each character",
  { ignore },
  async () => {
    const lines = [];
    let line = "";
    for (let code = 1; code < 0x110000; code++) {
      const char = String.fromCodePoint(code);
      if (!isOfInterest(code, char)) continue;
      line += `a${char}b ${char} `;
      if (line.length > 4000) {
        lines.push(line);
        line = "";
      }
    }
    await assertAsHuggingFace([...lines, line]);
  },
);

/** All characters but most of those that are like their neighbours. */
function isOfInterest(code: number, char: string): boolean {
  return code % 61 === 0 ||
    !/[\p{Cn}\p{Co}\p{Cs}\p{Ideographic}가-힣]/u.test(char);
}

Deno.test(
  "encode() has the tokens and offsets of Hugging Face's tokenizer for random strings",
  { ignore },
  async () => {
    const random = new RandomSource(20n, 1n);
    const pick = <T>(from: ArrayLike<T>): T =>
      from[random.integer(from.length)];
    const letters = Array.from(ODD_TEXTS.join(""));
    const marks = Array.from(
      { length: 0x1e8d7 },
      (_, code) => String.fromCodePoint(code),
    ).filter((char) => /\p{M}/u.test(char));
    const { tokens } = await bertVocabulary();
    const parts = [
      () => pick(letters),
      () => pick(marks),
      () => pick(tokens),
      () => pick(SPECIAL_TOKENS),
      () => pick([" ", "\n", "\u200b", "é", "e\u0301"]),
      () => String.fromCodePoint(random.integer(0x3000)),
      () => String.fromCodePoint(random.integer(0x20000)),
    ];
    const texts = Array.from(
      { length: 3000 },
      () =>
        Array.from({ length: random.integer(40) }, () => pick(parts)())
          .join(""),
    );
    await assertAsHuggingFace(texts);
  },
);

Deno.test(
  "encode() has the tokens and offsets of Hugging Face's tokenizer for prose",
  { ignore },
  async () => {
    const texts = Object.values(passages.data).flatMap(({ paragraphs }) =>
      paragraphs.flatMap(({ context, qas }) => [
        context,
        ...qas.map(({ question }) => question),
      ])
    );
    assert(await assertAsHuggingFace(texts) > 10_000);
  },
);

const DATA = ignore ? undefined : Deno.env.get("CRAM_DATA");

Deno.test(
  "encode() has the tokens and offsets of Hugging Face's tokenizer for XQuAD",
  { ignore: DATA === undefined },
  async () => {
    const file = join(DATA!, "squad", "xquad.en.json");
    const { data } = JSON.parse(await Deno.readTextFile(file));
    const texts = data.flatMap(({ paragraphs }: Article) =>
      paragraphs.flatMap(({ context, qas }) => [
        context,
        ...qas.map(({ question }) => question),
      ])
    );
    assertEquals(texts.length, 1430);
    await assertAsHuggingFace(texts);
  },
);

interface Article {
  readonly paragraphs: readonly {
    readonly context: string;
    readonly qas: readonly { readonly question: string }[];
  }[];
}

Deno.test("encode() cuts words into the longest pieces", async () => {
  assertEquals(await tokensOf("Unaffable embeddings"), [
    "una",
    "##ffa",
    "##ble",
    "em",
    "##bed",
    "##ding",
    "##s",
  ]);
});

Deno.test("encode() counts UTF-16 code units", async () => {
  const { encode } = await ours();
  const { starts, ends } = encode("👍 café");
  assertEquals([[...starts], [...ends]], [[0, 3], [2, 7]]);
});

Deno.test("encode() takes [UNK] for a word that leaves something over", () => {
  const tokenizer = new WordPieceTokenizer(
    new Vocabulary([...SPECIAL_TOKENS, "ba", "##na", "##n"]),
  );
  const ids = (text: string) => [...tokenizer.encode(text).ids];
  assertEquals(ids("banana ban BANN nab"), [5, 6, 6, 5, 7, 5, 7, 7, 1]);
});

Deno.test("encode() knows words again, in any place, and forgets when there are too many", () => {
  const tokenizer = new WordPieceTokenizer(
    new Vocabulary([...SPECIAL_TOKENS, "a", "##b"]),
  );
  const words = Array.from(
    { length: (1 << 16) + 5 },
    (_, i) => "a" + i.toString(2).replaceAll("0", "b").replaceAll("1", "a"),
  );
  const text = words.join(" ");
  const first = tokenizer.encode(text);
  assertEquals(tokenizer.encode(text), first);
  assertEquals(
    tokenizer.encode(" abb ab ").starts,
    Int32Array.of(1, 2, 3, 5, 6),
  );
});
