local ffi = require "ffi"
local C = require "spec.support.c"

describe("code", function()
  it("has the text of the codes", function()
    for code, text in pairs {
      [-1121] = "Invalid symbol.",
      [-2011] = "Unknown order sent.",
      [-4014] = "Price not increased by tick size.",
      [-5041] = "No depth matches this BBO order",
      [-1] = "",
    } do
      assert.equal(text, ffi.string(C.error_code_text(code)))
    end
  end)

  it("tells what an answer means", function()
    local A, B = "Unknown error, please check your request or try again later.", "Service Unavailable."
    local internal = "Internal error; unable to process your request. Please try again."
    for i, case in ipairs {
      { 0, 0, "", false, true, C.OUTCOME_NOT_EXECUTED },
      { 0, 0, "", true, true, C.OUTCOME_UNKNOWN },
      { 0, 0, "", true, false, C.OUTCOME_TIMEOUT },
      { 200, 0, "", true, true, C.OUTCOME_DONE },
      { 200, 200, "success", true, true, C.OUTCOME_DONE },
      { 400, -2019, "", true, true, C.OUTCOME_REFUSED },
      { 400, -1021, "", true, true, C.OUTCOME_CLOCK_SKEW },
      { 429, -1003, "", true, true, C.OUTCOME_SLOW_DOWN },
      { 418, -1003, "", true, true, C.OUTCOME_SLOW_DOWN },
      { 408, -1007, "", true, true, C.OUTCOME_UNKNOWN },
      { 503, 0, A, true, true, C.OUTCOME_UNKNOWN },
      { 503, 0, B, true, true, C.OUTCOME_NOT_EXECUTED },
      { 503, -1001, internal, true, true, C.OUTCOME_NOT_EXECUTED },
      { 503, -1008, "", true, true, C.OUTCOME_NOT_EXECUTED },
      { 502, 0, "", true, true, C.OUTCOME_UNKNOWN },
      { 500, -1000, "", true, true, C.OUTCOME_UNKNOWN },
      { 504, 0, "", true, false, C.OUTCOME_TIMEOUT },
      { 401, -2015, "", true, true, C.OUTCOME_REFUSED },
    } do
      local got = C.error_code_outcome(case[1], case[2], case[3], case[4], case[5])
      assert.equal(tonumber(case[6]), tonumber(got), "case " .. i)
    end
  end)
end)
