// The fields of the exchange's replies and events with their JSON types: S string, N number, B boolean.
export const placed = 'orderId:N symbol:S status:S clientOrderId:S price:S avgPrice:S origQty:S executedQty:S cumQty:S cumQuote:S timeInForce:S type:S reduceOnly:B closePosition:B side:S positionSide:S stopPrice:S workingType:S priceProtect:B origType:S priceMatch:S selfTradePreventionMode:S goodTillDate:N updateTime:N';
export const order = 'orderId:N symbol:S status:S clientOrderId:S price:S avgPrice:S origQty:S executedQty:S cumQuote:S timeInForce:S type:S reduceOnly:B closePosition:B side:S positionSide:S stopPrice:S workingType:S priceMatch:S selfTradePreventionMode:S goodTillDate:N priceProtect:B origType:S time:N updateTime:N';
export const algo = 'algoId:N clientAlgoId:S algoType:S orderType:S symbol:S side:S positionSide:S timeInForce:S quantity:S algoStatus:S triggerPrice:S price:S selfTradePreventionMode:S workingType:S priceMatch:S closePosition:B priceProtect:B reduceOnly:B createTime:N updateTime:N triggerTime:N goodTillDate:N';
export const algoListed = `${algo} actualOrderId:S actualPrice:S tpTriggerPrice:S tpPrice:S slTriggerPrice:S slPrice:S tpOrderType:S`;
export const trade = 'id:N price:S qty:S quoteQty:S time:N isBuyerMaker:B isRPITrade:B';
export const aggregate = 'a:N p:S q:S nq:S f:N l:N T:N m:B';
export const ticker = 'symbol:S priceChange:S priceChangePercent:S weightedAvgPrice:S lastPrice:S lastQty:S openPrice:S highPrice:S lowPrice:S volume:S quoteVolume:S openTime:N closeTime:N firstId:N lastId:N count:N';
export const best = 'symbol:S bidPrice:S bidQty:S askPrice:S askQty:S time:N lastUpdateId:N';
export const mark = 'symbol:S markPrice:S indexPrice:S estimatedSettlePrice:S lastFundingRate:S interestRate:S nextFundingTime:N time:N';
export const fill = 'symbol:S id:N orderId:N side:S price:S qty:S realizedPnl:S quoteQty:S commission:S commissionAsset:S time:N positionSide:S buyer:B maker:B';
export const position2 = 'symbol:S positionAmt:S entryPrice:S breakEvenPrice:S markPrice:S unRealizedProfit:S liquidationPrice:S leverage:S maxNotionalValue:S marginType:S isolatedMargin:S isAutoAddMargin:S positionSide:S notional:S isolatedWallet:S updateTime:N';
export const position3 = 'symbol:S positionSide:S positionAmt:S entryPrice:S breakEvenPrice:S markPrice:S unRealizedProfit:S liquidationPrice:S isolatedMargin:S notional:S marginAsset:S isolatedWallet:S initialMargin:S maintMargin:S positionInitialMargin:S openOrderInitialMargin:S adl:N bidNotional:S askNotional:S updateTime:N';
export const balance = 'accountAlias:S asset:S balance:S crossWalletBalance:S crossUnPnl:S availableBalance:S maxWithdrawAmount:S marginAvailable:B updateTime:N';
export const account = 'totalInitialMargin:S totalMaintMargin:S totalWalletBalance:S totalUnrealizedProfit:S totalMarginBalance:S totalPositionInitialMargin:S totalOpenOrderInitialMargin:S totalCrossWalletBalance:S totalCrossUnPnl:S availableBalance:S maxWithdrawAmount:S';
export const account2 = `${account} feeTier:N canTrade:B canDeposit:B canWithdraw:B updateTime:N multiAssetsMargin:B tradeGroupId:N`;
export const accountConfig = 'feeTier:N canTrade:B canDeposit:B canWithdraw:B dualSidePosition:B updateTime:N multiAssetsMargin:B tradeGroupId:N';
export const income = 'symbol:S incomeType:S income:S asset:S info:S time:N tranId:N tradeId:S';
export const symbol = 'symbol:S pair:S contractType:S deliveryDate:N onboardDate:N status:S maintMarginPercent:S requiredMarginPercent:S baseAsset:S quoteAsset:S marginAsset:S pricePrecision:N quantityPrecision:N baseAssetPrecision:N quotePrecision:N underlyingType:S triggerProtect:S liquidationFee:S marketTakeBound:S maxMoveOrderLimit:N';

export const orderUpdate = 's:S c:S S:S o:S f:S q:S p:S ap:S sp:S x:S X:S i:N l:S z:S L:S T:N t:N b:S a:S m:B R:B wt:S ot:S ps:S cp:B rp:S pP:B si:N ss:N V:S pm:S gtd:N er:S';
export const accountPosition = 's:S pa:S ep:S bep:S cr:S up:S mt:S iw:S ps:S ma:S';
export const accountBalance = 'a:S wb:S cw:S bc:S';
export const tradeLite = 'e:S E:N T:N s:S q:S p:S m:B c:S S:S L:S l:S t:N i:N';
export const algoUpdate = 'caid:S aid:N at:S o:S s:S S:S ps:S f:S q:S X:S ai:S ap:S aq:S act:S tp:S p:S V:S wt:S pm:S cp:B pP:B R:B tt:N gtd:N rm:S';

export const market = {
  aggTrade: 'e:S E:N s:S a:N p:S q:S nq:S f:N l:N T:N m:B',
  trade: 'e:S E:N T:N s:S t:N p:S q:S X:S m:B',
  bar: 't:N T:N s:S i:S f:N L:N o:S c:S h:S l:S v:S n:N x:B q:S V:S Q:S B:S',
  markPriceUpdate: 'e:S E:N s:S p:S ap:S i:S P:S r:S T:N',
  '24hrMiniTicker': 'e:S E:N s:S c:S o:S h:S l:S v:S q:S',
  '24hrTicker': 'e:S E:N s:S p:S P:S w:S c:S Q:S o:S h:S l:S v:S q:S O:N C:N F:N L:N n:N',
  bookTicker: 'e:S u:N E:N T:N s:S b:S B:S a:S A:S',
  depthUpdate: 'e:S E:N T:N s:S U:N u:N pu:N',
};
