---An exchangeInfo reply, or a saved one, as far as a run believes it: shapes, types and bounds are checked before anything in it
---becomes a rule. What concerns symbols that the run does not trade is passed over; what is wrong in its own fails the command.
local cjson = require "cjson"
local failures = require "moontide.failure"

local M = {}

local DECIMALS_MAX, LIMIT_MAX = 8, 1e9
local INTERVALS = { SECOND = true, MINUTE = true, HOUR = true, DAY = true }

local function present(value)
  if value == cjson.null then return nil end
  return value
end

local function whole(value, least, most)
  local n = tonumber(value)
  if n and n >= least and n <= most and n % 1 == 0 then return n end
end

---The entries of `symbols` by their names; those without a name are no symbols.
---@param info table
---@param where string for messages
---@return table<string, table>
function M.entries(info, where)
  if type(info.symbols) ~= "table" then
    failures.raise(1, "%s: not an exchangeInfo reply (no list 'symbols')", where)
  end
  local by_name = {}
  for _, entry in ipairs(info.symbols) do
    if type(entry) == "table" and type(entry.symbol) == "string" then by_name[entry.symbol] = entry end
  end
  return by_name
end

---How many decimals the entry's prices and quantities have; nil where it does not say.
---@return integer? price_decimals
---@return integer? quantity_decimals
function M.decimals(entry, where)
  local found = {}
  for i, name in ipairs { "pricePrecision", "quantityPrecision" } do
    local value = present(entry[name])
    found[i] = value ~= nil and whole(value, 0, DECIMALS_MAX)
    if value ~= nil and not found[i] then
      failures.raise(
        1,
        "%s: %s: %s is '%.40s', and not a whole number from 0 to %d",
        where,
        entry.symbol,
        name,
        tostring(value),
        DECIMALS_MAX
      )
    end
  end
  return found[1] or nil, found[2] or nil
end

---The filters of an entry by their type: each a table of texts and numbers alone.
---@return table<string, table<string, string|number>>
function M.filters(entry, where)
  local by_type, list = {}, present(entry.filters)
  if list ~= nil and type(list) ~= "table" then
    failures.raise(1, "%s: %s: filters are a list", where, entry.symbol)
  end
  for _, filter in ipairs(list or {}) do
    if type(filter) ~= "table" or type(filter.filterType) ~= "string" then
      failures.raise(1, "%s: %s: a filter without a filterType", where, entry.symbol)
    end
    local plain = {}
    for name, value in pairs(filter) do
      if type(value) == "string" or type(value) == "number" then plain[name] = value end
    end
    by_type[filter.filterType] = plain
  end
  return by_type
end

---The limits of requests and orders that the reply tells; nil when it tells none.
---@return table[]?
function M.rate_limits(info, where)
  local list = present(info.rateLimits)
  if list == nil then return nil end
  if type(list) ~= "table" then failures.raise(1, "%s: rateLimits are a list", where) end
  local rows = {}
  for i, row in ipairs(list) do
    local fits = type(row) == "table"
      and type(row.rateLimitType) == "string"
      and INTERVALS[row.interval]
      and whole(row.intervalNum, 1, LIMIT_MAX)
      and whole(row.limit, 1, LIMIT_MAX)
    if not fits then failures.raise(1, "%s: row %d of rateLimits is no limit", where, i) end
    rows[i] = {
      rateLimitType = row.rateLimitType,
      interval = row.interval,
      intervalNum = tonumber(row.intervalNum),
      limit = tonumber(row.limit),
    }
  end
  return rows
end

return M
