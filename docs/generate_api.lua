-- Makes docs/api.md from the annotations: `build/moontide script docs/generate_api.lua > docs/api.md`. With --check: says what
-- is missing in them, and whether the page is behind.
local annotations = require "moontide.meta.annotations"

local sections = {
  {
    "Calls",
    "api.",
    "They look synchronous and wait for the exchange's answer. A parameter that does not exist raises; whatever else goes "
      .. "wrong comes back as `nil, err` (see [ApiError](#apierror)). Each may be started as a task instead: `api.async.NAME(...)`.",
  },
  { "Tasks", "task:", "What `api.spawn` and `api.async` return." },
  { "Market", "market.", "Rules and bars of the run's symbols." },
  { "Log", "log.", "Lines on standard error, stamped with the run's clock." },
  {
    "Charts",
    "plot.",
    "Text with candles, volume, lines and trades, for `print` and the REPL (docs/plot.md).",
  },
  { "A chart", "chart:", "What `plot` returns." },
  {
    "Handlers",
    "on_",
    "A strategy is a table of these. They run one at a time, in the order of the exchange's time; one that waits holds "
      .. "back the next, and nothing is dropped.",
  },
  {
    "Self",
    "self:",
    "What a handler's first argument has, beside `self.params`, `self.symbols`, `self.interval` and `self.state`.",
  },
  {
    "Indicators",
    "ta.",
    '`local ta = require "moontide.ta"`. Each constructor returns a function that takes the next value. The '
      .. "indicators themselves stand in [indicators](indicators/README.md), a page a family.",
  },
  { "Statistics", "stats.", '`local stats = require "moontide.stats"`.' },
  {
    "Testing",
    "testing.",
    '`local testing = require "moontide.testing"`, for specs that `moontide test` runs.',
  },
  { "A world under test", "world:", "What `testing.world` returns." },
}

local describe = dofile(debug.getinfo(1, "S").source:match "^@(.*)/" .. "/annotation_page.lua")
local function cell(text) return (text:gsub("|", "\\|")) end

local function page()
  local lines = {
    "# What a script can call\n",
    "Made from the annotations in `lua/moontide` by `make docs`; editors show the same texts.\n",
  }
  local all = annotations.all()
  for _, section in ipairs(sections) do
    local title, prefix, text = unpack(section)
    local first = true
    for _, entry in ipairs(all) do
      if
        (entry.kind == "function" or entry.kind == "handler")
        and entry.name:sub(1, #prefix) == prefix
        and (prefix ~= "ta." or entry.file == "ta/init.lua")
      then
        if first then lines[#lines + 1] = ("## %s\n\n%s\n"):format(title, text) end
        first = false
        describe(lines, entry)
      end
    end
  end
  lines[#lines + 1] = "## Tables\n\nWhat calls take and return, by name.\n"
  for _, entry in ipairs(all) do
    if entry.kind == "class" and #entry.fields > 0 and entry.name ~= "ApiAsync" then
      describe(lines, entry)
    end
  end
  lines[#lines + 1] = "## Words\n\n| name | one of |\n|---|---|"
  for _, entry in ipairs(all) do
    if entry.kind == "alias" then
      lines[#lines + 1] = ("| %s | `%s` |"):format(entry.name, cell(entry.type))
    end
  end
  return table.concat(lines, "\n") .. "\n"
end

if (...) ~= "--check" then
  io.write(page())
  return 0
end
local problems = annotations.problems()
local file = io.open "docs/api.md"
if not file or file:read "*a" ~= page() then
  problems[#problems + 1] = "docs/api.md is behind the annotations; make docs"
end
for _, problem in ipairs(problems) do
  io.stderr:write(problem, "\n")
end
return #problems > 0 and 1 or 0
