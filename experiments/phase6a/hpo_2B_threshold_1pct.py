# One experiment with its complete configuration: every parameter it uses stands below, and each is used.
# Written by codegen and meant to be read; the seal tells hand edits, which are never overwritten.
# Command: python -m codegen phase6a 2B threshold_1pct
# Generator: 0.1.0
# Spec: sha256:d0d7e2f0219b89a7a77a3c789d3dbc0acd526141ffa9dcdc58957e2a4a0f6309
# Seal: sha256:db1021fa4e1810eadbb12b4fdefc32d0ec9dbbafae815fea8294f16c5dd3ad2b
"""Search hyperparameters of a PatchTST that forecasts whether a price will rise.

Validation loss decides; the test split is never read. Rerunning continues an interrupted search; a
finished one writes its best trial beside this script, to regenerate the training script with.
"""

from pathlib import Path

from runtime import (
    Arguments,
    ChunkSplitter,
    Experiment,
    Objective,
    Series,
    Trial,
    create_objective,
    load_series,
    parse_arguments,
    run_script,
    run_search,
)

# --- Experiment -----------------------------------------------------------------------------------
PHASE = "phase6a"
BUDGET = "2B"
TASK = "threshold_1pct"
EXPERIMENT = "_".join((PHASE, BUDGET, TASK))
# Label: Does a High of the next HORIZON trading days reach Close * (1 + THRESHOLD)?
THRESHOLD = 0.01
HORIZON = 1
TIMESCALE = "daily"
LABEL_PRICE = "high"  # or "close"

# --- Data -----------------------------------------------------------------------------------------
PROJECT = Path(__file__).resolve().parents[2]
DATA_PATH = "data/processed/SPX_dataset_c.parquet"
DATA_SHA256 = "0c0a416a5ddbce558f0c0d76ece4fe7e6a15c3d4d29014df73d364f8df8c0d31"

# --- Split ----------------------------------------------------------------------------------------
CONTEXT_LENGTH = 60
VAL_RATIO = 0.15
TEST_RATIO = 0.15
CHUNK_LENGTH = 201  # 3 x (60 + 7): three of the longest sample
SPLIT_MODE = "scattered"  # or "contiguous"
EMBARGO = 0
MAX_GAP_DAYS = 10  # calendar days: no sample lies across a longer hole
SPLIT_SEED = 42

# --- Model ----------------------------------------------------------------------------------------
PARAMETER_BUDGET = 2_000_000_000
# Shared by every candidate.
MODEL = {
    "channels": "mixing",
    "norm": "layer",
    "norm_first": True,
    "positions": "learned",
    "residual_attention": False,
    "pooling": "flatten",
    "instance_norm": False,
    "last_row": True,
}
# Every candidate has PARAMETER_BUDGET trainable parameters to within 5 %.
ARCHITECTURES = {
    "d2304_h18_l32_p10": {
        "patch_length": 10,
        "stride": 10,
        "d_model": 2_304,
        "num_heads": 18,
        "num_layers": 32,
        "d_ff": 8_960,
    },
    "d2048_h16_l40_p10": {
        "patch_length": 10,
        "stride": 10,
        "d_model": 2_048,
        "num_heads": 16,
        "num_layers": 40,
        "d_ff": 8_096,
    },
    "d2560_h20_l25_p10_s5": {
        "patch_length": 10,
        "stride": 5,
        "d_model": 2_560,
        "num_heads": 20,
        "num_layers": 25,
        "d_ff": 10_496,
    },
    "d2048_h16_l44_p5": {
        "patch_length": 5,
        "stride": 5,
        "d_model": 2_048,
        "num_heads": 16,
        "num_layers": 44,
        "d_ff": 7_008,
    },
}

# --- Search ---------------------------------------------------------------------------------------
N_TRIALS = 50
TIMEOUT_HOURS = 4.0
HPO_TRAIN_FRACTION = 0.3
SEARCH_SEED = 42
# The median pruner acts after this many trials, and in each after this many epochs.
STARTUP_TRIALS = 8
PRUNING_WARMUP_EPOCHS = 9

# --- Training -------------------------------------------------------------------------------------
MAX_EPOCHS = 30
PATIENCE = 8
WARMUP_FRACTION = 0.1
GRADIENT_CLIP = 1.0
TRAINING_SEED = 42

