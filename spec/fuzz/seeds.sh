#!/bin/sh
# Writes the first inputs of a fuzzer into a folder: sh seeds.sh FOLDER NAME. One of each kind that it reads.
out=$1
mkdir -p "$out"
put() { printf "$2" >"$out/$1"; }
case $2 in
exchange)
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
    ;;
replies)
    # The endpoint's number first: those of one kind of record answer alike.
    order='{"orderId":1,"symbol":"BTCUSDT","status":"FILLED","clientOrderId":"a","price":"0","avgPrice":"100.1","origQty":"1","executedQty":"1","cumQuote":"100.1","timeInForce":"GTC","type":"MARKET","origType":"MARKET","side":"BUY","positionSide":"BOTH","reduceOnly":false,"closePosition":false,"updateTime":1700000041000,"time":1700000041000}'
    algo='{"algoId":5,"clientAlgoId":"a","algoType":"CONDITIONAL","orderType":"STOP_MARKET","symbol":"BTCUSDT","side":"SELL","positionSide":"BOTH","quantity":"1","algoStatus":"NEW","triggerPrice":"99","price":"0","createTime":1700000041000,"updateTime":1700000041000}'
    trade='[{"symbol":"BTCUSDT","id":9,"orderId":1,"side":"BUY","price":"100.1","qty":"1","quoteQty":"100.1","realizedPnl":"0","commission":"0.05","commissionAsset":"USDT","time":1700000041000,"positionSide":"BOTH","buyer":true,"maker":false}]'
    position='[{"symbol":"BTCUSDT","positionSide":"BOTH","positionAmt":"1","entryPrice":"100","markPrice":"101","unRealizedProfit":"1","leverage":"20","marginType":"cross","updateTime":1700000041000}]'
    income='[{"symbol":"","incomeType":"FUNDING_FEE","income":"-0.1","asset":"USDT","time":1700000041000,"tranId":1,"tradeId":""}]'
    kline='[[1700000040000,"1","2","0.5","1.5","10",1700000099999,"15",3,"5","7","0"]]'
    depth='{"lastUpdateId":9,"E":1700000041000,"T":1700000041000,"bids":[["1","2"]],"asks":[["3","4"]]}'
    for i in $(seq 0 63); do
        n=0
        for body in "$order" "[$order]" "$algo" "[$algo]" "$trade" "$position" "$income" "$kline" "$depth" '{"code":-2013,"msg":"no"}' '{"serverTime":1}'; do
            n=$((n + 1))
            { printf "\\$(printf %03o "$i")\\001"; printf %s "$body"; } >"$out/$i-$n"
        done
    done
    ;;
streams)
    printf '{"e":"ORDER_TRADE_UPDATE","E":1700000041000,"T":1700000041000,"o":{"s":"BTCUSDT","c":"a","S":"BUY","o":"LIMIT","f":"GTC","q":"1","p":"100","ap":"0","sp":"0","x":"NEW","X":"NEW","i":1,"l":"0","z":"0","L":"0","n":"0","N":"USDT","T":1700000041000,"t":0,"b":"0","a":"0","m":false,"R":false,"wt":"CONTRACT_PRICE","ot":"LIMIT","ps":"BOTH","cp":false,"rp":"0"}}\377{"e":"ORDER_TRADE_UPDATE","E":1700000042000,"T":1700000042000,"o":{"s":"BTCUSDT","c":"a","S":"BUY","o":"LIMIT","f":"GTC","q":"1","p":"100","ap":"100","sp":"0","x":"TRADE","X":"FILLED","i":1,"l":"1","z":"1","L":"100","n":"0.02","N":"USDT","T":1700000042000,"t":7,"ps":"BOTH"}}' >"$out/order"
    printf '{"e":"ACCOUNT_UPDATE","E":1700000042000,"T":1700000042000,"a":{"m":"ORDER","B":[{"a":"USDT","wb":"100","cw":"100","bc":"0"}],"P":[{"s":"BTCUSDT","pa":"1","ep":"100","bep":"100","cr":"0","up":"0","mt":"cross","iw":"0","ps":"BOTH"}]}}' >"$out/account"
    printf '{"e":"ALGO_UPDATE","E":1,"T":1,"o":{"caid":"a","aid":5,"at":"CONDITIONAL","o":"STOP_MARKET","s":"BTCUSDT","S":"SELL","ps":"BOTH","f":"GTC","q":"1","X":"NEW","tp":"99","p":"0"}}' >"$out/algo"
    printf '{"e":"kline","E":1,"s":"BTCUSDT","k":{"t":1700000040000,"T":1700000099999,"s":"BTCUSDT","i":"1m","f":1,"L":2,"o":"1","c":"1","h":"1","l":"1","v":"1","n":1,"x":true,"q":"1","V":"1","Q":"1","B":"0"}}' >"$out/kline"
    printf '{"e":"aggTrade","E":1,"s":"BTCUSDT","a":5,"p":"1","q":"1","f":1,"l":1,"T":1,"m":true}\377{"e":"markPriceUpdate","E":1,"s":"BTCUSDT","p":"1","i":"1","P":"1","r":"0.0001","T":2}\377{"e":"bookTicker","u":1,"s":"BTCUSDT","b":"1","B":"1","a":"2","A":"1","T":1,"E":1}' >"$out/market"
    printf '{"e":"depthUpdate","E":1,"T":1,"s":"BTCUSDT","U":5,"u":9,"pu":4,"b":[["1","2"]],"a":[["3","4"]]}\377{"lastUpdateId":7,"E":1,"T":1,"bids":[["1","2"],["0.9","1"]],"asks":[["3","4"]]}\377{"e":"depthUpdate","E":1,"T":1,"s":"BTCUSDT","U":10,"u":12,"pu":9,"b":[["1","0"]],"a":[["2.5","4"]]}' >"$out/depth"
    printf '{"e":"listenKeyExpired","E":1}' >"$out/expired"
    ;;
