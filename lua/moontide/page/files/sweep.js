// The page of a sweep, and of a walk-forward.
const V = doc.verdict, D = doc.dimensions, F = doc.forward;
const shares = new Set(["return", "annual_return", "max_drawdown", "win_rate"]), money = new Set(["net_profit", "fees"]);
const words = (name) => name.replaceAll("_", " ");
const shown = (name, x) => (!known(x) ? "n/a" : shares.has(name) ? percent(x) : money.has(name) ? usdt(x) : name === "trades" ? count(x) : known(x) && Math.abs(x) >= 1000 ? usdt(x) : plain(Number(x.toPrecision(4))));
const valueText = (x) => (known(x) ? plain(x) : x === null || x === undefined ? "n/a" : String(x));
const measures = ["score", ...doc.figures.filter((f) => f !== doc.objective)];
const measureName = (m) => (m === "score" ? doc.objective : words(m));
const measureText = (m, x) => shown(m === "score" ? doc.objective : m, x);
const of = (t, m) => (m === "score" ? t.score : t[m]);

async function unpackTrials() {
  const c = await unpackJson(doc.trials);
  return c.score.map((score, i) => {
    const t = { place: i + 1, score, failure: c.failure[String(i)] || null, values: c.values.map((column) => column[i]) };
    doc.figures.forEach((name, k) => { t[name] = c.figures[k][i]; });
    return t;
  });
}
const spread = (list) => list.reduce(([a, b], x) => (known(x) ? [Math.min(a, x), Math.max(b, x)] : [a, b]), [Infinity, -Infinity]);

// What an axis shows of a parameter: all its values where these are few, else equal steps of its range.
function axisOf(k, trials) {
  const seen = [...new Set(trials.map((t) => t.values[k]))].filter((v) => v !== null);
  const numeric = seen.every(known);
  seen.sort((a, b) => (numeric ? a - b : String(a) < String(b) ? -1 : 1));
  if (!numeric || seen.length <= 40) return { labels: seen.map(valueText), at: (t) => seen.indexOf(t.values[k]) };
  const n = 14, low = seen[0], high = seen[seen.length - 1], step = (high - low) / n;
  return {
    labels: Array.from({ length: n }, (_, i) => `${plain(Number((low + i * step).toPrecision(4)))}\u2026`),
    at: (t) => (known(t.values[k]) ? Math.min(n - 1, Math.floor((t.values[k] - low) / step)) : -1),
  };
}
// Better is up's colour, worse is down's; where all is of one sign, from faint to full.
function shader(low, high) {
  return (x) => {
    if (low < 0 && high > 0) return `color-mix(in srgb, var(--${x >= 0 ? "up" : "down"}) ${Math.round(8 + 72 * Math.sqrt(Math.abs(x) / Math.max(-low, high)))}%, transparent)`;
    const share = high > low ? (x - low) / (high - low) : 1;
    return `color-mix(in srgb, var(--${high <= 0 ? "down" : "up"}) ${Math.round(6 + 74 * (high <= 0 ? 1 - share : share))}%, transparent)`;
  };
}
const choice = (label, names, chosen, change) => el("label", { cls: "soft" }, label + " ", el("select", { "aria-label": label, on: { change: (e) => change(e.target.value) } }, names.map(([value, text]) => el("option", { value, selected: String(value) === String(chosen) }, text))));

