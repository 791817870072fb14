// The same calls by ccxt, for spec/bench/live.lua: node ccxt_client.mjs URL KEY SECRET COUNT price|order
// Prints calls a second and p50 and p99 in microseconds.
import { createRequire } from 'module';
const require = createRequire(process.env.BENCH_MODULES + '/');
const ccxt = require('ccxt');
const [url, apiKey, secret, count, what] = process.argv.slice(2);
const x = new ccxt.binanceusdm({ apiKey, secret, enableRateLimit: false, options: { fetchMarkets: { types: ['linear'] }, fetchCurrencies: false } });
for (const k in x.urls.api) if (/^fapi/.test(k)) x.urls.api[k] = x.urls.api[k].replace('https://fapi.binance.com', url);
await x.loadMarkets();
const price = Math.floor(Number((await x.fapiPublicGetTickerBookTicker({ symbol: 'BTCUSDT' })).bidPrice) * 0.97);
const call = what === 'price' ? () => x.fapiPublicV2GetTickerPrice({ symbol: 'BTCUSDT' })
  : () => x.createOrder('BTC/USDT:USDT', 'limit', 'buy', 0.002, price, { timeInForce: 'IOC' });
const took = [];
for (let i = 0; i < 300; i++) await call();
const start = process.hrtime.bigint();
for (let i = 0; i < Number(count); i++) {
  const before = process.hrtime.bigint();
  await call();
  took.push(Number(process.hrtime.bigint() - before) / 1000);
}
const gone = Number(process.hrtime.bigint() - start) / 1e9;
took.sort((a, b) => a - b);
const at = (share) => took[Math.floor(took.length * share)].toFixed(1);
console.log((took.length / gone).toFixed(0), at(0.5), at(0.99));
