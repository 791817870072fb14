// ccxt: a trader's flow through its unified calls, and through ccxt.pro's streams.
import ccxt from 'ccxt';
import { ascending, check, exchange, near, refusal, run, sound, sum } from './flow.mjs';

const client = new ccxt.pro.binanceusdm({
  apiKey: exchange.key,
  secret: exchange.secret,
  enableRateLimit: false,
  newUpdates: true,
  options: { fetchMarkets: { types: ['linear'] }, fetchCurrencies: false },
});
for (const [name, version] of Object.entries({ fapiPublic: 1, fapiPublicV2: 2, fapiPublicV3: 3, fapiPrivate: 1, fapiPrivateV2: 2, fapiPrivateV3: 3 })) {
  client.urls.api[name] = `${exchange.rest}/fapi/v${version}`;
}
client.urls.api.ws.future = `${exchange.ws}/ws`;
client.urls.api.ws['ws-api'].future = `${exchange.ws}/ws-fapi/v1`;
const symbol = 'BTC/USDT:USDT';

// Checks that `fn` is refused with a code. ccxt tells futures errors by the host's name, so most are plain ExchangeErrors here.
async function refused(name, code, fn, kind = ccxt.ExchangeError) {
  const error = await refusal(fn);
  check(name, error instanceof kind && error.message.includes(`"code":${code},`), `${error.constructor.name} ${error.message}`);
}

async function marketData() {
  const markets = await client.loadMarkets();
  const m = markets[symbol];
  check('markets', m.linear && m.swap && m.active && m.settle === 'USDT' && m.precision.price === 0.1 && m.precision.amount === 0.001 && m.limits.cost.min === 50, m);
  check('server time', near(await client.fetchTime(), Date.now(), 1000));
  const book = await client.fetchOrderBook(symbol, 20);
  check('order book', sound(book) && book.bids.length === 20 && book.nonce > 0 && near(book.timestamp, Date.now(), 3000), book);
  const bars = await client.fetchOHLCV(symbol, '1m', undefined, 10);
  check('klines', bars.length === 10 && bars.every((b, i) => i === 0 || b[0] === bars[i - 1][0] + 60000)
    && bars.every(([, o, h, l, c]) => h >= Math.max(o, c) && l <= Math.min(o, c)), bars);
  const ticker = await client.fetchTicker(symbol);
  check('ticker', ticker.last > 0 && ticker.high >= ticker.last && ticker.low <= ticker.last && near(ticker.change, ticker.last - ticker.open, 1e-6), ticker);
  check('tickers', Object.keys(await client.fetchTickers()).length === Object.keys(markets).length);
  const trades = await client.fetchTrades(symbol, undefined, 5);
  check('trades', trades.length === 5 && ascending(trades.map((t) => Number(t.id))) && trades.every((t) => ['buy', 'sell'].includes(t.side)), trades);
  const funding = await client.fetchFundingRate(symbol);
  check('funding rate', funding.markPrice > 0 && funding.indexPrice > 0 && funding.fundingTimestamp > Date.now() && Math.abs(funding.fundingRate) < 0.003, funding);
  const history = await client.fetchFundingRateHistory(symbol, undefined, 3);
  check('funding rates', history.length === 3 && ascending(history.map((h) => h.timestamp)), history);
  check('open interest', (await client.fetchOpenInterest(symbol)).openInterestAmount > 0);
  return book;
}

