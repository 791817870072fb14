---@meta
---The global `api`: calls that look synchronous and wait for the exchange's answer. It is built when a run starts
---(moontide.api); this file tells editors, the REPL and docs/api.md what it offers, and a spec holds the two together.
---
---Parameters keep the exchange's names; snake_case is accepted too (order_id, time_in_force). A parameter that does not
---exist raises: it is a mistake in the script. Whatever else goes wrong comes back as `nil, err`.

---What any call takes beside its own parameters.
---@class CallOptions
---@field priority? "CRITICAL"|"HIGH"|"NORMAL"|"LOW" who goes first; by default cancels CRITICAL, orders HIGH, history LOW
---@field timeout? number seconds after which the call gives up, waiting included
---@field retries? integer 0 to 20: how often it is tried again at most
---@field share? boolean false: not answered by the answer to an identical call under way

---@class SymbolQuery: CallOptions
---@field symbol string

---@class OptionalSymbolQuery: CallOptions
---@field symbol? string all symbols when left out

---A new order.
---@class OrderRequest: CallOptions
---@field symbol string
---@field side Side
---@field type OrderType
---@field quantity? number base asset, a multiple of the step (market.round_quantity); left out with closePosition
---@field price? number quote asset, a multiple of the tick (market.round_price); LIMIT, STOP and TAKE_PROFIT need it
---@field timeInForce? TimeInForce GTC when left out; GTX is post-only
---@field stopPrice? number quote asset: what triggers a conditional order
---@field reduceOnly? boolean only makes a position smaller
---@field closePosition? boolean closes the whole position when triggered (STOP_MARKET, TAKE_PROFIT_MARKET)
---@field positionSide? PositionSide needed when the account hedges
---@field newClientOrderId? string an id of your own, 1 to 36 of A-Z a-z 0-9 . : / _ -; made for you when left out
---@field activatePrice? number quote asset: from where a trailing stop trails
---@field callbackRate? number percent: how far behind it trails, 0.1 to 10
---@field workingType? WorkingType which price triggers a conditional order
---@field priceProtect? boolean triggers only while mark and last price agree
---@field priceMatch? PriceMatch a price taken from the book instead of `price`
---@field selfTradePreventionMode? StpMode
---@field goodTillDate? integer ms since the epoch, of a GTD order
---@field newOrderRespType? "ACK"|"RESULT" RESULT when left out: a market order comes back filled

---A change of a resting LIMIT order. It loses its place in the queue.
---@class AmendRequest: CallOptions
---@field symbol string
---@field side Side
---@field quantity number base asset: the new size, what is filled included
---@field price? number quote asset
---@field orderId? string this or origClientOrderId
---@field origClientOrderId? string
---@field priceMatch? PriceMatch a price taken from the book instead of `price`
---@field reduceOnly? boolean
---@field modifyId? string a number of your own for this change; the reply tells it again

---Which order.
---@class OrderQuery: CallOptions
---@field symbol? string needed for plain orders
---@field orderId? string this or origClientOrderId; a conditional order's id works too
---@field origClientOrderId? string a conditional order's works too
---@field algoId? string of a conditional order
---@field clientAlgoId? string of a conditional order

---What cancelling a conditional order gives: its ids under the names of Order too.
---@class ConditionalCancel: AlgoCancel
---@field orderId string algoId
---@field clientOrderId string clientAlgoId
---@field status "CANCELED"
---@field symbol string? as it was asked with

---@class OrderHistoryQuery: CallOptions
---@field symbol? string all when left out
---@field orderId? string from this order on
---@field startTime? integer ms since the epoch
---@field endTime? integer ms since the epoch; at most 7 days after startTime
---@field limit? integer at most 1000; 500 when left out

---@class MyTradesQuery: CallOptions
---@field symbol string
---@field orderId? string fills of this order alone
---@field startTime? integer ms since the epoch
---@field endTime? integer ms since the epoch; at most 7 days after startTime
---@field fromId? string from this trade on
---@field limit? integer at most 1000; 500 when left out

---@class LeverageRequest: CallOptions
---@field symbol string
---@field leverage integer 1 to 125

---@class MarginTypeRequest: CallOptions
---@field symbol string
---@field marginType "CROSSED"|"ISOLATED"

---@class PositionMarginRequest: CallOptions
---@field symbol string
---@field amount number quote asset
---@field change_type 1|2 1 adds, 2 takes out (the exchange calls it `type`)
---@field positionSide? PositionSide needed when the account hedges

---@class PositionModeRequest: CallOptions
---@field dualSidePosition boolean true: hedge mode

