// The page of a run.
const R = JSON.parse(doc.result);
const nameOf = (R.symbols || []).length > 4 ? `${R.symbols.length} symbols` : (R.symbols || []).join(", ");

// ---- the equity ----
async function unpackCurve() {
  const read = numbers(await inflate(doc.curve.data)), n = doc.curve.count, times = [], equity = [], held = [];
  for (let i = 0, t = 0; i < n; i++) times.push((t += read.unsigned()));
  for (let i = 0, v = 0; i < n; i++) equity.push((v += read.signed()) / 1e8);
  for (let i = 0, h = 0; i < n; i++) held.push((h += read.signed()) / 1e4);
  const fall = [];
  let peak = -Infinity, deepest = 0, peakAt = 0, from = 0, to = 0;
  equity.forEach((v, i) => {
    if (v > peak) { peak = v; peakAt = i; }
    const f = peak > 0 ? v / peak - 1 : 0;
    if (-f > deepest) { deepest = -f; from = peakAt; to = i; }
    fall.push(f);
  });
  return { times, equity, held, fall, deepest, from, to };
}
// uPlot wants rising times.
function rising(c) {
  const keep = c.times.map((t, i) => i === c.times.length - 1 || t < c.times[i + 1]);
  const of = (list) => list.filter((_, i) => keep[i]);
  return { times: of(c.times), equity: of(c.equity), held: of(c.held), fall: of(c.fall) };
}
function equityCard(curve) {
  const c = rising(curve), section = card("equity", "Equity", null);
  const keys = el("div", { cls: "legend controls" }), extent = (list) => Math.max(...list) - Math.min(...list);
  section.append(keys);
  root.firstChild.append(section);
  const chart = plot(section, c.times, [
    { label: "equity", data: c.equity, color: "accent", width: 1.75, text: usdt },
    // A market that moved many times as far would press the equity flat: it is a click away.
    { label: "buy and hold", data: c.held, color: "second", width: 1.25, text: usdt, show: extent(c.held) < 4 * extent(c.equity) },
  ], { height: 300, sync: "time", axis: (v) => plain(v) });
  keys.append(chart.toggle(0), chart.toggle(1));
  section.append(el("h3", null, "Drawdown from the peak"));
  const low = Math.min(...c.fall, -1e-4);
  const host = el("div", { id: "drawdown-plot", "data-deepest": curve.deepest });
  section.append(host);
  plot(host, c.times, [{ label: "drawdown", data: c.fall, color: "down", fill: "down-soft", width: 1, text: (v) => percent(v) }],
    { height: 130, sync: "time", axis: (v) => percent(v, low < -0.05 ? 0 : low < -0.005 ? 1 : 2), range: () => [low * 1.08, 0] });
  section.append(el("p", { cls: "say", style: { marginTop: "8px" } },
    doc.curve.count - 2 < doc.curve.points ? `${count(doc.curve.count)} of ${count(doc.curve.points)} points: the first, lowest, highest and last of every stretch, and every peak and trough that the report names.` : "Every bar\u2019s close."));
  if ((R.drawdowns || []).length) {
    section.append(el("h3", null, "Deepest drawdowns"), simpleTable([["depth", 1], ["USDT", 1], ["from"], ["trough"], ["recovered"], ["length", 1]],
      R.drawdowns.map((d) => [percent(d.depth), usdt(d.value), minute(d.from), minute(d.trough), d.to ? minute(d.to) : "not yet", span(d.length_s)])));
  }
}

// ---- months ----
function monthsCard() {
  if (!(R.months || []).length) return null;
  const years = new Map();
  for (const m of R.months) {
    const year = m.month.slice(0, 4);
    if (!years.has(year)) years.set(year, new Array(12).fill(null));
    years.get(year)[Number(m.month.slice(5, 7)) - 1] = m.return;
  }
  const most = Math.max(1e-9, ...R.months.map((m) => Math.abs(m.return)));
  const shade = (x) => (x === null ? "transparent" : `color-mix(in srgb, var(--${x >= 0 ? "up" : "down"}) ${Math.round(8 + 62 * Math.sqrt(Math.abs(x) / most))}%, transparent)`);
  const names = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
  return card("months", "Months", "Returns in percent, by calendar month (UTC); the first and the last may be parts of one.",
    el("div", { cls: "wide" }, el("table", { cls: "months" }, el("thead", null, el("tr", null, el("th"), names.map((n) => el("th", { scope: "col" }, n)), el("th", { scope: "col" }, "year"))),
      el("tbody", null, [...years].map(([year, list]) => {
        const product = list.reduce((a, x) => a * (1 + (x ?? 0)), 1) - 1;
        return el("tr", null, el("th", { scope: "row" }, year), list.map((x) => el("td", { style: { background: shade(x) } }, x === null ? "" : fixed(x * 100, 2))), el("td", { cls: "year " + tone(product) }, fixed(product * 100, 2)));
      })))));
}

