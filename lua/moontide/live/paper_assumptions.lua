---What a paper run assumes; `moontide paper --assumptions` prints it, docs/paper.md repeats it.
return {
  text = [[
 1. Market. Prices, bars, books, trades, mark prices and funding rates are the real exchange's, from its public REST calls
    and streams (bookTicker, depth20@100ms, aggTrade, markPrice@1s). The account is a simulated exchange's in this process.
    The account's orders change nothing in the market: nobody reacts to them.
 2. Latency. A request takes --latency (20 ms unless set) there; its answer and the events it causes take as long back.
 3. Takers fill against the twenty levels a side that are shown when the order arrives, level by level. What was taken is
    there again once the exchange tells another quantity of that level. What a market order cannot get there expires.
 4. Queue. A resting order stands behind all that is shown at its price when it comes; beyond the levels shown, behind all
    that is there when its price comes into view. A trade against its side at its price takes what is before it first; who
    leaves the level leaves from behind it, as long as anyone stands there.
 5. Makers fill, too, when a trade goes beyond their price, or a quote of the other side reaches it: with as much as was
    traded or is quoted, at their own price and never a better one.
 6. Conditional orders watch the last trade's price, or the mark price where the order asks for it (workingType).
 7. Margin, brackets and liquidation follow the exchange's published formulas, by the mark price; a liquidation closes the
    whole position at the mark price and pays the liquidation fee.
 8. Fees are a rate of the notional: maker 0.02 %, taker 0.05 % unless set.
 9. Funding is paid at its time on the position then held, by the mark price, with the rate told last. Fundings of the time
    in which no run was going on are paid when the next one begins.
10. Cut streams. While the market is not known, orders that need a price wait, and after the time a request may take fail as
    on a dead network; cancels and reads go on. The trades missed are fetched and meet the resting orders.
11. Between runs the market goes on, and nothing is filled. A resting order that the market has passed meanwhile fills at its
    own price once the next run sees the book; a stop triggers at the first price that calls for it.
12. The account is on disk within some seconds of each change (a killed process loses no more) and at the end.
]],
}