---@class IncomeQuery: CallOptions
---@field symbol? string all when left out
---@field incomeType? IncomeType all when left out
---@field startTime? integer ms since the epoch
---@field endTime? integer ms since the epoch
---@field limit? integer at most 1000; 100 when left out
---@field page? integer of as many rows as `limit`; 1 when left out

---@class KlinesQuery: CallOptions
---@field symbol string
---@field interval Interval
---@field startTime? integer ms since the epoch
---@field endTime? integer ms since the epoch
---@field limit? integer at most 1500; 500 when left out

---@class DepthQuery: CallOptions
---@field symbol string
---@field limit? 5|10|20|50|100|500|1000 levels a side; 500 when left out

---@class RecentTradesQuery: CallOptions
---@field symbol string
---@field limit? integer at most 1000; 500 when left out

---@class AggTradesQuery: CallOptions
---@field symbol string
---@field startTime? integer ms since the epoch
---@field endTime? integer ms since the epoch
---@field fromId? string from this aggregate on
---@field limit? integer at most 1000; 500 when left out

---@class FundingRateQuery: CallOptions
---@field symbol? string all when left out
---@field startTime? integer ms since the epoch
---@field endTime? integer ms since the epoch
---@field limit? integer at most 1000; 100 when left out

---The rules of the run's symbols, in numbers.
---@class ExchangeInfo
---@field symbols ExchangeInfoSymbol[]
---@field rateLimits { rateLimitType: string, interval: string, intervalNum: integer, limit: integer }[]

---The rules of one symbol.
---@class ExchangeInfoSymbol
---@field symbol string
---@field baseAsset string
---@field quoteAsset string
---@field tickSize number quote asset
---@field stepSize number base asset
---@field minNotional number quote asset
---@field minQty number base asset
---@field maxQty number base asset
---@field pricePrecision integer digits
---@field quantityPrecision integer digits

---What the API manager has seen and done. Times in seconds.
---@class Metrics
---@field rate_limiter table success_rate, average_response_time, p50, p95, p99, circuit_state, circuits, current_throttle_factor, rate_limit_state { requests_this_minute, windows[] }
---@field queue table total_size, oldest_wait, and the size by priority: critical, high, normal, low
---@field outcomes table<string, integer> how many calls ended so: done, rejected, rate_limited, timeout...
---@field submitted integer calls made
---@field sent integer requests sent
---@field retries integer requests sent again
---@field in_flight integer requests sent and not answered yet
---@field in_doubt integer requests that may or may not have been carried out, being looked up
---@field workers integer how many may be in flight at once
---@field alerts table<string, boolean> which are raised
---@field endpoints table<string, table> by "METHOD /path": answered, failed, average_response_time, slowest
---@field history table[] the last hours by minute
---@field clock { offset: number, uncertainty: number } against the exchange's
---@field shared integer calls answered by the answer to another

---Calls that look synchronous and wait for the exchange's answer.
---@class Api
---@field async ApiAsync
api = {}

---Sends one order and waits for the exchange's answer: a market order comes back filled.
---Conditional types (STOP_MARKET, TAKE_PROFIT...) go to the exchange's algo service; the reply has one face. An order is
---sent once: when its outcome is unknown it is looked up by its client id until the exchange answers.
---
---Errors: invalid (off the tick or step, a parameter missing: nothing was sent); rejected with the exchange's code (-2019 too little margin, -5022 a post-only order would take, -4164 too small); rate_limited, circuit_open, queue_full (nothing was sent); unknown_outcome (it may have been executed: ask before sending again); stopped.
---@param o OrderRequest the order
---@return Order? order as the exchange has it now
---@return ApiError? err
function api.create_order(o) end

---Changes price or size of a resting LIMIT order.
---
---Errors: invalid (off the tick or step); rejected (-2013 no such order, -5027 nothing would change); the manager's own.
---@param o AmendRequest which order, and what it shall be
---@return Order? order
---@return ApiError? err
function api.modify_order(o) end

---Cancels one order, plain or conditional, by any of its ids.
---
---Errors: invalid (no id given); rejected (-2011: it is not open any more); the manager's own.
---@param o OrderQuery which order
---@return Order|ConditionalCancel|nil order
---@return ApiError? err
function api.cancel_order(o) end

---Cancels all open orders of a symbol, conditional ones too.
---
---Errors: the manager's own; after one, some orders may still be open.
---@param o SymbolQuery which symbol
---@return boolean? ok
---@return ApiError? err
function api.cancel_all_orders(o) end