function heatCard(trials, varied, pick) {
  if (varied.length < 2) return null;
  let across = varied[1], down = varied[0], measure = "score", way = "mean";
  const host = el("div", { cls: "wide", id: "heat" }), says = el("p", { cls: "say" }), controls = el("div", { cls: "head controls" });
  function draw() {
    const x = axisOf(across, trials), y = axisOf(down, trials), cells = new Map();
    for (const t of trials) {
      const v = of(t, measure), i = x.at(t), j = y.at(t);
      if (!known(v) || i < 0 || j < 0) continue;
      const key = j * x.labels.length + i, c = cells.get(key) || { sum: 0, n: 0, best: null };
      c.sum += v;
      c.n++;
      if (!c.best || t.place < c.best.place) c.best = t;
      cells.set(key, c);
    }
    const value = (c) => (way === "mean" ? c.sum / c.n : of(c.best, measure));
    const [low, high] = spread([...cells.values()].map(value)), shade = shader(low, high), tight = x.labels.length > 16;
    host.replaceChildren(el("table", { cls: "months heat" + (tight ? " tight" : "") },
      el("thead", null, el("tr", null, el("th", { cls: "corner" }, `${D[down].name} \u2193  ${D[across].name} \u2192`), x.labels.map((l) => el("th", { scope: "col" }, l)))),
      el("tbody", null, y.labels.map((label, j) => el("tr", null, el("th", { scope: "row" }, label), x.labels.map((_, i) => {
        const c = cells.get(j * x.labels.length + i);
        if (!c) return el("td", { cls: "none", title: "not run" }, tight ? "" : "\u00b7");
        const v = value(c), title = `${D[down].name} ${label}, ${D[across].name} ${x.labels[i]}: ${measureText(measure, v)}${c.n > 1 ? `, ${c.n} trials` : ""}`;
        const cell = el("td", { style: { background: shade(v) }, title, "data-value": v }, tight ? "" : measureText(measure, v));
        cell.addEventListener("click", () => pick(c.best));
        return cell;
      }))))));
    says.textContent = `${measureName(measure)}: ${measureText(measure, low)} to ${measureText(measure, high)}${varied.length > 2 ? (way === "mean" ? ", the mean over the other parameters" : ", of the best trial in each cell") : ""}. A broad field of good cells is worth more than a single one. A click shows the cell's best trial.`;
  }
  const names = varied.map((k) => [k, D[k].name]);
  function fill() {
    controls.replaceChildren(el("h2", null, "Heat map"),
      choice("down", names, down, (v) => { if (Number(v) === across) across = down; down = Number(v); fill(); draw(); }),
      choice("across", names, across, (v) => { if (Number(v) === down) down = across; across = Number(v); fill(); draw(); }),
      choice("figure", measures.map((m) => [m, measureName(m)]), measure, (v) => { measure = v; draw(); }),
      varied.length > 2 ? choice("of", [["mean", "mean"], ["best", "best"]], way, (v) => { way = v; draw(); }) : "");
  }
  fill();
  draw();
  return el("section", { cls: "card", id: "map", "aria-label": "Heat map" }, controls, says, host);
}

const LINES = 1200;
function parallelCard(trials, varied) {
  if (varied.length < 2) return null;
  const W = 1180, H = 330, T = 30, B = 26, L = 60, R = 60;
  const scored = trials.filter((t) => known(t.score));
  const step = Math.max(1, scored.length / LINES), lines = scored.length > LINES ? Array.from({ length: LINES }, (_, i) => scored[Math.floor(i * step)]) : scored;
  const axes = [...varied.map((k) => ({ name: D[k].name, value: (t) => t.values[k], text: valueText })), { name: doc.objective, value: (t) => t.score, text: (x) => measureText("score", x) },
    ...["net_profit", "max_drawdown"].filter((m) => m !== doc.objective).map((m) => ({ name: words(m), value: (t) => t[m], text: (x) => measureText(m, x) }))];
  axes.forEach((a, i) => {
    a.x = L + ((W - L - R) * i) / (axes.length - 1);
    const all = [...new Set(lines.map(a.value))].filter((v) => v !== null);
    if (all.every(known)) {
      const [low, high] = spread(all);
      a.y = (v) => H - B - (H - B - T) * (high > low ? (v - low) / (high - low) : 0.5);
      a.ends = [[low, a.text(low)], [high, a.text(high)]];
    } else {
      all.sort((p, q) => (String(p) < String(q) ? -1 : 1));
      a.y = (v) => H - B - (H - B - T) * (all.length > 1 ? all.indexOf(v) / (all.length - 1) : 0.5);
      a.ends = all.slice(0, 12).map((v) => [v, String(v)]);
    }
  });
  const path = (t) => axes.filter((a) => a.value(t) !== null).map((a, i) => `${i ? "L" : "M"}${a.x.toFixed(1)} ${a.y(a.value(t)).toFixed(1)}`).join("");
  const node = svg("svg", { viewBox: `0 0 ${W} ${H}`, role: "img", "aria-label": "parameters of the trials, a line each" });
  const [low, high] = spread(scored.map((t) => t.score));
  // The worst first, so that the best lie on top.
  for (const t of lines.slice().reverse()) {
    const share = high > low ? (t.score - low) / (high - low) : 1;
    const line = svg("path", { d: path(t), fill: "none", stroke: share > 0.5 ? "var(--up)" : "var(--down)", "stroke-width": 1, opacity: (0.12 + 0.6 * Math.abs(share - 0.5)).toFixed(2) });
    line.append(svg("title", {}, `${t.place}: ${D.map((d, k) => `${d.name} ${valueText(t.values[k])}`).join(", ")}; ${doc.objective} ${measureText("score", t.score)}`));
    node.append(line);
  }
  const chosen = svg("path", { fill: "none", stroke: "var(--accent)", "stroke-width": 3, id: "chosen-line" });
  node.append(chosen);
  axes.forEach((a, i) => {
    const anchor = i === 0 ? "start" : i === axes.length - 1 ? "end" : "middle", x = i === 0 ? a.x - 50 : i === axes.length - 1 ? a.x + 50 : a.x;
    node.append(svg("line", { x1: a.x, x2: a.x, y1: T, y2: H - B, stroke: "var(--soft)" }), svg("text", { x, y: 12, "text-anchor": anchor, style: "fill:var(--ink)" }, a.name));
    for (const [v, text] of a.ends) node.append(svg("text", { x: a.x + (i === axes.length - 1 ? -6 : 6), y: a.y(v) + (a.y(v) > H / 2 ? 14 : -5), "text-anchor": i === axes.length - 1 ? "end" : "start" }, text));
  });
  const section = card("parallel", "Parallel coordinates", `A line is a trial, from its parameters to what it came to: ${doc.objective} in the upper half of the range in the colour of profits.${lines.length < scored.length ? ` ${count(lines.length)} of ${count(scored.length)} trials, evenly by rank.` : ""} The trial chosen in the table is drawn thick.`, el("div", { cls: "wide coordinates" }, node));
  return { section, show: (t) => chosen.setAttribute("d", known(t.score) ? path(t) : "") };
}

