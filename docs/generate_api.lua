-- Makes docs/api.md from the annotations: `build/moontide script docs/generate_api.lua > docs/api.md`. With --check: says what
-- is missing in them, and whether the page is behind.
local annotations = require "moontide.meta.annotations"

local sections = {
  { "Calls", "api.", "They look synchronous and wait for the exchange's answer. A parameter that does not exist raises; whatever else goes " ..
    "wrong comes back as `nil, err` (see [ApiError](#apierror)). Each may be started as a task instead: `api.async.NAME(...)`." },
  { "Tasks", "task:", "What `api.spawn` and `api.async` return." },
  { "Market", "market.", "Rules and bars of the run's symbols." },
  { "Log", "log.", "Lines on standard error, stamped with the run's clock." },
  { "Handlers", "on_", "A strategy is a table of these. They run one at a time, in the order of the exchange's time; one that waits holds " ..
    "back the next, and nothing is dropped." },
  { "Self", "self:", "What a handler's first argument has, beside `self.params`, `self.symbols`, `self.interval` and `self.state`." },
  { "Indicators", "ta.", "`local ta = require \"moontide.ta\"`. Each constructor returns a function that takes the next value." },
  { "Statistics", "stats.", "`local stats = require \"moontide.stats\"`." },
  { "Testing", "testing.", "`local testing = require \"moontide.testing\"`, for specs that `moontide test` runs." },
  { "A world under test", "world:", "What `testing.world` returns." },
}

local function cell(text) return (text:gsub("|", "\\|")) end

local function table_of(lines, list, head)
  lines[#lines + 1] = ("| %s | type | |\n|---|---|---|"):format(head)
  for _, part in ipairs(list) do
    lines[#lines + 1] = ("| %s | `%s` | %s |"):format(part.name and "`" .. part.name .. "`" or "", cell(part.type), cell(part.text))
  end
  lines[#lines + 1] = ""
end

local function describe(lines, entry)
  lines[#lines + 1] = ("### %s\n"):format(entry.name)
  if entry.kind ~= "class" then lines[#lines + 1] = ("`%s`\n"):format(annotations.signature(entry)) end
  for _, paragraph in ipairs(entry.text) do lines[#lines + 1] = paragraph .. "\n" end
  if entry.parent then lines[#lines + 1] = ("Takes the fields of %s too.\n"):format(entry.parent) end
  if #entry.params > 0 then table_of(lines, entry.params, "parameter") end
  if #entry.fields > 0 then table_of(lines, entry.fields, "field") end
  if #entry.returns > 0 then table_of(lines, entry.returns, "returns") end
  if entry.errors and entry.errors ~= "none." then lines[#lines + 1] = ("Errors: %s\n"):format(entry.errors) end
end

local function page()
  local lines = { "# What a script can call\n", "Made from the annotations in `lua/moontide` by `make docs`; editors show the same texts.\n" }
  local all = annotations.all()
  for _, section in ipairs(sections) do
    local title, prefix, text = unpack(section)
    local first = true
    for _, entry in ipairs(all) do
      if (entry.kind == "function" or entry.kind == "handler") and entry.name:sub(1, #prefix) == prefix then
        if first then lines[#lines + 1] = ("## %s\n\n%s\n"):format(title, text) end
        first = false
        describe(lines, entry)
      end
    end
  end
  lines[#lines + 1] = "## Tables\n\nWhat calls take and return, by name.\n"
  for _, entry in ipairs(all) do
    if entry.kind == "class" and #entry.fields > 0 and entry.name ~= "ApiAsync" then describe(lines, entry) end
  end
  lines[#lines + 1] = "## Words\n\n| name | one of |\n|---|---|"
  for _, entry in ipairs(all) do
    if entry.kind == "alias" then lines[#lines + 1] = ("| %s | `%s` |"):format(entry.name, cell(entry.type)) end
  end
  return table.concat(lines, "\n") .. "\n"
end

if (...) ~= "--check" then
  io.write(page())
  return 0
end
local problems = annotations.problems()
local file = io.open "docs/api.md"
if not file or file:read "*a" ~= page() then problems[#problems + 1] = "docs/api.md is behind the annotations; make docs" end
for _, problem in ipairs(problems) do io.stderr:write(problem, "\n") end
return #problems > 0 and 1 or 0