---Sends up to five plain orders in one request; each comes back as its order or its error.
---
---Errors: invalid (an empty list, more than five, a conditional order: nothing was sent); the manager's own, of the request as a whole.
---@param list OrderRequest[] the orders
---@return (Order|ApiError)[]? results in the order of the list
---@return ApiError? err of the request as a whole
function api.batch_orders(list) end

---Reads one order by orderId or origClientOrderId, plain or conditional. Of a conditional one that has been triggered a second
---request reads what the order it made has filled.
---
---Errors: rejected (-2013 no such order); the manager's own.
---@param o OrderQuery which order
---@return Order? order
---@return ApiError? err
function api.get_order(o) end

---Reads the open orders, conditional ones behind the plain ones.
---
---Errors: the manager's own.
---@param o OptionalSymbolQuery? of which symbol; all of them cost forty times the weight
---@return Order[]? orders
---@return ApiError? err
function api.get_open_orders(o) end

---Reads plain orders of a symbol or of all, open and closed, oldest first.
---
---Errors: rejected (-4165 a range over 7 days); the manager's own.
---@param o OrderHistoryQuery? of which symbol and time
---@return Order[]? orders
---@return ApiError? err
function api.get_order_history(o) end

---Reads one's own fills, oldest first.
---
---Errors: rejected; the manager's own.
---@param o MyTradesQuery of which symbol and time
---@return MyTrade[]? fills
---@return ApiError? err
function api.get_my_trades(o) end

---Reads the account as a whole: balances, margin, positions.
---
---Errors: the manager's own.
---@param o CallOptions? how the call is sent
---@return Account? account
---@return ApiError? err
function api.get_account_info(o) end

---Reads the balance of each asset.
---
---Errors: the manager's own.
---@param o CallOptions? how the call is sent
---@return Balance[]? balances
---@return ApiError? err
function api.get_balance(o) end

---Reads positions with entry price, open result and liquidation price.
---
---Errors: the manager's own.
---@param o OptionalSymbolQuery? of which symbol
---@return Position[]? positions
---@return ApiError? err
function api.get_position_info(o) end

---Sets the leverage of a symbol.
---
---Errors: rejected (-4028 not a leverage of this symbol, -2027 too high for the position held); the manager's own.
---@param o LeverageRequest of which symbol, and how much
---@return LeverageReply? reply
---@return ApiError? err
function api.set_leverage(o) end

---Sets crossed or isolated margin of a symbol.
---
---Errors: rejected (-4046 it is so already, -4047 open orders, -4048 an open position); the manager's own.
---@param o MarginTypeRequest of which symbol, and which
---@return StatusReply? reply
---@return ApiError? err
function api.set_margin_type(o) end

---Adds margin to an isolated position, or takes some out.
---
---Errors: rejected (no isolated position, too little free); the manager's own.
---@param o PositionMarginRequest of which position, and how much
---@return MarginChange? reply
---@return ApiError? err
function api.set_position_margin(o) end

---Reads whether long and short are held side by side.
---
---Errors: the manager's own.
---@param o CallOptions? how the call is sent
---@return PositionMode? mode
---@return ApiError? err
function api.get_position_mode(o) end

---Sets one-way or hedge mode, of the whole account.
---
---Errors: rejected (-4059 it is so already, -4067 open orders, -4068 open positions); the manager's own.
---@param o PositionModeRequest which mode
---@return StatusReply? reply
---@return ApiError? err
function api.set_position_mode(o) end

---Reads payments: results, commissions, fundings, transfers; oldest first.
---
---Errors: the manager's own.
---@param o IncomeQuery? of which kind and time
---@return Income[]? payments
---@return ApiError? err
function api.get_income(o) end

---Reads what trading a symbol costs.
---
---Errors: the manager's own.
---@param o SymbolQuery which symbol
---@return CommissionRate? rates
---@return ApiError? err
function api.get_commission_rate(o) end

---Reads how much leverage a symbol allows at which size.
---
---Errors: the manager's own.
---@param o OptionalSymbolQuery? which symbol
---@return LeverageBrackets[]? brackets
---@return ApiError? err
function api.get_leverage_brackets(o) end

---Reads candles, oldest first; the last one may still be open.
---
---Errors: the manager's own.
---@param o KlinesQuery of which symbol, interval and time
---@return Kline[]? candles
---@return ApiError? err
function api.get_klines(o) end

