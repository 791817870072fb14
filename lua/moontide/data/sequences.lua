---What did not come: the ids of a market's streams as they arrive, and what their chain says is missing. Pure.
---
---  depth       each update names the one before it (`pu`). A book is known from a snapshot on whose first update either straddles
---              its id or follows it (`pu` equal to it), until the chain breaks.
---  aggTrade    ids count up by one; so do those of trade
---  others      carry no chain: they miss only what a lost connection misses
local M = {}

local UPDATES_MAX = 5000 -- kept while a snapshot is awaited

---@class SequenceFinding
---@field kind "gap"|"known"
---@field fields table as it is written

---@class Sequences
---@field books table<string, table>
---@field ids table<string, number>
local Sequences = {}
Sequences.__index = Sequences

---@return Sequences
function M.new() return setmetatable({ books = {}, ids = {} }, Sequences) end

-- Whether the updates since a snapshot are whole: true, false (the snapshot is too old), nil (none has come yet).
local function joins(book)
  for _, u in ipairs(book.updates) do
    if u.last >= book.snapshot then return u.first <= book.snapshot or u.before == book.snapshot end
  end
  return nil
end

local function settle(book, symbol)
  local joined = joins(book)
  if joined == nil then return nil end
  if not joined then
    book.snapshot, book.wanted = nil, true
    return nil
  end
  local id = book.snapshot
  book.snapshot, book.updates, book.known, book.wanted = nil, {}, true, false
  return { kind = "known", fields = { known = "book", symbol = symbol, lastUpdateId = id } }
end

local function depth(self, data)
  local symbol = data.s
  local book = self.books[symbol]
  if not book then
    book = { updates = {}, known = false, wanted = true }
    self.books[symbol] = book
  end
  local before, gap = book.last, nil
  if before and data.u <= before then
    return {
      kind = "gap",
      fields = { gap = "repeated", event = "depthUpdate", symbol = symbol, last = before, came = data.u },
    }
  end
  if before and data.pu ~= before then
    gap = {
      kind = "gap",
      fields = { gap = "chain", event = "depthUpdate", symbol = symbol, last = before, pu = data.pu },
    }
    book.known, book.wanted, book.updates, book.snapshot = false, true, {}, nil
  end
  book.last = data.u
  if book.known then return gap end
  local list = book.updates
  if #list == UPDATES_MAX then table.remove(list, 1) end
  list[#list + 1] = { first = data.U, last = data.u, before = data.pu }
  return gap, book.snapshot and settle(book, symbol) or nil
end

local function counted(self, data, id)
  local key = data.e .. " " .. data.s
  local last = self.ids[key]
  if last and id <= last then
    return {
      kind = "gap",
      fields = { gap = "repeated", event = data.e, symbol = data.s, last = last, came = id },
    }
  end
  self.ids[key] = id
  if last and id ~= last + 1 then
    return {
      kind = "gap",
      fields = { gap = "ids", event = data.e, symbol = data.s, last = last, next = id },
    }
  end
end

---A message's data. What is missing is to be written before the message, what is known again after it.
---@param data table
---@return SequenceFinding? gap
---@return SequenceFinding? known
function Sequences:message(data)
  if data.e == "depthUpdate" then return depth(self, data) end
  if data.e == "aggTrade" then return counted(self, data, data.a) end
  if data.e == "trade" then return counted(self, data, data.t) end
end

---A snapshot of a symbol's book has come.
---@param symbol string
---@param id number its lastUpdateId
---@return SequenceFinding? known to be written after it
function Sequences:snapshot(symbol, id)
  local book = self.books[symbol]
  if not book then return nil end
  book.wanted = false
  if book.known then return nil end
  book.snapshot = id
  return settle(book, symbol)
end

---The connection that brought the books is gone: none is known. Ids of trades go on: their next one says what is missing.
function Sequences:lost_books() self.books = {} end

---A new segment begins: each book wants a snapshot of its own there, so that the segment can be read alone. The chain goes on.
function Sequences:renew()
  for _, book in pairs(self.books) do
    book.known, book.wanted, book.updates, book.snapshot = false, true, {}, nil
  end
end

---The symbols whose book wants a snapshot, sorted.
---@return string[]
function Sequences:wanted()
  local list = {}
  for symbol, book in pairs(self.books) do
    if book.wanted then list[#list + 1] = symbol end
  end
  table.sort(list)
  return list
end

return M
