---A strategy for specs of runs that are killed or stopped.
---Rests an order far from the market, says its process's number, then goes on ordering and cancelling, counting in client ids.
---@param symbol string
---@param then_do string? code of its timer
---@param name string? what its client ids begin with, the symbol when left out
---@return string script
local function trader(symbol, then_do, name)
  return ([[
    return { symbols = { "%s" }, timer = 0.1,
      on_start = function(self)
        local t = assert(api.get_ticker_price { symbol = "%s" })
        self.price = market.round_price("%s", t.price * 0.95)
        assert(api.create_order { symbol = "%s", side = "BUY", type = "LIMIT", quantity = market.round_quantity("%s", 200 / t.price), price = self.price })
        print "started" io.stdout:flush()
      end,
      on_timer = function(self)
        self.n = (self.n or 0) + 1
        %s
        local o = api.create_order { symbol = "%s", side = "BUY", type = "LIMIT", timeInForce = "IOC", price = self.price, quantity = market.round_quantity("%s", 200 / self.price),
          newClientOrderId = ("%s-%%d-%%.0f"):format(self.n, api.now()) }
      end,
      on_stop = function() print "stopped" end } ]]):format(
    symbol,
    symbol,
    symbol,
    symbol,
    symbol,
    then_do or "",
    symbol,
    symbol,
    name or symbol
  )
end

return trader
