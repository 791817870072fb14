// What the three flows share: where the exchange is, named checks, waiting for events, an end in time.
import { webcrypto } from 'node:crypto';

globalThis.crypto ??= webcrypto;   // node 18 has it, but not as a global

export const exchange = {
  rest: process.env.MOONTIDE_REST,
  ws: process.env.MOONTIDE_WS,
  key: process.env.MOONTIDE_KEY,
  secret: process.env.MOONTIDE_SECRET,
};

const LIMIT_MS = 60000;
let failed = 0;

export function check(name, condition, detail) {
  if (!condition) failed += 1;
  console.log(condition ? `ok ${name}` : `not ok ${name}: ${JSON.stringify(detail, (_, v) => (typeof v === 'bigint' ? `${v}` : v))}`);
}

// Runs `fn`, which must throw; returns what it threw.
export async function refusal(fn) {
  try {
    return { none: await fn() };
  } catch (error) {
    return error;
  }
}

// Events kept as they come; `wait` resolves with the first, past or to come, that fits.
export class Events {
  constructor() {
    this.seen = [];
    this.waiting = [];
  }

  push(event) {
    this.seen.push(event);
    this.waiting = this.waiting.filter((w) => !(w.fits(event) && (w.resolve(event), true)));
  }

  wait(name, fits, ms = 10000) {
    const past = this.seen.find(fits);
    if (past) return Promise.resolve(past);
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        check(name, false, 'waited in vain');
        resolve(undefined);
      }, ms);
      this.waiting.push({ fits, resolve: (event) => { clearTimeout(timer); resolve(event); } });
    });
  }
}

// The chain of a differential book: each pu is the u before it.
export function chained(events) {
  return events.every((e, i) => i === 0 || e.pu === events[i - 1].u);
}

export function ascending(values) {
  return values.every((v, i) => i === 0 || v > values[i - 1]);
}

export async function run(flow) {
  const timer = setTimeout(() => {
    console.log('not ok the flow ends in time');
    process.exit(1);
  }, LIMIT_MS);
  try {
    await flow();
  } catch (error) {
    check('the flow runs to its end', false, `${error?.stack ?? error} ${JSON.stringify(error?.body ?? '')}`);
  }
  clearTimeout(timer);
  process.exit(failed ? 1 : 0);
}