frames)
    put answer '\0\0HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: x\r\n\r\n'
    put refused '\0\0HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno'
    put text '\1\0\201\002{}\211\001a\212\000'
    put parts '\1\3\001\001{\200\001}\210\002\003\350'
    put long '\1\0\201\176\000\200aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'
    put longer '\1\0\201\177\177\377\377\377\377\377\377\377a'
    ;;
archives)
    bars='open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,taker_buy_quote_volume,ignore\n1672531200000,1,2,0.5,1.5,10,1672531259999,15,3,5,7,0\n1672531260000,1.5,2,1,1,1,1672531319999,1,1,0,0,0\n'
    trades='agg_trade_id,price,quantity,first_trade_id,last_trade_id,transact_time,is_buyer_maker\n1,100,1,1,1,1672531200000,true\n2,101,2,2,3,1672531200001,false\n'
    put bars "\\0$bars"
    put trades "\\4$trades"
    put funding '\0calc_time,funding_interval_hours,last_funding_rate\n1672531200000,8,0.0001\n'
    put plain '\41,100,1,1,1,1672531200000,true\n'
    put survey "\\20$bars"
    put table '\20id,price,time,maker\n1,100,1672531200000,true\n2,x,1672531200000,false\n3,1\n'
    put listing '\40<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>b</Name><IsTruncated>true</IsTruncated><NextMarker>d/e/</NextMarker><Contents><Key>d/a.zip</Key><LastModified>2023-02-01T09:05:11.000Z</LastModified><ETag>&quot;ab&quot;</ETag><Size>12</Size></Contents><CommonPrefixes><Prefix>d/e/</Prefix></CommonPrefixes></ListBucketResult>'
    put named '\0date;open;high;low;close\n2023-01-01;1;2;0.5;1\n'
    folder=$(mktemp -d)
    printf "$bars" >"$folder/BTCUSDT-1m-2023-01.csv"
    (cd "$folder" && zip -q a.zip BTCUSDT-1m-2023-01.csv && gzip -k BTCUSDT-1m-2023-01.csv)
    { printf '\1'; cat "$folder/a.zip"; } >"$out/zip"
    { printf '\2'; cat "$folder/BTCUSDT-1m-2023-01.csv.gz"; } >"$out/gzip"
    rm -r "$folder"
    ;;
control)
    put one '\0{"id":1,"method":"status"}\n'
    put two '\0{"id":1,\377"method":"status"}\n{"id":2}\n\377\n\n'
    put client '\1{"ok":true}\n{"ok":'
    ;;
rules)
    printf '{"symbol":"BTCUSDT","status":"TRADING","pricePrecision":2,"quantityPrecision":3,"filters":[{"filterType":"PRICE_FILTER","tickSize":"0.10","minPrice":"0.1","maxPrice":"100000"},{"filterType":"LOT_SIZE","stepSize":"0.001","minQty":"0.001","maxQty":"1000"},{"filterType":"MARKET_LOT_SIZE","stepSize":"0.001","minQty":"0.001","maxQty":"100"},{"filterType":"MIN_NOTIONAL","notional":"5"},{"filterType":"PERCENT_PRICE","multiplierUp":"1.15","multiplierDown":"0.85"}]}' >"$out/whole"
    printf '{"symbol":"BTCUSDT","status":"BREAK","filters":[{"filterType":"PRICE_FILTER","tickSize":"1"},{"filterType":"LOT_SIZE","stepSize":"1"}]}' >"$out/short"
    ;;
esac
