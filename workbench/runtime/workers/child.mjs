// What runs inside the sandbox for a node skill: loads it, calls it, says what happened. Node's own modules only.
//
// Started as a script, with a socket as descriptor 3. Frames are four bytes of length and JSON, as in child.py.

import { AsyncLocalStorage } from 'node:async_hooks';
import fs from 'node:fs';
import net from 'node:net';
import { Writable } from 'node:stream';
import { pathToFileURL } from 'node:url';
import { types } from 'node:util';

import { NotCarried, refusal, Told, tooLarge } from './telling.mjs';

const PROTOCOL = 2;
const CHANNEL = 3;
const OLDEST = 18;
const MOST_CAPTURED = 64_000;
const MOST_FRAME = 64_000_000;
const ROOM = 500_000;
const HEADER_BYTES = 4;
// What a spare imports while nobody asks anything of it: each costs the first module that asks for it some milliseconds.
const LIKELY = ['crypto', 'fs/promises', 'path', 'module', 'os', 'timers/promises', 'assert', 'zlib', 'readline'];
const HALF = /\\ud[89a-f]/;
const HALF_ONES = /(?<!\\)((?:\\\\)*)\\ud[89a-f][0-9a-f]{2}/g;

/** The call on whose behalf something happens, where calls overlap. */
const SPEAKER = new AsyncLocalStorage();

/** The beginning of what is written to one stream. */
class Words {
  #parts = [];
  #length = 0;