// ---- trades ----
async function unpackTrades() {
  const c = await unpackJson(doc.trades), list = [];
  for (let i = 0; i < c.index.length; i++) {
    const long = c.long[i] === 1, entry = c.entry_price[i];
    list.push({
      index: c.index[i], symbol: c.symbol[i], long, quantity: c.quantity[i], entry_time: c.entry_time[i], exit_time: c.exit_time[i], entry_price: entry, exit_price: c.exit_price[i],
      pnl: c.pnl[i], share: entry > 0 && c.quantity[i] > 0 ? c.pnl[i] / (entry * c.quantity[i]) : 0, commission: c.commission[i], funding: c.funding[i], mae: c.mae[i] < 0 ? null : c.mae[i], mfe: c.mfe[i] < 0 ? null : c.mfe[i],
      entry_reason: c.reasons[c.entry_reason[i]], exit_reason: c.open[i] ? "open" : c.reasons[c.exit_reason[i]], open: c.open[i] === 1, fills: c.fills[i], position_side: c.position_side[i],
    });
  }
  return list;
}
const symbolName = (i) => doc.market[i].symbol;
function ordersOf(trade, orders) {
  const name = symbolName(trade.symbol);
  return orders.filter((o) => o.symbol === name && (o.fills.some((f) => f.time >= trade.entry_time - 1 && f.time <= trade.exit_time + 1)
    || (o.conditional && o.placed >= trade.entry_time - 1 && o.placed <= trade.exit_time)));
}
async function tradesCards(trades, orders) {
  const chartCard = card("chart", "Market and trades", null);
  root.firstChild.append(chartCard);
  const chart = await candleChart(chartCard, doc.market, doc.indicators, trades, orders.list);
  const life = el("div", { id: "trade-life", "aria-live": "polite" });
  const several = doc.market.length > 1;
  const show = (t, jump) => {
    chart.show(t.symbol, t);
    const mine = ordersOf(t, orders.list), long = span((t.exit_time - t.entry_time) / 1000);
    life.replaceChildren(el("div", { cls: "life" }, el("h3", null, `Trade ${t.index}: ${t.long ? "long" : "short"} ${plain(t.quantity)} ${symbolName(t.symbol)}, `, el("span", { cls: tone(t.pnl) }, `${signed(t.pnl, usdt(t.pnl))} USDT`), ` in ${long}`),
      mine.length ? mine.slice(0, 12).map(lifeNode) : el("p", { cls: "say" }, "Its orders are not among those that the page keeps."), mine.length > 12 ? el("p", { cls: "say" }, `and ${mine.length - 12} more orders`) : null));
    if (jump && chartCard.getBoundingClientRect().top < 0) chartCard.scrollIntoView();
  };
  const columns = [
    { name: "#", right: true, value: (t) => t.index, text: (t) => t.index },
    several ? { name: "symbol", value: (t) => symbolName(t.symbol), text: (t) => symbolName(t.symbol) } : null,
    { name: "side", value: (t) => (t.long ? 1 : 0), text: (t) => (t.long ? "long" : "short") },
    { name: "quantity", right: true, narrow: true, value: (t) => t.quantity, text: (t) => plain(t.quantity) },
    { name: "entry", value: (t) => t.entry_time, text: (t) => minute(t.entry_time) },
    { name: "exit", narrow: true, value: (t) => t.exit_time, text: (t) => (t.open ? "open" : minute(t.exit_time)) },
    { name: "at", right: true, narrow: true, value: (t) => t.entry_price, text: (t) => plain(t.entry_price) },
    { name: "to", right: true, narrow: true, value: (t) => t.exit_price, text: (t) => plain(t.exit_price) },
    { name: "result", right: true, value: (t) => t.pnl, text: (t) => usdt(t.pnl), cls: (t) => tone(t.pnl) },
    { name: "%", right: true, value: (t) => t.share, text: (t) => fixed(t.share * 100, 2), cls: (t) => tone(t.pnl) },
    { name: "fees", right: true, narrow: true, value: (t) => t.commission, text: (t) => usdt(t.commission) },
    { name: "held", right: true, narrow: true, value: (t) => t.exit_time - t.entry_time, text: (t) => span((t.exit_time - t.entry_time) / 1000) },
    { name: "MAE", right: true, narrow: true, value: (t) => t.mae ?? -1, text: (t) => percent(t.mae) },
    { name: "MFE", right: true, narrow: true, value: (t) => t.mfe ?? -1, text: (t) => percent(t.mfe) },
    { name: "closed by", narrow: true, value: (t) => t.exit_reason, text: (t) => t.exit_reason },
  ].filter(Boolean);
  const table = sortable(columns, trades, { id: "trade-table", label: "trades", long: trades.length > 60, key: (t) => t.index, pick: (t) => show(t, true), hint: "filter: short stop 2026-03",
    match: (t) => `${symbolName(t.symbol)} ${t.long ? "long" : "short"} ${t.exit_reason} ${minute(t.entry_time)}`.toLowerCase() });
  const kind = el("select", { "aria-label": "which trades", on: { change: () => table.filterBy({ all: null, won: (t) => t.pnl > 0, lost: (t) => t.pnl <= 0 }[kind.value]) } }, el("option", { value: "all" }, "all"), el("option", { value: "won" }, "winners"), el("option", { value: "lost" }, "losers"));
  table.filter.id = "trade-filter";
  const section = card("trades", "Trades", null);
  section.firstChild.replaceWith(el("div", { cls: "head" }, el("h2", null, "Trades"), table.told, el("span", { cls: "controls head", style: { margin: 0 } }, kind, table.filter)));
  section.append(el("p", { cls: "say" }, `A round trip from flat to flat; a click shows it among the candles and what happened to its orders.${doc.trades_all > trades.length ? ` The ${count(trades.length)} with the largest results of ${count(doc.trades_all)} are listed.` : ""}`));
  if (trades.length > 60) section.append(el("p", { cls: "say print-say" }, "The list of trades is left out on paper; --trades writes it as CSV."));
  section.append(table.box, life);
  root.firstChild.append(section);
  return { table, show };
}
function distributionCards(trades, pick) {
  const closed = trades.filter((t) => !t.open);
  if (!doc.histogram.counts.length) return;
  const byIndex = new Map(trades.map((t) => [t.index, t]));
  const points = (key) => closed.filter((t) => t[key] !== null).map((t) => ({ x: t[key], y: Math.abs(t.share), good: t.pnl > 0, index: t.index, title: `trade ${t.index}: ${usdt(t.pnl)} USDT, ${key.toUpperCase()} ${percent(t[key])}` }));
  const pickIndex = (i) => pick(byIndex.get(i));
  const note = doc.trades_all > trades.length ? ` Of the ${count(trades.length)} trades that the page lists.` : "";
  root.firstChild.append(el("div", { cls: "two stack" },
    card("distribution", "Results of the trades", "How many trades ended with which result, USDT; the outermost bars hold all beyond.", histogram(doc.histogram, "results of the trades")),
    card("streaks", "Statistics of the trades", null, el("div", { cls: "facts", style: { gridTemplateColumns: "repeat(2, minmax(0, 1fr))" } },
      facts("result", [["trades closed", "trades", R.trades, count(R.trades)], ["win rate", "win_rate", R.win_rate, percent(R.win_rate)], ["profit factor", "profit_factor", R.profit_factor, ratio(R.profit_factor)], ["expectancy", "expectancy", R.expectancy, usdt(R.expectancy), tone(R.expectancy)], ["average win", "average_win", R.average_win, usdt(R.average_win)], ["average loss", "average_loss", R.average_loss, usdt(R.average_loss)], ["payoff", "payoff", R.payoff, ratio(R.payoff)]]),
      facts("shape", [["best", "best_trade", R.best_trade, usdt(R.best_trade)], ["worst", "worst_trade", R.worst_trade, usdt(R.worst_trade)], ["average time", "average_duration_s", R.average_duration_s, span(R.average_duration_s)], ["longest time", "longest_duration_s", R.longest_duration_s, span(R.longest_duration_s)], ["losses in a row", "losing_streak", R.losing_streak, count(R.losing_streak)], ["SQN", "sqn", R.sqn, ratio(R.sqn)], ["Kelly", "kelly", R.kelly, percent(R.kelly)]]))),
    card("mae", "Against the trade (MAE)", `The furthest the price went against the trade, beside what it won (green) or lost (red), both as shares of the entry.${note}`, scatter(points("mae"), { x: "MAE", label: "MAE and result", pick: pickIndex })),
    card("mfe", "For the trade (MFE)", `The furthest the price went for it. Losers far to the right gave back a profit.${note}`, scatter(points("mfe"), { x: "MFE", label: "MFE and result", pick: pickIndex }))));
}
function groupsCard() {
  const rows = [["long", R.long], ["short", R.short], ...Object.entries(R.by_symbol || {}).sort(([a], [b]) => (a < b ? -1 : 1))];
  const reasons = Object.entries(R.exit_reasons || {}).sort((a, b) => b[1] - a[1]);
  return card("groups", "By side and symbol", reasons.length ? "Closed by " + reasons.map(([name, n]) => `${name} (${count(n)})`).join(", ") + "." : null,
    simpleTable([[""], ["trades", 1], ["win rate", 1], ["net", 1], ["expectancy", 1], ["profit factor", 1], ["best", 1], ["worst", 1], ["fees", 1], ["funding", 1]],
      rows.filter(([, g]) => g).map(([name, g]) => [name, count(g.trades), percent(g.win_rate), el("td", { cls: "r " + tone(g.net) }, usdt(g.net)), usdt(g.expectancy), ratio(g.profit_factor), usdt(g.best), usdt(g.worst), usdt(g.commission), known(R.funding) ? usdt(g.funding) : "n/a"])));
}

