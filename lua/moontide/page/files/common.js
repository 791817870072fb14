// What every page uses: elements, numbers, times, packed rows, the theme. Text of the document only ever becomes text nodes.
const doc = JSON.parse(document.getElementById("document").textContent);
const root = document.getElementById("page");

function el(tag, props, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props || {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "on") for (const [event, f] of Object.entries(value)) node.addEventListener(event, f);
    else if (name === "style") Object.assign(node.style, value);
    else node.setAttribute(name === "cls" ? "class" : name, value === true ? "" : String(value));
  }
  for (const child of children.flat(3)) if (child !== null && child !== undefined) node.append(child instanceof Node ? child : String(child));
  return node;
}

const SVG = "http://www.w3.org/2000/svg";
function svg(tag, props, ...children) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(props || {})) node.setAttribute(name, String(value));
  for (const child of children.flat()) node.append(child instanceof Node ? child : String(child));
  return node;
}

// ---- numbers ----
const known = (x) => typeof x === "number" && Number.isFinite(x);
const MINUS = "\u2212";
function fixed(x, digits) {
  if (!known(x)) return "n/a";
  const text = Math.abs(x).toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
  return (x < 0 && /[1-9]/.test(text) ? MINUS : "") + text;
}
const usdt = (x) => fixed(x, 2);
const signed = (x, text) => (known(x) && x > 0 ? "+" + text : text);
const percent = (x, digits = 2) => (known(x) ? fixed(x * 100, digits) + " %" : "n/a");
const ratio = (x) => fixed(x, 2);
const count = (x) => fixed(x, 0);
// As many decimals as it needs, up to eight.
const plain = (x) => (known(x) ? (x < 0 ? MINUS : "") + Math.abs(x).toLocaleString("en-US", { maximumFractionDigits: 8 }) : "n/a");
const tone = (x) => (known(x) && x !== 0 ? (x > 0 ? "up" : "down") : "");
function span(seconds) {
  if (!known(seconds)) return "n/a";
  if (seconds < 60) return fixed(seconds, seconds < 10 ? 1 : 0) + " s";
  if (seconds < 3600) return fixed(seconds / 60, 1) + " min";
  if (seconds < 86400) return fixed(seconds / 3600, 1) + " h";
  return fixed(seconds / 86400, 1) + " d";
}

// ---- times, UTC everywhere ----
const iso = (ms) => new Date(ms).toISOString();
const day = (ms) => iso(ms).slice(0, 10);
const minute = (ms) => (known(ms) ? iso(ms).slice(0, 16).replace("T", " ") : "n/a");
const second = (ms) => iso(ms).slice(0, 19).replace("T", " ");
const clock = (ms) => iso(ms).slice(11, 23);

// ---- packed rows ----
async function inflate(text) {
  const binary = atob(text), bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}
const unpackJson = async (text) => JSON.parse(new TextDecoder().decode(await inflate(text)));
// Variable-length integers, seven bits a byte, the lowest first.
function numbers(bytes) {
  let at = 0;
  function unsigned() {
    let value = 0, scale = 1, byte;
    do {
      byte = bytes[at++];
      value += (byte & 127) * scale;
      scale *= 128;
    } while (byte & 128);
    return value;
  }
  return { unsigned, signed: () => { const z = unsigned(); return z % 2 ? -(z + 1) / 2 : z / 2; } };
}

// ---- theme ----
const listeners = [];
const color = (name) => getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();
function onTheme(f) { listeners.push(f); }
function setTheme(theme, keep = true) {
  document.documentElement.dataset.theme = theme;
  if (keep) try { localStorage.setItem("moontide-theme", theme); } catch { /* a page from a file may have no storage */ }
  for (const f of listeners) f();
}
function startTheme() {
  let chosen = null;
  try { chosen = localStorage.getItem("moontide-theme"); } catch { /* as above */ }
  const system = matchMedia("(prefers-color-scheme: dark)");
  setTheme(chosen || (system.matches ? "dark" : "light"), false);
  system.addEventListener("change", () => setTheme(system.matches ? "dark" : "light", false));
  let before = null;
  addEventListener("beforeprint", () => { before = document.documentElement.dataset.theme; setTheme("light", false); });
  addEventListener("afterprint", () => before && setTheme(before, false));
}
const toggleTheme = () => setTheme(document.documentElement.dataset.theme === "dark" ? "light" : "dark");

// ---- parts ----
function card(id, title, say, ...children) {
  return el("section", { cls: "card", id, "aria-label": title }, el("h2", null, title), say ? el("p", { cls: "say" }, say) : null, ...children);
}
function legend(...rows) {
  return el("div", { cls: "legend" }, rows.map(([text, name]) => el("span", null, el("i", { style: { background: `var(--${name})` } }), text)));
}
// A figure of the result: what stands in the JSON report is its data-value.
function figure(key, value, text, cls) {
  return el("span", { cls, "data-key": key, "data-value": value === null || value === undefined ? "null" : value }, text);
}
function tile(name, key, value, text, small, cls) {
  const node = el("div", { cls: "tile" }, el("span", null, name), el("b", { cls }), el("small", null, small || "\u00a0"));
  node.children[1].append(figure(key, value, text));
  return node;
}
function facts(title, rows) {
  return el("div", null, el("h3", null, title), el("table", null, el("tbody", null, rows.filter(Boolean).map(([name, key, value, text, cls]) =>
    el("tr", null, el("td", null, name), el("td", null, figure(key, value, text, cls)))))));
}
async function copy(text, button) {
  try { await navigator.clipboard.writeText(text); } catch {
    const area = el("textarea", { style: { position: "fixed", opacity: 0 } });
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
  const before = button.textContent;
  button.textContent = "copied";
  setTimeout(() => { button.textContent = before; }, 1200);
}
function topBar(links, extra) {
  const theme = el("button", { on: { click: toggleTheme }, title: "dark or light (t)", "aria-label": "dark or light" }, "\u25d0");
  return el("nav", { cls: "bar", "aria-label": "sections" }, el("div", { cls: "wrap" }, links.map(([id, text]) => el("a", { href: "#" + id }, text)), el("span", { cls: "push" }), extra || null, theme));
}
function again(result, command) {
  const button = el("button", { on: { click: () => copy(command, button) } }, "copy");
  const prints = result.fingerprint || {};
  const params = Object.entries(result.params || {});
  return card("again", "Run it again", "Equal fingerprints mean equal runs.",
    el("div", { cls: "command" }, el("pre", null, command), button),
    el("div", { cls: "two stack" },
      el("table", null, el("tbody", null, ["data", "script", "params", "trades"].map((k) => el("tr", null, el("td", { cls: "soft" }, "fingerprint of " + (k === "params" ? "parameters" : k)), el("td", { cls: "r" }, el("code", null, prints[k] || "n/a")))))),
      params.length ? el("table", null, el("tbody", null, params.map(([k, v]) => el("tr", null, el("td", { cls: "soft" }, k), el("td", { cls: "r" }, String(v)))))) : el("p", { cls: "say" }, "The script has no parameters.")));
}
function foot() {
  return el("footer", null, el("p", null, `Written by Moontide. All times are UTC${doc.coin ? `; money is ${doc.coin}` : ""}.`),
    doc.licences.map((l) => el("details", null, el("summary", null, "Charts by " + l.name + ": licence"), el("pre", null, l.text))),
    doc.kind === "run" ? el("p", null, "TradingView Lightweight Charts\u2122, copyright (c) TradingView, Inc., ", el("a", { href: "https://www.tradingview.com/", rel: "noopener noreferrer" }, "tradingview.com")) : null);
}
startTheme();
