// The npm package `binance`: a trader's flow by REST, streams and the WebSocket API.
import binance from 'binance';
import { ascending, chained, check, Events, exchange, near, refusal, run, shape, sound, story, sum } from './flow.mjs';
import * as shapes from './shapes.mjs';

const { USDMClient, WebsocketClient, WebsocketAPIClient, WS_KEY_URL_MAP } = binance;
for (const name of ['usdm', 'usdmPublic', 'usdmMarket', 'usdmPrivate', 'usdmWSAPI']) WS_KEY_URL_MAP[name] = exchange.ws;
const options = { api_key: exchange.key, api_secret: exchange.secret, recvWindow: 10000 };
const quiet = { trace() {}, info() {}, error: console.error };
const api = new USDMClient({ ...options, baseUrl: exchange.rest });
const symbol = 'BTCUSDT';

async function refused(name, code, message, fn) {
  const error = await refusal(fn);
  check(name, error.code === code && message.test(error.message), error);
}

async function marketData() {
  const info = await api.getExchangeInfo();
  const rules = info.symbols.find((s) => s.symbol === symbol);
  shape('exchange information', rules, shapes.symbol);
  check('server time', near(await api.getServerTime(), Date.now(), 1000));
  const book = await api.getOrderBook({ symbol, limit: 20 });
  check('order book', sound(book) && book.asks.length === 20, book);
  const bars = await api.getKlines({ symbol, interval: '1m', limit: 10 });
  check('klines', bars.length === 10 && bars.every((b, i) => typeof b[1] === 'string' && b[6] === b[0] + 59999 && (i === 0 || b[0] === bars[i - 1][0] + 60000)), bars);
  const marks = await api.getMarkPriceKlines({ symbol, interval: '1m', limit: 3 });
  check('mark price klines', marks.length === 3 && Number(marks[0][5]) === 0 && near(marks[2][4] / bars[9][4], 1, 0.01), marks);
  const day = await api.get24hrChangeStatistics({ symbol });
  shape('ticker', day, shapes.ticker);
  check('ticker', near(day.priceChangePercent, (day.priceChange / day.openPrice) * 100, 0.001) && day.lastId - day.firstId + 1 === day.count, day);
  check('tickers', (await api.get24hrChangeStatistics()).length === info.symbols.length);
  const trades = await api.getRecentTrades({ symbol, limit: 5 });
  shape('trades', trades[0], shapes.trade);
  check('trades', trades.length === 5 && ascending(trades.map((t) => t.id)), trades);
  const older = await api.getHistoricalTrades({ symbol, limit: 5, fromId: trades[0].id });
  check('historical trades', older.length === 5 && older[0].id === trades[0].id && older[0].price === trades[0].price, older);
  const used = api.getRateLimitStates()['x-mbx-used-weight-1m'];
  check('used weight', used >= 200 && used < 600, used);
  await refused('unknown symbol', -1121, /^Invalid symbol\.$/, () => api.getOrderBook({ symbol: 'NOUSDT' }));
  return book;
}

async function settings() {
  check('leverage', (await api.setLeverage({ symbol, leverage: 9 })).leverage === 9);
  check('margin type', (await api.setMarginType({ symbol, marginType: 'ISOLATED' })).code === 200);
  check('margin type back', (await api.setMarginType({ symbol, marginType: 'CROSSED' })).code === 200);
  await refused('margin type already so', -4046, /^No need to change margin type\.$/, () => api.setMarginType({ symbol, marginType: 'CROSSED' }));
  check('position mode', (await api.getCurrentPositionMode()).dualSidePosition === false);
}

