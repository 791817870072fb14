// ccxt: a trader's flow through its unified calls, and through ccxt.pro's streams.
import ccxt from 'ccxt';
import { ascending, check, exchange, refusal, run } from './flow.mjs';

const client = new ccxt.pro.binanceusdm({ apiKey: exchange.key, secret: exchange.secret, options: { fetchMarkets: { types: ['linear'] }, fetchCurrencies: false } });
for (const [name, version] of Object.entries({ fapiPublic: 1, fapiPublicV2: 2, fapiPublicV3: 3, fapiPrivate: 1, fapiPrivateV2: 2, fapiPrivateV3: 3 })) {
  client.urls.api[name] = `${exchange.rest}/fapi/v${version}`;
}
client.urls.api.ws.future = `${exchange.ws}/ws`;
client.urls.api.ws['ws-api'].future = `${exchange.ws}/ws-fapi/v1`;
const symbol = 'BTC/USDT:USDT';

run(async () => {
  await client.loadHttpProxyAgent();
  const markets = await client.loadMarkets();
  check('markets', markets[symbol].linear && markets[symbol].precision.price === 0.1, markets[symbol]?.precision);
  const book = await client.fetchOrderBook(symbol, 20);
  check('order book', book.bids[0][0] < book.asks[0][0] && book.bids.length === 20, book);
  const bars = await client.fetchOHLCV(symbol, '1m', undefined, 10);
  check('klines', bars.length === 10 && ascending(bars.map((b) => b[0])), bars);
  const ticker = await client.fetchTicker(symbol);
  check('ticker', ticker.last > 0 && ticker.high >= ticker.low, ticker);
  check('tickers', Object.keys(await client.fetchTickers()).length === 5);
  check('trades', (await client.fetchTrades(symbol, undefined, 5)).length === 5);
  const funding = await client.fetchFundingRate(symbol);
  check('funding rate', funding.markPrice > 0 && funding.fundingTimestamp > Date.now(), funding);
  const before = (await client.fetchBalance()).USDT;
  check('balance', before.total > 9000 && before.total <= 10000, before);

  const [trades, userOrders] = [client.watchTrades(symbol), client.watchOrders(symbol)];
  check('leverage', Number((await client.setLeverage(8, symbol)).leverage) === 8);
  const same = await refusal(() => client.setMarginMode('cross', symbol));
  check('margin mode already so', same.none !== undefined || /No need to change margin type/.test(same.message), same.message);

  const price = Math.floor(book.bids[0][0] * 0.97);
  const resting = await client.createOrder(symbol, 'limit', 'buy', 0.01, price);
  check('a resting order', resting.status === 'open' && resting.amount === 0.01 && resting.price === price, resting);
  check('query', (await client.fetchOrder(resting.id, symbol)).clientOrderId === resting.clientOrderId);
  const amended = await client.editOrder(resting.id, symbol, 'limit', 'buy', 0.02, price - 10);
  check('amend', amended.amount === 0.02 && amended.price === price - 10, amended);
  check('open orders', (await client.fetchOpenOrders(symbol)).length === 1);
  check('cancel', (await client.cancelOrder(resting.id, symbol)).status === 'canceled');
  const unknown = await refusal(() => client.cancelOrder(resting.id, symbol));
  check('unknown order', unknown instanceof ccxt.OrderNotFound, `${unknown}`);
  const poor = await refusal(() => client.createOrder(symbol, 'limit', 'buy', 9, price));
  check('too large for the margin', /-2019/.test(poor.message), poor.message);
  const event = (await userOrders)[0];
  check('user stream: order', event.symbol === symbol, event);

  const order = (amount) => ({ symbol, type: 'limit', side: 'buy', amount, price });
  const batch = await client.createOrders([order(0.004), order(0.005)]);
  check('batch', batch.length === 2 && batch[1].amount === 0.005, batch);
  const gone = await client.cancelOrders(batch.map((o) => o.id), symbol);
  check('batch cancel', gone.every((o) => o.status === 'canceled'), gone);
  const stop = await client.createOrder(symbol, 'market', 'sell', 0.004, undefined, { stopLossPrice: price });
  check('conditional order', stop.id !== undefined, stop);
  check('listed', (await client.fetchOpenOrders(symbol, undefined, undefined, { trigger: true })).length === 1);
  await client.cancelOrder(stop.id, symbol, { trigger: true });
  check('cancelled', (await client.fetchOpenOrders(symbol, undefined, undefined, { trigger: true })).length === 0);

  const bought = await client.createOrder(symbol, 'market', 'buy', 0.01);
  check('market order', bought.status === 'closed' && bought.average > 0 && bought.filled === 0.01, bought);
  const [position] = await client.fetchPositions([symbol]);
  check('position', position.contracts === 0.01 && position.side === 'long' && position.leverage === 8, position);
  const sold = await client.createOrder(symbol, 'market', 'sell', 0.01, undefined, { reduceOnly: true });
  check('close', sold.status === 'closed', sold);
  check('flat', (await client.fetchPositions([symbol])).every((p) => !p.contracts));
  const mine = await client.fetchMyTrades(symbol);
  check('my trades', mine.some((t) => t.order === bought.id) && mine.every((t) => t.fee.cost > 0 && t.fee.currency === 'USDT'), mine);
  check('all orders', (await client.fetchOrders(symbol)).length >= 4);
  const after = (await client.fetchBalance()).USDT;
  check('the balance paid for it', after.total < before.total && after.total > before.total - 50, [before, after]);
  check('fee', (await client.fetchTradingFee(symbol)).taker === 0.0005);
  check('income', (await client.fetchLedger('USDT')).length > 0);

  check('trade stream', (await trades)[0].symbol === symbol);
  const watched = await client.watchOrderBook(symbol);
  for (let i = 0; i < 10; i += 1) await client.watchOrderBook(symbol);
  check('book stream', watched.bids[0][0] < watched.asks[0][0] && watched.nonce > 0, watched.nonce);
  check('kline stream', (await client.watchOHLCV(symbol, '1m')).length > 0);
  const best = await client.watchBidsAsks([symbol]);
  check('best price stream', best[symbol].bid < best[symbol].ask, best);
  check('mark price stream', (await client.watchMarkPrice(symbol)).markPrice > 0);

  const placed = await client.createOrderWs(symbol, 'limit', 'buy', 0.01, price);
  check('WebSocket API: place', placed.status === 'open', placed);
  check('WebSocket API: status', (await client.fetchOrderWs(placed.id, symbol)).id === placed.id);
  check('WebSocket API: cancel', (await client.cancelOrderWs(placed.id, symbol)).status === 'canceled');
  check('WebSocket API: book', (await client.fetchOrderBookWs(symbol, 5)).bids.length === 5);
  await client.close();
});
