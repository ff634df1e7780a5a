/**
 * What generated passages tell, and what is asked about it.
 *
 * @module
 */

import type { WordClass } from "./words.ts";

/** A question about a fact, in words that a fact's words are put into. */
export interface QuestionTemplate {
  /** The ways to ask, with a class in braces for each word. */
  readonly ask: readonly string[];
  /** What answers it, written in the same way; it stands in each telling. */
  readonly answer: string;
}

/** A kind of fact: some words that belong together. */
export interface FactKind {
  /** The title of passages about such facts. */
  readonly title: string;
  /** The classes of its words; each once. */
  readonly slots: readonly WordClass[];
  /** The ways to tell it. */
  readonly tell: readonly string[];
  /** What can be asked. */
  readonly questions: readonly QuestionTemplate[];
}

/** All kinds of facts. */
export const FACT_KINDS: readonly FactKind[] = [
  {
    title: "Things made by hand",
    slots: ["person", "object", "colour", "place"],
    tell: [
      "{person} made a {colour} {object} in the {place}.",
      "{person} built a {colour} {object} in the {place}.",
    ],
    questions: [
      {
        ask: ["Who built the {object}?", "Who made a {colour} {object}?"],
        answer: "{person}",
      },
      {
        ask: ["What did {person} build?", "What was made by {person}?"],
        answer: "{colour} {object}",
      },
      {
        ask: [
          "Where did {person} build the {object}?",
          "Where was the {object} made?",
        ],
        answer: "{place}",
      },
      {
        ask: [
          "What colour is the {object} that {person} built?",
          "Which colour does the {object} have?",
        ],
        answer: "{colour}",
      },
    ],
  },
  {
    title: "People at work",
    slots: ["person", "role", "city", "year"],
    tell: [
      "{person} worked as a {role} in {city} from {year}.",
      "{person} was a {role} in {city} from {year}.",
    ],
    questions: [
      {
        ask: ["Who worked as a {role}?", "Who was the {role} in {city}?"],
        answer: "{person}",
      },
      {
        ask: ["What was the job of {person}?", "What did {person} work as?"],
        answer: "{role}",
      },
      {
        ask: [
          "In which city did {person} work?",
          "Where did the {role} work?",
        ],
        answer: "{city}",
      },
      {
        ask: [
          "Since when did {person} work as a {role}?",
          "When did the {role} begin to work?",
        ],
        answer: "{year}",
      },
    ],
  },
  {
    title: "Buildings",
    slots: ["building", "city", "material", "year"],
    tell: [
      "The {material} {building} of {city} was opened in {year}.",
      "A {building} of {material} was opened in {city} in {year}.",
    ],
    questions: [
      {
        ask: [
          "When was the {building} opened?",
          "In which year was the {building} of {city} opened?",
        ],
        answer: "{year}",
      },
      {
        ask: ["Where is the {building}?", "Which city has a {building}?"],
        answer: "{city}",
      },
      {
        ask: ["What was opened in {city}?", "What was opened in {year}?"],
        answer: "{building}",
      },
      {
        ask: [
          "What is the {building} made of?",
          "Of what material is the {building} in {city}?",
        ],
        answer: "{material}",
      },
    ],
  },
  {
    title: "Market days",
    slots: ["role", "goods", "number", "weekday"],
    tell: [
      "On {weekday}, the {role} sold {number} {goods}.",
      "The {role} sold {number} {goods} on {weekday}.",
    ],
    questions: [
      {
        ask: ["Who sold {goods}?", "Who sold {number} {goods}?"],
        answer: "{role}",
      },
      {
        ask: ["What did the {role} sell?", "What was sold by the {role}?"],
        answer: "{number} {goods}",
      },
      {
        ask: [
          "How many {goods} did the {role} sell?",
          "How many {goods} were sold?",
        ],
        answer: "{number}",
      },
      {
        ask: ["When did the {role} sell {goods}?", "When were {goods} sold?"],
        answer: "{weekday}",
      },
    ],
  },
  {
    title: "Animals",
    slots: ["animal", "food", "place", "number"],
    tell: [
      "The {animal} eats {food} and sleeps {number} hours a week in the {place}.",
      "The {animal} lives on {food} and sleeps {number} hours a week in the {place}.",
    ],
    questions: [
      {
        ask: [
          "What does the {animal} eat?",
          "What is the food of the {animal}?",
        ],
        answer: "{food}",
      },
      {
        ask: ["Where does the {animal} sleep?", "Where is the {animal}?"],
        answer: "{place}",
      },
      {
        ask: [
          "Which animal eats {food}?",
          "Which animal lives in the {place}?",
        ],
        answer: "{animal}",
      },
      {
        ask: [
          "How long does the {animal} sleep?",
          "How many hours does the {animal} sleep?",
        ],
        answer: "{number} hours",
      },
    ],
  },
  {
    title: "Journeys",
    slots: ["person", "city", "vehicle", "month"],
    tell: [
      "{person} went to {city} by {vehicle} in {month}.",
      "{person} took a {vehicle} to {city} in {month}.",
    ],
    questions: [
      {
        ask: ["Who went to {city}?", "Who took a {vehicle}?"],
        answer: "{person}",
      },
      {
        ask: ["Where did {person} go?", "To which city did {person} go?"],
        answer: "{city}",
      },
      {
        ask: ["How did {person} go to {city}?", "What did {person} take?"],
        answer: "{vehicle}",
      },
      {
        ask: [
          "When did {person} go to {city}?",
          "In which month did {person} go?",
        ],
        answer: "{month}",
      },
    ],
  },
  {
    title: "Missed events",
    slots: ["role", "gathering", "cause", "weekday"],
    tell: [
      "The {role} missed the {gathering} on {weekday} because of the {cause}.",
      "Because of the {cause}, the {role} missed the {gathering} on {weekday}.",
    ],
    questions: [
      {
        ask: [
          "Who missed the {gathering}?",
          "Who stayed away because of the {cause}?",
        ],
        answer: "{role}",
      },
      {
        ask: ["What did the {role} miss?", "Which event did the {role} miss?"],
        answer: "{gathering}",
      },
      {
        ask: [
          "Why did the {role} miss the {gathering}?",
          "Why was the {gathering} missed?",
        ],
        answer: "{cause}",
      },
      {
        ask: ["When was the {gathering}?", "On which day was the {gathering}?"],
        answer: "{weekday}",
      },
    ],
  },
  {
    title: "Music",
    slots: ["person", "instrument", "building", "number"],
    tell: [
      "{person} played the {instrument} in the {building} for {number} minutes.",
      "For {number} minutes, {person} played the {instrument} in the {building}.",
    ],
    questions: [
      {
        ask: ["Who played the {instrument}?", "Who played in the {building}?"],
        answer: "{person}",
      },
      {
        ask: ["What did {person} play?", "Which instrument did {person} play?"],
        answer: "{instrument}",
      },
      {
        ask: [
          "Where did {person} play the {instrument}?",
          "Where was the {instrument} played?",
        ],
        answer: "{building}",
      },
      {
        ask: [
          "How long did {person} play?",
          "How many minutes was the {instrument} played?",
        ],
        answer: "{number} minutes",
      },
    ],
  },
  {
    title: "Finds",
    slots: ["role", "treasure", "building", "year"],
    tell: [
      "The {role} discovered a {treasure} near the {building} in {year}.",
      "The {role} found a {treasure} near the {building} in {year}.",
    ],
    questions: [
      {
        ask: ["Who found the {treasure}?", "Who found a {treasure} in {year}?"],
        answer: "{role}",
      },
      {
        ask: [
          "What did the {role} find?",
          "What was found near the {building}?",
        ],
        answer: "{treasure}",
      },
      {
        ask: [
          "Where was the {treasure} found?",
          "Where did the {role} find the {treasure}?",
        ],
        answer: "{building}",
      },
      {
        ask: [
          "When did the {role} find the {treasure}?",
          "In which year was the {treasure} found?",
        ],
        answer: "{year}",
      },
    ],
  },
];
