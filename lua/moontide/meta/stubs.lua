---What scripts can use, as files for the Lua language server: annotations and functions without bodies. `moontide new` puts them
---beside a strategy, so that an editor needs to know no place of this machine.
local annotations = require "moontide.meta.annotations"

local M = {}

-- One file's annotations, with the declarations that they belong to.
local function stub(text, module)
  local out, block = { "---@meta " .. module, "" }, {}
  local function owns(name)
    return name and (name == "M" or #block > 0 or text:find("\nfunction " .. name .. "[.:]"))
  end
  local function emit(line)
    for _, comment in ipairs(block) do
      out[#out + 1] = comment
    end
    if line ~= "" then out[#out + 1] = line end
    out[#out + 1] = ""
    block = {}
  end
  -- What no declaration follows: a class or alias stands alone.
  local function finish()
    local declares = table.concat(block, "\n")
    if declares:find("---@class", 1, true) or declares:find("---@alias", 1, true) then emit "" end
    block = {}
  end
  local open -- a declaration of several lines
  for line in text:gmatch "([^\n]*)\n" do
    if open then
      open = open .. " " .. line:gsub("^%s+", "")
      if line:find ")" then
        if #block > 0 then emit(open .. " end") end
        open = nil
      end
    elseif line:find "^%-%-%-" then
      if not line:find "^%-%-%-@meta" then block[#block + 1] = line end
    elseif line:find "^function " then
      local head = line:match "^function [^%)]*%)"
      if not head then
        open = line
      elseif #block > 0 then -- what is not annotated is for the runtime
        emit(head .. " end")
      end
    elseif owns(line:match "^local ([%w_]+) = {}" or line:match "^([%w_]+) = {}") then
      emit(line:match "^.-{}")
    elseif line == "return M" then
      block = {}
      emit(line)
    else
      finish()
    end
  end
  finish()
  return table.concat(out, "\n")
end

---The files, by their names below a folder of types.
---@return { name: string, text: string }[]
function M.files()
  local home = package.moontide_home -- luacheck: ignore 143
  local list = {}
  for i, path in ipairs(annotations.files()) do
    local file = assert(io.open(home .. "/lua/moontide/" .. path, "rb"))
    local text = file:read "*a"
    file:close()
    local module = "moontide." .. path:gsub("%.lua$", ""):gsub("/init$", ""):gsub("/", ".")
    list[i] = { name = module:gsub("%.", "_") .. ".lua", text = stub(text, module) }
  end
  return list
end

return M
