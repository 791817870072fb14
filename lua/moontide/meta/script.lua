---@meta
---What a script sees beside `api`: the globals `market`, `log` and `plot`, the handlers it may have, and the methods of `self`. They
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
---@param type "MARKET"|nil of market orders, whose step may be larger
---@return number quantity base asset, on the step
function market.round_quantity(symbol, quantity, type) end

---The symbols of this run.
---
---Errors: none.
---@return string[] symbols
function market.symbols() end

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

---What `plot` takes beside the lists.
---@class PlotOptions
---@field title? string above the chart; the symbol and interval of bars when left out
---@field width? integer columns that no line passes: COLUMNS or the terminal's, else 80, when left out
---@field height? integer rows of the main pane; by the width, 8 to 24, when left out
---@field color? boolean when left out: at a terminal, unless NO_COLOR is set

---Charts as text. `plot(...)` is the same as `plot.chart(...)`.
---@class Plot
---@overload fun(what: table, options: PlotOptions?): Chart
plot = {}

---A chart. `print` and `tostring` make its text; the REPL shows it.
---
---`what` is a list of bars (candles and volume), of numbers or of points `{ time=, value= }` (a line), of trades with `time`, `price`
---and `side` (marks), or a table of such lists: `plot{ bars, trades, ["EMA 20"] = ema }`. A name goes to the legend, and the
---line's letter stands where the line ends. A list of numbers beside bars ends where they end, so that its warm-up may be
---missing. `{ data = rsi, pane = "RSI" }` has a pane of its own. Bars that share a column become the bar they make, and of the
---values of a line that share one the lowest and the highest are drawn. NaN, nil and infinite values are holes.
---
---Errors: raises for what cannot be drawn, and for nil, with the error that came beside it.
---@param what table a list, or a table of lists
---@param options PlotOptions? these may also stand in `what`, beside its lists
---@return Chart chart
function plot.chart(what, options) end

---@class Chart
local Chart = {}

---The chart's text, for a place that is not standard output.
---
---Errors: none.
---@param o { width: integer?, color: boolean? }? what the chart itself does not say
---@return string text lines, without an end of the last
function Chart:text(o) end

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

---How much to trade by one of the rules that traders size by. Name one rule: `notional` (USDT), `equity` (share of the equity:
---0.1), `risk` with `stop` (share of the equity lost when the stop is hit), `volatility` with `realised` (the yearly deviation
---wanted and the symbol's own), `kelly` with `cap`.
---@class SizeRequest
---@field price? number quote asset: of the entry; the last price when left out
---@field notional? number USDT
---@field equity? number share of the equity; above 1 with leverage
---@field risk? number share of the equity, lost between price and stop
---@field stop? number quote asset
---@field volatility? number yearly deviation of the position as a share of the equity: 0.2
---@field realised? number yearly deviation of the symbol: 0.6
---@field kelly? { win: number, payoff: number } share of trades that win, and gain to loss
---@field cap? number at most this share of the equity; kelly needs it

---The quantity of a size rule, cut down to the symbol's step and never more than one market order may have.
---
---Errors: raises on a symbol that is not of this run, on no rule or two, and on a value that is none.
---@param symbol string one of the run's
---@param o SizeRequest the rule
---@return number quantity base asset; 0 when it is less than the exchange takes
---@return string? why it is 0, or less than the rule asks for
function Strategy:size(symbol, o) end

---Brings a position to an amount with market orders, in as many as the exchange's largest asks for. What only reduces the
---position is sent reduce-only. Nothing is sent when the amount, on the step, is held already. One-way accounts.
---
---Errors: raises on a symbol that is not of this run. Those of api.create_order; invalid when the change is less than the exchange takes.
---@param symbol string one of the run's
---@param amount number base asset; negative: short; 0: flat
---@return number? held the position then
---@return ApiError? err
function Strategy:target(symbol, amount) end

---Scales a position out or in: 0.5 closes half of it, 1.5 adds half of it. Stop and target of a bracket follow.
---
---Errors: as Strategy:target.
---@param symbol string one of the run's
---@param factor number 0 or more
---@return number? held the position then
---@return ApiError? err
function Strategy:scale(symbol, factor) end

---Brings positions to shares of the equity: `self:rebalance { BTCUSDT = 0.5, ETHUSDT = -0.2 }`. What frees margin goes first.
---Symbols that are not named stay as they are.
---
---Errors: raises on a symbol that is not of this run. The first order's that was refused; the others were sent all the same.
---@param weights table<string, number> shares of the equity; negative: short; 0: flat
---@param o { threshold: number? }? changes of less than this share of the equity are left out (0.005)
---@return integer? changed how many positions
---@return ApiError? err
function Strategy:rebalance(weights, o) end

---An entry with its stop and target.
---@class BracketRequest
---@field symbol string
---@field side Side of the entry
---@field quantity number base asset
---@field price? number quote asset: the entry is a limit order; a market order when left out
---@field timeInForce? TimeInForce of a limit entry; GTC when left out
---@field stop? number quote asset: the price at which a STOP_MARKET order closes what is held
---@field target? number quote asset: the price of a reduce-only limit order

---Enters with a stop and a target: as soon as the entry is filled, and for as much of it as is filled, both are on the exchange;
---when one has closed the position the other is cancelled. A stop that is refused because the price is through it already closes
---the position at once. One bracket a symbol; it is kept in self.state.brackets and goes on after a restart. One-way accounts.
---
---Errors: raises on prices on the wrong side and where the symbol has a position or a bracket. Those of api.create_order.
---@param o BracketRequest the entry and its exits
---@return Order? entry as api.create_order returns it
---@return ApiError? err
function Strategy:bracket(o) end

---Gives a position a stop, a target or both, or changes those it has.
---
---Errors: raises on prices on the wrong side and where there is no position. Those of api.create_order.
---@param symbol string one of the run's
---@param o { stop: number?, target: number? } quote asset; what is left out stays
---@return boolean? guarded true
---@return ApiError? err
function Strategy:guard(symbol, o) end

---Lets the stop of a position follow the last price at a distance, and never away from it: call it in on_bar, with a multiple
---of the ATR.
---
---Errors: raises on a distance that is none. Those of api.create_order.
---@param symbol string one of the run's
---@param distance number quote asset
---@return number? stop where it stands; nil without a position
---@return ApiError? err
function Strategy:trail(symbol, distance) end

---Sends orders of which the first that is filled, if only in part, or triggered cancels the others. When one is refused, those
---before it are cancelled. Kept in self.state.oco.
---
---Errors: raises on fewer than two. Those of api.create_order.
---@param orders OrderRequest[] two or more
---@return Order[]? orders as api.create_order returns them
---@return ApiError? err
function Strategy:oco(orders) end

---The run's clock.
---
---Errors: none.
---@return integer now ms since the epoch
function Strategy:now() end
