// Candles with the trades on them: the whole run, and true bars around the trade that is looked at.
async function unpackCandles(block) {
  if (!block) return [];
  const read = numbers(await inflate(block.data)), n = block.count, unit = 10 ** block.decimals, list = new Array(n);
  let slot = block.start / block.interval - 1;
  for (let i = 0; i < n; i++) { slot += read.unsigned() + 1; list[i] = { time: (slot * block.interval) / 1000, open: 0, high: 0, low: 0, close: 0, volume: 0 }; }
  const gaps = new Array(n), bodies = new Array(n);
  for (let i = 0; i < n; i++) gaps[i] = read.signed();
  for (let i = 0; i < n; i++) bodies[i] = read.signed();
  let close = 0;
  for (let i = 0; i < n; i++) { const c = list[i]; c.open = close + gaps[i]; close = c.open + bodies[i]; c.close = close; }
  for (let i = 0; i < n; i++) { const c = list[i]; c.high = Math.max(c.open, c.close) + read.unsigned(); }
  for (let i = 0; i < n; i++) { const c = list[i]; c.low = Math.min(c.open, c.close) - read.unsigned(); }
  for (let i = 0; i < n; i++) { const c = list[i]; c.volume = read.unsigned() * block.volume_unit; c.open /= unit; c.high /= unit; c.low /= unit; c.close /= unit; }
  return list;
}
async function unpackIndicator(row) {
  const read = numbers(await inflate(row.data)), list = new Array(row.count);
  let slot = 0, value = 0;
  for (let i = 0; i < row.count; i++) { slot += read.unsigned(); list[i] = { slot, value: 0 }; }
  for (let i = 0; i < row.count; i++) { value += read.signed(); list[i].value = value * row.unit; }
  return list;
}
// Candles of a longer interval, exactly: open of the first, highest, lowest, close of the last, sum of the volumes.
function merged(list, seconds) {
  const out = [];
  let last = null;
  for (const c of list) {
    const time = Math.floor(c.time / seconds) * seconds;
    if (last && last.time === time) {
      last.high = Math.max(last.high, c.high);
      last.low = Math.min(last.low, c.low);
      last.close = c.close;
      last.volume += c.volume;
    } else out.push((last = { ...c, time }));
  }
  return out;
}
const LADDER = [60, 300, 900, 3600, 14400, 86400, 604800];
// The index of the last candle at or before a time (seconds); -1 before the first.
function candleAt(list, time) {
  let low = 0, high = list.length;
  while (low < high) { const mid = (low + high) >> 1; if (list[mid].time <= time) low = mid + 1; else high = mid; }
  return low - 1;
}
const intervalText = (ms) => (ms % 86400000 === 0 ? ms / 86400000 + "d" : ms % 3600000 === 0 ? ms / 3600000 + "h" : ms % 60000 === 0 ? ms / 60000 + "m" : ms / 1000 + "s");

