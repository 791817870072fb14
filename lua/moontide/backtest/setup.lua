---From files and options to what a world needs: series, symbol rules, times.
local ffi = require "ffi"
local C = require "moontide.core"
local exchange_info = require "moontide.run.exchange_info"
local failures = require "moontide.failure"

local M = {}

local margin_types = { crossed = C.MARGIN_CROSSED, isolated = C.MARGIN_ISOLATED }

---The account of a simulated exchange, by the options, and its limits.
---@param x ffi.cdata* struct exchange_config
---@param options table capital, maker, taker, leverage, margin, hedge
---@param limits table<string, integer> by "KIND/seconds"
---@return number capital
function M.account(x, options, limits)
  x.wallet_e8 = C.dec_from_double(options.capital)
  x.maker_e8, x.taker_e8 = C.dec_from_double(options.maker), C.dec_from_double(options.taker)
  x.leverage, x.margin_type = options.leverage, margin_types[options.margin]
  x.dual_side = options.hedge or false
  x.enforce_limits = true
  x.weight_1m = limits["REQUEST_WEIGHT/60"] or 2400
  x.orders_1m = limits["ORDERS/60"] or 1200
  x.orders_10s = limits["ORDERS/10"] or 300
  return options.capital
end

---Imports files; fails the command with the importer's line.
---@param paths string[]
---@param o { symbol: string?, interval: string?, store: string?, allow_gaps: boolean?, notice: fun(line: string), progress: fun(done: number, total: number)? }
---@return ffi.cdata* # struct import_result, freed with its last reference
function M.import(paths, o)
  local options, message = ffi.new "struct import_options", ffi.new "struct errmsg"
  local list = ffi.new("const char *[?]", #paths, paths)
  options.paths, options.path_count = list, #paths
  options.symbol, options.interval, options.store = o.symbol, o.interval, o.store
  options.allow_gaps = o.allow_gaps or false
  local notice = ffi.cast("void (*)(void *, const char *)", function(_, line) o.notice(ffi.string(line)) end)
  options.notice = notice
  local progress
  if o.progress then
    progress = ffi.cast(
      "void (*)(void *, int64_t, int64_t)",
      function(_, done, total) o.progress(tonumber(done), tonumber(total)) end
    )
    options.progress = progress
  end
  local result = ffi.new "struct import_result"
  jit.off(M.import) -- the importer calls back into Lua
  local status = C.import_run(options, result, message)
  notice:free()
  if progress then progress:free() end
  if status ~= 0 then failures.raise(1, "%s", ffi.string(message.text)) end
  return ffi.gc(result, C.import_free)
end

local function decimal(text, what)
  local out = ffi.new "int64_t[1]"
  text = tostring(text)
  if C.dec_parse_round(text, #text, out) ~= 0 then
    failures.raise(1, "%s: '%s' is not a decimal", what, text)
  end
  return out[0]
end

local function read_json(path, option)
  local file, problem = io.open(path, "rb")
  if not file then failures.raise(1, "--%s: cannot read %s", option, problem) end
  local text, why = file:read "*a"
  file:close()
  if not text then failures.raise(1, "--%s: cannot read %s: %s", option, path, why) end
  local ok, value = pcall(require("cjson").decode, text)
  if not ok or type(value) ~= "table" then
    failures.raise(1, "--%s %s: not JSON (%s)", option, path, ok and "no object" or tostring(value))
  end
  return value
end

local filter_fields = {
  PRICE_FILTER = { tickSize = "tick_e8", minPrice = "price_min_e8", maxPrice = "price_max_e8" },
  LOT_SIZE = { stepSize = "step_e8", minQty = "qty_min_e8", maxQty = "qty_max_e8" },
  MARKET_LOT_SIZE = {
    stepSize = "market_step_e8",
    minQty = "market_qty_min_e8",
    maxQty = "market_qty_max_e8",
  },
  MIN_NOTIONAL = { notional = "notional_min_e8" },
  PERCENT_PRICE = { multiplierUp = "percent_up_e8", multiplierDown = "percent_down_e8" },
}

local function check_rules(s, where)
  local message = ffi.new "struct errmsg"
  if C.symbol_rules_check(s, message) ~= 0 then
    failures.raise(1, "%s: %s", where, ffi.string(message.text))
  end
end

-- Overwrites the rules of `s` by those of one entry of an exchangeInfo reply.
local function apply_info(s, entry, path)
  local where = ("%s: %s"):format(path, entry.symbol)
  s.source = C.SYMBOL_FROM_EXCHANGE_INFO
  local price_decimals, quantity_decimals = exchange_info.decimals(entry, path)
  s.price_precision = price_decimals or s.price_precision
  s.quantity_precision = quantity_decimals or s.quantity_precision
  for kind, filter in pairs(exchange_info.filters(entry, path)) do
    for name, field in pairs(filter_fields[kind] or {}) do
      if filter[name] then s[field] = decimal(filter[name], where .. " " .. name) end
    end
    local most = kind == "MAX_NUM_ORDERS" and tonumber(filter.limit)
    if most and most >= 0 and most <= 1e6 then s.orders_max = most end
  end
  for name, field in pairs {
    triggerProtect = "trigger_protect_e8",
    liquidationFee = "liquidation_fee_e8",
    marketTakeBound = "market_take_bound_e8",
  } do
    local value = entry[name]
    if type(value) == "string" or type(value) == "number" then
      s[field] = decimal(value, where .. " " .. name)
    end
  end
  if s.market_step_e8 == 0 then s.market_step_e8 = s.step_e8 end
  check_rules(s, where)
end

local function apply_brackets(s, list, path)
  local count = 0
  if type(list) ~= "table" then failures.raise(1, "%s: brackets are a list", path) end
  for _, row in ipairs(list) do
    if count == C.SYMBOL_BRACKETS_MAX then break end
    local b, leverage = s.brackets[count], type(row) == "table" and tonumber(row.initialLeverage)
    if not leverage or leverage < 1 or leverage > 1000 then
      failures.raise(1, "%s: a bracket without an initialLeverage from 1 to 1000", path)
    end
    b.leverage_max = leverage
    b.floor_e8, b.cap_e8 = decimal(row.notionalFloor, path), decimal(row.notionalCap, path)
    b.maint_ratio_e8, b.cum_e8 = decimal(row.maintMarginRatio, path), decimal(row.cum or 0, path)
    count = count + 1
  end
  if count > 0 then s.bracket_count = count end
  check_rules(s, path)
end

---Rules for each symbol: a saved exchangeInfo, else the built-in table, else the data's decimals.
---@param names string[]
---@param series_of table<string, ffi.cdata*> base series by symbol, for the decimals
---@param options table exchange-info, leverage-brackets; or `info`, a reply at hand, from `info_source`
---@param notice fun(line: string)
---@return ffi.cdata* symbols
---@return table rate_limits rows as in exchangeInfo
function M.symbols(names, series_of, options, notice)
  local symbols = ffi.new("struct symbol[?]", math.max(#names, 1))
  local path = options["exchange-info"]
  local info = options.info or path and read_json(path, "exchange-info")
  path = path or options.info_source
  local where = options.info and path or "--exchange-info " .. tostring(path)
  local by_name = info and exchange_info.entries(info, where) or {}
  local brackets_path = options["leverage-brackets"]
  local brackets = {}
  for _, entry in ipairs(brackets_path and read_json(brackets_path, "leverage-brackets") or {}) do
    if type(entry) == "table" and type(entry.symbol) == "string" then
      brackets[entry.symbol] = entry.brackets
    end
  end
  for i, name in ipairs(names) do
    local s, series = symbols[i - 1], series_of[name]
    local known = C.symbol_rules_builtin(name, s) == 0
    if not known then
      C.symbol_rules_guess(name, series.price_decimals, series.quantity_decimals, s)
      if not by_name[name] then
        notice(
          ("%s: no rules known; tick and step are taken from the data's decimals (%d and %d)"):format(
            name,
            series.price_decimals,
            series.quantity_decimals
          )
        )
      end
    end
    if by_name[name] then
      apply_info(s, by_name[name], path)
    elseif info then
      notice(("%s: not in %s; %s rules are used"):format(name, path, known and "built-in" or "guessed"))
    end
    if brackets[name] then apply_brackets(s, brackets[name], brackets_path) end
  end
  return symbols,
    info and exchange_info.rate_limits(info, where) or {
      { rateLimitType = "REQUEST_WEIGHT", interval = "MINUTE", intervalNum = 1, limit = 2400 },
      { rateLimitType = "ORDERS", interval = "MINUTE", intervalNum = 1, limit = 1200 },
      { rateLimitType = "ORDERS", interval = "SECOND", intervalNum = 10, limit = 300 },
    }
end

return M
