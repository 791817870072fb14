-- Everything at once in virtual time, by a seed: a run that trades while its network and its exchange do what they like; then the
-- account, the exchange's audit and what the script was told are compared. MOONTIDE_SEED and MOONTIDE_SWARM_RUNS change what is tried.
local virtual = require "spec.support.virtual_live"

local SECONDS = 240
local RUNS = tonumber(os.getenv "MOONTIDE_SWARM_RUNS") or 6
local FIRST = tonumber(os.getenv "MOONTIDE_SEED") or 1

-- A generator of its own: math.random belongs to the run.
local function chance(seed)
  local state = seed * 7919 + 17
  return function(n)
    state = (state * 1103515245 + 12345) % 2147483648
    return math.floor(state / 65536) % n
  end
end

local requests = {
  { fault = "lose_reply" },
  { fault = "lose_request" },
  { fault = "no_connection" },
  { fault = "reset" },
  { fault = "error_after", status = 502 },
  { fault = "error_after", status = 503 },
  { fault = "error", status = 503 },
  { fault = "error", status = 503, code = -1008 },
  { fault = "error", status = 500 },
  { fault = "malformed" },
  { fault = "delay", delay = 0.2, jitter = 0.5 },
  { fault = "late", delay = 1, jitter = 2 },
}
local streams = { "stream_drop", "stream_gap", "stream_twice" }
local places = { "user", "market", "public", "api", "requests", "all" }

local function trouble(v, draw)
  local rules = {}
  for _ = 1, 2 + draw(4) do
    local rule, classes = {}, { "orders", "account", "market" }
    for k, value in pairs(requests[1 + draw(#requests)]) do
      rule[k] = value
    end
    rule.share, rule.class = (1 + draw(15)) / 100, classes[1 + draw(3)]
    rules[#rules + 1] = rule
  end
  for _ = 1, draw(3) do
    rules[#rules + 1] = {
      fault = streams[1 + draw(3)],
      class = draw(2) == 0 and "account" or "market",
      share = (1 + draw(5)) / 100,
    }
  end
  if draw(2) == 0 then rules[#rules + 1] = { fault = "listen_key_loss", share = 0.01 } end
  v:faults(rules)
  for at = 10, SECONDS - 60, 12 do
    local place = places[1 + draw(#places)]
    local what = draw(6)
    if what == 0 then v:dead(place, 0, at) end
    if what == 1 then v:silence(place, 1 + draw(15), at) end
    if what == 2 then v:silent_answers(place, 1 + draw(15), at) end
    if what == 3 then v:refuse(place, 1 + draw(15), at) end
    if what ~= 4 then v:cut(place, 0, at + 0.01 * draw(20)) end
    if what == 5 then v:plan("clock_jump", nil, draw(3), at) end
  end
end

local function one(seed)
  local draw, believed, told, ended = chance(seed), {}, {}, {}
  local problems, last, position = {}, nil, nil
  local function wrong(...) problems[#problems + 1] = table.concat({ ... }, " ") end
  local v = virtual.run {
    seed = seed,
    exchange = { wallet = 1e6, rate = 3, order_limits = { 1e6, 1e6 }, weight_limit = 1e6 },
    settings = virtual.undaunted,
    options = {
      ["recv-window"] = 2000,
      ["stream-age"] = 60,
      ["stream-silence"] = 10,
      ["order-channel"] = seed % 2 == 0 and "ws" or nil,
    },
    strategy = {
      on_fill = function(_, f)
        if told[f.tradeId] then wrong("fill told twice", f.tradeId) end
        told[f.tradeId] = f.qty
      end,
      on_order = function(_, o)
        if ended[o.orderId] then wrong("after its end", o.clientOrderId, o.status) end
        if o.status == "FILLED" or o.status == "CANCELED" or o.status == "EXPIRED" then
          ended[o.orderId] = true
        end
      end,
      on_bar = function(_, b)
        if last and b.open_time ~= last + 60000 then wrong("bars", last, b.open_time) end
        last = b.open_time
      end,
      on_stop = function(self) position = self:position "BTCUSDT" end,
    },
    play = function(v, api, market)
      trouble(v, draw)
      local k, tasks = 0, {}
      for w = 1, 4 do
        tasks[w] = api.spawn(function()
          while v:now() < SECONDS - 60 do
            k = k + 1
            local id, rests = ("s%d"):format(k), k % 4 == 0
            local o, err = api.create_order {
              symbol = "BTCUSDT",
              side = k % 2 == 0 and "SELL" or "BUY",
              type = rests and "LIMIT" or "MARKET",
              price = rests and market.round_price("BTCUSDT", v:best() * 1.05) or nil,
              quantity = 0.01,
              newClientOrderId = id,
            }
            believed[id] = o and "executed" or err.kind
            if o and rests then api.cancel_order { symbol = "BTCUSDT", origClientOrderId = id } end
            v:run_for(0.2 + draw(20) / 10)
          end
        end)
      end
      api.all(tasks)
      v:no_faults()
      v:run_for(90)
    end,
  }
  if v.failure then wrong(v.failure) end
  local times = {}
  for _, e in ipairs(v:audit()) do
    if e.executed and e.call == "POST /fapi/v1/order" then
      times[e.clientOrderId] = (times[e.clientOrderId] or 0) + 1
    end
  end
  for id, n in pairs(times) do
    if n > 1 then wrong("executed", n, "times:", id) end
    if believed[id] ~= "executed" then wrong("executed, but its caller heard", tostring(believed[id]), id) end
  end
  for id, what in pairs(believed) do
    if what == "executed" and not times[id] then
      wrong("its caller heard of an order that is not there", id)
    end
    if what == "unknown_outcome" then wrong("unknown in the end", id) end
  end
  for _, t in ipairs(v:fills()) do
    if not told[t.id] then wrong("fill never told", t.id) end
  end
  if math.abs((position or 0) - v:position()) > 1e-9 then
    wrong("position", tostring(position), v:position())
  end
  return v, problems
end

describe("a swarm of troubles in virtual time", function()
  for seed = FIRST, FIRST + RUNS - 1 do
    it(("seed %d: no order twice, nothing told twice or never, the position is true"):format(seed), function()
      local v, problems = one(seed)
      assert(
        #problems == 0,
        table.concat(problems, "\n", 1, math.min(#problems, 20)) .. "\n" .. v:log():sub(-6000)
      )
    end)
  end
end)
