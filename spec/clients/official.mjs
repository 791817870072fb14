// The exchange's own connector: a trader's flow by REST, streams and the WebSocket API.
import { DerivativesTradingUsdsFutures } from '@binance/derivatives-trading-usds-futures';
import { ascending, chained, check, Events, exchange, near, refusal, run, shape, sound, story, sum } from './flow.mjs';
import * as shapes from './shapes.mjs';

const keys = { apiKey: exchange.key, apiSecret: exchange.secret };
const client = new DerivativesTradingUsdsFutures({
  configurationRestAPI: { ...keys, basePath: exchange.rest },
  configurationWebsocketAPI: { ...keys, wsURL: `${exchange.ws}/ws-fapi/v1` },
  configurationWebsocketStreams: { wsURL: exchange.ws },
});
const api = client.restAPI;
const symbol = 'BTCUSDT';
const data = async (promise) => (await promise).data();

// Checks that `fn` is refused with a code and a text, as the client maps a 400.
async function refused(name, code, message, fn) {
  const error = await refusal(fn);
  check(name, error.name === 'BadRequestError' && error.code === code && message.test(error.message),
    { name: error.name, code: error.code, message: error.message, none: error.none && 'no refusal' });
}

async function marketData() {
  const info = await data(api.exchangeInformation());
  const rules = info.symbols.find((s) => s.symbol === symbol);
  shape('exchange information', rules, shapes.symbol);
  check('exchange information', rules.status === 'TRADING' && rules.contractType === 'PERPETUAL' && rules.marginAsset === 'USDT', rules);
  check('order types', rules.orderTypes.join() === 'LIMIT,MARKET,STOP,STOP_MARKET,TAKE_PROFIT,TAKE_PROFIT_MARKET,TRAILING_STOP_MARKET', rules.orderTypes);
  const filters = Object.fromEntries(rules.filters.map((f) => [f.filterType, f]));
  check('filters', ['PRICE_FILTER', 'LOT_SIZE', 'MARKET_LOT_SIZE', 'MAX_NUM_ORDERS', 'MIN_NOTIONAL', 'PERCENT_PRICE'].every((f) => filters[f]), rules.filters);
  check('limits', info.rateLimits.map((l) => `${l.rateLimitType} ${l.intervalNum} ${l.interval} ${l.limit}`).sort().join()
    === 'ORDERS 1 MINUTE 1200,ORDERS 10 SECOND 300,REQUEST_WEIGHT 1 MINUTE 2400', info.rateLimits);
  check('server time', near((await data(api.checkServerTime())).serverTime, Date.now(), 1000));

  const book = await data(api.orderBook({ symbol, limit: 20 }));
  shape('order book', book, 'lastUpdateId:N E:N T:N');
  check('order book', sound(book) && book.bids.length === 20 && book.asks.length === 20 && typeof book.bids[0][0] === 'string', book);
  const bars = await data(api.klineCandlestickData({ symbol, interval: '1m', limit: 10 }));
  const step = bars.every((b, i) => i === 0 || Number(b[0]) === Number(bars[i - 1][0]) + 60000);
  const within = bars.every((b) => Number(b[2]) >= Math.max(b[1], b[4]) && Number(b[3]) <= Math.min(b[1], b[4]) && Number(b[6]) === Number(b[0]) + 59999);
  check('klines', bars.length === 10 && step && within && bars[0].length === 12, bars);
  check('the last bar is unfinished', Number(bars[9][6]) > Date.now() - 1000, bars[9]);
  const early = await data(api.klineCandlestickData({ symbol, interval: '1m', startTime: bars[2][0], endTime: bars[4][0] }));
  check('klines of a time', early.map((b) => `${b[0]}`).join() === bars.slice(2, 5).map((b) => `${b[0]}`).join(), early);

  const day = await data(api.ticker24hrPriceChangeStatistics({ symbol }));
  shape('ticker', day, shapes.ticker);
  check('ticker', near(day.priceChange, day.lastPrice - day.openPrice, 1e-6) && Number(day.lowPrice) <= Number(day.lastPrice)
    && Number(day.lastPrice) <= Number(day.highPrice) && BigInt(day.lastId) - BigInt(day.firstId) + 1n === BigInt(day.count), day);
  check('ticker: decimals of the change', /^-?\d+\.\d{3}$/.test(day.priceChangePercent), day.priceChangePercent);
  const best = await data(api.symbolOrderBookTicker({ symbol }));
  shape('best prices', best, shapes.best);
  check('best prices', Number(best.bidPrice) < Number(best.askPrice), best);
  check('best prices of all symbols', (await data(api.symbolOrderBookTicker())).length === info.symbols.length);
  shape('price', await data(api.symbolPriceTickerV2({ symbol })), 'symbol:S price:S time:N');
  const trades = await data(api.recentTradesList({ symbol, limit: 5 }));
  shape('trades', trades[0], shapes.trade);
  check('trades', trades.length === 5 && ascending(trades.map((t) => BigInt(t.id))) && trades.every((t) => near(t.quoteQty, t.price * t.qty, 0.01)), trades);
  const aggregates = await data(api.compressedAggregateTradesList({ symbol, limit: 5 }));
  shape('aggregate trades', aggregates[0], shapes.aggregate);
  check('aggregate trades', aggregates.length === 5 && aggregates.every((a, i) => i === 0 || BigInt(a.f) === BigInt(aggregates[i - 1].l) + 1n), aggregates);
  const mark = await data(api.markPrice({ symbol }));
  shape('mark price', mark, shapes.mark);
  check('mark price', near(mark.markPrice / best.bidPrice, 1, 0.01) && Number(mark.nextFundingTime) % 3600000 === 0 && Number(mark.nextFundingTime) > Date.now(), mark);
  const funding = await data(api.getFundingRateHistory({ symbol, limit: 3 }));
  check('funding rates', funding.length === 3 && ascending(funding.map((f) => Number(f.fundingTime))) && funding.every((f) => Math.abs(f.fundingRate) < 0.003), funding);
  check('open interest', Number((await data(api.openInterest({ symbol }))).openInterest) > 0);

  await refused('unknown symbol', -1121, /^Invalid symbol\.$/, () => api.klineCandlestickData({ symbol: 'NOUSDT', interval: '1m' }));
  await refused('unknown interval', -1120, /^Invalid interval\.$/, () => api.klineCandlestickData({ symbol, interval: '1s' }));
  await refused('too many bars', -1130, /^Data sent for parameter 'limit' is not valid\.$/, () => api.klineCandlestickData({ symbol, interval: '1m', limit: 1501 }));
  await refused('odd depth', -4021, /3 is not valid depth limit/, () => api.orderBook({ symbol, limit: 3 }));
  return { rules, filters, book };
}

