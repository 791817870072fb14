#!/bin/sh
# Writes the fuzzer's first inputs into a folder: one of each kind of request.
out=$1
mkdir -p "$out"
put() { printf "$2" >"$out/$1"; }
put get '\0\0GET /fapi/v1/depth?symbol=BTCUSDT&limit=5 HTTP/1.1\r\nHost: x\r\n\r\n'
put post '\0\22POST /fapi/v1/order?a=%%20b HTTP/1.1\r\nX-MBX-APIKEY: k\r\nContent-Length: 3\r\n\r\na=b'
put chunked '\0\0POST /fapi/v1/order HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\na=b\r\n0\r\n\r\n'
put upgrade '\0\0GET /ws/btcusdt@trade HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n'
put order '\1\14symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.01&price=64000&newClientOrderId=a'
put market '\2\14symbol=BTCUSDT&side=SELL&type=MARKET&quantity=0.5&newOrderRespType=RESULT'
put batch '\1\24batchOrders=%%5B%%7B%%22symbol%%22%%3A%%22BTCUSDT%%22%%2C%%22side%%22%%3A%%22BUY%%22%%2C%%22type%%22%%3A%%22MARKET%%22%%2C%%22quantity%%22%%3A%%220.01%%22%%7D%%5D'
put ids '\1\26symbol=BTCUSDT&orderIdList=%%5B1,2%%5D'
put algo '\2\32algoType=CONDITIONAL&symbol=BTCUSDT&side=SELL&type=STOP_MARKET&quantity=0.01&triggerPrice=60000'
put klines '\1\6symbol=BTCUSDT&interval=1h&limit=5&startTime=1'
put frames '\3\2\201\205\0\0\0\0hello'
put subscribe '\3\103{"method":"SUBSCRIBE","params":["btcusdt@aggTrade","btcusdt@depth5"],"id":1}'
put property '\3\102{"method":"SET_PROPERTY","params":["combined",true],"id":"x"}'
put api '\4\0{"id":"a","method":"depth","params":{"symbol":"BTCUSDT","limit":5}}'
put place '\5\0BUY,LIMIT,0.010,64000.0,GTC,BTCUSDT,me'
put faults '\6\1{"seed":1,"rules":[{"fault":"lose_reply","call":"POST /fapi/v1/order","share":0.5,"from":1}]}'
