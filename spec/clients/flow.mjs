// What the three flows share: where the exchange is, named checks, waiting for events, an end in time.
import { webcrypto } from 'node:crypto';

globalThis.crypto ??= webcrypto;   // node 18 has it, but not as a global

export const exchange = {
  rest: process.env.MOONTIDE_REST,
  ws: process.env.MOONTIDE_WS,
  key: process.env.MOONTIDE_KEY,
  secret: process.env.MOONTIDE_SECRET,
};

const LIMIT_MS = 25000;
let failed = 0;

const text = (value) => JSON.stringify(value, (_, v) => (typeof v === 'bigint' ? `${v}` : v));

export function check(name, condition, detail) {
  if (!condition) failed += 1;
  console.log(condition ? `ok ${name}` : `not ok ${name}: ${text(detail)}`);
}

// Runs `fn`, which must throw; returns what it threw.
export async function refusal(fn) {
  try {
    return { none: await fn() };
  } catch (error) {
    return error;
  }
}

export const near = (a, b, within = 1e-8) => Math.abs(Number(a) - Number(b)) <= within;
export const sum = (values) => values.reduce((total, v) => total + Number(v), 0);
export const ascending = (values) => values.every((v, i) => i === 0 || v > values[i - 1]);

// A book's best prices, its order and its quantities; levels are [price, quantity].
export function sound(book) {
  const prices = (side) => side.map((level) => Number(level[0]));
  return prices(book.bids)[0] < prices(book.asks)[0] && ascending(prices(book.asks)) && ascending(prices(book.bids).reverse())
    && [...book.bids, ...book.asks].every((level) => Number(level[1]) > 0);
}

// The chain of a differential book: each `pu` is the `u` before it, and one event reaches over the snapshot's id.
export function chained(events, snapshot) {
  const links = events.every((e, i) => e.U <= e.u && (i === 0 || (e.pu === events[i - 1].u && e.U > e.pu)));
  return links && events.some((e) => e.pu <= snapshot && snapshot <= e.u);
}

const kinds = { string: 'S', number: 'N', bigint: 'N', boolean: 'B' };

// Checks JSON types by a list as 'orderId:N symbol:S': a client that is typed trusts them.
export function shape(name, value, fields) {
  const wrong = fields.split(' ').map((f) => f.split(':')).filter(([key, kind]) => kinds[typeof value?.[key]] !== kind);
  check(`${name}: types of its fields`, wrong.length === 0, wrong.map(([key]) => [key, value?.[key] ?? null]));
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

  wait(name, fits, ms = 8000) {
    const past = this.seen.find(fits);
    if (past) return Promise.resolve(past);
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        check(name, false, `waited in vain among ${this.seen.map((e) => e.e)}`.slice(0, 400));
        resolve(undefined);
      }, ms);
      this.waiting.push({ fits, resolve: (event) => { clearTimeout(timer); resolve(event); } });
    });
  }
}

// Events of one order on the user stream: its execution types and statuses, in their order.
export function story(events, orderId) {
  return events.filter((m) => m.e === 'ORDER_TRADE_UPDATE' && m.o.i === orderId).map((m) => `${m.o.x}/${m.o.X}`)
    .filter((step, i, all) => step !== all[i - 1]).join(' ');
}

export async function run(flow) {
  const timer = setTimeout(() => {
    console.log('not ok the flow ends in time');
    process.exit(1);
  }, LIMIT_MS);
  try {
    await flow();
  } catch (error) {
    check('the flow runs to its end', false, `${error?.stack ?? error} ${text(error?.body ?? '')}`);
  }
  clearTimeout(timer);
  process.exit(failed ? 1 : 0);
}
