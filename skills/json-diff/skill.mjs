// Compares two JSON texts and lists what was added, removed and changed, each by its JSON Pointer.

import { differences } from './differences.mjs';

export function execute({ before, after, key, most }) {
  const found = differences(read(before, 'before'), read(after, 'after'), key);
  const count = (kind) => found.filter((each) => each.kind === kind).length;
  return {
    same: found.length === 0,
    added: count('added'),
    removed: count('removed'),
    changed: count('changed'),
    differences: found.slice(0, most),
  };
}

function read(text, name) {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Error(`'${name}' is not JSON: ${error.message}`);
  }
}
