-- What goes wrong in examples/faults.lua (docs/exchange.md lists the kinds).
return {
  seed = 7,
  { fault = "lose_request", call = "POST /fapi/v1/order", share = 0.1 },
  { fault = "lose_reply", call = "POST /fapi/v1/order", share = 0.1 },
  {
    fault = "error",
    call = "POST /fapi/v1/order",
    share = 0.15,
    status = 503,
    message = "Service Unavailable",
  },
}