function trialsCard(trials, pick) {
  const columns = [
    { name: "#", right: true, value: (t) => t.place, text: (t) => t.place },
    ...D.map((d, k) => ({ name: d.name, right: true, value: (t) => t.values[k], text: (t) => valueText(t.values[k]) })),
    ...measures.map((m) => ({ name: measureName(m), right: true, narrow: !["score", "net_profit", "max_drawdown"].includes(m), value: (t) => (known(of(t, m)) ? of(t, m) : -Infinity),
      text: (t) => (t.failure && m === "score" ? "failed" : measureText(m, of(t, m))), cls: (t) => (m === "net_profit" || m === "return" ? tone(of(t, m)) : "") })),
  ];
  const text = (t) => `${D.map((d, k) => `${d.name}=${valueText(t.values[k])}`).join(" ")} ${t.failure || ""}`.toLowerCase();
  const table = sortable(columns, trials, { id: "trial-table", label: "trials", long: true, key: (t) => t.place, match: text, pick, hint: "filter: fast=10" });
  const left = doc.run - trials.length;
  const section = el("section", { cls: "card", id: "trials", "aria-label": "Trials" }, el("div", { cls: "head" }, el("h2", null, "Trials"), table.told, table.filter),
    el("p", { cls: "say" }, `The best first, by ${doc.objective}.${left > 0 ? ` ${count(left)} worse ones are left out here; --json has all.` : ""}`), table.box);
  return { section, table };
}

function verdictCard() {
  const never = V.minimum_track_record_days === "never";
  const f = (x, digits) => fixed(x, digits);
  return card("verdict", "Is the best more than luck?", "From the daily returns of all trials. The ledger remembers every trial of this strategy on these data, those of other days too: the more were tried, the better the best looks without any skill.",
    el("div", { cls: "facts" },
      facts("the search", [["trials of this strategy on these data, ever", "trials", V.trials, count(V.trials)], ["independent ones that they come to", "effective_trials", V.effective_trials, f(V.effective_trials, 1)], ["daily returns", "days", V.days, count(V.days)], ["least record for 95 %, days", "minimum_track_record_days", never ? null : V.minimum_track_record_days, never ? "never" : f(V.minimum_track_record_days, 0)]]),
      facts("Sharpe ratios", [["of the best, a year", "sharpe", V.sharpe, ratio(V.sharpe)], ["that luck alone is expected to show", "luck_sharpe", V.luck_sharpe, ratio(V.luck_sharpe)], ["probabilistic (above 0)", "psr", V.psr, f(V.psr, 3)], ["deflated (0.95 asked for)", "dsr", V.dsr, f(V.dsr, 3)]]),
      facts("tests", [["probability of backtest overfitting", "pbo", V.pbo, f(V.pbo, 3)], ["White\u2019s reality check, p", "reality_check", V.reality_check, f(V.reality_check, 3)], ["Hansen\u2019s SPA, p", "spa", V.spa, f(V.spa, 3)]])));
}

