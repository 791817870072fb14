-- The position a script sees in virtual time, when the account's stream comes behind the replies.
local C = require "spec.support.c"
local virtual = require "spec.support.virtual_live"
local first_seed = require "spec.support.seed"

local function number(e8) return tonumber(e8) / 1e8 end

local function generator(seed)
  local state = (first_seed * 7919 + seed * 104729) % 2147483647
  return function(from, to)
    state = state * 48271 % 2147483647
    local value = state / 2147483647
    return from and from + math.floor(value * (to - from + 1)) or value
  end
end

-- What the account's stream says comes up to a second late, again and again; now and then it is cut.
local function hold_back(v, random, seconds)
  local at = 0
  while at < seconds do
    local late = random()
    v:silent_answers("user", late, at)
    if random() < 0.05 then v:cut("user", 0, at) end
    at = at + late + 0.01
  end
end

local function market(api, side, quantity, more)
  local o = { symbol = "BTCUSDT", side = side, type = "MARKET", quantity = quantity }
  for k, value in pairs(more or {}) do
    o[k] = value
  end
  return api.create_order(o)
end

describe("the position a script sees, in virtual time", function()
  it("buys once while flat, however late the account's events are", function()
    local buys = 0
    local v = virtual.run {
      strategy = {
        on_trade = function(self)
          local api = virtual.current.api
          if not api or self:position "BTCUSDT" ~= 0 or buys >= 20 then return end
          buys = buys + 1
          assert(market(api, "BUY", 0.01))
        end,
      },
      play = function(v)
        v:silent_answers("user", 4)
        v:run_for(8)
      end,
    }
    assert.is_nil(v.failure, v.failure)
    assert.equal(1, buys)
    assert.near(0.01, v:position(), 1e-12)
  end)

  for seed = 1, 6 do
    local channel = seed % 2 == 0 and "ws" or "rest"
    it(("is the exchange's after each own reply (%s, %d)"):format(channel, seed), function()
      local random, wrong, checked = generator(seed), {}, 0
      local v
      local function check(what)
        checked = checked + 1
        local me = v.session.script.self
        local is, seen = v:position(), me:position "BTCUSDT"
        local entry = number(C.exchange_entry_e8(v.sim, 0, C.POSITION_BOTH))
        if math.abs(is - seen) > 1e-9 then
          wrong[#wrong + 1] = ("%s: %.4f, the exchange has %.4f"):format(what, seen, is)
        elseif is ~= 0 and math.abs(me:entry_price "BTCUSDT" / entry - 1) > 1e-6 then
          wrong[#wrong + 1] = ("%s: entry %.4f, the exchange has %.4f"):format(
            what,
            me:entry_price "BTCUSDT",
            entry
          )
        end
        local wallet = number(C.exchange_wallet_e8(v.sim))
        if math.abs(wallet - me:wallet()) > 0.05 then
          wrong[#wrong + 1] = ("%s: wallet %.4f, the exchange has %.4f"):format(what, me:wallet(), wallet)
        end
      end
      v = virtual.run {
        seed = seed,
        strategy = {},
        settings = { order_channel = channel },
        play = function(run, api, mkt)
          v = run
          market(api, "BUY", 0.01)
          v:run_for(1) -- what a commission is has been told
          hold_back(v, random, 60)
          for i = 1, 60 do
            local side, kind = random() < 0.5 and "BUY" or "SELL", random()
            local quantity = random(1, 30) / 1000
            if kind < 0.4 then
              market(api, side, quantity, random() < 0.2 and { reduceOnly = true } or nil)
            elseif kind < 0.5 then
              local list = {}
              for k = 1, random(2, 5) do
                list[k] = {
                  symbol = "BTCUSDT",
                  type = "MARKET",
                  quantity = quantity,
                  side = random() < 0.5 and "BUY" or "SELL",
                }
              end
              api.batch_orders(list)
            elseif kind < 0.6 then
              api.create_order {
                symbol = "BTCUSDT",
                side = side,
                type = "LIMIT",
                quantity = quantity,
                timeInForce = "IOC",
                priceMatch = "OPPONENT",
              }
            elseif kind < 0.8 then -- one that rests, and then is moved to where it fills
              local far = mkt.round_price("BTCUSDT", v:best() * (side == "BUY" and 0.97 or 1.03))
              local near = mkt.round_price("BTCUSDT", v:best() * (side == "BUY" and 1.01 or 0.99))
              local o = api.create_order {
                symbol = "BTCUSDT",
                side = side,
                type = "LIMIT",
                quantity = quantity,
                price = far,
              }
              if o then
                api.modify_order {
                  symbol = "BTCUSDT",
                  orderId = o.orderId,
                  side = side,
                  quantity = quantity,
                  price = near,
                }
                check(i .. " modify")
                api.cancel_order { symbol = "BTCUSDT", orderId = o.orderId }
                api.get_order { symbol = "BTCUSDT", orderId = o.orderId }
              end
            else -- several at once
              local tasks = {}
              for k = 1, 3 do
                tasks[k] = api.async.create_order {
                  symbol = "BTCUSDT",
                  side = side,
                  type = "MARKET",
                  quantity = quantity,
                }
              end
              for _, t in ipairs(tasks) do
                t:wait()
              end
            end
            check(i .. " of kind " .. tostring(kind))
            v:run_for(random() * 0.6)
          end
          v:run_for(10)
        end,
      }
      assert.is_nil(v.failure, v.failure)
      assert.same({}, wrong)
      assert.is_true(checked > 60)
    end)
  end
end)