async function settings() {
  const leverage = await data(api.changeInitialLeverage({ symbol, leverage: 10 }));
  shape('leverage', leverage, 'leverage:N maxNotionalValue:S symbol:S');
  check('leverage', leverage.leverage === 10 && leverage.symbol === symbol, leverage);
  await refused('leverage beyond the brackets', -4028, /^Leverage 126 is not valid$/, () => api.changeInitialLeverage({ symbol, leverage: 126 }));
  const isolated = await data(api.changeMarginType({ symbol, marginType: 'ISOLATED' }));
  check('margin type', isolated.code === 200 && isolated.msg === 'success', isolated);
  const [config] = await data(api.symbolConfiguration({ symbol }));
  check('symbol configuration', config.marginType === 'ISOLATED' && config.leverage === 10, config);
  await data(api.changeMarginType({ symbol, marginType: 'CROSSED' }));
  await refused('margin type already so', -4046, /^No need to change margin type\.$/, () => api.changeMarginType({ symbol, marginType: 'CROSSED' }));
  check('position mode', (await data(api.getCurrentPositionMode())).dualSidePosition === false);
  await refused('position mode already so', -4059, /^No need to change position side\.$/, () => api.changePositionMode({ dualSidePosition: 'false' }));
  const brackets = await data(api.notionalAndLeverageBrackets({ symbol }));
  const list = (Array.isArray(brackets) ? brackets[0] : brackets).brackets;
  check('brackets', list[0].notionalFloor === 0 && list[0].cum === 0 && list.every((b, i) => i === 0
    || (b.notionalFloor === list[i - 1].notionalCap && near(b.cum, b.notionalFloor * (b.maintMarginRatio - list[i - 1].maintMarginRatio) + list[i - 1].cum, 1e-3))), list);
  const fees = await data(api.userCommissionRate({ symbol }));
  check('commission', Number(fees.makerCommissionRate) === 0.0002 && Number(fees.takerCommissionRate) === 0.0005, fees);
  shape('account configuration', await data(api.futuresAccountConfiguration()), shapes.accountConfig);
}

