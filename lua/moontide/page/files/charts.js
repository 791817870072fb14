// Curves by uPlot, and small charts in SVG.
const plots = [];
const axisDate = (u, splits, space, found, increment) => splits.map((s, i) => {
  const text = iso(s * 1000), before = i > 0 ? iso(splits[i - 1] * 1000) : "";
  if (increment >= 86400 * 28) return text.slice(0, 7);
  if (increment >= 86400) return text.slice(5, 10) + (i === 0 || before.slice(0, 4) !== text.slice(0, 4) ? "\n" + text.slice(0, 4) : "");
  return text.slice(11, 16) + (before.slice(0, 10) !== text.slice(0, 10) ? "\n" + text.slice(5, 10) : "");
});

// A chart of curves over time. series: { label, data, color, fill?, width?, text(value) }; names of colours are the page's.
function plot(host, times, series, o = {}) {
  const tip = el("div", { cls: "tip" });
  const box = el("div", { cls: "plot" });
  host.append(box);
  let u = null;
  const xs = times.map((t) => t / 1000);
  function options() {
    const axis = { stroke: color("soft"), grid: { stroke: color("line"), width: 1 }, ticks: { show: false }, font: "11px system-ui, sans-serif" };
    return {
      width: Math.max(200, box.clientWidth), height: o.height || 260, legend: { show: false }, tzDate: (ts) => uPlot.tzDate(new Date(ts * 1000), "Etc/UTC"),
      cursor: { sync: o.sync ? { key: o.sync, setSeries: false } : undefined, drag: { x: true, y: false }, points: { size: 6 } },
      scales: { x: { time: true }, y: { range: o.range || ((_, low, high) => { const room = (high - low || Math.abs(high) || 1) * 0.06; return [low - room, high + room]; }) } },
      axes: [{ ...axis, values: axisDate, space: 90, size: 34 }, { ...axis, size: 66, gap: 6, values: (_, splits) => splits.map(o.axis || ((v) => plain(v))) }],
      series: [{}, ...series.map((s) => ({ show: s.show !== false, stroke: color(s.color), width: s.width || 1.5, fill: s.fill ? color(s.fill) : undefined, points: { show: false }, paths: s.stepped ? uPlot.paths.stepped({ align: -1 }) : s.bars ? uPlot.paths.bars({ size: [0.9, 12, 1] }) : undefined, dash: s.dash }))],
      hooks: {
        setCursor: [(v) => {
          const i = v.cursor.idx;
          if (i === null || i === undefined || v.cursor.left < 0) { tip.style.display = "none"; return; }
          tip.replaceChildren(el("div", { cls: "soft" }, (o.stamp || minute)(times[i])), ...series.filter((s) => s.show !== false).map((s) => el("div", null, s.label + "  ", el("b", null, s.text(s.data[i], i)))));
          tip.style.display = "block";
          const left = v.cursor.left + v.bbox.left / devicePixelRatio;
          tip.style.left = (left > box.clientWidth / 2 ? left - tip.offsetWidth - 12 : left + 12) + "px";
          tip.style.top = "8px";
        }],
        draw: o.draw ? [o.draw] : [],
      },
    };
  }
  function make() {
    const scale = u ? { min: u.scales.x.min, max: u.scales.x.max } : null;
    if (u) u.destroy();
    u = new uPlot(options(), [xs, ...series.map((s) => s.data)], box);
    u.over.append(tip);
    if (scale && scale.min !== undefined) u.setScale("x", scale);
  }
  make();
  onTheme(make);
  new ResizeObserver(() => { const w = Math.max(200, box.clientWidth); if (Math.abs(w - u.width) > 1) u.setSize({ width: w, height: o.height || 260 }); }).observe(box);
  // A button of the legend that shows a curve or hides it.
  const toggle = (i) => {
    const s = series[i];
    const button = el("button", { "aria-pressed": s.show === false ? "false" : "true", on: { click: () => {
      s.show = s.show === false;
      button.setAttribute("aria-pressed", String(s.show));
      u.setSeries(i + 1, { show: s.show });
    } } }, el("i", { style: { background: `var(--${s.color})` } }), s.label);
    return button;
  };
  const handle = { get plot() { return u; }, toggle };
  plots.push(handle);
  return handle;
}

