---Tables of records as one looks at them at a prompt: rows(list):where{...}:select(...):sort(...):group(...):csv(FILE). Each step
---gives new rows, and changes none that it was given.
local suggest = require "moontide.options.suggest"

local M = {}

---@class Rows a list of records
local Rows = {}
Rows.__index = Rows
Rows.__plain = true -- a state keeps the list without its methods

-- The columns of rows in the order in which they were asked for.
local columns_of = setmetatable({}, { __mode = "k" })

local function new(list, columns)
  local rows = setmetatable(list, Rows)
  columns_of[rows] = columns
  return rows
end

---The columns that were chosen, in their order; nil: all.
---@param value Rows
---@return string[]?
function M.columns(value) return columns_of[value] end

---@param value any
---@return boolean
function M.is(value) return getmetatable(value) == Rows end

---@param list table[] records: tables of fields by name
---@return Rows
function M.new(list)
  if type(list) ~= "table" then
    error(("rows: a list of records is wanted, not a %s"):format(type(list)), 2)
  end
  local out = {}
  for i = 1, #list do
    local record = list[i]
    if type(record) == "cdata" and pcall(function() return record.totable end) then
      record = record:totable()
    end
    if type(record) ~= "table" then
      error(("rows: record %d is a %s, not a table"):format(i, type(record)), 2)
    end
    out[i] = record
  end
  return new(out)
end

---Rows of a reply that is a list of records; anything else stays what it is.
---@param value any
---@return any value
function M.adopt(value)
  if type(value) ~= "table" or debug.getmetatable(value) or type(value[1]) ~= "table" then return value end
  for i = 1, #value do
    if type(value[i]) ~= "table" or #value[i] > 0 then return value end
  end
  return new { unpack(value) }
end

