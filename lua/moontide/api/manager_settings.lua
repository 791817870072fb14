---The API manager's settings: applying them by name, and what `moontide help config` says of them.
local ffi = require "ffi"
local C = require "moontide.core"

local M = {}

---Applies settings by name to a configuration; raises with the C side's message (nearest valid name, bounds).
---@param config ffi.cdata* struct api_config
---@param settings table
---@param level integer error level
function M.apply(config, settings, level)
  local message = ffi.new "struct errmsg"
  local names = {}
  for name in pairs(settings) do
    names[#names + 1] = tostring(name)
  end
  table.sort(names)
  if settings.preset ~= nil and C.api_config_preset(config, tostring(settings.preset), message) ~= 0 then
    error(ffi.string(message.text), level)
  end
  for _, name in ipairs(names) do
    local value = settings[name]
    if name ~= "preset" then
      local status
      if type(value) == "number" then
        status = C.api_config_set_number(config, name, value, message)
      elseif type(value) == "boolean" then
        status = C.api_config_set_number(config, name, value and 1 or 0, message)
      else
        status = C.api_config_set_text(config, name, tostring(value), message)
      end
      if status ~= 0 then error(ffi.string(message.text), level) end
    end
  end
end

local function number_text(k, value)
  if k.type == C.API_CONFIG_BOOL then return value ~= 0 and "true" or "false" end
  if k.type == C.API_CONFIG_CHOICE then
    local i = 0
    for name in ffi.string(k.choices):gmatch "[^|]+" do
      if i == value then return name end
      i = i + 1
    end
  end
  return ("%.12g"):format(value)
end

---Every key with default, unit, bounds and meaning, and every preset, from the table that the code itself reads.
---@return string
function M.help()
  local count = ffi.new "int32_t[1]"
  local keys = C.api_config_keys(count)
  local lines = {
    "Settings of the API manager: in api.configure{...}, or returned as a table by moontide.conf.lua in the folder a run",
    "starts in (or --config FILE). Limits the exchange itself tells hold beside those set here; the tighter one counts.",
    "",
    ("  %-26s %-12s %-9s %s"):format("key", "default", "unit", "meaning"),
  }
  local index = {}
  for i = 0, count[0] - 1 do
    local k = keys[i]
    local doc = ffi.string(k.doc)
    if k.choices ~= nil then
      doc = doc .. " (" .. ffi.string(k.choices):gsub("|", ", ") .. ")"
    elseif k.type ~= C.API_CONFIG_BOOL then
      doc = ("%s [%.12g to %.12g]"):format(doc, k.min, k.max)
    end
    lines[#lines + 1] = ("  %-26s %-12s %-9s %s"):format(
      ffi.string(k.name),
      number_text(k, k.preset),
      ffi.string(k.unit),
      doc
    )
    index[ffi.string(k.name)] = k
  end
  local preset, key, value = ffi.new "const char *[1]", ffi.new "const char *[1]", ffi.new "double[1]"
  local last, i = nil, 0
  lines[#lines + 1] = ""
  lines[#lines + 1] = 'Presets: preset = "NAME" sets these; keys given beside it come after.'
  while C.api_config_preset_line(i, preset, key, value) do
    local name, field = ffi.string(preset[0]), ffi.string(key[0])
    if name ~= last then lines[#lines + 1] = "  " .. name end
    lines[#lines + 1] = ("    %-24s %s"):format(field, number_text(index[field], value[0]))
    last, i = name, i + 1
  end
  return table.concat(lines, "\n") .. "\n"
end

return M
