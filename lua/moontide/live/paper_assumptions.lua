---What a paper run assumes; `moontide paper --assumptions` prints it, docs/paper.md repeats it.
return {
  text = [[
 1. Market. Prices, bars, books, trades, mark prices and funding rates come from the real exchange, by its public REST calls
    and streams (bookTicker, depth20@100ms, aggTrade, markPrice@1s). The account is held by a simulated exchange in this
    process. Its orders have no market impact: nobody in the real market sees them.
 2. Latency. A request takes --latency (20 ms unless set) to arrive; its answer and the events it causes take as long back.
 3. Taker orders fill against the twenty levels a side that are visible when the order arrives, level by level. A level that
    was consumed stays consumed until the exchange reports another quantity for it. The part of a market order that finds no
    quantity expires.
 4. Queue. A resting order joins the queue behind the whole quantity visible at its price; beyond the visible levels, behind
    the whole quantity there when its price becomes visible. A trade at its price against its side first consumes the quantity
    ahead of it. Cancellations are taken from behind it, as long as there is quantity behind it.
 5. Maker orders also fill when a trade goes through their price, or a quote of the other side reaches it: with the quantity
    traded or quoted, at their own price and never at a better one.
 6. Conditional orders are triggered by the last trade price, or by the mark price where the order says so (workingType).
 7. Margin, brackets and liquidation follow the exchange's published formulas, by the mark price; a liquidation closes the
    whole position at the mark price and pays the liquidation fee.
 8. Fees are a rate of the notional: maker 0.02 %, taker 0.05 % unless set.
 9. Funding is paid at its time on the position held then, by the mark price and the last reported rate. Funding due while no
    run was active is paid when the next run begins.
10. Broken streams. While the market data of a symbol are incomplete, orders that need a price wait; after the request timeout
    they fail with a network error. Cancels and reads go on. Missed trades are fetched and matched with the resting orders.
11. Between runs nothing is filled. A resting order whose price the market has passed meanwhile fills at its own price when the
    next run receives the order book; a stop is triggered by the first price that satisfies it.
12. The account is saved within a few seconds of each change, with `self.state` (a killed process loses no more), and at the end.
]],
}
