---@meta
---What a script sees beside `api`: the globals `market` and `log`, the handlers it may have, and the methods of `self`. They
---are built when a run starts (moontide.api.market, moontide.run.log, moontide.run.strategy); a spec holds this file to what is there.

---The rules of the run's symbols, and their bars.
---@class Market
market = {}

---The exchange's rules for a symbol.
---@class SymbolRules
---@field tick number quote asset: prices are multiples of it
---@field step number base asset: quantities are multiples of it
---@field min_quantity number base asset
---@field max_quantity number base asset, of a LIMIT order
---@field market_step number base asset, of a MARKET order
---@field min_market_quantity number base asset, of a MARKET order
---@field max_market_quantity number base asset: the largest MARKET order, often far below max_quantity
---@field min_notional number quote asset: the least that price times quantity may be
---@field price_precision integer digits
---@field quantity_precision integer digits

---The exchange's rules for a symbol.
---
---Errors: raises on a symbol that is not of this run.
---@param symbol string one of the run's
---@return SymbolRules rules
function market.rules(symbol) end

---The nearest price on the tick.
---
---Errors: raises on a symbol that is not of this run.
---@param symbol string one of the run's
---@param price number quote asset
---@param direction "down"|"up"|nil to choose the side; the nearest when left out
---@return number price quote asset, on the tick
function market.round_price(symbol, price, direction) end

---The quantity cut down to the step, so that it never exceeds what was asked.
---
---Errors: raises on a symbol that is not of this run.
---@param symbol string one of the run's
---@param quantity number base asset
---@return number quantity base asset, on the step
function market.round_quantity(symbol, quantity) end

---The symbols of this run.
---
---Errors: none.
---@return string[] symbols
function market.symbols() end

---A price of the order book and what stands there.
---@class BookLevel
---@field price number quote asset
---@field qty number base asset

---The order book of a symbol as market.book tells it: a copy, which does not change.
---@class Book
---@field symbol string
---@field bids BookLevel[] the best first
---@field asks BookLevel[] the best first
---@field bid? number quote asset: the best bid
---@field ask? number quote asset: the best ask
---@field spread? number quote asset
---@field mid? number quote asset: halfway between the two
---@field last_update_id string of the exchange's last change in it
---@field time integer ms since the epoch: of that change
---@field in_sync boolean true: another is not handed out

---The order book of a symbol, kept on this machine from the first call on: by the exchange's stream of differences, each
---checked to follow on the one before; one that is missing makes it start from a new snapshot. The 1000 best levels of a side.
---
---Errors: raises on a symbol that is not of this run. nil, err of kind `network` while the copy is not known to be the
---exchange's (just after the first call, after a cut: ask again in a moment), `invalid` in a backtest: bars have no book.
---@param symbol string one of the run's
---@param levels integer? how many of each side; 20 when left out
---@return Book? book
---@return ApiError? err
function market.book(symbol, levels) end

---Iterates over bars as they close: `for bar in market.bars("BTCUSDT", "1m") do ... end`. Ends with the data.
---
---Errors: raises on a symbol that is not of this run, on an interval that does not exist or is finer than the data, and where nothing can wait.
---@param symbol string one of the run's
---@param interval Interval? the run's own when left out
---@param o { history: integer? }? history: as many closed bars of before come first, marked bar.warmup; of the data in a backtest, asked of the exchange in paper and live
---@return fun(): Bar? next
function market.bars(symbol, interval, o) end

---Lines on standard error, stamped with the run's clock; as text or, with --log-format json, one object a line.
---@class Log
---@field shows table<string, boolean> by level, whether its lines are shown
log = {}

---A line for whoever looks for a fault; shown with --log-level debug.
---
---Errors: raises when the format asks for more values than there are.
---@param format string as of string.format, where it has values to fill in
---@param ... any those values
---@return nil
function log.debug(format, ...) end