// ---- over time ----
function rollingSharpe() {
  const d = doc.days, n = d.time.length - 1, window = n >= 90 ? 30 : Math.floor(n / 3);
  if (window < 5) return null;
  const returns = [];
  for (let i = 1; i <= n; i++) returns.push(d.equity[i - 1] > 0 ? d.equity[i] / d.equity[i - 1] - 1 : 0);
  const times = [], values = [];
  for (let i = window; i <= n; i++) {
    const part = returns.slice(i - window, i), mean = part.reduce((a, x) => a + x, 0) / window;
    const deviation = Math.sqrt(part.reduce((a, x) => a + (x - mean) ** 2, 0) / (window - 1));
    times.push(d.time[i]);
    values.push(deviation > 1e-15 ? (mean / deviation) * Math.sqrt(365) : null);
  }
  return { window, times, values };
}
function timeCards() {
  const rolling = rollingSharpe(), pair = el("div", { cls: "two stack" });
  root.firstChild.append(pair);
  if (rolling) {
    const section = card("rolling", "Rolling Sharpe ratio", `Of the daily returns of the ${rolling.window} days before, times \u221a365.`);
    pair.append(section);
    plot(section, rolling.times, [{ label: "Sharpe", data: rolling.values, color: "accent", text: ratio }], { height: 200, axis: (v) => plain(v), stamp: day });
  }
  const e = doc.exposure, section = card("exposure", "Exposure", "Value of the positions as a share of the equity: the most within each stretch, long above and short below.");
  pair.append(section);
  if (!rolling) pair.style.gridTemplateColumns = "minmax(0, 1fr)";
  plot(section, e.time, [
    { label: "long", data: e.long, color: "up", fill: "up-soft", width: 1, stepped: true, text: (v) => percent(v, 1) },
    { label: "short", data: e.short.map((x) => -x), color: "down", fill: "down-soft", width: 1, stepped: true, text: (v) => percent(-v, 1) },
  ], { height: 200, axis: (v) => percent(v, 0) });
}

