"""What a forecast is worth: metrics, intervals, baselines, alarms, the sealed test split, the predictor."""