---Reads candles of the mark price, oldest first; the last one may still be open. They have no volumes. A backtest answers
---with those of its data, or, where these have none, with those of the last price.
---
---Errors: the manager's own.
---@param o KlinesQuery of which symbol, interval and time
---@return Kline[]? candles
---@return ApiError? err
function api.get_mark_klines(o) end

---Reads candles of the index price, oldest first; the last one may still be open. They have no volumes. A backtest answers
---with those of its data, or, where these have none, with those of the last price.
---
---Errors: the manager's own.
---@param o KlinesQuery of which symbol, interval and time
---@return Kline[]? candles
---@return ApiError? err
function api.get_index_klines(o) end

---Reads candles of the premium of the contract over its index, a ratio, oldest first; the last one may still be open. They have no volumes. A backtest answers
---with those of its data, or, where these have none, as if it were always zero.
---
---Errors: the manager's own.
---@param o KlinesQuery of which symbol, interval and time
---@return Kline[]? candles
---@return ApiError? err
function api.get_premium_klines(o) end

---Reads the last price: of one symbol, or a list of all.
---
---Errors: the manager's own.
---@param o OptionalSymbolQuery? which symbol
---@return TickerPrice? price a list of them when no symbol is given
---@return ApiError? err
function api.get_ticker_price(o) end

---Reads the last 24 hours: of one symbol, or a list of all.
---
---Errors: the manager's own.
---@param o OptionalSymbolQuery? which symbol
---@return Ticker24h? ticker a list of them when no symbol is given
---@return ApiError? err
function api.get_ticker_24h(o) end

---Reads best bid and ask: of one symbol, or a list of all.
---
---Errors: the manager's own.
---@param o OptionalSymbolQuery? which symbol
---@return BookTicker? ticker a list of them when no symbol is given
---@return ApiError? err
function api.get_book_ticker(o) end

---Reads the order book. In a backtest on bars it has one level a side, around the last price.
---
---Errors: rejected (-4021 not a depth it knows); the manager's own.
---@param o DepthQuery of which symbol, and how deep
---@return OrderBook? book
---@return ApiError? err
function api.get_order_book(o) end

---Reads the last trades of the market.
---
---Errors: the manager's own.
---@param o RecentTradesQuery of which symbol
---@return RecentTrade[]? trades
---@return ApiError? err
function api.get_recent_trades(o) end

---Reads aggregated trades of the market.
---
---Errors: the manager's own.
---@param o AggTradesQuery of which symbol and time
---@return AggTrade[]? trades
---@return ApiError? err
function api.get_agg_trades(o) end

---Reads mark price and funding to come: of one symbol, or a list of all.
---
---Errors: the manager's own.
---@param o OptionalSymbolQuery? which symbol
---@return MarkPrice? mark a list of them when no symbol is given
---@return ApiError? err
function api.get_mark_price(o) end

---Reads past fundings, oldest first.
---
---Errors: the manager's own.
---@param o FundingRateQuery? of which symbol and time
---@return FundingRate[]? fundings
---@return ApiError? err
function api.get_funding_rate(o) end

---Reads the exchange's clock.
---
---Errors: the manager's own.
---@param o CallOptions? how the call is sent
---@return ServerTime? time
---@return ApiError? err
function api.get_server_time(o) end

---The rules of all symbols of the run. Known from the start: nothing is sent.
---
---Errors: none.
---@return ExchangeInfo info
function api.get_exchange_info() end

---Any call of the exchange by method and path.
---
---Errors: invalid (no such call); whatever the call itself may give.
---@param method "GET"|"POST"|"PUT"|"DELETE"
---@param path string such as "/fapi/v1/klines"
---@param params table? by the exchange's names
---@param options CallOptions? how it is sent
---@return any reply
---@return ApiError? err
function api.request(method, path, params, options) end

---Runs many requests at once and returns their results in order, each its value or its error. Plain orders are gathered by
---five into the exchange's batch call where that presses less on the budgets.
---
---Errors: raises on an entry that is no request; all others stand in the results.
---@param list table[] { "create_order", { symbol = ... } } or { "GET", "/fapi/v1/klines", params, options }
---@return table results in the order of the list
---@return integer failed how many of them are errors
function api.batch_request(list) end

---Waits on the run's clock; in a backtest and in specs that takes no time.
---
---Errors: raises on what is no number of at least 0, and where nothing can wait (a sort comparator, a gsub callback).
---@param seconds number how long, 0 or more
---@return nil
function api.sleep(seconds) end

---Starts a function as a task of its own: it runs when the current one waits or ends.
---
---Errors: raises on what is no function. An error inside the task comes from task:wait; unwaited it goes to on_error.
---@param fn function what it runs
---@param ... any its arguments
---@return Task task
function api.spawn(fn, ...) end