// ---- walk-forward ----
function windowBars(windows) {
  const W = 1180, H = 250, L = 70, B = 26, T = 10, n = windows.length;
  const daily = (r, from, to) => (known(r.return) ? r.return / ((to - from) / 86400000) : null);
  const trained = (w) => daily(w.train, w.train_from, w.train_to), tested = (w) => daily(w.test, w.test_from, w.test_to);
  const [a, b] = spread(windows.flatMap((w) => [trained(w), tested(w)]));
  if (!(a <= b)) return null;
  const low = Math.min(a, 0), high = Math.max(b, low + 1e-6, 0), y = (v) => H - B - (H - B - T) * ((v - low) / (high - low)), slot = (W - L) / n, w = Math.min(34, slot * 0.36);
  const node = svg("svg", { viewBox: `0 0 ${W} ${H}`, role: "img", "aria-label": "return a day of each window, training and test" });
  for (const v of ticks(low, high, 5)) node.append(svg("line", { class: "axis", x1: L, x2: W, y1: y(v), y2: y(v) }), svg("text", { x: L - 8, y: y(v) + 4, "text-anchor": "end" }, percent(v, high - low < 0.005 ? 2 : high - low < 0.05 ? 1 : 0)));
  windows.forEach((row, i) => {
    const x = L + slot * (i + 0.5);
    const bar = (value, at, fill, name) => {
      if (value === null) return;
      const r = svg("rect", { x: at, width: w, y: Math.min(y(value), y(0)), height: Math.max(1, Math.abs(y(value) - y(0))), fill, rx: 2 });
      r.append(svg("title", {}, `${name}: ${percent(value, 3)} a day`));
      node.append(r);
    };
    bar(trained(row), x - w - 1, "var(--second)", "training");
    bar(tested(row), x + 1, tested(row) >= 0 ? "var(--up)" : "var(--down)", "test");
    if (i % Math.ceil(n / 12) === 0) node.append(svg("text", { x, y: H - 8, "text-anchor": "middle" }, day(row.test_from)));
  });
  return el("div", { cls: "wide coordinates" }, node);
}
function forwardCards() {
  const bars = windowBars(F.windows);
  const dates = (a, b) => `${day(a)} to ${day(b - 1)}`;
  const windows = card("windows", "Windows", "The best parameters of a training window, run on the test window behind it, which the choice never saw.",
    bars ? [legend(["training, return a day", "second"], ["test, with a profit", "up"], ["test, with a loss", "down"]), bars] : null,
    simpleTable([["training"], ["test"], ["parameters"], [doc.objective, 1], ["in the test", 1], ["return in training", 1], ["return in test", 1], ["net profit in test", 1], ["trades", 1]],
      F.windows.map((w) => [dates(w.train_from, w.train_to), dates(w.test_from, w.test_to), w.params || "none had a score", measureText("score", w.score), measureText("score", w.test_score), percent(w.train.return), el("td", { cls: "r " + tone(w.test.return) }, percent(w.test.return)), el("td", { cls: "r " + tone(w.test.net_profit) }, usdt(w.test.net_profit)), count(w.test.trades)])));
  const stability = card("stability", "Stability", "A strategy that needs other parameters in each window follows noise.",
    simpleTable([["parameter"], ["different values", 1], ["least", 1], ["most", 1], ["in window after window"]],
      F.stability.map((s) => [s.name, `${s.distinct} in ${F.windows.length}`, valueText(s.least), valueText(s.most), el("td", { cls: "text" }, F.windows.map((w) => valueText((w.values || {})[s.name])).join(", "))])));
  return [windows, stability];
}
function forwardTiles() {
  return el("div", { cls: "tiles" },
    tile("net profit of the tests", "forward_net_profit", F.net_profit, signed(F.net_profit, usdt(F.net_profit)), (doc.coin ? doc.coin + ", " : "") + "out of sample", tone(F.net_profit)),
    tile("tests with a profit", "profitable", F.profitable, percent(F.profitable, 0), `of ${F.windows.length}`),
    tile("efficiency", "efficiency", F.efficiency, ratio(F.efficiency), known(F.efficiency) ? "return of tests by that of trainings" : "trainings had no profit"));
}

