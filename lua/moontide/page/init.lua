---One self-contained HTML page: a document as JSON, and the scripts that show it. No text of the document is ever markup: it stands
---in a script element as JSON with every `<` escaped, and a Content-Security-Policy lets nothing run but the page's own scripts,
---known by their digests, and nothing be fetched at all.
local assets = require "moontide.page.assets"
local host = require "moontide.lua_host"
local json = require "moontide.report.json"
local output = require "moontide.report.output"
local pack = require "moontide.page.pack"
local shell = require "moontide.shell"

local M = {}

M.check = assets.check
M.present = assets.present

-- The page's own scripts by the document's kind, in the order in which they are run.
local scripts = {
  run = { "common.js", "charts.js", "candles.js", "tables.js", "orders.js", "run.js" },
  sweep = { "common.js", "charts.js", "tables.js", "sweep.js" },
  compare = { "common.js", "charts.js", "tables.js", "compare.js" },
}

-- The libraries that draw it, and what they are called.
local charts = { file = "lightweight-charts", name = "Lightweight Charts" }
local curves = { file = "uplot", name = "uPlot" }
local libraries = { run = { charts, curves }, sweep = {}, compare = { curves } }

local entities = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;", ["'"] = "&#39;" }
local function escaped(text) return (text:gsub("[&<>\"']", entities)) end

-- A script's digest as the policy names it.
local function digest(text)
  local bytes = host.sha256(text):gsub("%x%x", function(x) return string.char(tonumber(x, 16)) end)
  return "'sha256-" .. pack.base64(bytes, #bytes) .. "'"
end

local function own_script(kind)
  local parts = { '(async () => {\n"use strict";\n' }
  for _, name in ipairs(scripts[kind]) do
    parts[#parts + 1] = assets.own(name)
  end
  parts[#parts + 1] = "})();\n"
  return table.concat(parts)
end

---@param document table `kind`, `title`, and what the scripts of that kind read (run.lua, sweep.lua, compare.lua)
---@return string html
function M.html(document)
  local code, styles = {}, {}
  document.licences = setmetatable({}, json.list)
  for i, library in ipairs(libraries[document.kind]) do
    code[i] = assets.library(library.file .. ".js")
    document.licences[i] = { name = library.name, text = assets.library(library.file .. ".license") }
    if library == curves then styles[1] = assets.library "uplot.css" end
  end
  code[#code + 1] = own_script(document.kind)
  local digests = {}
  for i, text in ipairs(code) do
    assert(not text:lower():find("</script", 1, true), "a script that would end its element")
    digests[i] = digest(text)
  end
  local parts = {
    '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n',
    '<meta name="viewport" content="width=device-width, initial-scale=1">\n',
    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; base-uri 'none'; form-action 'none'; ",
    "script-src ",
    table.concat(digests, " "),
    "; style-src 'unsafe-inline'; img-src data:\">\n",
    '<meta name="referrer" content="no-referrer">\n',
    '<meta name="color-scheme" content="light dark">\n',
    "<title>",
    escaped(document.title),
    "</title>\n<style>\n",
    table.concat(styles),
    assets.own "page.css",
    '</style>\n</head>\n<body>\n<noscript>This page draws its charts by JavaScript.</noscript>\n<div id="page"></div>\n',
    '<script type="application/json" id="document">',
    (json.encode(document):gsub("<", "\\u003c")),
    "</script>\n",
  }
  for _, text in ipairs(code) do
    parts[#parts + 1] = "<script>"
    parts[#parts + 1] = text
    parts[#parts + 1] = "</script>\n"
  end
  parts[#parts + 1] = "</body>\n</html>\n"
  return table.concat(parts)
end

---Says where the page is, and shows it when that is asked for.
---@param options table report, open, quiet, json
function M.tell(options)
  if not options.quiet then io.stderr:write(("page: %s\n"):format(options.report)) end
  if not options.open then return end
  local place = options.report:sub(1, 1) == "/" and options.report or "./" .. options.report
  if os.execute(("xdg-open %s >/dev/null 2>&1"):format(shell.quote(place))) ~= 0 then
    io.stderr:write(("note: xdg-open cannot show %s; open it in a browser\n"):format(options.report))
  end
end

---@param path string
---@param document table
function M.write(path, document) output.save(path, M.html(document)) end

return M
