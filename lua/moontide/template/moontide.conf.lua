-- Settings of the API manager for every run started in this folder; `moontide help config` lists them all with their units.
return {
  preset = "conservative", -- or high_frequency, data_collection
  -- max_retries = 3,
}