# --- Features -------------------------------------------------------------------------------------
FEATURE_COLUMNS = [
    "close_to_sma20",
    "close_to_sma50",
    "close_to_sma200",
    "ema12_to_ema26",
    "macd_histogram",
    "adx14",
    "rsi14",
    "stochastic_k",
    "stochastic_d",
    "williams_r14",
    "cci20",
    "mfi14",
    "roc10",
    "volume_to_mean20",
    "on_balance_volume20",
    "chaikin_money_flow20",
    "atr14",
    "day_range",
    "realised_volatility5",
    "realised_volatility21",
    "bollinger_width20",
    "return1",
    "return5",
    "return21",
    "log_vix",
    "vix_return1",
    "vix_return5",
    "vix_to_mean60",
    "realised_to_vix",
]


def load_data() -> Series:
    """Load the prices and refuse any other data than this script was written for."""
    return load_series(
        PROJECT / DATA_PATH,
        content_sha256=DATA_SHA256,
        feature_columns=FEATURE_COLUMNS,
        timescale=TIMESCALE,
    )


def make_experiment() -> Experiment:
    """Label every day from raw prices and split the days: no two splits share one."""
    series = load_data()
    splitter = ChunkSplitter(
        total_days=len(series.calendar),
        context_length=CONTEXT_LENGTH,
        horizon=series.horizon_in_bars(HORIZON),
        val_ratio=VAL_RATIO,
        test_ratio=TEST_RATIO,
        seed=SPLIT_SEED,
        chunk_length=CHUNK_LENGTH,
        mode=SPLIT_MODE,
        embargo=EMBARGO,
        max_gap_days=MAX_GAP_DAYS,
    )
    return Experiment(
        name=EXPERIMENT,
        phase=PHASE,
        budget=BUDGET,
        task=TASK,
        threshold=THRESHOLD,
        label_price=LABEL_PRICE,
        horizon=HORIZON,
        timescale=TIMESCALE,
        series=series,
        labels=series.labels(threshold=THRESHOLD, horizon=HORIZON, price=LABEL_PRICE),
        splitter=splitter,
        splits=splitter.split(series.timeline),
    )


def suggest(trial: Trial) -> dict[str, object]:
    """Draw one configuration: the name of an architecture and the searched part of the recipe."""
    return {
        "architecture": trial.suggest_categorical("architecture", list(ARCHITECTURES)),
        "learning_rate": trial.suggest_float("learning_rate", 3e-06, 0.0001, log=True),
        "weight_decay": trial.suggest_float("weight_decay", 0.001, 0.5, log=True),
        "dropout": trial.suggest_float("dropout", 0.1, 0.7),
        "batch_size": trial.suggest_categorical("batch_size", (16, 32, 64)),
    }


def make_objective(experiment: Experiment, arguments: Arguments) -> Objective:
    """Minimise the best epoch's validation loss; train on a part of the training samples, for speed."""
    hpo_train_indices = experiment.splitter.get_hpo_subset(experiment.splits, fraction=HPO_TRAIN_FRACTION)
    return create_objective(
        suggest=suggest,
        dataset=experiment.windows,
        split_indices=experiment.splits.with_train(hpo_train_indices),
        model=MODEL,
        architectures=ARCHITECTURES,
        fixed={
            "max_epochs": MAX_EPOCHS,
            "patience": PATIENCE,
            "warmup_fraction": WARMUP_FRACTION,
            "gradient_clip": GRADIENT_CLIP,
        },
        seed=TRAINING_SEED,
        parameter_budget=PARAMETER_BUDGET,
        device=arguments.device,
    )


def main() -> None:
    """Search, or show the plan."""
    arguments = parse_arguments(__file__, __doc__, shorten="trials")
    experiment = make_experiment()
    objective = make_objective(experiment, arguments)
    run_search(
        experiment,
        objective,
        arguments,
        n_trials=N_TRIALS,
        timeout_hours=TIMEOUT_HOURS,
        search_seed=SEARCH_SEED,
        startup_trials=STARTUP_TRIALS,
        pruning_warmup_epochs=PRUNING_WARMUP_EPOCHS,
        hpo_train_fraction=HPO_TRAIN_FRACTION,
        regenerate="python -m codegen phase6a 2B threshold_1pct",
    )


if __name__ == "__main__":
    raise SystemExit(run_script(main))
