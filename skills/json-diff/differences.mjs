// What differs between two values of JSON. Nothing here calls itself, so that no depth is too deep.

/** Every difference, what was added or removed before what differs below. With a `key`, items are told apart by it. */
export function differences(before, after, key = '') {
  const found = [];
  const waiting = [{ path: '', before, after }];
  while (waiting.length) {
    const { path, before: old, after: now } = waiting.pop();
    if (!hasParts(old) || !hasParts(now) || Array.isArray(old) !== Array.isArray(now)) {
      if (old !== now) found.push({ path, kind: 'changed', from: old, to: now });
      continue;
    }
    const telling = tells(old, key) && tells(now, key) ? key : '';
    const [olds, nows] = [parts(old, telling), parts(now, telling)];
    const below = [];
    for (const [name, value] of olds) {
      const at = `${path}/${escaped(name)}`;
      if (nows.has(name)) below.push({ path: at, before: value, after: nows.get(name) });
      else found.push({ path: at, kind: 'removed', from: value });
    }
    for (const [name, value] of nows) {
      if (!olds.has(name)) found.push({ path: `${path}/${escaped(name)}`, kind: 'added', to: value });
    }
    while (below.length) waiting.push(below.pop());
  }
  return found;
}

function hasParts(value) {
  return value !== null && typeof value === 'object';
}

/** Whether a key tells the items of a list apart: no two of them have the same. */
function tells(value, key) {
  return Array.isArray(value) && new Set(value.map((item, index) => nameOf(item, index, key))).size === value.length;
}

/** The children of an object or a list by their names. */
function parts(value, key) {
  if (!Array.isArray(value)) return new Map(Object.entries(value));
  return new Map(value.map((item, index) => [nameOf(item, index, key), item]));
}

function nameOf(item, index, key) {
  const own = key && hasParts(item) && Object.hasOwn(item, key) ? item[key] : null;
  return own === null || hasParts(own) ? String(index) : `${key}=${own}`;
}

function escaped(name) {
  return name.replaceAll('~', '~0').replaceAll('/', '~1');
}
