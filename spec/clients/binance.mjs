// The npm package `binance`: a trader's flow by REST, streams and the WebSocket API.
import binance from 'binance';
import { ascending, chained, check, Events, exchange, refusal, run } from './flow.mjs';

const { USDMClient, WebsocketClient, WebsocketAPIClient, WS_KEY_URL_MAP } = binance;
for (const name of ['usdm', 'usdmPublic', 'usdmMarket', 'usdmPrivate', 'usdmWSAPI']) WS_KEY_URL_MAP[name] = exchange.ws;
const options = { api_key: exchange.key, api_secret: exchange.secret, recvWindow: 10000 };
const api = new USDMClient({ ...options, baseUrl: exchange.rest });
const symbol = 'BTCUSDT';

run(async () => {
  const info = await api.getExchangeInfo();
  check('exchange information', info.symbols.some((s) => s.symbol === symbol));
  check('server time', Math.abs((await api.getServerTime()) - Date.now()) < 2000);
  const book = await api.getOrderBook({ symbol, limit: 20 });
  check('order book', Number(book.bids[0][0]) < Number(book.asks[0][0]) && book.asks.length === 20, book);
  const bars = await api.getKlines({ symbol, interval: '1m', limit: 10 });
  check('klines', bars.length === 10 && ascending(bars.map((b) => b[0])), bars);
  check('trades', (await api.getRecentTrades({ symbol, limit: 5 })).length === 5);
  check('historical trades', (await api.getHistoricalTrades({ symbol, limit: 5 })).length === 5);

  const user = new Events();
  const market = new Events();
  const stream = new WebsocketClient({ ...options, restOptions: { baseUrl: exchange.rest } });
  stream.on('message', (m) => {
    const event = m.data ?? m;
    (['ORDER_TRADE_UPDATE', 'ACCOUNT_UPDATE', 'ACCOUNT_CONFIG_UPDATE', 'TRADE_LITE'].includes(event.e) ? user : market).push(event);
  });
  stream.on('exception', (e) => market.push({ e: 'exception', detail: `${JSON.stringify(e)}` }));
  await stream.subscribe(['btcusdt@bookTicker', 'btcusdt@depth@100ms'], 'usdmPublic');
  await stream.subscribe(['btcusdt@aggTrade', 'btcusdt@kline_1m', 'btcusdt@markPrice@1s'], 'usdmMarket');
  await stream.subscribeUsdFuturesUserDataStream('usdmPrivate');
  await market.wait('the first best price', (m) => m.e === 'bookTicker');

  const settle = async (leverage) => api.setLeverage({ symbol, leverage });
  check('leverage', (await settle(9)).leverage === 9);
  const same = await refusal(() => api.setMarginType({ symbol, marginType: 'CROSSED' }));
  check('margin type already so', same.code === -4046, same);

  const price = Math.floor(Number(book.bids[0][0]) * 0.97);
  const limit = (more) => ({ symbol, side: 'BUY', type: 'LIMIT', timeInForce: 'GTC', quantity: '0.01', price: `${price}`, ...more });
  const resting = await api.submitNewOrder(limit({ newOrderRespType: 'RESULT' }));
  check('a resting order', resting.status === 'NEW' && /^x-15PC4ZJy/.test(resting.clientOrderId), resting);
  const { orderId } = resting;
  check('query', (await api.getOrder({ symbol, origClientOrderId: resting.clientOrderId })).orderId === orderId);
  const amended = await api.modifyOrder({ symbol, side: 'BUY', orderId, quantity: '0.02', price: `${price - 10}` });
  check('amend', Number(amended.origQty) === 0.02, amended);
  check('open orders', (await api.getAllOpenOrders({ symbol })).length === 1);
  check('cancel', (await api.cancelOrder({ symbol, orderId })).status === 'CANCELED');
  check('unknown order', (await refusal(() => api.cancelOrder({ symbol, orderId }))).code === -2011);
  check('bad precision', (await refusal(() => api.submitNewOrder(limit({ quantity: '0.0105' })))).code === -1111);
  check('order test', (await api.testOrder(limit({}))) !== undefined);

  const batch = await api.submitMultipleOrders([limit({}), limit({ quantity: '0.004' })]);
  check('batch', batch.length === 2 && batch.every((o) => o.status === 'NEW'), batch);
  const gone = await api.cancelMultipleOrders({ symbol, orderIdList: batch.map((o) => o.orderId) });
  check('batch cancel', gone.every((o) => o.status === 'CANCELED'), gone);
  const algo = await api.submitNewAlgoOrder({ algoType: 'CONDITIONAL', symbol, side: 'SELL', type: 'TAKE_PROFIT_MARKET', quantity: '0.004', triggerPrice: `${Math.floor(price * 1.1)}` });
  check('conditional order', algo.algoStatus === 'NEW', algo);
  check('listed', (await api.getOpenAlgoOrders({ symbol })).length === 1);
  check('cancelled', `${(await api.cancelAlgoOrder({ algoId: algo.algoId })).code}` === '200');

  const bought = await api.submitNewOrder({ symbol, side: 'BUY', type: 'MARKET', quantity: '0.01', newOrderRespType: 'RESULT' });
  check('market order', bought.status === 'FILLED' && Number(bought.avgPrice) > 0, bought);
  const held = (await api.getPositionsV3({ symbol }))[0];
  check('position', Number(held.positionAmt) === 0.01, held);
  const sold = await api.submitNewOrder({ symbol, side: 'SELL', type: 'MARKET', quantity: '0.01', reduceOnly: 'true', newOrderRespType: 'RESULT' });
  check('close', sold.status === 'FILLED', sold);
  check('flat', (await api.getPositionsV3()).length === 0);
  check('my trades', (await api.getAccountTrades({ symbol })).some((t) => t.orderId === bought.orderId));
  check('income', (await api.getIncomeHistory({ symbol })).length > 0);
  const wallet = (await api.getBalanceV3())[0];
  check('balance', wallet.asset === 'USDT' && Number(wallet.balance) < 10000, wallet);

  const fill = await user.wait('the fill on the user stream', (m) => m.e === 'ORDER_TRADE_UPDATE' && m.o.i === bought.orderId && m.o.X === 'FILLED');
  check('user stream: fill', fill !== undefined && Number(fill.o.z) === 0.01, fill);
  check('user stream: account', user.seen.some((m) => m.e === 'ACCOUNT_UPDATE'));
  check('trade stream', (await market.wait('a trade', (m) => m.e === 'aggTrade'))?.s === symbol);
  check('kline stream', (await market.wait('a bar', (m) => m.e === 'kline'))?.k.i === '1m');
  check('mark price stream', (await market.wait('a mark price', (m) => m.e === 'markPriceUpdate')) !== undefined);
  const depth = () => market.seen.filter((m) => m.e === 'depthUpdate');
  await market.wait('ten book events', () => depth().length >= 10);
  check('differential book', depth().length >= 10 && chained(depth()), depth().map((m) => [m.U, m.u, m.pu]));
  const problem = market.seen.find((m) => m.e === 'exception');
  check('no exceptions on the streams', problem === undefined, problem);
  stream.closeAll(true);

  const socket = new WebsocketAPIClient({ ...options, attachEventListeners: false, authPrivateConnectionsOnConnect: false, authPrivateRequestsIndividually: true });
  const placed = (await socket.submitNewFuturesOrder('usdm', { ...limit({}), timestamp: Date.now() })).result;
  check('WebSocket API: place', placed.status === 'NEW', placed);
  check('WebSocket API: status', (await socket.getFuturesOrderStatus('usdm', { symbol, orderId: placed.orderId, timestamp: Date.now() })).result.orderId === placed.orderId);
  check('WebSocket API: cancel', (await socket.cancelFuturesOrder('usdm', { symbol, orderId: placed.orderId, timestamp: Date.now() })).result.status === 'CANCELED');
  check('WebSocket API: book', (await socket.getFuturesOrderBook({ symbol, limit: 5 })).result.bids.length === 5);
  socket.disconnectAll?.();
});