async function orders(price) {
  const resting = await client.createOrder(symbol, 'limit', 'buy', 0.01, price);
  check('a resting order', resting.status === 'open' && resting.amount === 0.01 && resting.price === price && resting.filled === 0 && resting.timeInForce === 'GTC', resting);
  const found = await client.fetchOrder(resting.id, symbol);
  check('query', found.clientOrderId === resting.clientOrderId && found.status === 'open' && found.remaining === 0.01, found);
  const amended = await client.editOrder(resting.id, symbol, 'limit', 'buy', 0.02, price - 10);
  check('amend', amended.id === resting.id && amended.amount === 0.02 && amended.price === price - 10, amended);
  const open = await client.fetchOpenOrders(symbol);
  check('open orders', open.length === 1 && open[0].id === resting.id && open[0].amount === 0.02, open);
  const gone = await client.cancelOrder(resting.id, symbol);
  check('cancel', gone.status === 'canceled' && gone.id === resting.id, gone);
  check('query of a cancelled order', (await client.fetchOrder(resting.id, symbol)).status === 'canceled');
  await refused('unknown order', -2011, () => client.cancelOrder(resting.id, symbol), ccxt.OrderNotFound);
  await refused('query of an unknown order', -2013, () => client.fetchOrder('1', symbol), ccxt.OrderNotFound);
  await refused('too large for the margin', -2019, () => client.createOrder(symbol, 'limit', 'buy', 9, price));
  await refused('too small', -4164, () => client.createOrder(symbol, 'limit', 'buy', 0.001, Math.floor(price * 0.7)));
  await refused('reduce-only without a position', -2022, () => client.createOrder(symbol, 'market', 'sell', 0.01, undefined, { reduceOnly: true }));
  await refused('post-only that would take', -5022, () => client.createOrder(symbol, 'limit', 'buy', 0.01, Math.floor(price * 1.04), { postOnly: true }));

  const order = (amount) => ({ symbol, type: 'limit', side: 'buy', amount, price });
  const batch = await client.createOrders([order(0.004), order(0.005)]);
  check('batch', batch.length === 2 && batch[0].amount === 0.004 && batch[1].amount === 0.005 && batch.every((o) => o.status === 'open'), batch);
  const left = await client.cancelOrders(batch.map((o) => o.id), symbol);
  check('batch cancel', left.length === 2 && left.every((o) => o.status === 'canceled'), left);
  check('none is left', (await client.fetchOpenOrders(symbol)).length === 0);

  const stop = await client.createOrder(symbol, 'market', 'sell', 0.004, undefined, { stopLossPrice: price });
  check('conditional order', stop.id !== undefined && stop.triggerPrice === price && stop.status === 'open', stop);
  const listed = await client.fetchOpenOrders(symbol, undefined, undefined, { trigger: true });
  check('conditional orders', listed.length === 1 && listed[0].id === stop.id && listed[0].amount === 0.004, listed);
  await client.cancelOrder(stop.id, symbol, { trigger: true });
  check('conditional order cancelled', (await client.fetchOpenOrders(symbol, undefined, undefined, { trigger: true })).length === 0);
  return resting;
}

async function trade() {
  const before = (await client.fetchBalance()).USDT;
  check('balance', before.total > 9000 && before.total <= 10000 && near(before.free + before.used, before.total, 1e-6), before);
  const bought = await client.createOrder(symbol, 'market', 'buy', 0.01);
  check('market order', bought.status === 'closed' && bought.average > 0 && bought.filled === 0.01 && bought.remaining === 0 && near(bought.cost, bought.average * 0.01, 0.001), bought);
  const [position] = await client.fetchPositions([symbol]);
  check('position', position.contracts === 0.01 && position.side === 'long' && position.marginMode === 'cross'
    && near(position.entryPrice, bought.average, 0.01) && near(position.notional, position.markPrice * 0.01, 0.01), position);
  check('margin of the position', near(position.initialMargin / position.notional, 1 / 8, 1e-3), position);
  const sold = await client.createOrder(symbol, 'market', 'sell', 0.01, undefined, { reduceOnly: true });
  check('close', sold.status === 'closed' && sold.reduceOnly === true && sold.filled === 0.01, sold);
  check('flat', (await client.fetchPositions([symbol])).every((p) => !p.contracts));
  const mine = await client.fetchMyTrades(symbol);
  const fee = (await client.fetchTradingFee(symbol)).taker;
  check('fee', fee === 0.0005, fee);
  check('own trades', near(sum(mine.filter((t) => t.order === bought.id).map((t) => t.amount)), 0.01)
    && mine.every((t) => t.takerOrMaker === 'taker' && t.fee.currency === 'USDT' && near(t.fee.cost, t.cost * fee, 1e-6)), mine);
  const closed = await client.fetchOrders(symbol);
  check('all orders', [bought.id, sold.id].every((id) => closed.find((o) => o.id === id)?.status === 'closed'), closed);
  const after = (await client.fetchBalance()).USDT;
  const result = sum(mine.map((t) => Number(t.info.realizedPnl) - t.fee.cost));
  check('balance after', near(after.total, before.total + result, 1e-6), [before, after, result]);
  const ledger = await client.fetchLedger('USDT');
  const signed = (entry) => (entry.direction === 'out' ? -entry.amount : entry.amount);
  check('income', near(sum(ledger.map(signed)), result, 1e-6), [ledger, result]);
  return { bought, sold };
}

