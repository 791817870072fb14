-- How an annotated entry looks on a page of docs: what generate_api.lua and generate_indicators.lua share.
-- Returns describe(lines, entry), which appends the entry's lines of Markdown.
local annotations = require "moontide.meta.annotations"

local function cell(text) return (text:gsub("|", "\\|")) end

local function table_of(lines, list, head)
  lines[#lines + 1] = ("| %s | type | |\n|---|---|---|"):format(head)
  for _, part in ipairs(list) do
    lines[#lines + 1] = ("| %s | `%s` | %s |"):format(
      part.name and "`" .. part.name .. "`" or "",
      cell(part.type),
      cell(part.text)
    )
  end
  lines[#lines + 1] = ""
end

local function describe(lines, entry)
  lines[#lines + 1] = ("### %s\n"):format(entry.name)
  if entry.kind ~= "class" then lines[#lines + 1] = ("`%s`\n"):format(annotations.signature(entry)) end
  for _, paragraph in ipairs(entry.text) do
    lines[#lines + 1] = paragraph .. "\n"
  end
  if entry.parent then lines[#lines + 1] = ("Takes the fields of %s too.\n"):format(entry.parent) end
  if #entry.params > 0 then table_of(lines, entry.params, "parameter") end
  if #entry.fields > 0 then table_of(lines, entry.fields, "field") end
  if #entry.returns > 0 then table_of(lines, entry.returns, "returns") end
  if entry.errors and entry.errors ~= "none." then
    lines[#lines + 1] = ("Errors: %s\n"):format(entry.errors)
  end
end

return describe
