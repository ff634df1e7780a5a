/**
 * The words that generated passages are made of: common ones, so that each is
 * one WordPiece of bert-base-uncased, and none that would need "an".
 *
 * @module
 */

const list = (words: string): readonly string[] => words.trim().split(/\s+/);

/** Words by what they stand for in a {@linkcode FactKind}. */
export const WORDS = {
  person: list(`
    Adam Alice Anna Arthur Ben Carl Clara Daniel David Diana Emily Emma Eric
    Frank George Grace Hannah Helen Henry Jack James Jane Julia Karen Laura
    Leo Linda Lucy Maria Martin Max Nina Oliver Oscar Paul Peter Rachel Robert
    Rosa Ruth Sam Sarah Simon Sofia Thomas Victor Walter William
  `),
  city: list(`
    Amsterdam Athens Barcelona Berlin Boston Chicago Dublin Florence Hamburg
    Istanbul Lisbon London Madrid Milan Montreal Moscow Munich Oslo Oxford
    Paris Prague Rome Seattle Stockholm Sydney Tokyo Venice Vienna Warsaw
    Zurich
  `),
  place: list(`
    attic barn basement cave cellar field forest garage garden harbor hut
    kitchen meadow mill park studio tower valley village workshop yard
  `),
  object: list(`
    basket bench boat bowl box cabinet chair clock coat cup desk doll door
    drum flag hat kite ladder lamp mask mirror quilt ring robe rug shelf
    shirt sword table tent toy vase violin wagon
  `),
  colour: list(`
    black blue brown golden green grey pink purple red silver white
    yellow
  `),
  role: list(`
    baker banker barber butcher carpenter chef clerk dancer dentist doctor
    driver farmer gardener guard judge lawyer librarian mechanic miner nurse
    painter pilot poet priest sailor singer soldier tailor teacher writer
  `),
  building: list(`
    bakery bank castle cathedral chapel cinema factory gallery hospital
    hotel laboratory library lighthouse monastery mosque museum palace
    prison school stadium station tavern temple theater zoo
  `),
  material: list(`
    brass brick bronze concrete copper glass granite limestone marble sandstone
    steel stone timber wood
  `),
  goods: list(`
    apples beans books bottles blankets candles cards coats cups flowers hats
    knives lamps eggs nuts pearls pots potatoes ribbons rings roses shirts
    shoes tomatoes watches
  `),
  animal: list(`
    bear beetle cat cow crab crow deer dog dolphin duck eagle fox frog goat
    goose horse lion lizard monkey mouse owl pig rabbit rat raven seal sheep
    snake spider tiger turtle wolf
  `),
  food: list(`
    bread butter cabbage cheese corn fish fruit grain grass honey insects
    leaves meat milk mushrooms nuts rice roots seeds soup worms
  `),
  vehicle: list(`
    bicycle boat bus car carriage ferry helicopter horse motorcycle plane ship
    taxi train tram truck wagon
  `),
  cause: list(`
    accident cold fever fire flood fog heat illness noise rain snow storm
    strike thunder traffic wind
  `),
  gathering: list(`
    auction banquet ceremony concert conference dinner exam festival funeral
    game lecture market meeting parade party race show trial wedding
  `),
  instrument: list(`
    banjo bass bell cello clarinet drum flute guitar harp horn organ piano
    saxophone trumpet violin whistle
  `),
  treasure: list(`
    bone book bottle chain chest coin cross crown diamond dagger fossil jewel
    key knife letter map necklace pearl ring scroll skull statue stone sword
  `),
  month: list(`
    January February March April May June July August September October
    November December
  `),
  weekday: list(`
    Monday Tuesday Wednesday Thursday Friday Saturday Sunday
  `),
  number: Array.from({ length: 40 }, (_, i) => `${i + 10}`),
  year: Array.from({ length: 40 }, (_, i) => `${5 * i + 1820}`),
} as const satisfies Record<string, readonly string[]>;

/** What a word stands for: a list of {@linkcode WORDS}. */
export type WordClass = keyof typeof WORDS;