---A line of what goes on.
---
---Errors: raises when the format asks for more values than there are.
---@param format string as of string.format, where it has values to fill in
---@param ... any those values
---@return nil
function log.info(format, ...) end

---A line of what somebody should look at.
---
---Errors: raises when the format asks for more values than there are.
---@param format string as of string.format, where it has values to fill in
---@param ... any those values
---@return nil
function log.warn(format, ...) end

---A line of what has failed.
---
---Errors: raises when the format asks for more values than there are.
---@param format string as of string.format, where it has values to fill in
---@param ... any those values
---@return nil
function log.error(format, ...) end

---A line with named values, which --log-format json keeps apart.
---
---Errors: raises on a level that does not exist and on a value that JSON does not know (a function).
---@param level "debug"|"info"|"warn"|"error"
---@param message string what happened
---@param fields { [1]: string, [2]: any }[]? name and value of each, in their order
---@return nil
function log.fields(level, message, fields) end

---A fill of one's own order, as on_fill is told it.
---@class Fill
---@field symbol string
---@field side Side
---@field positionSide PositionSide
---@field orderId string
---@field clientOrderId string
---@field tradeId string
---@field price number quote asset
---@field qty number base asset
---@field commission number in commissionAsset; positive: paid
---@field commissionAsset string the coin it was paid in: USDT, or BNB...
---@field realizedPnl number quote asset; 0 for what opens
---@field maker boolean whether it rested in the book
---@field time integer ms since the epoch
---@field order Order the order after this fill
---@field forced? "liquidation"|"adl"|"settlement"|"delivery" the exchange closed the position itself; nil: an order like others
---@field recovered? boolean live: it happened while the stream was cut

---A position after a change, as on_position is told it.
---@class PositionUpdate
---@field symbol string
---@field positionAmt number base asset; negative: short
---@field entryPrice number quote asset
---@field unrealizedProfit number quote asset
---@field walletBalance number quote asset, without open results
---@field time integer ms since the epoch
---@field recovered? boolean live: it was asked for after the stream had been cut

---A position whose margin is nearly used up, as on_margin_call is told it.
---@class MarginCall
---@field symbol string
---@field positionSide PositionSide
---@field positionAmt number base asset; negative: short
---@field markPrice number quote asset
---@field unrealizedProfit number quote asset
---@field maintMargin number quote asset: what the exchange asks for at least
---@field time integer ms since the epoch

---A funding payment, as on_funding is told it.
---@class FundingPayment
---@field symbol string?
---@field amount number quote asset; negative: paid
---@field time integer ms since the epoch
---@field recovered? boolean live: it was asked for after the stream had been cut

---A trade of the market, as on_trade is told it.
---@class MarketTrade
---@field symbol string
---@field id string
---@field price number quote asset
---@field qty number base asset
---@field maker boolean whether the buyer rested in the book: the taker sold
---@field time integer ms since the epoch
---@field recovered? boolean it was asked for after the stream had been cut

---The best prices of a symbol, as on_book is told them.
---@class BestPrices
---@field symbol string
---@field bid number quote asset
---@field bidQty number base asset
---@field ask number quote asset
---@field askQty number base asset
---@field time integer ms since the epoch
---@field updateId string of the exchange's change

---What a script of the handler form returns. Everything is optional but one handler. Handlers run one at a time, in the order
---of the exchange's time; one that waits holds back the next, and nothing is dropped. `---@class Mine: Strategy` above the table
---gives editors its names.
---@class Strategy
---@field symbols? string[] what it trades; --symbol goes before it. In handlers: the run's symbols
---@field interval? Interval of its bars; --interval goes before it
---@field warmup? integer closed bars of before the run that on_bar gets behind on_start, marked bar.warmup; orders are refused as invalid meanwhile. A backtest whose data hold fewer before --from begins to trade that many bars later
---@field params? table<string, any> declared as name = { default, min =, max =, step = } or a plain default; in handlers: the values
---@field timer? number seconds between calls of on_timer
---@field state? table plain data of your own (strings, numbers, booleans, tables of them) that a paper or live run finds again when it is restarted
local Strategy = {}