---Waits for all of a list of tasks or functions, which run at the same time.
---
---Errors: raises on what is no list; a task that failed stands in the results as { error = err }.
---@param list (Task|fun(): any)[] what is waited for
---@return table results the first result of each, in order; false for none
function api.all(list) end

---Tells somebody: a line in the log, and out to where the run's alerts go (docs/alerts.md). It never waits; of the same text, but
---for its numbers, one is sent within `alerts.fold` seconds.
---
---Errors: none.
---@param text string what is told, in a line
---@param o? { severity?: "info"|"warning"|"critical" } warning when left out
---@return nil
function api.alert(text, o) end

---The run's clock.
---
---Errors: none.
---@return integer ms since the epoch
function api.now() end

---Changes settings of the API manager; `moontide help config` lists them all.
---
---Errors: raises on a setting that does not exist (naming the nearest one) and on a value out of its bounds.
---@param settings table<string, number|string|boolean> by name; preset = "conservative" sets many
---@return nil
function api.configure(settings) end

---What the API manager has seen and done so far.
---
---Errors: none.
---@return Metrics metrics
function api.get_metrics() end

---Calls a function whenever a circuit breaker changes or an alert rises or falls, in a task of its own.
---
---Errors: raises on another name, and on what is no function.
---@param name "circuit"|"alert"
---@param fn fun(notice: CircuitNotice|AlertNotice) what is called
---@return nil
function api.on(name, fn) end

---Takes work again after api.stop.
---
---Errors: raises on a number out of bounds.
---@param workers integer? 1 to 256 requests in flight at once; as configured when left out
---@return nil
function api.start(workers) end

---Refuses new calls and ends those that wait, each with an error of kind "stopped"; what is in flight is answered.
---
---Errors: none.
---@return nil
function api.stop() end

---Every call of `api` that waits, started as a task instead: `local t = api.async.get_klines{...}; local k, err = t:wait()`.
---@class ApiAsync
---@field create_order fun(o: OrderRequest): Task
---@field modify_order fun(o: AmendRequest): Task
---@field cancel_order fun(o: OrderQuery): Task
---@field cancel_all_orders fun(o: SymbolQuery): Task
---@field batch_orders fun(list: OrderRequest[]): Task
---@field get_order fun(o: OrderQuery): Task
---@field get_open_orders fun(o?: OptionalSymbolQuery): Task
---@field get_order_history fun(o?: OrderHistoryQuery): Task
---@field get_my_trades fun(o: MyTradesQuery): Task
---@field get_account_info fun(o?: CallOptions): Task
---@field get_balance fun(o?: CallOptions): Task
---@field get_position_info fun(o?: OptionalSymbolQuery): Task
---@field set_leverage fun(o: LeverageRequest): Task
---@field set_margin_type fun(o: MarginTypeRequest): Task
---@field set_position_margin fun(o: PositionMarginRequest): Task
---@field get_position_mode fun(o?: CallOptions): Task
---@field set_position_mode fun(o: PositionModeRequest): Task
---@field get_income fun(o?: IncomeQuery): Task
---@field get_commission_rate fun(o: SymbolQuery): Task
---@field get_leverage_brackets fun(o?: OptionalSymbolQuery): Task
---@field get_klines fun(o: KlinesQuery): Task
---@field get_mark_klines fun(o: KlinesQuery): Task
---@field get_index_klines fun(o: KlinesQuery): Task
---@field get_premium_klines fun(o: KlinesQuery): Task
---@field get_ticker_price fun(o?: OptionalSymbolQuery): Task
---@field get_ticker_24h fun(o?: OptionalSymbolQuery): Task
---@field get_book_ticker fun(o?: OptionalSymbolQuery): Task
---@field get_order_book fun(o: DepthQuery): Task
---@field get_recent_trades fun(o: RecentTradesQuery): Task
---@field get_agg_trades fun(o: AggTradesQuery): Task
---@field get_mark_price fun(o?: OptionalSymbolQuery): Task
---@field get_funding_rate fun(o?: FundingRateQuery): Task
---@field get_server_time fun(o?: CallOptions): Task
---@field get_exchange_info fun(): Task
---@field request fun(method: "GET"|"POST"|"PUT"|"DELETE", path: string, params?: table, options?: CallOptions): Task
---@field batch_request fun(list: table[]): Task
---@field sleep fun(seconds: number): Task
---@field all fun(list: (Task|fun(): any)[]): Task
