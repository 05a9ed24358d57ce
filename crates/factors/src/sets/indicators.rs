/// The technical indicators with their usual parameters: names and expressions.
pub const INDICATOR_SET: [(&str, &str); 26] = [
    ("sma_20", "SMA($close, 20)"),
    ("ema_20", "TaEMA($close, 20)"),
    ("wma_20", "TaWMA($close, 20)"),
    ("bb_upper_20_2", "BBUpper($close, 20, 2)"),
    ("bb_middle_20_2", "BBMiddle($close, 20, 2)"),
    ("bb_lower_20_2", "BBLower($close, 20, 2)"),
    ("sar_002_02", "SAR($high, $low, 0.02, 0.2)"),
    ("macd_12_26_9", "MACD($close, 12, 26, 9)"),
    ("macd_signal_12_26_9", "MACDSignal($close, 12, 26, 9)"),
    ("macd_hist_12_26_9", "MACDHist($close, 12, 26, 9)"),
    ("adx_14", "ADX($high, $low, $close, 14)"),
    ("plus_di_14", "PlusDI($high, $low, $close, 14)"),
    ("minus_di_14", "MinusDI($high, $low, $close, 14)"),
    ("rsi_14", "RSI($close, 14)"),
    ("stoch_k_14_3_3", "StochK($high, $low, $close, 14, 3, 3)"),
    ("stoch_d_14_3_3", "StochD($high, $low, $close, 14, 3, 3)"),
    ("willr_14", "WillR($high, $low, $close, 14)"),
    ("cci_20", "CCI($high, $low, $close, 20)"),
    ("roc_10", "ROC($close, 10)"),
    ("vwap_20_numpy", "VWAP($high, $low, $close, $volume, 20)"),
    ("obv", "OBV($close, $volume)"),
    ("ad", "AD($high, $low, $close, $volume)"),
    ("mfi_14", "MFI($high, $low, $close, $volume, 14)"),
    ("atr_14", "ATR($high, $low, $close, 14)"),
    ("natr_14", "NATR($high, $low, $close, 14)"),
    ("hv_20_252_ddof1", "HV($close, 20, 252)"),
];

/// [`INDICATOR_SET`] as owned names and expressions, like the other sets'.
pub fn indicator_sources() -> Vec<(String, String)> {
    INDICATOR_SET.map(|(name, source)| (name.to_owned(), source.to_owned())).into()
}