// ---- what the exchange and the limits did ----
const KINDS = { refused: ["refused before sending", "warn"], rejected: ["refused by the exchange", "down"], failed: ["not answered", "down"], wait: ["waited", "accent"] };
function eventsCard(events) {
  const lanes = Object.keys(KINDS).filter((k) => events.some((e) => e.kind === k));
  const say = lanes.length ? null : "No order was refused, and none had to wait: neither limits nor throttle nor circuit breaker held anything back.";
  const section = card("refusals", "Refusals and waits", say);
  root.firstChild.append(section);
  if (!lanes.length) return;
  section.append(legend(...lanes.map((k) => [`${KINDS[k][0]} (${count(events.filter((e) => e.kind === k).reduce((n, e) => n + (e.times || 1), 0))})`, KINDS[k][1]])));
  const W = 1200, L = 10, H = 16 + lanes.length * 26, from = R.from, to = Math.max(R.to, R.from + 1), x = (t) => L + ((W - 2 * L) * (t - from)) / (to - from);
  const map = svg("svg", { viewBox: `0 0 ${W} ${H + 16}`, width: "100%", role: "img", "aria-label": "refusals and waits over time" });
  lanes.forEach((k, i) => {
    const y = 18 + i * 26, seen = new Set();
    map.append(svg("line", { class: "axis", x1: L, x2: W - L, y1: y, y2: y }));
    for (const e of events) {
      const at = Math.round(x(e.time) * 2) / 2;
      if (e.kind !== k || seen.has(at)) continue;
      seen.add(at);
      const dot = svg("circle", { cx: at, cy: y, r: 4, fill: `var(--${KINDS[k][1]})`, opacity: 0.75 });
      dot.append(svg("title", {}, `${second(e.time)} ${e.text}`));
      map.append(dot);
    }
  });
  for (let i = 0; i <= 4; i++) map.append(svg("text", { x: L + ((W - 2 * L) * i) / 4, y: H + 12, "text-anchor": i === 0 ? "start" : i === 4 ? "end" : "middle" }, minute(from + ((to - from) * i) / 4)));
  section.append(el("div", { cls: "stack" }, map));
  const table = sortable([
    { name: "time", value: (e) => e.time, text: (e) => second(e.time) },
    { name: "what", value: (e) => e.kind, text: (e) => KINDS[e.kind][0] },
    { name: "symbol", value: (e) => e.symbol || "", text: (e) => e.symbol || "", narrow: true },
    { name: "held back", right: true, value: (e) => e.seconds || 0, text: (e) => (e.seconds ? span(e.seconds) : "") },
    { name: "times", right: true, value: (e) => e.times || 1, text: (e) => count(e.times || 1) },
    { name: "why", wide: true, value: (e) => e.text, text: (e) => e.text },
  ], events, { id: "event-table", label: "refusals and waits", long: events.length > 40, key: (e) => e.time, pick: () => {}, match: (e) => `${KINDS[e.kind][0]} ${e.symbol || ""} ${e.text}`.toLowerCase() });
  section.append(el("div", { cls: "head controls" }, table.told, el("span", { style: { marginLeft: "auto" } }, table.filter)), table.box);
  if (doc.events_left_out) section.append(el("p", { cls: "say" }, `${count(doc.events_left_out)} more are not listed.`));
}
function limitsCard() {
  const rows = [["weight", "REQUEST_WEIGHT", "MINUTE", 60000, "request weight a minute"], ["orders_10s", "ORDERS", "SECOND", 10000, "orders in ten seconds"], ["orders", "ORDERS", "MINUTE", 60000, "orders a minute"]];
  const limitOf = (type, interval) => (doc.limits.find((l) => l.type === type && l.interval === interval) || {}).limit;
  const section = card("limits", "Limit windows", "What the calls of the run took from the exchange\u2019s windows of time. A window of which a twentieth or more was used is drawn.");
  root.firstChild.append(section);
  const used = rows.filter(([key]) => doc.windows[key].used.length);
  if (!used.length) { section.append(el("p", { cls: "say" }, "No call was sent.")); return; }
  for (const [key, type, interval, length, text] of used) {
    const w = doc.windows[key], limit = limitOf(type, interval), most = Math.max(...w.used);
    const host = el("div", { "data-window": key, "data-most": most });
    section.append(el("p", { cls: "window" }, `${text}: `, el("b", null, count(most)), limit ? ` of ${count(limit)} in the fullest window (${percent(most / limit, most / limit < 0.1 ? 1 : 0)})` : " in the fullest window"), host);
    if (limit && most / limit < 0.05) continue; // nothing to see
    // The windows between are empty: zero on both sides of each.
    const times = [], data = [];
    const put = (t, v) => { if (!times.length || t > times[times.length - 1]) { times.push(t); data.push(v); } };
    put(R.from - 1, 0);
    w.time.forEach((t, i) => { put(t - 1, 0); put(t, w.used[i]); put(t + length - 1, w.used[i]); put(t + length, 0); });
    put(R.to, 0);
    plot(host, times, [{ label: text, data, color: "accent", fill: "accent-soft", width: 1, text: count }], { height: 96, axis: (v) => (Number.isInteger(v) ? count(v) : ""), range: () => [0, Math.max(1, most) * 1.15], sync: "time" });
  }
}
function ordersCard(orders) {
  if (!orders.list.length) return;
  const life = el("div", { "aria-live": "polite" });
  const byId = new Map(orders.list.map((o) => [o.id, o]));
  const show = (o) => life.replaceChildren(el("div", { cls: "life" }, lifeNode(o), o.became && byId.has(o.became) ? lifeNode(byId.get(o.became)) : null, o.made_by && byId.has(o.made_by) ? lifeNode(byId.get(o.made_by)) : null));
  const table = sortable([
    { name: "placed", value: (o) => o.placed, text: (o) => second(o.placed) },
    { name: "order", right: true, narrow: true, value: (o) => Number(o.id), text: (o) => o.id },
    doc.market.length > 1 ? { name: "symbol", value: (o) => o.symbol, text: (o) => o.symbol } : null,
    { name: "side", value: (o) => o.side, text: (o) => o.side },
    { name: "type", value: (o) => o.type, text: (o) => o.type },
    { name: "quantity", right: true, value: (o) => o.quantity, text: (o) => (o.whole ? "all" : plain(o.quantity)) },
    { name: "price", right: true, narrow: true, value: (o) => o.trigger ?? o.price ?? 0, text: (o) => (o.trigger ?? o.price ? plain(o.trigger ?? o.price) : "market") },
    { name: "average", right: true, narrow: true, value: (o) => o.average ?? 0, text: (o) => (o.average ? plain(o.average) : "") },
    { name: "status", value: (o) => o.status, text: (o) => o.status },
  ].filter(Boolean), orders.list, { id: "order-table", label: "orders", long: orders.list.length > 60, by: 0, up: true, key: (o) => o.id, pick: show, match: (o) => `${o.id} ${o.client} ${o.symbol} ${o.side} ${o.type} ${o.status}`.toLowerCase() });
  const section = card("orders", "Orders", null);
  section.firstChild.replaceWith(el("div", { cls: "head" }, el("h2", null, "Orders"), table.told, el("span", { cls: "controls" }, table.filter)));
  section.append(el("p", { cls: "say" }, `A click tells an order\u2019s whole life.${orders.all > orders.list.length ? ` The newest ${count(orders.list.length)} of ${count(orders.all)} are listed.` : ""}`));
  if (orders.list.length > 60) section.append(el("p", { cls: "say print-say" }, "The list of orders is left out on paper; --orders writes it as CSV."));
  section.append(table.box, life);
  root.firstChild.append(section);
}

