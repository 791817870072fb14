---The kinds of market data that the exchange's archive has of USD-M futures, and what can be done with each.
local M = {}

---@class DataKind
---@field name string as the archive's folder is named
---@field bars boolean of an interval
---@field daily boolean the archive has files of days
---@field monthly boolean and of months
---@field rest string? how what is newer is asked for: "klines", "trades", "funding"
---@field path string? of that call
---@field used string? by what it is read; nil: kept as files, nothing here reads them yet
---@field signed boolean? its prices may be negative

local klines = { bars = true, daily = true, monthly = true, rest = "klines" }

local function kind(name, base, more)
  local k = { name = name }
  for _, part in ipairs { base, more } do
    for key, value in pairs(part) do
      k[key] = value
    end
  end
  return k
end

local days, both =
  { bars = false, daily = true, monthly = false }, {
    bars = false,
    daily = true,
    monthly = true,
  }

---@type DataKind[]
M.list = {
  kind("klines", klines, { path = "/fapi/v1/klines", used = "backtests" }),
  kind(
    "fundingRate",
    both,
    { daily = false, rest = "funding", path = "/fapi/v1/fundingRate", used = "backtests" }
  ),
  kind("markPriceKlines", klines, { path = "/fapi/v1/markPriceKlines", used = "backtests" }),
  kind("indexPriceKlines", klines, { path = "/fapi/v1/indexPriceKlines", used = "data import" }),
  kind("premiumIndexKlines", klines, {
    path = "/fapi/v1/premiumIndexKlines",
    used = "data import",
    signed = true,
  }),
  kind(
    "aggTrades",
    both,
    { rest = "trades", path = "/fapi/v1/aggTrades", used = "moontide exchange --data" }
  ),
  kind("trades", both, { used = "moontide exchange --data" }),
  kind("bookTicker", both, {}),
  kind("bookDepth", days, {}),
  kind("metrics", days, {}),
}

---@type table<string, DataKind>
M.by_name = {}
for _, k in ipairs(M.list) do
  M.by_name[k.name] = k
end

---The interval's name in the archive: a month is 1mo there.
---@param interval string
---@return string
function M.archive_interval(interval) return interval == "1M" and "1mo" or interval end

---@class SeriesKey
---@field symbol string
---@field kind DataKind
---@field interval string? of bars, as the exchange names it

---@param key SeriesKey
---@return string # "BTCUSDT klines 1m"
function M.title(key)
  return ("%s %s%s"):format(key.symbol, key.kind.name, key.interval and " " .. key.interval or "")
end

---The beginning of its files' names, before the date: "BTCUSDT-1m-".
---@param key SeriesKey
---@return string
function M.stem(key)
  local what = key.interval and M.archive_interval(key.interval) or key.kind.name
  return ("%s-%s-"):format(key.symbol, what)
end

---Where its files are below the folder of data.
---@param key SeriesKey
---@return string
function M.folder(key)
  local last = key.interval and "/" .. M.archive_interval(key.interval) or ""
  return ("%s/%s%s"):format(key.symbol, key.kind.name, last)
end

---Where its files are in the archive.
---@param key SeriesKey
---@param every "daily"|"monthly"
---@return string
function M.prefix(key, every)
  local last = key.interval and M.archive_interval(key.interval) .. "/" or ""
  return ("data/futures/um/%s/%s/%s/%s"):format(every, key.kind.name, key.symbol, last)
end

return M
