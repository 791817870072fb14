local ffi = require "ffi"
local C = require "spec.support.c"
local run = require "spec.support.run"

local function key(kind, text)
  local out, message = ffi.new "struct signing_key *[1]", ffi.new "struct errmsg"
  if C.signing_key_new(kind, text, out, message) ~= 0 then return nil, ffi.string(message.text) end
  return ffi.gc(out[0], C.signing_key_free)
end

local function sign(k, text)
  local out = ffi.new("char[?]", C.SIGNATURE_TEXT_MAX)
  assert(C.signature_make(k, text, #text, out) == 0)
  return ffi.string(out)
end

local function bytes(hex)
  return (hex:gsub("%x%x", function(x) return string.char(tonumber(x, 16)) end))
end

local function base64(raw)
  local pipe = io.popen(
    "printf '" .. raw:gsub(".", function(c) return ("\\%03o"):format(c:byte()) end) .. "' | openssl base64 -A"
  )
  local text = pipe:read "*a"
  pipe:close()
  return text
end

describe("signatures", function()
  it("HMAC-SHA256 as RFC 4231 and the exchange's documentation print it", function()
    local k = key(C.KEY_HMAC, "Jefe")
    assert.equal(
      "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
      sign(k, "what do ya want for nothing?")
    )
    assert.equal(
      "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
      sign(k, "what do ya want for nothing?")
    ) -- kept state
    -- A key longer than a block is hashed first.
    k = key(C.KEY_HMAC, ("\170"):rep(131))
    assert.equal(
      "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
      sign(k, "Test Using Larger Than Block-Size Key - Hash Key First")
    )
    k = key(C.KEY_HMAC, "2b5eb11e18796d12d88f13dc27dbbd02c2cc51ff7059765ed9821957d82bb4d9")
    assert.equal(
      "3c661234138461fcc7a7d8746c6558c9842d4e10870d2ecbedf7777cad694af9",
      sign(
        k,
        "symbol=BTCUSDT&side=BUY&type=LIMIT&quantity=1&price=9000&timeInForce=GTC&recvWindow=5000&timestamp=1591702613943"
      )
    )
  end)

  it("Ed25519 as RFC 8032 prints it", function()
    local function private(seed) return base64(bytes("302e020100300506032b657004220420" .. seed)) end
    local k =
      assert(key(C.KEY_ED25519, private "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"))
    assert.equal(
      base64(
        bytes(
          "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
        )
      ),
      sign(k, "")
    )
    k = assert(key(C.KEY_ED25519, private "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb"))
    assert.equal(
      base64(
        bytes(
          "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
        )
      ),
      sign(k, "r")
    )
    assert.truthy(C.signature_holds(k, "r", 1, sign(k, "r")))
    assert.falsy(C.signature_holds(k, "s", 1, sign(k, "r")))
  end)

  it("RSA (PKCS#1 v1.5, SHA-256) as OpenSSL itself verifies it", function()
    local folder = run.folder()
    finally(function() run.remove(folder) end)
    os.execute(
      ("openssl genrsa -out %s/key.pem 2048 2>/dev/null; openssl rsa -in %s/key.pem -pubout -out %s/public.pem 2>/dev/null"):format(
        folder,
        folder,
        folder
      )
    )
    local text = "symbol=BTCUSDT&timestamp=1668481559918"
    run.write(folder .. "/text", text)
    run.write(folder .. "/signature", sign(assert(key(C.KEY_RSA, run.read(folder .. "/key.pem"))), text))
    local pipe = io.popen(
      ("cd %s; openssl base64 -d -A -in signature -out raw; openssl dgst -sha256 -verify public.pem -signature raw text"):format(
        folder
      )
    )
    local said = pipe:read "*a"
    pipe:close()
    assert.equal("Verified OK\n", said)
  end)

  it("says what a key is not, never what it is", function()
    local k, problem = key(C.KEY_ED25519, "-----BEGIN PRIVATE KEY-----\nhidden\n-----END PRIVATE KEY-----")
    assert.equal(nil, k)
    assert.truthy(problem:find("not an Ed25519 key", 1, true), problem)
    assert.falsy(problem:find "hidden")
  end)
end)