async function orders({ filters }, price) {
  const limit = (more) => ({ symbol, side: 'BUY', type: 'LIMIT', timeInForce: 'GTC', quantity: 0.01, price, ...more });
  const resting = await data(api.newOrder(limit({ newOrderRespType: 'RESULT' })));
  shape('a resting order', resting, shapes.placed);
  check('a resting order', resting.status === 'NEW' && Number(resting.origQty) === 0.01 && Number(resting.price) === price
    && Number(resting.executedQty) === 0 && /^[A-Za-z0-9]{22}$/.test(resting.clientOrderId), resting);
  const { orderId } = resting;
  const found = await data(api.queryOrder({ symbol, orderId }));
  shape('query', found, shapes.order);
  check('query', found.clientOrderId === resting.clientOrderId && found.status === 'NEW' && found.time <= found.updateTime, found);
  const amended = await data(api.modifyOrder({ symbol, side: 'BUY', orderId, quantity: 0.02, price: price - 10 }));
  check('amend', amended.orderId === orderId && Number(amended.origQty) === 0.02 && Number(amended.price) === price - 10 && amended.pair === symbol, amended);
  await refused('amend to the same', -5027, /^No need to modify the order\.$/, () => api.modifyOrder({ symbol, side: 'BUY', orderId, quantity: 0.02, price: price - 10 }));
  const open = await data(api.currentAllOpenOrders({ symbol }));
  check('open orders', open.length === 1 && open[0].orderId === orderId && Number(open[0].origQty) === 0.02, open);
  const margin = (price - 10) * 0.02 / 10;
  check('margin of the order', near((await data(api.accountInformationV3())).totalOpenOrderInitialMargin / margin, 1, 0.01), margin);
  const gone = await data(api.cancelOrder({ symbol, orderId }));
  check('cancel', gone.status === 'CANCELED' && gone.orderId === orderId && Number(gone.executedQty) === 0, gone);
  check('query of a cancelled order', (await data(api.queryOrder({ symbol, orderId }))).status === 'CANCELED');
  await refused('cancel of a cancelled order', -2011, /^Unknown order sent\.$/, () => api.cancelOrder({ symbol, orderId }));
  await refused('open query of a cancelled order', -2013, /^Order does not exist\.$/, () => api.queryCurrentOpenOrder({ symbol, orderId }));
  await refused('query of an unknown order', -2013, /^Order does not exist\.$/, () => api.queryOrder({ symbol, origClientOrderId: 'nobody' }));

  const low = Math.floor(Number((await data(api.symbolOrderBookTicker({ symbol: 'ETHUSDT' }))).bidPrice) * 0.97);
  await refused('too small', -4164, /^Order's notional must be no smaller than 20(\.0)? \(unless you choose reduce only\)\.?$/, () => api.newOrder(limit({ symbol: 'ETHUSDT', quantity: 0.001, price: low })));
  await refused('off the tick', -4014, /^Price not increased by tick size\.$/, () => api.newOrder(limit({ price: price + 0.05 })));
  await refused('too precise a quantity', -1111, /^Precision is over the maximum defined for this asset\.$/, () => api.newOrder(limit({ quantity: 0.0105 })));
  await refused('too large a quantity', -4005, /^Quantity greater than max quantity\.$/, () => api.newOrder(limit({ quantity: Number(filters.LOT_SIZE.maxQty) + 1 })));
  await refused('too little margin', -2019, /^Margin is insufficient\.$/, () => api.newOrder(limit({ quantity: 9 })));
  await refused('too high a price', -4016, /higher than/, () => api.newOrder(limit({ price: Math.floor(price * 1.2) })));
  await refused('no quantity', -1102, /^Mandatory parameter 'quantity' was not sent, was empty\/null, or malformed\.$/, () => api.newOrder({ symbol, side: 'BUY', type: 'MARKET' }));
  await refused('a market order with time in force', -1106, /^Parameter 'timeInForce' sent when not required\.$/, () => api.newOrder({ symbol, side: 'BUY', type: 'MARKET', quantity: 0.01, timeInForce: 'GTC' }));
  await refused('a stop order on the old address', -4120, /Algo Order API/, () => api.newOrder({ symbol, side: 'SELL', type: 'STOP_MARKET', quantity: 0.01 }));
  await refused('reduce-only without a position', -2022, /^ReduceOnly Order is rejected\.$/, () => api.newOrder({ symbol, side: 'SELL', type: 'MARKET', quantity: 0.01, reduceOnly: 'true' }));
  await refused('post-only that would take', -5022, /Post Only order will be rejected/, () => api.newOrder(limit({ timeInForce: 'GTX', price: Math.floor(price * 1.04) })));
  await refused('position side in one-way mode', -4061, /position side does not match user's setting/, () => api.newOrder(limit({ positionSide: 'LONG' })));

  const entry = (name, quantity) => ({ symbol, side: 'BUY', type: 'LIMIT', timeInForce: 'GTC', quantity, price: `${price}`, newClientOrderId: name });
  const batch = await data(api.placeMultipleOrders({ batchOrders: [entry('o-1', '0.004'), entry('o-2', '0.00001'), entry('o-3', '0.005')] }));
  check('batch', batch.length === 3 && batch[0].status === 'NEW' && batch[0].clientOrderId === 'o-1' && batch[1].code === -1111 && Number(batch[2].origQty) === 0.005, batch);
  await refused('client id of an open order', -4116, /^ClientOrderId is duplicated\.$/, () => api.newOrder(limit({ newClientOrderId: 'o-1' })));
  const left = await data(api.cancelMultipleOrders({ symbol, orderIdList: [batch[0].orderId, orderId, batch[2].orderId] }));
  check('batch cancel', left.length === 3 && left[0].status === 'CANCELED' && left[1].code === -2011 && left[2].status === 'CANCELED', left);
  await data(api.newOrder(limit({ newClientOrderId: 'o-1' })));
  const all = await data(api.cancelAllOpenOrders({ symbol }));
  check('cancel all', all.code === 200 && all.msg === 'The operation of cancel all open order is done.', all);
  check('none is left', (await data(api.currentAllOpenOrders({ symbol }))).length === 0);
  return resting;
}

async function conditional(price) {
  const stop = { algoType: 'CONDITIONAL', symbol, side: 'SELL', type: 'STOP_MARKET', quantity: 0.004, triggerPrice: price };
  const placed = await data(api.newAlgoOrder({ ...stop, clientAlgoId: 'stop-1' }));
  shape('conditional order', placed, shapes.algo);
  check('conditional order', placed.algoStatus === 'NEW' && placed.orderType === 'STOP_MARKET' && placed.clientAlgoId === 'stop-1' && Number(placed.triggerPrice) === price, placed);
  const listed = await data(api.currentAllAlgoOpenOrders({ symbol }));
  shape('conditional orders', listed[0], shapes.algoListed);
  check('conditional orders', listed.length === 1 && listed[0].algoId === placed.algoId, listed);
  check('not among the open orders', (await data(api.currentAllOpenOrders({ symbol }))).length === 0);
  const gone = await data(api.cancelAlgoOrder({ algoId: placed.algoId }));
  check('conditional order cancelled', gone.code === '200' && gone.msg === 'success' && gone.algoId === placed.algoId, gone);
  check('its state', (await data(api.queryAlgoOrder({ algoId: placed.algoId }))).algoStatus === 'CANCELED');
  await refused('a trigger already met', -2021, /^Order would immediately trigger\.$/, () => api.newAlgoOrder({ ...stop, triggerPrice: Math.floor(price * 1.05) }));
  await refused('close-all without a position', -4509, /GTE can only be used with open positions/, () => api.newAlgoOrder({ ...stop, quantity: undefined, closePosition: 'true' }));
  return placed;
}

async function trade() {
  const market = { symbol, type: 'MARKET', quantity: 0.01 };
  const before = await data(api.accountInformationV3());
  const bought = await data(api.newOrder({ ...market, side: 'BUY', newOrderRespType: 'RESULT' }));
  check('market order', bought.status === 'FILLED' && Number(bought.executedQty) === 0.01 && near(bought.cumQuote, bought.avgPrice * 0.01, 0.001) && Number(bought.avgPrice) > 0, bought);
  const [position] = await data(api.positionInformationV3({ symbol }));
  shape('position', position, shapes.position3);
  check('position', Number(position.positionAmt) === 0.01 && near(position.entryPrice, bought.avgPrice, 0.01)
    && near(position.notional, position.markPrice * 0.01, 1e-6) && near(position.unRealizedProfit, (position.markPrice - position.entryPrice) * 0.01, 1e-4)
    && near(position.initialMargin / position.notional, 0.1, 1e-6), position);
  check('position: neither leverage nor margin type', !('leverage' in position) && !('marginType' in position), Object.keys(position));
  const [old] = await data(api.positionInformationV2({ symbol }));
  shape('position, version 2', old, shapes.position2);
  check('position, version 2', old.leverage === '10' && old.marginType === 'cross' && old.positionSide === 'BOTH', old);
  await refused('margin type with a position', -4048, /^Margin type cannot be changed if there exists position\.$/, () => api.changeMarginType({ symbol, marginType: 'ISOLATED' }));
  const account = await data(api.accountInformationV3());
  shape('account', account, shapes.account);
  check('account', near(account.totalMarginBalance, Number(account.totalWalletBalance) + Number(account.totalUnrealizedProfit)) && account.positions.length === 1
    && near(account.availableBalance, account.totalMarginBalance - account.totalInitialMargin, 1e-6), account);
  const long = await data(api.accountInformationV2());
  shape('account, version 2', long, shapes.account2);
  check('account, version 2', long.positions.find((p) => p.symbol === symbol)?.leverage === '10', long.positions);

  const sold = await data(api.newOrder({ ...market, side: 'SELL', reduceOnly: 'true', newOrderRespType: 'RESULT' }));
  check('close', sold.status === 'FILLED' && sold.reduceOnly === true, sold);
  check('flat', (await data(api.positionInformationV3())).length === 0);
  const accepted = await data(api.newOrder({ ...market, side: 'BUY' }));
  check('a market order is only acknowledged by default', accepted.status === 'NEW' && Number(accepted.executedQty) === 0, accepted);
  await data(api.newOrder({ ...market, side: 'SELL', newOrderRespType: 'RESULT' }));

  const fills = await data(api.accountTradeList({ symbol }));
  shape('own trades', fills[0], shapes.fill);
  const mine = fills.filter((f) => f.orderId === bought.orderId);
  check('own trades', near(sum(mine.map((f) => f.qty)), 0.01) && mine.every((f) => f.buyer && !f.maker && f.side === 'BUY' && near(f.commission, f.quoteQty * 0.0005, 1e-6)), mine);
  const incomes = await data(api.getIncomeHistory({ limit: 100 }));
  shape('income', incomes[0], shapes.income);
  const total = (type) => sum(incomes.filter((i) => i.incomeType === type).map((i) => i.income));
  check('income', near(total('COMMISSION'), -sum(fills.map((f) => f.commission)), 1e-6) && near(total('REALIZED_PNL'), sum(fills.map((f) => f.realizedPnl)), 1e-6), incomes);
  const [usdt] = await data(api.futuresAccountBalanceV3());
  shape('balance', usdt, shapes.balance);
  check('balance', usdt.asset === 'USDT' && near(usdt.balance, Number(before.totalWalletBalance) + sum(fills.map((f) => f.realizedPnl - f.commission)), 1e-6), [usdt, before.totalWalletBalance]);
  check('all orders', (await data(api.allOrders({ symbol }))).filter((o) => o.status === 'FILLED').length === 4);
  return { bought, sold };
}

async function userEvents(user, { resting, algo, bought, sold }) {
  await user.wait('the closing fill on the user stream', (m) => m.e === 'ORDER_TRADE_UPDATE' && m.o.X === 'FILLED' && m.o.i === sold.orderId);
  check('user stream: a resting order', story(user.seen, resting.orderId) === 'NEW/NEW AMENDMENT/NEW CANCELED/CANCELED', story(user.seen, resting.orderId));
  check('user stream: a market order', /^NEW\/NEW (TRADE\/PARTIALLY_FILLED )?TRADE\/FILLED$/.test(story(user.seen, bought.orderId)), story(user.seen, bought.orderId));
  const fill = user.seen.find((m) => m.e === 'ORDER_TRADE_UPDATE' && m.o.X === 'FILLED' && m.o.i === bought.orderId);
  shape('user stream: fill', fill.o, `${shapes.orderUpdate} n:S N:S`);
  check('user stream: fill', Number(fill.o.z) === 0.01 && near(fill.o.ap, bought.avgPrice, 0.01) && fill.o.N === 'USDT' && near(fill.o.n, fill.o.L * fill.o.l * 0.0005, 1e-6) && !fill.o.m, fill);
  const close = user.seen.find((m) => m.e === 'ORDER_TRADE_UPDATE' && m.o.X === 'FILLED' && m.o.i === sold.orderId);
  check('user stream: close', close.o.R === true && near(close.o.rp, (close.o.L - bought.avgPrice) * close.o.l, 1e-3), close);
  const accounts = user.seen.filter((m) => m.e === 'ACCOUNT_UPDATE' && m.a.m === 'ORDER');
  const opened = accounts.find((m) => Number(m.a.P[0]?.pa) === 0.01);
  shape('user stream: position', opened?.a.P[0], shapes.accountPosition);
  shape('user stream: balance', opened?.a.B[0], shapes.accountBalance);
  check('user stream: position', opened?.a.P[0].mt === 'cross' && near(opened.a.P[0].ep, bought.avgPrice, 0.01) && opened.T === fill.T, opened);
  check('user stream: no funding', accounts.every((m) => !('S' in m.a)), accounts);
  check('user stream: flat', accounts.some((m) => m.a.P[0]?.s === symbol && Number(m.a.P[0].pa) === 0), accounts);
  const lite = user.seen.find((m) => m.e === 'TRADE_LITE' && m.t === fill.o.t);
  shape('user stream: light trade', lite, shapes.tradeLite);
  const algos = user.seen.filter((m) => m.e === 'ALGO_UPDATE' && m.o.aid === algo.algoId);
  shape('user stream: conditional order', algos[0]?.o, shapes.algoUpdate);
  check('user stream: conditional order', algos.map((m) => m.o.X).join() === 'NEW,CANCELED', algos);
  check('user stream: leverage', user.seen.some((m) => m.e === 'ACCOUNT_CONFIG_UPDATE' && m.ac.s === symbol && m.ac.l === 10));
  check('user stream: order of time', user.seen.every((m, i) => i === 0 || m.E >= user.seen[i - 1].E), user.seen.map((m) => [m.e, m.E]));
}

async function marketEvents(market, snapshot) {
  for (const type of ['aggTrade', 'bookTicker', 'markPriceUpdate', '24hrTicker', '24hrMiniTicker']) {
    const event = await market.wait(`stream ${type}`, (m) => m.e === type);
    shape(`stream ${type}`, event, shapes.market[type]);
    check(`stream ${type}: its symbol`, event?.s === symbol, event);
  }
  const { k } = await market.wait('stream kline', (m) => m.e === 'kline') ?? {};
  shape('stream kline', k, shapes.market.bar);
  check('stream kline', k?.i === '1m' && k.T === k.t + 59999 && k.t % 60000 === 0 && Number(k.l) <= Number(k.c) && Number(k.c) <= Number(k.h), k);
  const of = (type) => market.seen.filter((m) => m.e === type);
  await market.wait('ten book events', () => of('depthUpdate').length >= 10);
  shape('differential book', of('depthUpdate')[0], shapes.market.depthUpdate);
  check('differential book', chained(of('depthUpdate'), snapshot), [snapshot, of('depthUpdate').map((m) => [m.U, m.u, m.pu])]);
  check('best prices by stream', of('bookTicker').every((m) => Number(m.b) < Number(m.a)) && ascending(of('bookTicker').map((m) => m.u)), of('bookTicker').slice(0, 5));
  check('aggregate trades by stream', of('aggTrade').every((m, i, all) => i === 0 || (m.a === all[i - 1].a + 1 && m.f === all[i - 1].l + 1)), of('aggTrade').slice(0, 5));
}

async function webSocketApi(price) {
  const connection = await client.websocketAPI.connect();
  const limit = { symbol, side: 'BUY', type: 'LIMIT', timeInForce: 'GTC', quantity: 0.01, price };
  const placed = await connection.newOrder(limit);
  check('WebSocket API: place', placed.data.status === 'NEW' && Number(placed.data.origQty) === 0.01 && placed.data.symbol === symbol, placed.data);
  check('WebSocket API: limits', placed.rateLimits?.filter((l) => l.rateLimitType === 'ORDERS' && l.count >= 1).length === 2, placed.rateLimits);
  const { orderId } = placed.data;
  const found = (await connection.queryOrder({ symbol, orderId })).data;
  shape('WebSocket API: status', found, shapes.order);
  check('WebSocket API: status', found.orderId === orderId && found.status === 'NEW', found);
  const amended = (await connection.modifyOrder({ symbol, side: 'BUY', orderId, quantity: 0.02, price })).data;
  check('WebSocket API: modify', Number(amended.origQty) === 0.02 && amended.orderId === orderId, amended);
  check('WebSocket API: cancel', (await connection.cancelOrder({ symbol, orderId })).data.status === 'CANCELED');
  const again = await refusal(() => connection.cancelOrder({ symbol, orderId }));
  check('WebSocket API: unknown order', again.code === -2011 && again.msg === 'Unknown order sent.', again);
  const algo = (await connection.newAlgoOrder({ algoType: 'CONDITIONAL', symbol, side: 'SELL', type: 'STOP_MARKET', quantity: 0.004, triggerPrice: price })).data;
  check('WebSocket API: conditional order', algo.algoStatus === 'NEW', algo);
  check('WebSocket API: conditional order cancelled', (await connection.cancelAlgoOrder({ algoId: algo.algoId })).data.code === '200');
  const book = (await connection.orderBook({ symbol, limit: 5 })).data;
  check('WebSocket API: book', sound(book) && book.bids.length === 5, book);
  check('WebSocket API: best prices', Number((await connection.symbolOrderBookTicker({ symbol })).data.bidPrice) > 0);
  const balance = (await connection.futuresAccountBalanceV2()).data[0];
  check('WebSocket API: balance', balance.asset === 'USDT' && balance.balance === (await data(api.futuresAccountBalanceV3()))[0].balance, balance);
  await connection.disconnect();
}

run(async () => {
  const known = await marketData();
  const price = Math.floor(Number(known.book.bids[0][0]) * 0.97);

  const user = new Events();
  const market = new Events();
  const { listenKey } = await data(api.startUserDataStream());
  check('listen key', listenKey.length === 64 && (await data(api.startUserDataStream())).listenKey === listenKey, listenKey);
  const streams = await client.websocketStreams.connect();
  streams.userData(listenKey).on('message', (m) => user.push(m));
  const lower = symbol.toLowerCase();
  for (const stream of [
    streams.aggregateTradeStreams({ symbol: lower }),
    streams.klineCandlestickStreams({ symbol: lower, interval: '1m' }),
    streams.individualSymbolBookTickerStreams({ symbol: lower }),
    streams.diffBookDepthStreams({ symbol: lower, updateSpeed: '100ms' }),
    streams.markPriceStream({ symbol: lower, updateSpeed: '1s' }),
    streams.individualSymbolTickerStreams({ symbol: lower }),
    streams.individualSymbolMiniTickerStream({ symbol: lower }),
  ]) stream.on('message', (m) => market.push(m));
  await market.wait('the first book event', (m) => m.e === 'depthUpdate');
  const snapshot = (await data(api.orderBook({ symbol, limit: 1000 }))).lastUpdateId;

  await settings();
  const resting = await orders(known, price);
  const algo = await conditional(price);
  const fills = await trade();
  await userEvents(user, { resting, algo, ...fills });
  await marketEvents(market, snapshot);
  await webSocketApi(price);
  await streams.disconnect();
  await api.closeUserDataStream();
});
