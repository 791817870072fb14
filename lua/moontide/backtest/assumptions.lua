---What a backtest on bars assumes; `moontide backtest --assumptions` prints it, docs/backtest.md repeats it.
return {
  text = [[
 1. Time. The clock is virtual, UTC, in microseconds. A bar is delivered at its last millisecond (open + interval - 1 ms).
    Nothing that happens later can be seen: get_klines shows closed bars, and the forming bar only as far as its path has
    come, its volume as zero until it closes.
 2. Path. What a bar does not say is drawn: inside it the price takes a random path, one of those that a market without
    drift could have taken given open, high, low and close (Brownian motion between its extremes, as rough as the bars
    around and the bar itself say). It is drawn by --seed, symbol and bar alone, the same for every look and order, and
    only where something depends on it. Without fees nothing earns on average by how the path is made. The price moves
    in steps of a quarter of a second at most; a level touched within one is filled at its end, at the level.
    --path adverse: the same, but a stop loss within the range of the open bar is hit at once, before any target, and
    what is opened inside a bar takes no profit by a resting order in it unless the bar closes beyond. --path ohlc,
    olhc, nearest: straight lines, the extremes at one third and two thirds of the bar, which a script that looks inside
    bars can foresee.
 3. Market orders fill completely at the price of the path when they arrive; sent at a bar's close they wait for the next
    bar's open. --slippage moves every taker fill against the order, rounded to the tick. There is no depth: size
    moves the price only as --impact says, and nothing of the bar's volume is used up.
 4. Limit orders. One that crosses the price on arrival fills at once, as taker, at the price or better. One that rests
    fills completely, as maker, at its own price, when the price goes through it by at least a tick (--touch at: reaches
    it), also where a bar opens beyond it. There is no queue ahead of it.
 5. IOC and FOK fill at once or not at all; GTX that would take is refused (-5022).
 6. Conditional orders watch the last price, those of workingType MARK_PRICE the mark price. Where the data have klines of
    it, no longer than the bars, these move it: inside a bar it comes to a level when the last price has passed that by
    as much as the extremes of both differ. Without them the last price stands for it. A triggered market order fills at
    the last price of its trigger, or at the open where a bar opens beyond it, and slips. A trailing stop follows the path.
 7. Fees are a rate of the notional: maker 0.02 %, taker 0.05 % unless set. Paid from the wallet at the fill.
 8. Funding is paid at its time on the position held then, when the data have rates; else none. It is valued at the mark price
    when the data have one that begins at that time, else at the last price.
 9. Margin, leverage brackets and liquidation follow the exchange's published formulas, by the mark price; a liquidation closes the whole
    position at the price at which it is due and pays the liquidation fee. The wallet does not go below zero.
10. Limits. The exchange counts request weight and orders in its published windows and refuses what exceeds them; the API
    manager stays below them, in virtual time.
11. Latency is constant: --latency to the exchange and the same back; the script knows fills and positions only then.
12. Gaps. Missing bars stop the run unless --allow-gaps; then time passes without a price, and orders wait. Before a symbol's
    first bar it is not listed: its orders, and what else needs its price, are refused (-1121). When its bars end before
    those of others it is traded no more: its orders, conditional ones too, expire, new ones are refused (-4108), and a
    position is kept at the last price to the end, which the report says.
13. The end. An open position is valued at the last close and not closed; orders that still wait are never filled.
]],
}
