-- Paper runs killed at random moments, in virtual time: the account and what its script knows go on from one moment.
local ffi = require "ffi"
local C = require "spec.support.c"
local first_seed = require "spec.support.seed"
local virtual = require "spec.support.virtual_live"

local LIVES = 6

local function generator(seed)
  local state = (first_seed * 7919 + seed * 104729) % 2147483647
  return function(from, to)
    state = state * 48271 % 2147483647
    return from + math.floor(state / 2147483647 * (to - from + 1))
  end
end

-- Counts the fills in self.state.
local function strategy(seen)
  return {
    on_start = function(self) seen.began[#seen.began + 1] = self.state.fills or 0 end,
    on_fill = function(self, fill)
      local s, lots = self.state, math.floor(fill.qty * 1000 + 0.5)
      s.fills, s.ids = (s.fills or 0) + 1, (s.ids or 0) + fill.tradeId
      s.lots = (s.lots or 0) + (fill.side == "BUY" and lots or -lots)
      seen.state, seen.recovered = s, seen.recovered + (fill.recovered and 1 or 0)
    end,
  }
end

-- What the account has: fills, the sum of their ids, and the position in thousandths.
local function account(v)
  local x = C.paper_exchange(v.session.l)
  local count, ids = tonumber(C.exchange_fill_count(x)), 0
  for i = 0, count - 1 do
    ids = ids + tonumber(C.exchange_fill(x, i).id)
  end
  return { fills = count, ids = ids, lots = tonumber(C.exchange_position_e8(x, 0, C.POSITION_BOTH)) / 100000 }
end

local function trade(v, api, market, random)
  local side = random(1, 2) == 1 and "BUY" or "SELL"
  local o = { symbol = "BTCUSDT", side = side, type = "MARKET", quantity = random(2, 9) / 1000 }
  if random(1, 3) == 1 then
    o.type = "LIMIT"
    o.price = market.round_price("BTCUSDT", v:best() * (side == "BUY" and 1.0001 or 0.9999))
  end
  api.create_order(o)
end

-- One life; it is killed after some seconds, or ends in order when it is the last.
local function live(seed, number, before, seen)
  local random = generator(seed * 100 + number)
  local run = virtual.run {
    paper = true,
    after = before,
    seed = seed,
    exchange = { rate = 3 },
    strategy = strategy(seen),
    play = function(v, api, market)
      local till = v:now() + random(5, 90) / 10
      while v:now() < till do
        trade(v, api, market, random)
        v:run_for(random(0, 8) / 10)
      end
      if number < LIVES then
        v:crash()
      else
        v:run_for(3)
        seen.account = account(v)
      end
    end,
  }
  assert.is_nil(run.failure, run.failure and table.concat(run.lines, "\n"))
  return run
end

describe("a paper run that is killed again and again", function()
  for seed = 1, 4 do
    it(("has the position of the fills that its script was told of (%d)"):format(seed), function()
      local seen, run = { began = {}, recovered = 0 }, nil
      for number = 1, LIVES do
        run = live(seed, number, run, seen)
      end
      local s = seen.state
      assert.same(seen.account, { fills = s.fills, ids = s.ids, lots = s.lots })
      assert.is_true(s.fills > 5, s.fills)
      assert.equal(LIVES, #seen.began)
      assert.is_true(seen.began[LIVES] > 0) -- a kill did not lose everything
    end)
  end

  it("tells the fills that the account was saved with before the script was told of them", function()
    local seen = { began = {}, recovered = 0 }
    local first = virtual.run {
      paper = true,
      strategy = {
        on_fill = function(self)
          self.state.fills = (self.state.fills or 0) + 1
          if self.state.fills == 1 then seen.api.sleep(3600) end -- the others wait behind it
        end,
      },
      play = function(v, api)
        seen.api = api
        for _ = 1, 3 do
          api.create_order { symbol = "BTCUSDT", side = "BUY", type = "MARKET", quantity = 0.002 }
        end
        local path = v.session.folder .. "/paper.account"
        v:run_for(4) -- the account is saved two seconds after a change
        v:wait_until(function()
          local kept = ffi.new "struct paper_kept"
          local found = C.paper_kept(path, kept, ffi.new "struct errmsg") == 0 and kept.run ~= nil
          local told = found and tonumber(kept.told_id)
          C.paper_kept_free(kept)
          return told and told > 0
        end)
        v:crash()
      end,
    }
    assert.is_nil(first.failure, first.failure)
    local told = {}
    local second = virtual.run {
      paper = true,
      after = first,
      strategy = { on_fill = function(_, fill) told[#told + 1] = fill end },
      play = function(v)
        v:run_for(3)
        seen.account = account(v)
      end,
    }
    assert.is_nil(second.failure, second.failure)
    assert.is_true(seen.account.fills >= 3)
    assert.equal(seen.account.fills - 1, #told)
    for _, fill in ipairs(told) do
      assert.is_true(fill.recovered)
      assert.equal("BUY", fill.side)
    end
  end)
end)
