---The paper side of a live session: its account, and what it came to.
local ffi = require "ffi"
local C = require "moontide.core"
local failures = require "moontide.failure"
local log_module = require "moontide.run.log"
local report = require "moontide.report"
local setup = require "moontide.backtest.setup"

local M = {}

local function money(e8) return tonumber(e8) / 1e8 end

-- The account's file: --state, else in the folder of the run (process/run_folder.h).
local function state_path(options, run_name)
  if options.state then return options.state end
  local message, folder = ffi.new "struct errmsg", ffi.new("char[?]", C.RUN_PATH_MAX)
  if C.run_folder_make(run_name, folder, message) ~= 0 then
    failures.raise(1, "%s; --state FILE keeps the account elsewhere", ffi.string(message.text))
  end
  return ffi.string(folder) .. "/paper.account"
end

---Fills the paper part of struct live_options.
---@param p ffi.cdata* struct paper_options
---@param options table of the command line
---@param run_name string
---@param limits table<string, integer> of the exchange, by "KIND/seconds"
---@param anchor table keeps the texts alive
function M.options(p, options, run_name, limits, anchor)
  setup.account(p.exchange, options, limits)
  p.latency_us = options.latency * 1000
  p.reset = options.reset or false
  anchor.state_path = state_path(options, run_name)
  p.state_path = anchor.state_path
end

local function account(l)
  local resumed = ffi.new "bool[1]"
  local a = C.paper_account(l, resumed)
  return a, resumed[0]
end

---Says whose account it is.
---@param s LiveSession
function M.greet(s)
  local a, resumed = account(s.l)
  local wallet = money(C.exchange_wallet_e8(C.paper_exchange(s.l)))
  if resumed then
    s.log.info(
      "the account of %s goes on: wallet %.2f USDT (%s)",
      log_module.time_text(tonumber(a.started_us)):sub(1, 16),
      wallet,
      s.at.state_path
    )
    if s.options.capital then s.log.warn("--capital is of a new account; --reset begins one") end
  else
    s.log.info("a new account: wallet %.2f USDT (%s)", wallet, s.at.state_path)
  end
end

local sides = { [0] = "", " LONG", " SHORT" }

local function holdings(s, exchange)
  local lines = {}
  for i, name in ipairs(s.names) do
    for side = 0, 2 do
      local amount = money(C.exchange_position_e8(exchange, i - 1, side))
      if amount ~= 0 then
        lines[#lines + 1] = ("  %-22s %.10g at %.10g"):format(
          name .. sides[side],
          amount,
          money(C.exchange_entry_e8(exchange, i - 1, side))
        )
      end
    end
  end
  if #lines == 0 then lines[1] = "  none" end
  return table.concat(lines, "\n")
end

---Prints and saves what the account has come to over all its runs, as a backtest's report does. For LiveSession.at_end.
---@param s LiveSession
function M.report(s)
  local exchange = C.paper_exchange(s.l)
  if exchange == nil then return end
  local a = account(s.l)
  local r = report.account(s.world, exchange, {
    script = s.path,
    names = s.names,
    interval = s.interval,
    params = s.script.self and s.script.self.params or {},
    capital = money(a.capital_e8),
    trades = s.options.trades,
  }, tonumber(a.started_us), tonumber(C.paper_now(s.l)))
  -- Ratios of a year say nothing after less than a few days.
  if r.to - r.from < 3 * 86400e3 then
    for _, name in ipairs { "annual_return", "volatility", "sharpe", "sortino", "calmar" } do
      r[name] = nil
    end
  end
  r.exposure = a.lasted_us > 0 and tonumber(a.held_us) / tonumber(a.lasted_us) or 0
  report.write(r, s.options, s.world, exchange)
  if s.options.json ~= "-" then
    io.write(
      ("\naccount\n  %-22s %.2f USDT\n  %-22s %.2f USDT\npositions\n%s\n"):format(
        "wallet",
        r.wallet,
        "realized",
        r.realized,
        holdings(s, exchange)
      )
    )
  end
end

return M