---Called once, before anything else; requests work already.
---@return nil
function Strategy:on_start() end

---Called for each bar that has closed.
---@param bar Bar the bar
---@return nil
function Strategy:on_bar(bar) end

---Called whenever one of the orders changes: accepted, filled in part, filled, cancelled, expired.
---@param order Order as it is now
---@return nil
function Strategy:on_order(order) end

---Called for each fill, before on_order.
---@param fill Fill the fill
---@return nil
function Strategy:on_fill(fill) end

---Called whenever a position has changed.
---@param position PositionUpdate as it is now
---@return nil
function Strategy:on_position(position) end

---Called for each funding payment.
---@param payment FundingPayment the payment
---@return nil
function Strategy:on_funding(payment) end

---Live: the exchange warns that a position is near its liquidation.
---@param call MarginCall the position it is about
---@return nil
function Strategy:on_margin_call(call) end

---Called every `timer` seconds.
---@param now integer ms since the epoch
---@return nil
function Strategy:on_timer(now) end

---Called with each trade of the market (aggregated by price, side and time), on paper and live; none is left out.
---@param trade MarketTrade the trade
---@return nil
function Strategy:on_trade(trade) end

---Called when the best prices of the order book have changed, on paper and live; market.book has the rest of it.
---@param book BestPrices they
---@return nil
function Strategy:on_book(book) end

---Called when a handler or a task failed; without it the run ends there.
---@param err any what was raised
---@param traceback string where
---@return nil
function Strategy:on_error(err, traceback) end

---Called when a circuit breaker changes.
---@param notice CircuitNotice what changed
---@return nil
function Strategy:on_circuit(notice) end

---Called when an alert rises or falls.
---@param notice AlertNotice which
---@return nil
function Strategy:on_alert(notice) end

---Called once at the end; requests still work.
---@return nil
function Strategy:on_stop() end

---The signed amount held. It holds every fill that a call has returned, whether or not the account's stream has told it yet.
---
---Errors: raises on a symbol that is not of this run, and on another side.
---@param symbol string one of the run's
---@param side PositionSide? of a hedging account; the sum of all when left out
---@return number amount base asset; negative: short
function Strategy:position(symbol, side) end

---The average entry price of a position.
---
---Errors: raises on a symbol that is not of this run.
---@param symbol string one of the run's
---@param side PositionSide? of a hedging account
---@return number price quote asset; 0 when flat
function Strategy:entry_price(symbol, side) end

---The last price known.
---
---Errors: raises on a symbol that is not of this run.
---@param symbol string one of the run's
---@return number price quote asset; 0 before the first
function Strategy:last_price(symbol) end

---The wallet balance, without open results.
---
---Errors: none.
---@return number balance USDT
function Strategy:wallet() end

---Wallet plus open results at the last prices known.
---
---Errors: none.
---@return number equity USDT
function Strategy:equity() end

---An indicator that the runtime feeds with every closed bar of each symbol of the run, before on_bar hears of it:
---`self.rsi = self:indicator("rsi", 14)` in on_start, and `self.rsi(bar.symbol)` in on_bar. The names and their parameters
---are those of `ta`; an indicator of several results returns them all.
---
---Errors: raises on a name that is no indicator, on parameters that it refuses, and on one that takes what a bar has not.
---@param name string as after `ta.`: "rsi", "bollinger"
---@param ... any its parameters
---@return fun(symbol?: string): number?, ... # the results at the last closed bar; nil while it warms up. The symbol may be left out where the run has one
function Strategy:indicator(name, ...) end

---The run's clock.
---
---Errors: none.
---@return integer now ms since the epoch
function Strategy:now() end