// ---- what the inside of bars leaves open ----
function pathsCard() {
  const p = R.paths;
  if (!p) return null;
  const names = { net_profit: ["net profit", usdt], return: ["return", percent], max_drawdown: ["maximum drawdown", percent], sharpe: ["Sharpe ratio", ratio], trades: ["trades", count], win_rate: ["win rate", percent], fees: ["fees", usdt] };
  return card("paths", "What the inside of bars leaves open", `${count(p.runs)} runs that differ only in how the price moved inside each bar (seeds from ${p.seed}). The band holds 90 % of them, the line is the median, the ring this run.`,
    simpleTable([["figure"], ["this run", 1], ["median", 1], ["5 %", 1], ["95 %", 1], ["least", 1], ["most", 1], [""]], Object.entries(names).filter(([k]) => p.figures[k]).map(([k, [text, f]]) => {
      const g = p.figures[k], width = g.most - g.least, at = (v) => `${width > 0 ? (100 * (v - g.least)) / width : 50}%`;
      return [text, f(R[k]), f(g.median), f(g.low), f(g.high), f(g.least), f(g.most), el("div", { cls: "range" }, el("i", { style: { left: 0, width: "100%" } }), el("i", { cls: "mid", style: { left: at(g.low), width: width > 0 ? `${(100 * (g.high - g.low)) / width}%` : 0 } }), el("b", { style: { left: at(g.median) } }), known(R[k]) ? el("u", { style: { left: at(R[k]) } }) : null)];
    })));
}
function accountCard() {
  return card("account", "The account", "realized + unrealized \u2212 fees + funding \u2212 liquidation fees = net profit, to the last digit.",
    el("div", { cls: "facts" },
      facts("account", [["capital", "capital", R.capital, usdt(R.capital)], ["realized", "realized", R.realized, fixed(R.realized, 8)], ["unrealized", "unrealized", R.unrealized, fixed(R.unrealized, 8)], ["fees", "fees", R.fees, fixed(R.fees, 8)], ["funding", "funding", R.funding, fixed(R.funding, 8)], known(R.funding) ? null : ["  of it booked", "funding_booked", R.funding_booked, fixed(R.funding_booked, 8)], ["liquidation fees", "liquidation_fees", R.liquidation_fees, fixed(R.liquidation_fees, 8)], ["net profit", "net_profit", R.net_profit, fixed(R.net_profit, 8)], ["final equity", "final_equity", R.final_equity, fixed(R.final_equity, 8)]]),
      facts("risk", [["volatility (annual)", "volatility", R.volatility, percent(R.volatility)], ["Sharpe", "sharpe", R.sharpe, ratio(R.sharpe)], ["Sortino", "sortino", R.sortino, ratio(R.sortino)], ["Calmar", "calmar", R.calmar, ratio(R.calmar)], ["alpha to buy and hold", "alpha", R.alpha, percent(R.alpha)], ["beta to it", "beta", R.beta, ratio(R.beta)], ["longest drawdown", "longest_drawdown_s", R.longest_drawdown_s, span(R.longest_drawdown_s)], ["recovery factor", "recovery_factor", R.recovery_factor, ratio(R.recovery_factor)], ["best day", "best_day", R.best_day, percent(R.best_day)], ["worst day", "worst_day", R.worst_day, percent(R.worst_day)]]),
      facts("execution", [["orders", "orders", R.orders, count(R.orders)], ["fills", "fills", R.fills, count(R.fills)], ["as maker", "maker_fills", R.maker_fills, count(R.maker_fills)], ["volume", "volume", R.volume, usdt(R.volume)], ["rejected by the exchange", "rejected", R.rejected, count(R.rejected)], ["refused before sending", "refused", R.refused, count(R.refused)], ["liquidations", "liquidations", R.liquidations, count(R.liquidations)], ["rate limited", "rate_limited", R.rate_limited, count(R.rate_limited)], ["waited on limits", "waited_s", R.waited_s, span(R.waited_s)], ["time in market", "time_in_market", R.time_in_market, percent(R.time_in_market)], ["bars", "bars", R.bars, count(R.bars)]])),
    (R.open_positions || []).length ? [el("h3", null, "Open at the end"), simpleTable([["symbol"], ["side"], ["quantity", 1], ["entry", 1], ["last", 1], ["unrealized", 1]], R.open_positions.map((p) => [p.symbol, p.side, plain(p.quantity), plain(p.entry_price), plain(p.last_price), usdt(p.unrealized)]))] : null,
    (R.open_orders || []).length ? [el("h3", null, "Orders open at the end"), simpleTable([["symbol"], ["side"], ["type"], ["quantity", 1], ["price", 1], ["placed"]], R.open_orders.map((o) => [o.symbol, o.side, o.type, plain(o.quantity), o.price || o.trigger_price ? plain(o.price ?? o.trigger_price) : "market", minute(o.time)]))] : null);
}
function notesCard() {
  return (R.notes || []).length ? card("notes", "What to know about these numbers", null, el("ul", { cls: "notes" }, R.notes.map((n) => el("li", null, n.text)))) : null;
}

