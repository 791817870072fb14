-- For specs that strike one request in three: no breaker, no throttle, many retries.
return {
  failure_threshold = 100000,
  failure_rate = 1,
  enable_adaptive_throttling = false,
  max_retries = 20,
  initial_backoff = 0.02,
  max_backoff = 0.2,
  retry_quota = 100000,
}