async function orders(limit, price) {
  const resting = await api.submitNewOrder(limit({ newOrderRespType: 'RESULT' }));
  shape('a resting order', resting, shapes.placed);
  check('a resting order', resting.status === 'NEW' && /^x-15PC4ZJy/.test(resting.clientOrderId), resting);
  const { orderId } = resting;
  const found = await api.getOrder({ symbol, origClientOrderId: resting.clientOrderId });
  shape('query', found, shapes.order);
  check('query', found.orderId === orderId && found.price === resting.price, found);
  const amended = await api.modifyOrder({ symbol, side: 'BUY', orderId, quantity: '0.02', price: `${price - 10}` });
  check('amend', Number(amended.origQty) === 0.02 && Number(amended.price) === price - 10 && amended.clientOrderId === resting.clientOrderId, amended);
  const open = await api.getAllOpenOrders({ symbol });
  check('open orders', open.length === 1 && open[0].orderId === orderId, open);
  check('open order', (await api.getCurrentOpenOrder({ symbol, orderId })).status === 'NEW');
  check('cancel', (await api.cancelOrder({ symbol, orderId })).status === 'CANCELED');
  await refused('unknown order', -2011, /^Unknown order sent\.$/, () => api.cancelOrder({ symbol, orderId }));
  await refused('query of an unknown order', -2013, /^Order does not exist\.$/, () => api.getOrder({ symbol, orderId: 1 }));
  await refused('bad precision', -1111, /^Precision is over the maximum/, () => api.submitNewOrder(limit({ quantity: '0.0105' })));
  await refused('too small', -4164, /^Order's notional must be no smaller than 50/, () => api.submitNewOrder(limit({ quantity: '0.001', price: `${Math.floor(price * 0.7)}` })));
  await refused('fill-or-kill far from the book', -5021, /FOK order has been rejected/, () => api.submitNewOrder(limit({ timeInForce: 'FOK' })));
  await refused('a stop order on the old address', -4120, /Algo Order API/, () => api.submitNewOrder({ symbol, side: 'SELL', type: 'STOP_MARKET', quantity: '0.01', stopPrice: `${price}` }));
  check('order test', (await api.testOrder(limit({}))) !== undefined && (await api.getAllOpenOrders({ symbol })).length === 0);
  const dead = await api.submitNewOrder(limit({ timeInForce: 'IOC', newOrderRespType: 'RESULT' }));
  check('immediate-or-cancel far from the book', dead.status === 'EXPIRED' && Number(dead.executedQty) === 0, dead);

  const batch = await api.submitMultipleOrders([limit({}), limit({ quantity: '0.00001' }), limit({ quantity: '0.004' })]);
  const counts = api.getRateLimitStates();
  check('order counts', counts['x-mbx-order-count-10s'] >= 5 && counts['x-mbx-order-count-1m'] >= 1, counts);
  check('batch', batch.length === 3 && batch[0].status === 'NEW' && batch[1].code === -1111 && Number(batch[2].origQty) === 0.004, batch);
  const gone = await api.cancelMultipleOrders({ symbol, orderIdList: [batch[0].orderId, batch[2].orderId] });
  check('batch cancel', gone.length === 2 && gone.every((o) => o.status === 'CANCELED'), gone);
  return { resting, dead };
}

async function conditional(price) {
  const placed = await api.submitNewAlgoOrder({ algoType: 'CONDITIONAL', symbol, side: 'SELL', type: 'TAKE_PROFIT_MARKET', quantity: '0.004', triggerPrice: `${Math.floor(price * 1.1)}` });
  shape('conditional order', placed, shapes.algo);
  check('conditional order', placed.algoStatus === 'NEW' && Number(placed.triggerPrice) === Math.floor(price * 1.1), placed);
  const listed = await api.getOpenAlgoOrders({ symbol });
  check('conditional orders', listed.length === 1 && listed[0].algoId === placed.algoId, listed);
  check('conditional order cancelled', (await api.cancelAlgoOrder({ algoId: placed.algoId })).code === '200');
  check('no conditional order is left', (await api.getOpenAlgoOrders({ symbol })).length === 0);
}

async function trade() {
  const before = (await api.getBalanceV3())[0];
  const bought = await api.submitNewOrder({ symbol, side: 'BUY', type: 'MARKET', quantity: '0.01', newOrderRespType: 'RESULT' });
  check('market order', bought.status === 'FILLED' && near(bought.cumQuote, bought.avgPrice * 0.01, 0.001), bought);
  const [held] = await api.getPositionsV3({ symbol });
  shape('position', held, shapes.position3);
  check('position', Number(held.positionAmt) === 0.01 && near(held.entryPrice, bought.avgPrice, 0.01), held);
  const account = await api.getAccountInformationV3();
  check('account', account.positions.length === 1 && near(account.totalPositionInitialMargin / held.notional, 1 / 9, 1e-3), account);
  const sold = await api.submitNewOrder({ symbol, side: 'SELL', type: 'MARKET', quantity: '0.01', reduceOnly: 'true', newOrderRespType: 'RESULT' });
  check('close', sold.status === 'FILLED' && sold.reduceOnly, sold);
  check('flat', (await api.getPositionsV3()).length === 0);
  const fills = await api.getAccountTrades({ symbol });
  shape('own trades', fills[0], shapes.fill);
  const mine = fills.filter((t) => t.orderId === bought.orderId);
  check('own trades', near(sum(mine.map((t) => t.qty)), 0.01) && near(sum(mine.map((t) => t.quoteQty)), bought.cumQuote, 1e-3), mine);
  const fees = await api.getIncomeHistory({ symbol, incomeType: 'COMMISSION' });
  check('income', fees.every((i) => i.incomeType === 'COMMISSION') && near(sum(fees.map((i) => i.income)), -sum(fills.map((t) => t.commission)), 1e-6), fees);
  const after = (await api.getBalanceV3())[0];
  shape('balance', after, shapes.balance);
  check('balance', near(after.balance, Number(before.balance) + sum(fills.map((t) => t.realizedPnl - t.commission)), 1e-6), [before, after]);
  return { bought, sold };
}

async function userEvents(user, { resting, dead }, { bought, sold }) {
  await user.wait('the closing fill on the user stream', (m) => m.e === 'ORDER_TRADE_UPDATE' && m.o.i === sold.orderId && m.o.X === 'FILLED');
  check('user stream: a resting order', story(user.seen, resting.orderId) === 'NEW/NEW AMENDMENT/NEW CANCELED/CANCELED', story(user.seen, resting.orderId));
  check('user stream: an expired order', story(user.seen, dead.orderId) === 'NEW/NEW EXPIRED/EXPIRED', story(user.seen, dead.orderId));
  check('user stream: reason of its end', user.seen.some((m) => m.o?.i === dead.orderId && m.o.x === 'EXPIRED' && m.o.er === '2'));
  const fill = user.seen.find((m) => m.e === 'ORDER_TRADE_UPDATE' && m.o.i === bought.orderId && m.o.X === 'FILLED');
  shape('user stream: fill', fill?.o, shapes.orderUpdate);
  check('user stream: fill', Number(fill?.o.z) === 0.01, fill);
  const accounts = user.seen.filter((m) => m.e === 'ACCOUNT_UPDATE' && m.a.m === 'ORDER');
  check('user stream: position', ['0.01', '0'].every((amount) => accounts.some((m) => Number(m.a.P[0].pa) === Number(amount))), accounts);
  check('user stream: light trades', user.seen.filter((m) => m.e === 'TRADE_LITE' && m.i === bought.orderId).length >= 1);
}

async function marketEvents(market, snapshot) {
  for (const type of ['aggTrade', 'bookTicker', 'markPriceUpdate', '24hrTicker', '24hrMiniTicker', 'trade']) {
    const event = await market.wait(`stream ${type}`, (m) => m.e === type);
    shape(`stream ${type}`, event, shapes.market[type]);
  }
  shape('stream kline', (await market.wait('stream kline', (m) => m.e === 'kline'))?.k, shapes.market.bar);
  const depth = () => market.seen.filter((m) => m.e === 'depthUpdate');
  await market.wait('ten book events', () => depth().length >= 10);
  check('differential book', chained(depth(), snapshot), [snapshot, depth().map((m) => [m.U, m.u, m.pu])]);
  const problem = market.seen.find((m) => m.e === 'exception');
  check('no exceptions on the streams', problem === undefined, problem);
}

async function webSocketApi(limit) {
  const socket = new WebsocketAPIClient({ ...options, attachEventListeners: false, authPrivateConnectionsOnConnect: false, authPrivateRequestsIndividually: true }, quiet);
  const stamped = (more) => ({ symbol, ...more, timestamp: Date.now() });
  const placed = (await socket.submitNewFuturesOrder('usdm', stamped(limit({})))).result;
  check('WebSocket API: place', placed.status === 'NEW' && Number(placed.origQty) === 0.01, placed);
  const { orderId } = placed;
  check('WebSocket API: status', (await socket.getFuturesOrderStatus('usdm', stamped({ orderId }))).result.status === 'NEW');
  const amended = (await socket.modifyFuturesOrder('usdm', stamped({ orderId, side: 'BUY', quantity: '0.02', price: placed.price }))).result;
  check('WebSocket API: modify', Number(amended.origQty) === 0.02, amended);
  check('WebSocket API: cancel', (await socket.cancelFuturesOrder('usdm', stamped({ orderId }))).result.status === 'CANCELED');
  const again = await refusal(() => socket.cancelFuturesOrder('usdm', stamped({ orderId })));
  check('WebSocket API: unknown order', again.status === 400 && again.error?.code === -2011, again);
  const book = (await socket.getFuturesOrderBook({ symbol, limit: 5 })).result;
  check('WebSocket API: book', sound(book) && book.bids.length === 5, book);
  socket.disconnectAll();
}

run(async () => {
  const book = await marketData();
  const price = Math.floor(Number(book.bids[0][0]) * 0.97);
  const limit = (more) => ({ symbol, side: 'BUY', type: 'LIMIT', timeInForce: 'GTC', quantity: '0.01', price: `${price}`, ...more });

  const user = new Events();
  const market = new Events();
  const stream = new WebsocketClient({ ...options, restOptions: { baseUrl: exchange.rest } }, quiet);
  const isUsers = /^(ORDER_TRADE_UPDATE|ACCOUNT_UPDATE|ACCOUNT_CONFIG_UPDATE|TRADE_LITE|ALGO_UPDATE)$/;
  stream.on('message', (m) => {
    const event = m.data ?? m;
    (isUsers.test(event.e) ? user : market).push(event);
  });
  stream.on('exception', (e) => market.push({ e: 'exception', detail: `${JSON.stringify(e)}` }));
  await stream.subscribe(['btcusdt@bookTicker', 'btcusdt@depth@100ms', 'btcusdt@trade'], 'usdmPublic');
  await stream.subscribe(['btcusdt@aggTrade', 'btcusdt@kline_1m', 'btcusdt@markPrice@1s', 'btcusdt@ticker', 'btcusdt@miniTicker'], 'usdmMarket');
  await stream.subscribeUsdFuturesUserDataStream('usdmPrivate');
  await market.wait('the first book event', (m) => m.e === 'depthUpdate');
  const snapshot = (await api.getOrderBook({ symbol, limit: 1000 })).lastUpdateId;

  await settings();
  const placed = await orders(limit, price);
  await conditional(price);
  const fills = await trade();
  await userEvents(user, placed, fills);
  await marketEvents(market, snapshot);
  stream.closeAll(true);
  await webSocketApi(limit);
});