async function streams() {
  const waiting = [client.watchTrades(symbol), client.watchOHLCV(symbol, '1m'), client.watchBidsAsks([symbol]), client.watchMarkPrice(symbol), client.watchTicker(symbol)];
  let book;
  for (let i = 0; i < 10; i += 1) {
    book = await client.watchOrderBook(symbol);
    if (i === 0 || i === 9) check(`book stream, update ${i + 1}`, sound(book) && book.bids.length > 100 && book.nonce > 0, [book.bids.slice(0, 3), book.asks.slice(0, 3), book.bids.length]);
  }
  const [trades, bars, best, mark, ticker] = await Promise.all(waiting);
  check('trade stream', trades[0].symbol === symbol && trades[0].price > 0 && ['buy', 'sell'].includes(trades[0].side), trades[0]);
  check('kline stream', bars.at(-1)[0] % 60000 === 0 && bars.at(-1)[2] >= bars.at(-1)[3], bars);
  check('best price stream', best[symbol].bid < best[symbol].ask && best[symbol].bidVolume > 0, best);
  check('mark price stream', mark.markPrice > 0 && mark.symbol === symbol, mark);
  check('ticker stream', ticker.last <= ticker.high && ticker.last >= ticker.low, ticker);
}

async function webSocketApi(price) {
  const placed = await client.createOrderWs(symbol, 'limit', 'buy', 0.01, price);
  check('WebSocket API: place', placed.status === 'open' && placed.amount === 0.01 && placed.price === price, placed);
  const found = await client.fetchOrderWs(placed.id, symbol);
  check('WebSocket API: status', found.id === placed.id && found.status === 'open', found);
  const amended = await client.editOrderWs(placed.id, symbol, 'limit', 'buy', 0.02, price);
  check('WebSocket API: modify', amended.id === placed.id && amended.amount === 0.02, amended);
  check('WebSocket API: cancel', (await client.cancelOrderWs(placed.id, symbol)).status === 'canceled');
  await refused('WebSocket API: unknown order', -2011, () => client.cancelOrderWs(placed.id, symbol));
  const book = await client.fetchOrderBookWs(symbol, 5);
  check('WebSocket API: book', sound(book) && book.bids.length === 5, book);
  const balance = await client.fetchBalanceWs({ type: 'future' });
  check('WebSocket API: balance', balance.USDT.total === (await client.fetchBalance()).USDT.total, balance);
}

// Everything ccxt.pro hands out of a user stream, until it is closed.
function follow(watch, into) {
  (async () => {
    for (;;) into.push(...[await watch()].flat());
  })().catch((error) => into.push({ error: `${error}` }));
}

async function until(fn, ms = 8000) {
  for (const end = Date.now() + ms; !fn() && Date.now() < end;) await new Promise((resolve) => { setTimeout(resolve, 20); });
}

run(async () => {
  await client.loadHttpProxyAgent();
  const book = await marketData();
  const price = Math.floor(book.bids[0][0] * 0.97);

  const leverage = await client.setLeverage(8, symbol);
  check('leverage', leverage.leverage === '8' || leverage.leverage === 8, leverage);
  check('margin mode', `${(await client.setMarginMode('isolated', symbol)).code}` === '200');
  check('margin mode back', `${(await client.setMarginMode('cross', symbol)).code}` === '200');
  await refused('margin mode already so', -4046, () => client.setMarginMode('cross', symbol));
  check('position mode', (await client.fetchPositionMode(symbol)).hedged === false);
  const tiers = (await client.fetchLeverageTiers([symbol]))[symbol];
  check('brackets', tiers[0].minNotional === 0 && tiers.every((t, i) => i === 0 || (t.minNotional === tiers[i - 1].maxNotional && t.maxLeverage <= tiers[i - 1].maxLeverage)), tiers);

  const [updates, fills, positions] = [[], [], []];
  follow(() => client.watchOrders(symbol), updates);
  follow(() => client.watchMyTrades(symbol), fills);
  follow(() => client.watchPositions([symbol]), positions);
  await until(() => Object.values(client.clients).some((c) => c.url.includes('/private/') && c.isConnected));

  const resting = await orders(price);
  const { bought, sold } = await trade();
  const filled = (order) => updates.some((u) => u.id === order.id && u.status === 'closed');
  // Of two updates that come at once ccxt hands out the first; its cache knows both.
  const flat = () => [...positions, ...Object.values(client.positions ?? {}).flat()].some((p) => p.symbol === symbol && p.contracts === 0);
  await until(() => filled(sold) && flat());
  const last = updates.filter((u) => u.id === resting.id).at(-1);
  check('user stream: a resting order', last?.status === 'canceled' && last.amount === 0.02 && last.price === price - 10, last);
  check('user stream: market orders', filled(bought) && filled(sold), updates);
  check('user stream: own trades', near(sum(fills.filter((f) => f.order === bought.id).map((f) => f.amount)), 0.01) && fills.every((f) => f.fee.cost > 0), fills);
  check('user stream: position', positions.some((p) => p.contracts > 0 && p.side === 'long') && flat(), positions);
  await streams();
  await webSocketApi(price);
  await client.close();
});
