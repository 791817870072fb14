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
  const all = el("button", { on: { click: () => show(current, null) } }, "whole run");
  const head = el("div", { cls: "head controls" }, market.length > 1 ? pickSymbol : el("b", null, market[0].symbol), all, el("span", { cls: "push" }));
  host.append(head, box, keys, say);
  const chart = LW.createChart(box, { autoSize: true, layout: { attributionLogo: true, background: { color: "transparent" }, panes: { enableResize: false } }, timeScale: { timeVisible: true, secondsVisible: false, minBarSpacing: 0.02 }, rightPriceScale: { borderVisible: false }, crosshair: { mode: 0 } });
  const candles = chart.addSeries(LW.CandlestickSeries, { borderVisible: false, priceLineVisible: false });
  const volume = chart.addSeries(LW.HistogramSeries, { priceFormat: { type: "volume" }, priceScaleId: "volume", lastValueVisible: false, priceLineVisible: false });
  chart.priceScale("volume").applyOptions({ scaleMargins: { top: 0.86, bottom: 0 } });
  const markers = LW.createSeriesMarkers(candles, []);
  const unpacked = market.map(() => null), tints = ["#d08a1d", "#7b5bd6", "#2f9fd0", "#c2579b", "#6f9a2d", "#b0703c"];
  let current = 0, drawn = [], shown = [], lines = [], trade = null;

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
    const list = [], buy = color("up"), sell = color("down"), mine = trades.filter((t) => t.symbol === current);
    const put = (ms, isBuy, size, text) => {
      const i = candleAt(shown, ms / 1000);
      if (i < 0 || (ms / 1000 - shown[i].time) > step()) return;
      list.push({ time: shown[i].time, position: isBuy ? "belowBar" : "aboveBar", color: isBuy ? buy : sell, shape: isBuy ? "arrowUp" : "arrowDown", size, text });
    };
    const few = trade !== null;
    for (const t of mine) {
      const me = few && t === trade;
      put(t.entry_time, t.long, me ? 1.6 : 0.9, me ? "entry" : undefined);
      if (!t.open) put(t.exit_time, !t.long, me ? 1.6 : 0.9, me ? t.exit_reason === "signal" ? "exit" : t.exit_reason : undefined);
    }
    list.sort((a, b) => a.time - b.time);
    markers.setMarkers(list);
  }
  const step = () => (shown === unpacked[current].around ? market[current].base : market[current].whole.interval) / 1000;
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
  function paintIndicators() {
    for (const s of drawn) chart.removeSeries(s);
    drawn = [];
    keys.replaceChildren();
    const mine = indicators.filter((r) => r.symbol === market[current].symbol);
    mine.forEach((r, i) => {
      const tint = tints[i % tints.length];
      const s = chart.addSeries(LW.LineSeries, { color: tint, lineWidth: 1, priceLineVisible: false, lastValueVisible: false, crosshairMarkerVisible: false }, r.with_price ? 0 : 1);
      const data = [];
      for (const p of r.points) {
        const at = candleAt(shown, (p.slot + 1) * r.interval / 1000 - step());
        if (at >= 0 && (!data.length || data[data.length - 1].time < shown[at].time)) data.push({ time: shown[at].time, value: p.value });
      }
      s.setData(data);
      drawn.push(s);
      keys.append(el("span", null, el("i", { style: { background: tint } }), r.label));
    });
    const panes = chart.panes();
    if (panes[1]) panes[1].setStretchFactor(0.3);
    if (mine.length && mine[0].interval > market[current].whole.interval) keys.append(el("span", null, `indicators every ${intervalText(mine[0].interval)}`));
  }
  async function load(i) {
    if (!unpacked[i]) unpacked[i] = { whole: await unpackCandles(market[i].whole), around: await unpackCandles(market[i].around) };
    return unpacked[i];
  }
  async function show(i, t) {
    const data = await load(i), m = market[i];
    let list = data.whole;
    trade = t;
    if (t && data.around.length) {
      const a = candleAt(data.around, t.entry_time / 1000), b = candleAt(data.around, t.exit_time / 1000), want = (t.exit_time - t.entry_time) / m.base;
      if (a >= 0 && b >= a && t.entry_time / 1000 - data.around[a].time <= m.base / 1000 && b - a >= want - 2 && b - a < 3200) list = data.around;
    }
    if (i !== current || list !== shown) {
      const decimals = m.whole.decimals;
      candles.applyOptions({ priceFormat: { type: "price", precision: decimals, minMove: 10 ** -decimals } });
      current = i;
      pickSymbol.value = String(i);
      shown = list;
      candles.setData(shown);
      paintVolume();
      paintIndicators();
    }
    paintMarkers();
    paintTrade();
    const from = t ? candleAt(shown, t.entry_time / 1000) : 0, to = t ? candleAt(shown, t.exit_time / 1000) : shown.length - 1;
    const room = t ? Math.max(20, Math.round((to - from) * 0.35)) : 0;
    chart.timeScale().setVisibleLogicalRange({ from: from - room, to: to + room });
    all.setAttribute("aria-pressed", t ? "false" : "true");
    box.dataset.trade = t ? t.index : "";
    box.dataset.from = String(shown[Math.max(0, from)].time * 1000);
    box.dataset.interval = String(step() * 1000);
    const whole = intervalText(m.whole.interval);
    say.textContent = list === data.around ? `True ${intervalText(m.base)} bars around trade ${t.index}.`
      : m.around ? `${whole} candles over the whole run, made of ${count(m.bars)} bars of ${intervalText(m.base)}; true ${intervalText(m.base)} bars are here around ${count(m.trades_around)} of ${count(m.trades)} trades (the largest results).`
        : m.base ? `${whole} candles, made of ${count(m.bars)} bars of ${intervalText(m.base)}.` : `${whole} candles, every bar of the run.`;
  }
  for (const r of indicators) r.points = await unpackIndicator(r);
  colours();
  await show(0, null);
  onTheme(colours);
  return { show, get current() { return current; } };
}
