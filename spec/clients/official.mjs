// The exchange's own connector: a trader's flow by REST, streams and the WebSocket API.
import { DerivativesTradingUsdsFutures } from '@binance/derivatives-trading-usds-futures';
import { ascending, chained, check, Events, exchange, refusal, run } from './flow.mjs';

const keys = { apiKey: exchange.key, apiSecret: exchange.secret };
const client = new DerivativesTradingUsdsFutures({
  configurationRestAPI: { ...keys, basePath: exchange.rest },
  configurationWebsocketAPI: { ...keys, wsURL: `${exchange.ws}/ws-fapi/v1` },
  configurationWebsocketStreams: { wsURL: exchange.ws },
});
const api = client.restAPI;
const symbol = 'BTCUSDT';
const data = async (promise) => (await promise).data();

run(async () => {
  const info = await data(api.exchangeInformation());
  check('exchange information', info.symbols.some((s) => s.symbol === symbol), info.symbols.length);
  const time = await data(api.checkServerTime());
  check('server time', Math.abs(Number(time.serverTime) - Date.now()) < 2000, time);
  const book = await data(api.orderBook({ symbol, limit: 20 }));
  check('order book', Number(book.bids[0][0]) < Number(book.asks[0][0]) && book.bids.length === 20, book);
  const bars = await data(api.klineCandlestickData({ symbol, interval: '1m', limit: 10 }));
  check('klines', bars.length === 10 && ascending(bars.map((b) => Number(b[0]))), bars);
  check('recent trades', (await data(api.recentTradesList({ symbol, limit: 5 }))).length === 5);
  check('mark price', Number((await data(api.markPrice({ symbol }))).markPrice) > 0);

  const user = new Events();
  const { listenKey } = await data(api.startUserDataStream());
  const streams = await client.websocketStreams.connect();
  const handler = streams.userData(listenKey);
  handler.on('message', (m) => user.push(m));
  const market = { trade: new Events(), kline: new Events(), book: new Events(), depth: new Events(), mark: new Events() };
  streams.aggregateTradeStreams({ symbol: 'btcusdt' }).on('message', (m) => market.trade.push(m));
  streams.klineCandlestickStreams({ symbol: 'btcusdt', interval: '1m' }).on('message', (m) => market.kline.push(m));
  streams.individualSymbolBookTickerStreams({ symbol: 'btcusdt' }).on('message', (m) => market.book.push(m));
  streams.diffBookDepthStreams({ symbol: 'btcusdt', updateSpeed: '100ms' }).on('message', (m) => market.depth.push(m));
  streams.markPriceStream({ symbol: 'btcusdt', updateSpeed: '1s' }).on('message', (m) => market.mark.push(m));
  await market.book.wait('the first best price', (m) => m.e === 'bookTicker');

  const leverage = await data(api.changeInitialLeverage({ symbol, leverage: 10 }));
  check('leverage', leverage.leverage === 10, leverage);
  const same = await refusal(() => api.changeMarginType({ symbol, marginType: 'CROSSED' }));
  check('margin type already so', same.name === 'BadRequestError' && same.code === -4046, { name: same.name, code: same.code, message: same.message });

  const price = Math.floor(Number(book.bids[0][0]) * 0.97);
  const resting = await data(api.newOrder({ symbol, side: 'BUY', type: 'LIMIT', timeInForce: 'GTC', quantity: 0.01, price, newOrderRespType: 'RESULT' }));
  check('a resting order', resting.status === 'NEW' && Number(resting.origQty) === 0.01, resting);
  const orderId = resting.orderId;
  check('query', (await data(api.queryOrder({ symbol, orderId }))).clientOrderId === resting.clientOrderId);
  const amended = await data(api.modifyOrder({ symbol, side: 'BUY', orderId, quantity: 0.02, price: price - 10 }));
  check('amend', Number(amended.origQty) === 0.02 && Number(amended.price) === price - 10, amended);
  check('open orders', (await data(api.currentAllOpenOrders({ symbol }))).length === 1);
  check('cancel', (await data(api.cancelOrder({ symbol, orderId }))).status === 'CANCELED');
  const unknown = await refusal(() => api.cancelOrder({ symbol, orderId }));
  check('unknown order', unknown.name === 'BadRequestError' && unknown.code === -2011, { name: unknown.name, code: unknown.code });
  const ether = await data(api.symbolOrderBookTicker({ symbol: 'ETHUSDT' }));
  const low = Math.floor(Number(ether.bidPrice) * 0.97);
  const small = await refusal(() => api.newOrder({ symbol: 'ETHUSDT', side: 'BUY', type: 'LIMIT', timeInForce: 'GTC', quantity: 0.001, price: low }));
  check('too small', small.code === -4164, { code: small.code, message: small.message });

  const entry = (name) => ({ symbol, side: 'BUY', type: 'LIMIT', timeInForce: 'GTC', quantity: '0.004', price: `${price}`, newClientOrderId: name });
  const batch = await data(api.placeMultipleOrders({ batchOrders: [entry('o-1'), entry('o-2')] }));
  check('batch', batch.length === 2 && batch.every((o) => o.status === 'NEW'), batch);
  const gone = await data(api.cancelMultipleOrders({ symbol, orderIdList: batch.map((o) => o.orderId) }));
  check('batch cancel', gone.every((o) => o.status === 'CANCELED'), gone);

  const algo = await data(api.newAlgoOrder({ algoType: 'CONDITIONAL', symbol, side: 'SELL', type: 'STOP_MARKET', quantity: 0.004, triggerPrice: price }));
  check('conditional order', algo.algoStatus === 'NEW', algo);
  check('listed', (await data(api.currentAllAlgoOpenOrders({ symbol }))).length === 1);
  const algoGone = await data(api.cancelAlgoOrder({ algoId: algo.algoId }));
  check('cancelled', `${algoGone.code}` === '200', algoGone);

  const bought = await data(api.newOrder({ symbol, side: 'BUY', type: 'MARKET', quantity: 0.01, newOrderRespType: 'RESULT' }));
  check('market order', bought.status === 'FILLED' && Number(bought.avgPrice) > 0, bought);
  const [position] = await data(api.positionInformationV3 ? api.positionInformationV3({ symbol }) : api.positionInformationV2({ symbol }));
  check('position', Number(position.positionAmt) === 0.01, position);
  const sold = await data(api.newOrder({ symbol, side: 'SELL', type: 'MARKET', quantity: 0.01, reduceOnly: 'true', newOrderRespType: 'RESULT' }));
  check('close', sold.status === 'FILLED', sold);
  check('flat', (await data(api.positionInformationV3({}))).length === 0);
  check('trades', (await data(api.accountTradeList({ symbol }))).length >= 2);
  check('income', (await data(api.getIncomeHistory({}))).some((i) => i.incomeType === 'COMMISSION'));
  const [usdt] = await data(api.futuresAccountBalanceV3({}));
  check('balance', Number(usdt.balance) > 9000 && Number(usdt.balance) < 10000, usdt);
  check('account', Number((await data(api.accountInformationV3({}))).totalWalletBalance) === Number(usdt.balance));

  const filled = await user.wait('the fill on the user stream', (m) => m.e === 'ORDER_TRADE_UPDATE' && m.o.X === 'FILLED' && m.o.i === bought.orderId);
  check('user stream: fill', Number(filled?.o.z) === 0.01, filled);
  check('user stream: account', user.seen.some((m) => m.e === 'ACCOUNT_UPDATE' && m.a.m === 'ORDER'));
  check('user stream: leverage', user.seen.some((m) => m.e === 'ACCOUNT_CONFIG_UPDATE' && m.ac.l === 10));
  check('aggregate trades', (await market.trade.wait('a trade', (m) => m.e === 'aggTrade'))?.s === symbol);
  check('kline stream', (await market.kline.wait('a bar', (m) => m.e === 'kline'))?.k.i === '1m');
  check('mark price stream', (await market.mark.wait('a mark price', (m) => m.e === 'markPriceUpdate')) !== undefined);
  await market.depth.wait('ten book events', () => market.depth.seen.length >= 10);
  check('differential book', market.depth.seen.length >= 10 && chained(market.depth.seen), market.depth.seen.map((m) => [m.U, m.u, m.pu]));

  const connection = await client.websocketAPI.connect();
  const placed = await connection.newOrder({ symbol, side: 'BUY', type: 'LIMIT', timeInForce: 'GTC', quantity: 0.01, price });
  check('WebSocket API: place', placed.data.status === 'NEW', placed.data);
  const id = placed.data.orderId;
  check('WebSocket API: status', (await connection.queryOrder({ symbol, orderId: id })).data.orderId === id);
  check('WebSocket API: modify', Number((await connection.modifyOrder({ symbol, side: 'BUY', orderId: id, quantity: 0.02, price })).data.origQty) === 0.02);
  check('WebSocket API: cancel', (await connection.cancelOrder({ symbol, orderId: id })).data.status === 'CANCELED');
  check('WebSocket API: book', (await connection.orderBook({ symbol, limit: 5 })).data.bids.length === 5);
  check('WebSocket API: balance', (await connection.futuresAccountBalanceV2()).data[0].asset === 'USDT');
  await connection.disconnect();
  await streams.disconnect();
  await api.closeUserDataStream();
});