const niceStep = (range, steps) => {
  const raw = range / steps || 1, power = 10 ** Math.floor(Math.log10(raw)), of = raw / power;
  return (of < 1.5 ? 1 : of < 3.5 ? 2 : of < 7.5 ? 5 : 10) * power;
};
function ticks(low, high, steps) {
  const step = niceStep(high - low, steps), list = [];
  for (let v = Math.ceil(low / step) * step; v <= high + step * 1e-9; v += step) list.push(Math.abs(v) < step * 1e-9 ? 0 : v);
  return list;
}

// Bars of a histogram: how many results lie in each step.
function histogram(h, label) {
  const W = 560, H = 240, L = 40, B = 26, counts = [h.below, ...h.counts, h.above], n = counts.length;
  const most = Math.max(1, ...counts), y = (v) => H - B - (H - B - 10) * (v / most), w = (W - L) / n;
  const node = svg("svg", { viewBox: `0 0 ${W} ${H}`, role: "img", "aria-label": label, width: "100%" });
  for (const v of ticks(0, most, 4)) if (Number.isInteger(v)) node.append(svg("line", { class: "axis", x1: L, x2: W, y1: y(v), y2: y(v) }), svg("text", { x: L - 6, y: y(v) + 4, "text-anchor": "end" }, count(v)));
  counts.forEach((c, i) => {
    const from = h.from + (i - 1) * h.step, to = from + h.step, tail = i === 0 || i === n - 1;
    const what = i === 0 ? `below ${usdt(to)}` : i === n - 1 ? `above ${usdt(from)}` : `${usdt(from)} to ${usdt(to)}`;
    const bar = svg("rect", { x: L + i * w + 1, width: Math.max(1, w - 2), y: y(c), height: Math.max(0, H - B - y(c)), fill: from + h.step / 2 >= 0 ? "var(--up)" : "var(--down)", opacity: tail ? 0.55 : 0.9, rx: 1.5 });
    bar.append(svg("title", {}, `${what} USDT: ${c}`));
    if (c > 0) node.append(bar);
  });
  const low = h.from, high = h.from + h.counts.length * h.step;
  for (const v of ticks(low, high, 6)) node.append(svg("text", { x: L + w + ((v - low) / h.step) * w, y: H - 8, "text-anchor": "middle" }, plain(Number(v.toPrecision(6)))));
  return node;
}

// Points of two shares; a click on one calls pick(index).
function scatter(points, o) {
  const W = 560, H = 240, L = 52, B = 34, T = 8, R = 10;
  const top = (list) => { const s = list.slice().sort((a, b) => a - b); return (s[Math.floor(s.length * 0.99)] || s[s.length - 1] || 0.01) * 1.05 || 0.01; };
  const mx = top(points.map((p) => p.x)), my = top(points.map((p) => p.y));
  const x = (v) => L + (W - L - R) * Math.min(v / mx, 1), y = (v) => H - B - (H - B - T) * Math.min(v / my, 1);
  const node = svg("svg", { viewBox: `0 0 ${W} ${H}`, role: "img", "aria-label": o.label, width: "100%" });
  const digits = (m) => (m > 0.05 ? 0 : m > 0.005 ? 1 : 2);
  for (const v of ticks(0, my, 4)) node.append(svg("line", { class: "axis", x1: L, x2: W - R, y1: y(v), y2: y(v) }), svg("text", { x: L - 6, y: y(v) + 4, "text-anchor": "end" }, percent(v, digits(my))));
  for (const v of ticks(0, mx, 6)) node.append(svg("line", { class: "axis", x1: x(v), x2: x(v), y1: T, y2: H - B }), svg("text", { x: x(v), y: H - B + 14, "text-anchor": "middle" }, percent(v, digits(mx))));
  node.append(svg("text", { x: W - R, y: H - 4, "text-anchor": "end" }, o.x));
  for (const p of points) {
    const dot = svg("circle", { cx: x(p.x), cy: y(p.y), r: points.length > 800 ? 2 : 3, fill: p.good ? "var(--up)" : "var(--down)", opacity: points.length > 800 ? 0.4 : 0.6, style: "cursor:pointer" });
    dot.append(svg("title", {}, p.title));
    dot.addEventListener("click", () => o.pick(p.index));
    node.append(dot);
  }
  return node;
}