// ---- the page ----
function help(table) {
  const dialog = el("dialog", null, el("h2", null, "Keys"), simpleTable([["key"], ["does"]], [["j, k", "the next trade, the one before"], ["/", "filter the trades"], ["t", "dark or light"], ["?", "this list"]].map(([k, v]) => [el("kbd", null, k), v])), el("p", null, "In a chart: drag to zoom, double-click to see all."), el("button", { on: { click: () => dialog.close() } }, "close"));
  document.body.append(dialog);
  addEventListener("keydown", (e) => {
    if (e.ctrlKey || e.metaKey || e.altKey || /^(INPUT|SELECT|TEXTAREA)$/.test(e.target.tagName)) return;
    if (e.key === "j") table.step(1);
    else if (e.key === "k") table.step(-1);
    else if (e.key === "/") { e.preventDefault(); table.filter.focus(); }
    else if (e.key === "t") toggleTheme();
    else if (e.key === "?") dialog.showModal();
    else return;
  });
}
async function main() {
  const curve = await unpackCurve(), trades = await unpackTrades(), orders = await unpackJson(doc.orders), events = await unpackJson(doc.events);
  const main = el("main", { cls: "wrap" });
  root.append(main);
  const links = [["equity", "Equity"], ["chart", "Chart"], ["trades", "Trades"], ["groups", "By side"], ["exposure", "Exposure"], ["refusals", "Execution"], ["orders", "Orders"], ["account", "Account"], ["again", "Run again"]];
  document.body.prepend(topBar(links));
  const days = (R.to - R.from) / 86400000;
  main.append(el("header", { cls: "top" }, el("h1", null, R.strategy), el("p", null, `${doc.mode} of ${nameOf}${R.interval ? `, ${R.interval} bars` : ""}, ${minute(R.from)} to ${minute(R.to)} (${fixed(days, days < 10 ? 1 : 0)} days)`)));
  const ahead = known(R.return) && known(R.buy_and_hold) ? R.return - R.buy_and_hold : null;
  main.append(el("div", { cls: "tiles" },
    tile("net profit", "net_profit", R.net_profit, signed(R.net_profit, usdt(R.net_profit)), `USDT, of ${usdt(R.capital)}`, tone(R.net_profit)),
    tile("return", "return", R.return, signed(R.return, percent(R.return)), known(R.annual_return) ? `${percent(R.annual_return, 1)} a year` : null, tone(R.return)),
    tile("buy and hold", "buy_and_hold", R.buy_and_hold, signed(R.buy_and_hold, percent(R.buy_and_hold)), ahead === null ? null : `${fixed(Math.abs(ahead) * 100, 1)} points ${ahead >= 0 ? "behind the run" : "ahead of the run"}`),
    tile("maximum drawdown", "max_drawdown", R.max_drawdown, percent(R.max_drawdown), `${usdt(R.max_drawdown_value)} USDT at most`),
    tile("Sharpe ratio", "sharpe", R.sharpe, ratio(R.sharpe), `Sortino ${ratio(R.sortino)}`),
    tile("trades", "trades", R.trades, count(R.trades), known(R.win_rate) ? `${percent(R.win_rate, 1)} won` : null)));
  const notes = notesCard();
  equityCard(curve);
  const months = monthsCard();
  if (months) main.append(months);
  const { table, show } = await tradesCards(trades, orders);
  distributionCards(trades, (t) => { table.select(t, false); show(t, true); });
  main.append(groupsCard());
  timeCards();
  eventsCard(events);
  limitsCard();
  ordersCard(orders);
  for (const section of [pathsCard(), accountCard(), notes, again(R, doc.command), foot()]) if (section) main.append(section);
  help(table);
  document.documentElement.dataset.ready = "true";
}
main().catch((problem) => {
  root.append(el("p", { cls: "wrap" }, "This page cannot be shown here: " + problem.message + ". It needs a browser of 2023 or newer."));
  document.documentElement.dataset.failed = problem.message;
  throw problem;
});