  /** The part of it that is kept. */
  add(chunk) {
    const part = chunk.subarray(0, Math.max(0, MOST_CAPTURED - this.#length));
    if (part.length) this.#parts.push(part);
    this.#length += part.length;
    return part;
  }

  take() {
    const text = Buffer.concat(this.#parts).toString();
    this.#parts = [];
    this.#length = 0;
    return text;
  }
}

/** Stands in for stdout or stderr and keeps the beginning of what is written during one run. */
class Capture extends Writable {
  #descriptor;
  #words = new Words();
  isTTY = false;

  constructor(descriptor) {
    super({ autoDestroy: false });
    this.#descriptor = descriptor;
    this.fd = descriptor;
  }

  /** Kept for the answer, and written through: what a worker said before it was ended can still be read. */
  _write(chunk, encoding, done) {
    const call = SPEAKER.getStore();
    const part = call?.isUnderWay ? call.says(this.#descriptor, chunk) : this.#words.add(chunk);
    if (part?.length) {
      try {
        fs.writeSync(this.#descriptor, part);
      } catch {
        // It is in the answer all the same.
      }
    }
    done();
  }

  take() {
    return this.#words.take();
  }

  /** A skill that closes its stdout would take it from the runs after it. */
  end() {
    return this;
  }

  destroy() {
    return this;
  }
}

/** One request under way: its end, and, where it may overlap with others, what it says. */
class Call {
  #words = { 1: new Words(), 2: new Words() };
  #given = new AbortController();
  #trouble;
  #tell;
  isUnderWay = true;

  constructor(id, tell) {
    this.id = id;
    this.#tell = tell;
    this.trouble = new Promise((_, reject) => {
      this.#trouble = reject;
    });
    this.trouble.catch(() => {});
  }

  get signal() {
    return this.#given.signal;
  }

  /** Kept for the answer, and sent at once. */
  says(descriptor, chunk) {
    const part = this.#words[descriptor].add(chunk);
    if (part.length) this.#tell([this.id, part.toString()]);
  }

  said() {
    return { stdout: this.#words[1].take(), stderr: this.#words[2].take() };
  }

  cancel() {
    this.#given.abort();
  }

  fail(error) {
    this.#trouble(error);
  }
}

/** Frames over the one socket there is. Between two of them the event loop turns, and what a skill left behind runs. */
class Channel {
  #socket = new net.Socket({ fd: CHANNEL, readable: true, writable: true });
  #parts = [];
  #length = 0;

  constructor(take, close) {
    this.#socket.on('data', (data) => this.#gather(data, take));
    this.#socket.on('end', close);
    this.#socket.on('error', close);
  }

  send(body) {
    const header = Buffer.alloc(HEADER_BYTES);
    header.writeUInt32BE(body.length);
    this.#socket.write(header);
    this.#socket.write(body);
  }

  #gather(data, take) {
    this.#parts.push(data);
    this.#length += data.length;
    while (this.#length >= HEADER_BYTES) {
      if (this.#parts[0].length < HEADER_BYTES) this.#join();
      const length = this.#parts[0].readUInt32BE();
      if (length > MOST_FRAME) this.#socket.destroy(new Error('a frame of that size is not ours'));
      if (this.#length < HEADER_BYTES + length) return;
      this.#join();
      const whole = this.#parts[0];
      this.#parts = [whole.subarray(HEADER_BYTES + length)];
      this.#length = this.#parts[0].length;
      take(JSON.parse(whole.toString('utf8', HEADER_BYTES, HEADER_BYTES + length)));
    }
  }

  #join() {
    this.#parts = [Buffer.concat(this.#parts)];
  }
}

/** An author's module: the functions it exports, or the default export that has them, or is one. */
class Skill {
  #holder;
  #execute;

  constructor(module, file) {
    const main = module.default;
    this.#holder = module;
    if (typeof module.execute !== 'function' && main != null) {
      const isClass = typeof main === 'function' && typeof main.prototype?.execute === 'function';
      if (isClass) this.#holder = new main();
      else if (typeof main.execute === 'function') this.#holder = main;
    }
    this.#execute = this.#holder.execute ?? main;
    if (typeof this.#execute !== 'function') {
      const names = Object.keys(module).join(', ') || 'nothing';
      throw new Error(`${file} has no execute(input, context): it exports ${names}`);
    }
  }

  async initialize(config) {
    await this.#holder.initialize?.(config);
  }

  async isValid(input) {
    return typeof this.#holder.validate === 'function' ? Boolean(await this.#holder.validate(input)) : true;
  }

  async execute(input, context) {
    return await this.#execute.call(this.#holder, input, context);
  }

  /** Whether a call of it leaves time to others. */
  get overlaps() {
    return this.#execute.constructor.name === 'AsyncFunction';
  }

  get tellsHealth() {
    return typeof (this.#holder.healthCheck ?? this.#holder.health_check) === 'function';
  }

  async health() {
    return await (this.#holder.healthCheck ?? this.#holder.health_check).call(this.#holder);
  }

  async cleanup() {
    await this.#holder.cleanup?.();
  }
}

/** Answers what it is asked until the other end closes: one at a time, or several where a skill's calls overlap. */
class Worker {
  #channel = new Channel((message) => this.#take(message), () => this.#leave());
  #exit = process.exit.bind(process);
  #most;
  #skill = null;
  #told = new Told('', '');
  #calls = new Map();
  #cpuS = 0;
  #isLeaving = false;
  #isAsked = false;

  constructor(most) {
    this.#most = most;
    process.exit = (code) => {
      throw new Error(`process.exit(${code ?? ''}) was called; return instead, or throw what is wrong`);
    };
    process.on('uncaughtException', (error) => this.#onTrouble(error));
    process.on('unhandledRejection', (error) => this.#onTrouble(error));
    process.on('SIGXFSZ', () => {}); // the write fails instead, at the author's line
    this.#reply({ id: 0, did: 'ready', protocol: PROTOCOL, pid: process.pid });
  }

  /** One module at a time, until somebody asks. */
  async warm(names) {
    for (const name of names) {
      if (this.#isAsked) return;
      await import(`node:${name}`).catch(() => {}); // not every node is built with all of them
      await new Promise(setImmediate);
    }
  }

  async #take(message) {
    this.#isAsked = true;
    if (message.do === 'end') return this.#leave();
    if (message.do === 'cancel') return this.#calls.get(message.id)?.cancel();
    const call = new Call(message.id, (words) => this.#channel.send(encoded(words)));
    this.#calls.set(call.id, call);
    const overlaps = Boolean(this.#skill?.overlaps);
    const before = overlaps ? cpuS() : this.#cpuS;
    const answering = () => Promise.race([this.#answered(message, call.signal), call.trouble]);
    let answer;
    try {
      answer = await (overlaps ? SPEAKER.run(call, answering) : answering());
    } catch (error) {
      answer = error instanceof NotCarried ? refused(error.message) : await this.#failed(error, message.do === 'load');
    }
    this.#calls.delete(call.id);
    call.isUnderWay = false;
    this.#cpuS = cpuS();
    const used = { id: call.id, cpu_s: this.#cpuS - before };
    return this.#reply({ ...answer, ...used }, saidByAll(call));
  }

  async #answered(message, signal) {
    if (message.do === 'load') return await this.#load(message);
    if (message.do === 'execute') return await this.#execute(message, signal);
    if (message.do === 'health' && this.#skill) return { ok: true, output: (await this.#skill.health()) ?? null };
    throw new Error(`unknown request ${message.do}`);
  }

  async #load({ folder, file, config }) {
    const real = fs.realpathSync(folder); // as node has it in a stack
    this.#told = new Told(real, file);
    process.chdir(real);
    this.#skill = new Skill(await import(pathToFileURL(`${real}/${file}`)), file);
    await this.#skill.initialize(config);
    return { ok: true, tells_health: this.#skill.tellsHealth, overlaps: this.#skill.overlaps };
  }

  async #execute({ inputs, context }, signal) {
    if (this.#skill === null) throw new Error('nothing is loaded');
    if (!(await this.#skill.isValid(inputs))) {
      return { ok: false, kind: 'input_invalid', message: "the skill's own validate() said no" };
    }
    fs.mkdirSync(context.out, { recursive: true });
    const output = await this.#skill.execute(inputs, { ...context, signal });
    if (output instanceof Uint8Array || types.isAnyArrayBuffer(output)) {
      const bytes = types.isAnyArrayBuffer(output) ? new Uint8Array(output) : output;
      return { ok: true, base64: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64') };
    }
    const why = refusal(output);
    if (why) throw new NotCarried(why);
    return { ok: true, output };
  }

  async #failed(error, isLoading) {
    return { ok: false, kind: 'crashed', ...(await this.#told.of(error, isLoading)) };
  }

  /** What nobody caught ends the run that it comes from; after its answer it is only said, where the next shows it. */
  async #onTrouble(error) {
    const speaker = SPEAKER.getStore();
    const call = speaker?.isUnderWay ? speaker : !speaker && this.#calls.size === 1 && [...this.#calls.values()][0];
    if (call) {
      call.fail(error);
      return;
    }
    const { message, trace } = await this.#told.of(error, false);
    const place = trace.at(-1);
    process.stderr.write(`after its answer: ${message}${place ? ` (${place.file}:${place.line})` : ''}\n`);
  }

  #reply(answer, said = {}) {
    const rest = {
      id: answer.id,
      cpu_s: answer.cpu_s ?? 0,
      ...said,
      max_rss_kb: process.resourceUsage().maxRSS,
      rss_kb: Math.round(process.memoryUsage.rss() / 1024),
    };
    let body;
    try {
      body = encoded({ ...answer, ...rest });
      const why = tooLarge(body, this.#most);
      if (why) throw new NotCarried(why);
    } catch (error) {
      body = encoded({ ...refused(String(error?.message).slice(0, 2000)), ...rest });
    }
    this.#channel.send(body);
  }

  async #leave() {
    if (this.#isLeaving) return;
    this.#isLeaving = true;
    try {
      await this.#skill?.cleanup();
    } catch (error) {
      process.stderr.write(`cleanup: ${error?.stack}\n`);
    }
    this.#exit(0);
  }
}

/** What nobody in particular said since this was asked, and what a call says. */
function saidByAll(call) {
  const own = call.said();
  return { stdout: process.stdout.take() + own.stdout, stderr: process.stderr.take() + own.stderr };
}

function cpuS() {
  const used = process.resourceUsage();
  return (used.userCPUTime + used.systemCPUTime) / 1e6;
}

function refused(why) {
  return { ok: false, kind: 'output_invalid', message: `the result cannot be carried: ${why}` };
}

/** As bytes of JSON; half a character in a message would make the whole frame unreadable. */
function encoded(answer) {
  const text = JSON.stringify(answer);
  return Buffer.from(HALF.test(text) ? text.replace(HALF_ONES, '$1\\ufffd') : text);
}

function main() {
  if (Number.parseInt(process.versions.node, 10) < OLDEST) {
    process.stderr.write(`node ${OLDEST} or newer is needed, and this is ${process.version}\n`);
    process.exit(1);
  }
  Error.stackTraceLimit = 50;
  for (const [name, descriptor] of [['stdout', 1], ['stderr', 2]]) {
    Object.defineProperty(process, name, { value: new Capture(descriptor), configurable: true, enumerable: true });
  }
  const [when, most] = process.argv.slice(2);
  const worker = new Worker(Number(most) - ROOM);
  if (when === 'spare') worker.warm(LIKELY);
}

main();
