---Searches that look at what came out before they choose what to try next: successive halving over time, and differential
---evolution. Seeded: the same seed tries the same trials, however many processes run them.
---
---Sources: Jamieson and Talwalkar 2016 (successive halving); Storn and Price 1997 (differential evolution, DE/rand/1/bin).
local space = require "moontide.research.space"
local sweep = require "moontide.research.sweep"
local walk_forward = require "moontide.research.walk_forward"

local M = {}

-- ---- successive halving ----

local KEEP = 3 -- of as many trials one goes on to a period as many times as long

---The parts of the period that trials are tried on, the whole at the end: a third each, as long as the first has a few left.
---@param count integer trials at the beginning
---@return number[] shares
function M.rungs(count)
  local shares = { 1 }
  while count >= KEEP * 2 and #shares < 4 do
    table.insert(shares, 1, shares[1] / KEEP)
    count = math.floor(count / KEEP)
  end
  return shares
end

---Tries all on the first part of the period, the better third on a part three times as long, and so on.
---@param o table as of walk_forward.run
---@param trials table[] values by name
---@param from number ms, of the whole period
---@param to number ms
---@return table[] kept those that were tried on the whole period
function M.halving(o, trials, from, to)
  local kept = trials
  local shares = M.rungs(#trials)
  for i = 1, #shares - 1 do
    local until_ms = math.floor((from + shares[i] * (to - from)) / 60000) * 60000
    local rows = walk_forward.rows_between(o, kept, from, until_ms)
    local better = {}
    for k = 1, math.max(1, math.ceil(#rows / KEEP)) do
      if rows[k] and rows[k].score then better[#better + 1] = rows[k].values end
    end
    if #better == 0 then return kept end -- none has a score so early
    kept = better
  end
  return kept
end

-- ---- differential evolution ----

local FACTOR, CROSSING, IDLE = 0.7, 0.9, 20

-- Back into the range: what has left it is reflected at its end.
local function reflected(u)
  if u < 0 then u = -u end
  if u >= 1 then u = 2 - u end
  return math.min(math.max(u, 0), 1 - 1e-12)
end

-- Another point for each: a member plus the difference of two others, crossed with the one it may replace.
local function mutate(population, i, random)
  local count = #population
  local function other(...)
    while true do
      local k = math.floor(random() * count) + 1
      local free = k ~= i
      for _, taken in ipairs { ... } do
        if k == taken then free = false end
      end
      if free then return k end
    end
  end
  local a = other()
  local b = other(a)
  local c = other(a, b)
  local own, point = population[i].point, {}
  local certain = math.floor(random() * #own) + 1
  for k = 1, #own do
    local crossed = random() < CROSSING or k == certain
    local value = population[a].point[k] + FACTOR * (population[b].point[k] - population[c].point[k])
    point[k] = crossed and reflected(value) or own[k]
  end
  return point
end

local function better(score, than) return score ~= nil and (than == nil or score >= than) end

---Evolves trials until `count` different ones were tried, or none is new for long.
---@param dimensions Dimension[]
---@param count integer
---@param where (fun(values: table): any)?
---@param random fun(): number uniform in [0, 1), seeded
---@param score_all fun(trials: table[]): table<string, number> runs trials; scores by space.text, those without left out
---@return table[] tried values by name, in the order of their trial
function M.evolution(dimensions, count, where, random, score_all)
  local size = math.min(math.max(8, 4 * #dimensions), math.max(4, math.floor(count / 2)))
  local tried, known, scores = {}, {}, {}
  local function run(points)
    local batch = {}
    for _, p in ipairs(points) do
      if not known[p.text] and #tried < count then
        known[p.text], tried[#tried + 1], batch[#batch + 1] = true, p.values, p.values
      end
    end
    if #batch == 0 then return 0 end
    for text, score in pairs(score_all(batch)) do
      scores[text] = score
    end
    return #batch
  end
  local function member(point)
    local values = space.at(dimensions, point)
    return { point = point, values = values, text = space.text(values) }
  end

  local population = {}
  for _ = 1, size * 1000 do
    if #population == size then break end
    local point = {}
    for k = 1, #dimensions do
      point[k] = random()
    end
    local m = member(point)
    if not where or where(m.values) then population[#population + 1] = m end
  end
  run(population)
  if #population < 4 then return tried end
  local idle = 0
  while #tried < count and idle < IDLE do
    local next_ones = {}
    for i = 1, #population do
      local m = member(mutate(population, i, random))
      next_ones[i] = (not where or where(m.values)) and m or population[i]
    end
    idle = run(next_ones) > 0 and 0 or idle + 1
    for i, m in ipairs(next_ones) do
      if better(scores[m.text], scores[population[i].text]) then population[i] = m end
    end
  end
  return tried
end

---Scores of trials on the whole period, from the ledger where they stand there.
---@param o table as of walk_forward.run
---@param trials table[]
---@return table<string, number>
function M.scores(o, trials)
  local texts, key = {}, sweep.options_text(o.argv)
  local known = o.ledger:trials(o.script_hash, key, o.seed)
  for _, values in ipairs(trials) do
    local text = space.text(values)
    if not known[text] then texts[#texts + 1] = text end
  end
  sweep.run(
    { argv = o.argv, script = o.script, ledger = o.ledger.path, jobs = o.jobs, progress = o.progress },
    texts
  )
  local scores = {}
  for _, row in ipairs(sweep.rows(trials, o.ledger:trials(o.script_hash, key, o.seed), o.objective)) do
    scores[row.params] = row.score
  end
  return scores
end

return M
