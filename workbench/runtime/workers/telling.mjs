// What went wrong in a node skill, as its author sees it; and why a result cannot leave it. Read inside the sandbox.

import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { types } from 'node:util';

const MOST_WORDS = 2_000;
const MOST_FRAMES = 20;
const MOST_FILES = 200;
const MOST_DEPTH = 500;
const MOST_SOURCE_BYTES = 1_000_000;
const MOST_PARTS = 300_000;
const [QUOTE, BACKSLASH, BRACKET, BRACE] = Buffer.from('"\\[{');
const FRAME = /^\s+at (?:async )?(?:(.*?) \()?(?:file:\/\/)?(\/.*?):(\d+):(\d+)\)?$/;
const EVALUATED = /\(eval at .*? \((.*?)\), [^()]*\)$/;
const DECORATED = /^((?:file:\/\/)?\/[^\n]*):(\d+)\n[^\n]*\n([ \t]*)/;
const QUOTED = /(['"`])((?:(?!\1)[^\\\n])+)\1/g;
const ASKS = /\b(?:import|from|require)\b/;
const HALF = /\p{Surrogate}/u;
const CODE = /\.[cm]?js$/;

/** A result that JSON cannot hold; the message says which part of it. */
export class NotCarried extends Error {}

/** Tells errors by the places in one skill's own files. */
export class Told {
  #folder;
  #file;

  constructor(folder, file) {
    this.#folder = folder;
    this.#file = file;
  }

  /** Its message, and the author's own frames, the innermost last. */
  async of(error, isLoading) {
    try {
      if (isLoading && types.isNativeError(error)) await decorate(error);
      const stack = types.isNativeError(error) ? String(error.stack) : '';
      const places = [...this.#frames(stack), ...this.#decorated(stack)];
      if (!places.length && isLoading) places.push(...this.#asking(String(error?.message)));
      if (!places.length && this.#file) places.push({ file: this.#file, function: '', text: '' });
      return { message: this.#short(words(error)).slice(0, MOST_WORDS), trace: places };
    } catch {
      return { message: 'threw something that cannot be shown', trace: [] };
    }
  }

  #frames(stack) {
    const frames = [];
    for (const line of stack.split('\n')) {
      const found = FRAME.exec(line.replace(EVALUATED, '($1)'));
      const place = found && this.#place(found[2], Number(found[3]), Number(found[4]), found[1] ?? '');
      if (place) frames.push(place);
    }
    return frames.slice(0, MOST_FRAMES).reverse();
  }

  #decorated(stack) {
    const found = DECORATED.exec(stack);
    const place = found && this.#place(found[1].replace('file://', ''), Number(found[2]), found[3].length + 1, '');
    return place ? [place] : [];
  }

  /** The line that asks for what cannot be had. Node names the file, and at times who asks for it, but no line. */
  #asking(message) {
    const asker = /imported from (\/.+)$/m.exec(message)?.[1];
    for (const file of asker ? [asker] : codeBelow(this.#folder)) {
      for (const [index, line] of linesOf(file).entries()) {
        if (!ASKS.test(line)) continue;
        for (const { 2: asked, index: column } of line.matchAll(QUOTED)) {
          const place = isNamed(asked, file, message) && this.#place(file, index + 1, column + 1, '');
          if (place) return [place];
        }
      }
    }
    return [];
  }

  #place(location, line, column, name) {
    let file;
    for (const each of [() => decodeURIComponent(location), () => location]) {
      try {
        file = each();
      } catch {
        continue; // a path that only looks like a part of a URL
      }
      if (file.startsWith(`${this.#folder}/`) && fs.existsSync(file)) {
        const text = (linesOf(file)[line - 1] ?? '').trim().slice(0, 200);
        return { file: path.relative(this.#folder, file), line, column, function: name, text };
      }
    }
    return null;
  }

  /** Paths as the author knows them: where the sandbox has put the files says nothing to them. */
  #short(text) {
    return this.#folder ? text.replaceAll(`file://${this.#folder}/`, '').replaceAll(`${this.#folder}/`, '') : text;
  }
}

/** Why JSON cannot carry a value, and which part of it; nothing where it can. */
export function refusal(value, where = 'result', above = new Set()) {
  if (ArrayBuffer.isView(value) || types.isAnyArrayBuffer(value)) {
    return `${where} is ${named(value)}; return bytes alone and as a Uint8Array, or a list of numbers`;
  }
  const plain = typeof value?.toJSON === 'function' ? value.toJSON() : value;
  if (plain === undefined) return `${where} is undefined; return null where there is nothing`;
  if (typeof plain === 'number') return Number.isFinite(plain) ? '' : `${where} is ${plain}`;
  if (typeof plain === 'string') return HALF.test(plain) ? `${where} holds half of a character` : '';
  if (plain === null || typeof plain === 'boolean') return '';
  if (typeof plain !== 'object') return `${where} is a ${typeof plain}`;
  if (LOST.some((is) => is(plain))) return `${where} is ${named(plain)}${types.isPromise(plain) ? '; await it' : ''}`;
  if (above.has(plain)) return `${where} holds itself`;
  if (above.size >= MOST_DEPTH) return `it is nested more than ${MOST_DEPTH} levels deep`;
  above.add(plain);
  const why = Array.isArray(plain) ? refusalOfItems(plain, where, above) : refusalOfKeys(plain, where, above);
  above.delete(plain);
  return why;
}

// What JSON.stringify makes an empty object of.
const LOST = [types.isMap, types.isSet, types.isPromise, types.isNativeError, types.isRegExp, types.isWeakMap];

/** Why a frame with a result is not sent; nothing where it is. The frame is an object too. */
export function tooLarge(body, most) {
  let size = '';
  if (body.length > most) {
    size = `${(body.length / 1e6).toFixed()} MB, and at most ${(most / 1e6).toFixed()} MB is taken`;
  } else if (body.length > MOST_PARTS) {
    const parts = partsOf(body) - 1;
    const [found, allowed] = [parts, MOST_PARTS].map((each) => each.toLocaleString('en'));
    if (parts > MOST_PARTS) size = `${found} lists and objects, and at most ${allowed} are taken`;
  }
  return size && `a result of ${size}; write it to a file in context.out`;
}

/** How many lists and objects there are, outside of texts. */
function partsOf(body) {
  let [parts, isWithinText] = [0, false];
  for (let at = 0; at < body.length; at += 1) {
    const byte = body[at];
    if (byte === QUOTE) isWithinText = !isWithinText;
    else if (isWithinText && byte === BACKSLASH) at += 1;
    else if (!isWithinText && (byte === BRACKET || byte === BRACE)) parts += 1;
  }
  return parts;
}

function refusalOfItems(list, where, above) {
  for (let index = 0; index < list.length; index += 1) {
    const why = refusal(list[index], `${where}[${index}]`, above);
    if (why) return why;
  }
  return '';
}

/** A key that is undefined is left out, as everywhere in JavaScript. */
function refusalOfKeys(object, where, above) {
  for (const [key, value] of Object.entries(object)) {
    const place = `${where}.${key.slice(0, 80)}`;
    const why = refusal(key, place, above) || (value === undefined ? '' : refusal(value, place, above));
    if (why) return why;
  }
  return '';
}

function named(value) {
  const name = value.constructor?.name ?? 'object';
  return `${/^[AEIO]/.test(name) ? 'an' : 'a'} ${name}`;
}

function words(error, depth = 0) {
  if (!types.isNativeError(error)) return `threw ${shown(error)}, which is no Error`;
  const name = String(error.name || 'Error');
  const causes = [error.cause, ...(Array.isArray(error.errors) ? error.errors.slice(0, 3) : [])];
  const below = depth < 3 ? causes.filter((each) => types.isNativeError(each)) : [];
  const said = error.message ? `${name}: ${error.message}` : name;
  return below.length ? `${said} (${below.map((each) => words(each, depth + 1)).join('; ')})` : said;
}

function shown(value) {
  if (typeof value === 'string') return `'${value.slice(0, 500)}'`;
  if (typeof value === 'object' && value !== null) return JSON.stringify(value)?.slice(0, 500) ?? 'an object';
  return String(value).slice(0, 500);
}

/**
 * Has an error of the parser say where. Node knows, and tells nobody but whoever reads its stderr when it ends of it;
 * a REPL alone writes it into the stack.
 */
async function decorate(error) {
  if (error.name !== 'SyntaxError') return;
  try {
    const { start } = await import('node:repl');
    const { PassThrough } = await import('node:stream');
    const output = new PassThrough().resume();
    const told = start({ input: new PassThrough(), output, prompt: '', eval: (_, __, ___, done) => done(error) });
    told.emit('line', '');
    told.close();
  } catch {
    // Without its place it is told all the same.
  }
}

function isNamed(asked, file, message) {
  if (/^(?:\.|\/|file:)/.test(asked)) {
    const target = new URL(asked, pathToFileURL(file));
    return message.includes(fileURLToPath(target)) || message.includes(target.href);
  }
  return [`'${asked}'`, `"${asked}"`, `: ${asked}`].some((each) => message.includes(each));
}

function codeBelow(folder) {
  const names = fs.readdirSync(folder, { recursive: true }).filter((name) => CODE.test(name));
  const own = names.filter((name) => !name.includes('node_modules/'));
  return own.sort().slice(0, MOST_FILES).map((name) => `${folder}/${name}`);
}

function linesOf(file) {
  try {
    return fs.statSync(file).size > MOST_SOURCE_BYTES ? [] : fs.readFileSync(file, 'utf8').split('\n');
  } catch {
    return [];
  }
}