---The names of all fields, in the order of the alphabet.
---@return string[]
function Rows:fields()
  local seen, names = {}, {}
  for _, record in ipairs(self) do
    for name in pairs(record) do
      if type(name) == "string" and not seen[name] then
        seen[name], names[#names + 1] = true, name
      end
    end
  end
  table.sort(names)
  return names
end

-- A field that no record has is a slip, not an empty column.
local function check(rows, name, level)
  if #rows == 0 then return end
  for _, record in ipairs(rows) do
    if record[name] ~= nil then return end
  end
  error(("no field '%s'%s"):format(tostring(name), suggest.hint(tostring(name), rows:fields())), level + 1)
end

local function names_of(t)
  local names = {}
  for name in pairs(t) do
    names[#names + 1] = name
  end
  table.sort(names, function(a, b) return tostring(a) < tostring(b) end)
  return names
end

---The records whose fields have these values; a value may be a list of several, or a function that is given the field.
---@param wanted table<string, any>|fun(record: table): boolean
---@return Rows
function Rows:where(wanted)
  local fits = wanted
  if type(wanted) == "table" then
    local names = names_of(wanted)
    for _, name in ipairs(names) do
      check(self, name, 2)
    end
    fits = function(record)
      for _, name in ipairs(names) do
        local value, want = record[name], wanted[name]
        local same = value == want
        if type(want) == "function" then
          same = value ~= nil and want(value)
        elseif type(want) == "table" then
          for _, one in ipairs(want) do
            same = same or value == one
          end
        end
        if not same then return false end
      end
      return true
    end
  elseif type(wanted) ~= "function" then
    error("where: fields and their values, or a function of a record: rows:where{ side = 'BUY' }", 2)
  end
  local out = {}
  for _, record in ipairs(self) do
    if fits(record) then out[#out + 1] = record end
  end
  return new(out, columns_of[self])
end

---Only these fields of each record.
---@param ... string
---@return Rows
function Rows:select(...)
  local names, out = { ... }, {}
  for _, name in ipairs(names) do
    check(self, name, 2)
  end
  if #names == 0 then error("select: which fields? rows:select('symbol', 'price')", 2) end
  for i, record in ipairs(self) do
    out[i] = {}
    for _, name in ipairs(names) do
      out[i][name] = record[name]
    end
  end
  return new(out, names)
end

local rank = { number = 1, string = 2, boolean = 3, ["nil"] = 4 }

local function less(a, b)
  local x, y = rank[type(a)] or 5, rank[type(b)] or 5
  if x ~= y then return x < y end
  if type(a) == "boolean" then return a and not b end
  return x <= 2 and a < b
end

---By a field, the least first; "-price": the greatest first. Records alike in it keep their order; those without it come last.
---@param ... string
---@return Rows
function Rows:sort(...)
  local keys, order = {}, {}
  for i, key in ipairs { ... } do
    local down, name = tostring(key):match "^(%-?)(.*)$"
    check(self, name, 2)
    keys[i] = { name = name, down = down == "-" }
  end
  if #keys == 0 then error("sort: by which field? rows:sort('-price')", 2) end
  for i, record in ipairs(self) do
    order[i] = { record = record, at = i }
  end
  table.sort(order, function(a, b)
    for _, key in ipairs(keys) do
      local x, y = a.record[key.name], b.record[key.name]
      if x ~= y then
        if x == nil or y == nil then return y == nil end
        if less(x, y) then return not key.down end
        if less(y, x) then return key.down end
      end
    end
    return a.at < b.at
  end)
  local out = {}
  for i, entry in ipairs(order) do
    out[i] = entry.record
  end
  return new(out, columns_of[self])
end

local sums = {
  sum = function(values)
    local sum = 0
    for _, v in ipairs(values) do
      sum = sum + v
    end
    return sum
  end,
  first = function(values) return values[1] end,
  last = function(values) return values[#values] end,
}
sums.mean = function(values) return sums.sum(values) / #values end
sums.min = function(values)
  local least = values[1]
  for _, v in ipairs(values) do
    least = v < least and v or least
  end
  return least
end
sums.max = function(values)
  local most = values[1]
  for _, v in ipairs(values) do
    most = v > most and v or most
  end
  return most
end

local function add_sums(row, records, wanted)
  for _, name in ipairs(names_of(wanted)) do
    local values = {}
    for _, record in ipairs(records) do
      values[#values + 1] = record[name]
    end
    local how = wanted[name]
    if #values > 0 then row[how .. "_" .. name] = sums[how](values) end
  end
end

---One row for each value of a field, in the order in which the values appear: how many records have it, and what is asked of
---other fields: rows:group("side", { executedQty = "sum", price = "mean" }). sum, mean, min, max, first, last.
---@param name string
---@param wanted table<string, string>?
---@return Rows
function Rows:group(name, wanted)
  wanted = wanted or {}
  check(self, name, 2)
  for _, field in ipairs(names_of(wanted)) do
    check(self, field, 2)
    if not sums[wanted[field]] then
      error(
        ("group: %s = '%s'; sum, mean, min, max, first or last"):format(field, tostring(wanted[field])),
        2
      )
    end
  end
  local groups, of = {}, {}
  for _, record in ipairs(self) do
    local key = record[name]
    local id = key == nil and of or key
    if not of[id] then
      of[id] = { key = key, records = {} }
      groups[#groups + 1] = of[id]
    end
    table.insert(of[id].records, record)
  end
  local out, columns = {}, { name, "count" }
  for _, field in ipairs(names_of(wanted)) do
    columns[#columns + 1] = wanted[field] .. "_" .. field
  end
  for i, group in ipairs(groups) do
    out[i] = { [name] = group.key, count = #group.records }
    add_sums(out[i], group.records, wanted)
  end
  return new(out, columns)
end

---The first records.
---@param count integer? 10
---@return Rows
function Rows:head(count) return new({ unpack(self, 1, math.min(#self, count or 10)) }, columns_of[self]) end

---The last records.
---@param count integer? 10
---@return Rows
function Rows:tail(count)
  return new({ unpack(self, math.max(1, #self - (count or 10) + 1)) }, columns_of[self])
end

local function csv_field(v)
  if v == nil then return "" end
  local text = type(v) == "number" and ("%.15g"):format(v) or tostring(v)
  if type(v) == "number" and tonumber(text) ~= v then text = ("%.17g"):format(v) end
  return text:find '[",\r\n]' and '"' .. text:gsub('"', '""') .. '"' or text
end

---The rows as CSV (RFC 4180, but lines end in \n), to a file or as text.
---@param path string? the text is given back when left out
---@return string # the text, or how many rows were written where
function Rows:csv(path)
  local columns = columns_of[self] or self:fields()
  local lines = { {} }
  for k, name in ipairs(columns) do
    lines[1][k] = csv_field(name)
  end
  for i, record in ipairs(self) do
    lines[i + 1] = {}
    for k, name in ipairs(columns) do
      lines[i + 1][k] = csv_field(record[name])
    end
  end
  for i, line in ipairs(lines) do
    lines[i] = table.concat(line, ",")
  end
  local text = table.concat(lines, "\n") .. "\n"
  if not path then return text end
  local file, problem = io.open(path, "w")
  if not file then error(("csv: cannot write %s"):format(problem), 2) end
  local ok, why = file:write(text)
  local closed, why_not = file:close()
  if not (ok and closed) then error(("csv: cannot write %s: %s"):format(path, why or why_not), 2) end
  return ("%d rows in %s"):format(#self, path)
end

return M
