---Orders as a script meant them: read from its calls, whether recorded or made in a backtest.
local cjson = require "cjson"
local C = require "moontide.core"
local requests = require "moontide.api.requests"

local M = {}

---@class Intent
---@field symbol string
---@field side string
---@field type string
---@field quantity number base asset; 0 with closePosition
---@field position_side string
---@field client_id string
---@field context string what the script had been told last: a bar's open time in microseconds, "start" or "stop"
---@field at_us number when it was asked for, on the run's clock
---@field answered_us number? when the answer came
---@field executed number? quantity filled, as its answer said
---@field refusal string? why it was not taken: "rejected -2019: Margin is insufficient."
---@field reference number? the last price the script could know when it decided
---@field fills ExplainedFill[]

---@class ExplainedFill
---@field symbol string
---@field side string
---@field qty number base asset
---@field price number
---@field fee number USDT
---@field maker boolean
---@field at_us number on the run's clock

local function decode(text)
  local t = {}
  for name, value in text:gmatch "([^&=]+)=([^&]*)" do
    t[name] = value:gsub("%%(%x%x)", function(hex) return string.char(tonumber(hex, 16)) end)
  end
  return t
end

local function intent(o, common)
  return {
    symbol = o.symbol,
    side = o.side,
    type = o.type,
    quantity = tonumber(o.quantity) or 0,
    position_side = o.positionSide or "BOTH",
    client_id = o.newClientOrderId or o.clientAlgoId or "",
    context = common.context,
    at_us = common.at_us,
    reference = nil,
    fills = {},
  }
end

---The orders a call asks for; none when it asks for something else.
---@param endpoint integer
---@param text string the call as a query string
---@param common { context: string, at_us: number }
---@return Intent[]
function M.of(endpoint, text, common)
  if endpoint == C.EP_ORDER_NEW or endpoint == C.EP_ALGO_NEW then return { intent(decode(text), common) } end
  if endpoint ~= C.EP_BATCH_NEW then return {} end
  local list = {}
  for i, o in ipairs(cjson.decode(decode(text).batchOrders or "[]")) do
    list[i] = intent(o, common)
  end
  return list
end

local kinds = requests.settle_kinds

local function refusal(kind, code, message)
  if code ~= 0 then return ("%s %d: %s"):format(kind, code, message) end
  return message ~= "" and kind .. ": " .. message or kind
end

---Tells the intents of one call how it was answered.
---@param list Intent[]
---@param answer { settle: integer, code: integer, message: string, batch_code: (fun(i: integer): integer, string) }
---@param at_us number
function M.answered(list, answer, at_us)
  for i, x in ipairs(list) do
    x.answered_us = at_us
    if answer.settle ~= C.SETTLE_DONE then
      x.refusal = refusal(kinds[answer.settle] or "network", answer.code, answer.message)
    elseif #list > 1 or answer.batch then
      local code, message = answer.batch_code(i - 1)
      if code ~= 0 then x.refusal = refusal("rejected", code, message) end
    end
  end
end

return M
