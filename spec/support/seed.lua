---The seed of what specs draw: `make test SEED=n`, 1 when left out. A spec that fails says it.
local seed = tonumber(os.getenv "MOONTIDE_SEED") or 1

return seed