// ---- the page ----
async function main() {
  const trials = await unpackTrials(), best = trials[0];
  const varied = D.map((_, k) => k).filter((k) => new Set(trials.map((t) => t.values[k])).size > 1);
  const main = el("main", { cls: "wrap" }), days = (doc.to - doc.from) / 86400000;
  root.append(main);
  let parallel = null;
  const show = (t) => { if (parallel) parallel.show(t); };
  const list = trialsCard(trials, show);
  const pick = (t) => { list.table.select(t, true); };
  const heat = heatCard(trials, varied, pick);
  parallel = parallelCard(trials, varied);
  const links = [["verdict", "Verdict"], F ? ["windows", "Windows"] : null, F ? ["stability", "Stability"] : null, heat ? ["map", "Heat map"] : null, parallel ? ["parallel", "Parameters"] : null, ["trials", "Trials"], ["again", "Run again"]].filter(Boolean);
  document.body.prepend(topBar(links));
  const better = V.more_than_luck;
  main.append(el("header", { cls: "top" }, el("h1", null, doc.name), el("p", null, `${F ? "walk-forward" : "sweep"}, ${count(doc.run)} trials (${doc.method}) by ${doc.objective}, ${minute(doc.from)} to ${minute(doc.to)} (${fixed(days, days < 10 ? 1 : 0)} days)`)),
    el("p", { cls: "sentence " + (better === true ? "good" : better === false ? "bad" : ""), id: "sentence" }, V.sentence));
  if (F) main.append(forwardTiles());
  main.append(el("div", { cls: "tiles" },
    tile("best " + words(doc.objective), "best_score", best.score, measureText("score", best.score), D.map((d, k) => `${d.name} ${valueText(best.values[k])}`).join(", ")),
    tile("its net profit", "best_net_profit", best.net_profit, signed(best.net_profit, usdt(best.net_profit)), (doc.coin ? doc.coin + ", " : "") + "in sample", tone(best.net_profit)),
    tile("its drawdown", "best_max_drawdown", best.max_drawdown, percent(best.max_drawdown), `${count(best.trades)} trades`),
    tile("trials with a profit", "with_profit", trials.filter((t) => t.net_profit > 0).length, count(trials.filter((t) => t.net_profit > 0).length), `of ${count(trials.length)}`),
    tile("trials ever", "trials_ever", V.trials, count(V.trials), "of this strategy on these data"),
    tile("deflated Sharpe ratio", "deflated", V.dsr, fixed(V.dsr, 3), "0.95 asked for")));
  main.append(verdictCard());
  if (F) main.append(...forwardCards());
  if (heat) main.append(heat);
  if (parallel) main.append(parallel.section);
  const button = el("button", { on: { click: () => copy(doc.command, button) } }, "copy");
  main.append(list.section, card("again", "Run it again", "The same sweep gives the same table, however many processes run it.", el("div", { cls: "command" }, el("pre", null, doc.command), button)), foot());
  list.table.select(best, true);
  addEventListener("keydown", (e) => {
    if (e.ctrlKey || e.metaKey || e.altKey || /^(INPUT|SELECT|TEXTAREA)$/.test(e.target.tagName)) return;
    if (e.key === "j") list.table.step(1);
    else if (e.key === "k") list.table.step(-1);
    else if (e.key === "/") { e.preventDefault(); list.table.filter.focus(); }
    else if (e.key === "t") toggleTheme();
  });
  document.documentElement.dataset.ready = "true";
}
main().catch((problem) => {
  root.append(el("p", { cls: "wrap" }, "This page cannot be shown here: " + problem.message + ". It needs a browser of 2023 or newer."));
  document.documentElement.dataset.failed = problem.message;
  throw problem;
});