async function candleChart(host, market, indicators, trades, orders) {
  const LW = LightweightCharts;
  const say = el("p", { cls: "say" }), box = el("div", { cls: "candles", id: "candle-chart" }), keys = el("div", { cls: "legend", style: { margin: "8px 0 0" } });
  const pickSymbol = el("select", { "aria-label": "symbol", on: { change: () => show(Number(pickSymbol.value), null) } }, market.map((m, i) => el("option", { value: i }, m.symbol)));
  const all = el("button", { on: { click: () => show(current, null) } }, "whole run"), steps = el("span", { cls: "head", style: { margin: 0 } });
  const head = el("div", { cls: "head controls" }, market.length > 1 ? pickSymbol : el("b", null, market[0].symbol), steps, all);
  host.append(head, box, keys, say);
  const chart = LW.createChart(box, { autoSize: true, layout: { attributionLogo: true, background: { color: "transparent" }, panes: { enableResize: false } }, timeScale: { timeVisible: true, secondsVisible: false, minBarSpacing: 0.001 }, rightPriceScale: { borderVisible: false }, crosshair: { mode: 0 } });
  const candles = chart.addSeries(LW.CandlestickSeries, { borderVisible: false, priceLineVisible: false });
  const volume = chart.addSeries(LW.HistogramSeries, { priceFormat: { type: "volume" }, priceScaleId: "volume", lastValueVisible: false, priceLineVisible: false });
  chart.priceScale("volume").applyOptions({ scaleMargins: { top: 0.86, bottom: 0 } });
  const markers = LW.createSeriesMarkers(candles, []);
  const unpacked = market.map(() => null), tints = ["#d08a1d", "#7b5bd6", "#2f9fd0", "#c2579b", "#6f9a2d", "#b0703c"];
  let current = -1, drawn = [], shown = [], lines = [], trade = null, seconds = 60;

  function colours() {
    const up = color("up"), down = color("down");
    chart.applyOptions({ layout: { textColor: color("soft"), fontFamily: "system-ui, sans-serif", panes: { separatorColor: color("line") } }, grid: { vertLines: { color: color("line") }, horzLines: { color: color("line") } }, timeScale: { borderColor: color("line") } });
    candles.applyOptions({ upColor: up, downColor: down, wickUpColor: up, wickDownColor: down });
    if (shown.length) { paintVolume(); paintMarkers(); paintTrade(); }
  }
  function paintVolume() {
    const up = color("up-soft"), down = color("down-soft");
    volume.setData(shown.map((c) => ({ time: c.time, value: c.volume, color: c.close >= c.open ? up : down })));
  }
  function paintMarkers() {
    const list = [], taken = new Set(), buy = color("up"), sell = color("down"), mine = trades.filter((t) => t.symbol === current);
    const put = (ms, isBuy, size, text) => {
      const i = candleAt(shown, ms / 1000);
      if (i < 0 || ms / 1000 - shown[i].time > step()) return;
      const place = `${shown[i].time} ${isBuy}`; // one mark a candle and side
      if (taken.has(place)) return;
      taken.add(place);
      list.push({ time: shown[i].time, position: isBuy ? "belowBar" : "aboveBar", color: isBuy ? buy : sell, shape: isBuy ? "arrowUp" : "arrowDown", size, text });
    };
    const size = trade ? 0.9 : mine.length > 100 ? 0.4 : 0.8;
    for (const t of trade ? [trade, ...mine] : mine) {
      const me = t === trade;
      put(t.entry_time, t.long, me ? 1.6 : size, me ? "entry" : undefined);
      if (!t.open) put(t.exit_time, !t.long, me ? 1.6 : size, me ? (t.exit_reason === "signal" ? "exit" : t.exit_reason) : undefined);
    }
    list.sort((a, b) => a.time - b.time);
    markers.setMarkers(list);
  }
  const step = () => seconds;
  function segment(from, to, value, value2, options) {
    const a = candleAt(shown, from / 1000), b = candleAt(shown, to / 1000);
    if (a < 0 || b < 0) return;
    const s = chart.addSeries(LW.LineSeries, { priceLineVisible: false, lastValueVisible: false, crosshairMarkerVisible: false, lineWidth: 2, ...options });
    s.setData(a === b ? [{ time: shown[a].time, value }] : [{ time: shown[a].time, value }, { time: shown[b].time, value: value2 }]);
    lines.push(s);
  }
  function paintTrade() {
    for (const s of lines) chart.removeSeries(s);
    lines = [];
    if (!trade) return;
    segment(trade.entry_time, trade.exit_time, trade.entry_price, trade.exit_price, { color: trade.pnl > 0 ? color("up") : color("down"), lineStyle: 2 });
    for (const o of orders) {
      const level = o.conditional ? o.trigger : o.type === "LIMIT" ? o.price : null;
      const end = o.triggered || (o.over ? o.updated : trade.exit_time);
      if (o.symbol !== market[current].symbol || !level || o.placed > trade.exit_time || end < trade.entry_time || end === o.placed) continue;
      segment(Math.max(o.placed, trade.entry_time - 45 * step() * 1000), Math.min(end, trade.exit_time + 45 * step() * 1000), level, level, { color: o.conditional ? color("warn") : color("second"), lineWidth: 1, lineStyle: 0, title: "" });
    }
  }
  // What stands on a scale of its own gets a pane; two are open from the start, the legend opens and closes any.
  function paintIndicators() {
    for (const s of drawn) chart.removeSeries(s);
    drawn = [];
    keys.replaceChildren();
    const mine = indicators.filter((r) => r.symbol === market[current].symbol);
    mine.filter((r) => !r.with_price).forEach((r, i) => { r.on ??= i < 2; });
    let pane = 0;
    mine.forEach((r, i) => {
      const tint = tints[i % tints.length];
      r.on ??= true;
      keys.append(el("button", { "aria-pressed": String(r.on), on: { click: () => { r.on = !r.on; paintIndicators(); } } }, el("i", { style: { background: tint } }), r.label));
      if (!r.on) return;
      const s = chart.addSeries(LW.LineSeries, { color: tint, lineWidth: 1, priceLineVisible: false, lastValueVisible: false, crosshairMarkerVisible: false }, r.with_price ? 0 : ++pane);
      const data = [];
      for (const p of r.points) {
        const at = candleAt(shown, (p.slot + 1) * r.interval / 1000 - seconds);
        if (at >= 0 && (!data.length || data[data.length - 1].time < shown[at].time)) data.push({ time: shown[at].time, value: p.value });
      }
      s.setData(data);
      drawn.push(s);
    });
    chart.panes().forEach((p, i) => p.setStretchFactor(i === 0 ? 1 : 0.22));
    if (mine.length && mine[0].thinned > 1) keys.append(el("span", null, `every ${mine[0].thinned}th value`));
  }
  async function load(i) {
    if (!unpacked[i]) unpacked[i] = { whole: await unpackCandles(market[i].whole), around: await unpackCandles(market[i].around) };
    return unpacked[i];
  }
  // What a trade is looked at in: true bars where the page has them, else the finest candles.
  function listFor(data, m, t) {
    const finest = m.whole.interval / 1000;
    if (!t) {
      const wanted = LADDER.find((x) => x >= finest && x % finest === 0 && data.whole.length * finest / x <= 2500) || finest;
      return [wanted, wanted > finest ? "merged" : "whole"];
    }
    if (data.around.length) {
      const a = candleAt(data.around, t.entry_time / 1000), b = candleAt(data.around, t.exit_time / 1000), want = (t.exit_time - t.entry_time) / m.base;
      if (a >= 0 && b >= a && t.entry_time / 1000 - data.around[a].time <= m.base / 1000 && Math.abs(b - a - want) <= 2) return [m.base / 1000, "around"];
    }
    const long = (t.exit_time - t.entry_time) / 1000, fit = LADDER.find((x) => x >= finest && x % finest === 0 && long / x <= 1500) || finest;
    return [fit, fit > finest ? "merged" : "whole"];
  }
  function buttons(m, kind) {
    const finest = m.whole.interval / 1000, list = LADDER.filter((x) => x > finest && x % finest === 0 && m.whole.count * finest / x >= 20);
    steps.replaceChildren(...(kind === "around" ? [el("button", { "aria-pressed": "true", title: "true bars around the trade" }, intervalText(m.base))] : []), ...[finest, ...list].map((x) => el("button", { "aria-pressed": kind !== "around" && x === seconds ? "true" : "false", on: { click: () => show(current, trade, x) } }, intervalText(x * 1000))));
  }
  async function show(i, t, asked) {
    const data = await load(i), m = market[i], finest = m.whole.interval / 1000;
    const [wanted, kind] = asked ? [asked, asked > finest ? "merged" : "whole"] : listFor(data, m, t);
    trade = t;
    if (i !== current || wanted !== seconds || kind !== box.dataset.kind) {
      const decimals = m.whole.decimals;
      candles.applyOptions({ priceFormat: { type: "price", precision: decimals, minMove: 10 ** -decimals } });
      pickSymbol.value = String(i);
      current = i;
      seconds = wanted;
      shown = kind === "merged" ? merged(data.whole, seconds) : data[kind];
      candles.setData(shown);
      paintVolume();
      paintIndicators();
    }
    buttons(m, kind);
    paintMarkers();
    paintTrade();
    const from = t ? candleAt(shown, t.entry_time / 1000) : 0, to = t ? candleAt(shown, t.exit_time / 1000) : shown.length - 1;
    const room = t ? Math.max(20, Math.round((to - from) * 0.35)) : 0;
    chart.timeScale().setVisibleLogicalRange({ from: from - room, to: to + room });
    all.setAttribute("aria-pressed", t ? "false" : "true");
    Object.assign(box.dataset, { kind, trade: t ? t.index : "", from: shown[Math.max(0, from)].time * 1000, interval: seconds * 1000 });
    const text = intervalText(seconds * 1000), base = m.base ? intervalText(m.base) : null;
    say.textContent = kind === "around" ? `True ${base} bars around trade ${t.index}.`
      : `${text} candles${base ? `, made of ${count(m.bars)} bars of ${base}` : seconds > finest ? `, made of ${count(m.bars)} bars` : ": every bar of the run"}.`
        + (m.around ? ` Trades of up to ${count(m.longest)} bars are shown in true ${base} bars: ${count(m.trades_around)} of ${count(m.trades)} trades have them here.` : "");
  }
  // On paper a picture of the chart stands in for it.
  addEventListener("beforeprint", () => {
    const picture = chart.takeScreenshot();
    picture.className = "print-picture";
    box.append(picture);
  });
  addEventListener("afterprint", () => { for (const p of box.querySelectorAll(".print-picture")) p.remove(); });
  for (const r of indicators) r.points = await unpackIndicator(r);
  colours();
  await show(0, null);
  onTheme(colours);
  return { show, get current() { return current; } };
}
