// What an answer is made of, apart from HTTP: the simulated waits, the CPU kernel, the parameters.

/** How long the database, the interface and the file of /sync-data and /async-data take. */
export const WAITS_MS = [200, 300, 100];

/** The state of the CPU kernel before the first unit. */
export const SEED = 2_463_534_242;
const ROUNDS_PER_UNIT = 500;
const MAX_SHOWN = 64;

/** The CPU kernel: rounds of Marsaglia's 32-bit xorshift. Gives the checksum. */
export function compute(units) {
  return checksum(advance(SEED, units));
}

let spent = 0;

/** Computes without using the checksum; the variable keeps the compiler from dropping the work. */
export function spend(units) {
  if (units > 0) {
    spent = compute(units);
  }
}

/** The state of the kernel after so many units more. */
export function advance(state, units) {
  let x = state | 0;
  for (let unit = 0; unit < units; unit += 1) {
    for (let round = 0; round < ROUNDS_PER_UNIT; round += 1) {
      x ^= x << 13;
      x ^= x >>> 17;
      x ^= x << 5;
    }
  }
  return x;
}

/** The state as the unsigned number that it stands for. */
export function checksum(state) {
  return state >>> 0;
}

/** Holds up the calling thread, as a blocking call would. */
export function blockThread(ms) {
  if (ms > 0) {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
  }
}

export const WAIT_MS = number("wait_ms", 0, 0, 60_000);
export const CPU_UNITS = number("cpu_units", 0, 0, 1_000_000);
export const BYTES = number("bytes", 0, 0, 10 * 1024 * 1024);
export const UNITS = number("units", 1000, 0, 1_000_000);
export const BLOCK_MS = number("ms", 200, 0, 60_000);

/** The parameter that picks a variant, the default first. */
export function mode(...words) {
  return {
    name: "mode",
    fallback: words[0],
    allowed: words.join(", "),
    parse: (value) => (words.includes(value) ? value : undefined),
  };
}

function number(name, fallback, min, max) {
  return {
    name,
    fallback,
    allowed: `a whole number from ${min} to ${max}`,
    parse: (value) => {
      const parsed = /^[0-9]+$/.test(value) ? Number(value) : NaN;
      return min <= parsed && parsed <= max ? parsed : undefined;
    },
  };
}

/** A parameter that can't be taken; its message goes to the client with status 400. */
export class BadParameter extends Error {}

/**
 * Reads a query strictly: a parameter that is missing takes its default; one that is unknown, repeated,
 * malformed or out of range throws a BadParameter that says what is allowed.
 */
export function parseQuery(raw, allowed) {
  const query = {};
  if (raw === "") {
    for (const parameter of allowed) {
      query[parameter.name] = parameter.fallback;
    }
    return query;
  }
  const given = givenValues(raw, allowed);
  for (const { name, fallback, allowed: takes, parse } of allowed) {
    const value = given.get(name);
    query[name] = value === undefined ? fallback : parse(value);
    if (query[name] === undefined) {
      throw new BadParameter(`parameter \`${name}\` has value \`${shown(value)}\`; allowed: ${takes}`);
    }
  }
  return query;
}

function givenValues(raw, allowed) {
  const given = new Map();
  const names = allowed.map(({ name }) => name);
  for (const pair of raw.split("&")) {
    if (pair === "") {
      continue;
    }
    const equals = pair.indexOf("=");
    const name = decoded(equals < 0 ? pair : pair.slice(0, equals));
    const value = decoded(equals < 0 ? "" : pair.slice(equals + 1));
    if (!names.includes(name)) {
      const list = names.length === 0 ? "none" : names.join(", ");
      throw new BadParameter(
        `unknown parameter \`${shown(name)}\` with value \`${shown(value)}\`; allowed: ${list}`,
      );
    }
    if (given.has(name)) {
      throw new BadParameter(`parameter \`${name}\` is given again with value \`${shown(value)}\`; allowed: once`);
    }
    given.set(name, value);
  }
  return given;
}

/** Undoes percent-encoding; text that is not well encoded stays as it is. */
function decoded(text) {
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch {
    return text;
  }
}

/** What a client sent, short enough to stand in an error message. */
function shown(text) {
  const characters = [...text];
  return characters.length <= MAX_SHOWN ? text : `${characters.slice(0, MAX_SHOWN).join("")}…`;
}
