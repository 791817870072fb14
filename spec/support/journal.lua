---A journal on a loop of its own, for specs.
local ffi = require "ffi"
local C = require "spec.support.c"

ffi.cdef [[
  struct uv_loop_s *moontide_uv_loop_new(void) __asm__("uv_loop_new");
  int moontide_uv_run(struct uv_loop_s *, int) __asm__("uv_run");
]]

local M = {}
local Journal = {}
Journal.__index = Journal

---@param path string
---@param full boolean?
---@return table? journal with `told`, the tags in the order in which they were told
---@return string? problem
function M.open(path, full)
  local self =
    setmetatable({ loop = ffi.C.moontide_uv_loop_new(), told = {}, errors = {}, path = path }, Journal)
  self.done = ffi.cast("journal_done", function(_, tag, err)
    self.told[#self.told + 1] = tonumber(tag)
    if err ~= 0 then self.errors[#self.errors + 1] = tonumber(tag) end
  end)
  local out, message = ffi.new "struct journal *[1]", ffi.new "struct errmsg"
  if
    C.journal_open(self.loop, path, full and C.JOURNAL_FULL or C.JOURNAL_NORMAL, self.done, nil, out, message)
    ~= 0
  then
    self.done:free()
    return nil, ffi.string(message.text)
  end
  self.j = out[0]
  return self
end

function Journal:intend(id, tag, t)
  t = t or {}
  C.journal_intend(
    self.j,
    ffi.new("struct journal_intent", {
      client_id = id,
      symbol = t.symbol or "BTCUSDT",
      side = "BUY",
      type = "LIMIT",
      call = "symbol=BTCUSDT",
      endpoint = "POST /fapi/v1/order",
      quantity_e8 = t.quantity or 100000,
      price_e8 = 5e12,
      made_us = t.made or 1,
    }),
    tag
  )
end

function Journal:settle(id, state, t)
  t = t or {}
  C.journal_settle(
    self.j,
    ffi.new("struct journal_outcome", {
      client_id = id,
      state = state,
      order_id = t.order_id or 0,
      status = t.status or "",
      executed_e8 = t.executed or 0,
      avg_price_e8 = t.price or 0,
      code = t.code or 0,
      at_us = t.at or 1,
    }),
    t.tag or 0
  )
end

---Turns the loop until nothing waits to be written.
function Journal:turn()
  repeat
    ffi.C.moontide_uv_run(self.loop, 1)
  until C.journal_idle(self.j)
  self.problem = ffi.string(C.journal_problem(self.j))
end
jit.off(Journal.turn)

function Journal:close()
  C.journal_close(self.j)
  ffi.C.moontide_uv_run(self.loop, 0)
  self.done:free()
end
jit.off(Journal.close)

---@return table[] orders as read from the file
function M.orders(path, open_only)
  local rows, count, message =
    ffi.new "struct journal_order *[1]", ffi.new "int64_t[1]", ffi.new "struct errmsg"
  local status = C.journal_orders(path, open_only or false, 0, rows, count, message)
  if status ~= 0 then return nil, ffi.string(message.text) end
  local list = {}
  for i = 0, tonumber(count[0]) - 1 do
    local o = rows[0][i]
    list[i + 1] = {
      client_id = ffi.string(o.client_id),
      state = o.state,
      status = ffi.string(o.status),
      symbol = ffi.string(o.symbol),
      side = ffi.string(o.side),
      endpoint = ffi.string(o.endpoint),
      executed = tonumber(o.executed_e8),
      price = tonumber(o.avg_price_e8),
      order_id = tonumber(o.order_id),
      quantity = tonumber(o.quantity_e8),
      made = tonumber(o.made_us),
      run = tonumber(o.run),
      code = o.code,
    }
  end
  C.journal_release(rows[0])
  return list
end

---@return string? value
---@return string? problem
function M.get(path, name)
  local value, size, message = ffi.new "char *[1]", ffi.new "size_t[1]", ffi.new "struct errmsg"
  if C.journal_get(path, name, value, size, message) ~= 0 then return nil, ffi.string(message.text) end
  local text = ffi.string(value[0], size[0])
  C.journal_release(value[0])
  return text
end

return M
