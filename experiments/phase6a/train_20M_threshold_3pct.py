# One experiment with its complete configuration: every parameter it uses stands below, and each is used.
# Written by codegen and meant to be read; the seal tells hand edits, which are never overwritten.
# Command: python -m codegen phase6a 20M threshold_3pct
# Generator: 0.1.0
# Spec: sha256:1322c615d3774517977e3ca7360a7d3ac8c577197356f3ecff9ea8b68a870722
# Seal: sha256:7a9798ca981488edfd972f74064549a1aa0b14c57e2eae65c62ce74cbc4795a1
"""Train and evaluate a PatchTST that forecasts whether a price will rise.

Early stopping and the decision threshold come from validation. The test split is opened once, after
the best weights are restored, and the model is judged beside baselines on the same days.
"""

from pathlib import Path

from runtime import (
    Arguments,
    ChunkSplitter,
    Experiment,
    Recipe,
    Series,
    Trainer,
    load_series,
    parse_arguments,
    require_hyperparameters,
    run_script,
    run_training,
)

# --- Experiment -----------------------------------------------------------------------------------
PHASE = "phase6a"
BUDGET = "20M"
TASK = "threshold_3pct"
EXPERIMENT = "_".join((PHASE, BUDGET, TASK))
# Label: Does a High of the next HORIZON trading days reach Close * (1 + THRESHOLD)?
THRESHOLD = 0.03
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
PARAMETER_BUDGET = 20_000_000
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
ARCHITECTURES = {}

# --- Hyperparameters ------------------------------------------------------------------------------
HYPERPARAMETERS = {}
PROVENANCE = {}
SEARCH_FIRST = [
    "python experiments/phase6a/hpo_20M_threshold_3pct.py",
    "python -m codegen phase6a 20M threshold_3pct",
]

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


def make_recipe() -> Recipe:
    """How the model is trained."""
    return Recipe(
        **HYPERPARAMETERS,
        max_epochs=MAX_EPOCHS,
        patience=PATIENCE,
        warmup_fraction=WARMUP_FRACTION,
        gradient_clip=GRADIENT_CLIP,
    )


def make_trainer(
    experiment: Experiment, architecture: dict[str, object], recipe: Recipe, seed: int, arguments: Arguments
) -> Trainer:
    """A PatchTST of the budget's size, trained on the training samples and judged by validation."""
    return Trainer(
        experiment.windows,
        split_indices=experiment.splits,
        architecture=architecture,
        recipe=recipe,
        seed=seed,
        parameter_budget=PARAMETER_BUDGET,
        device=arguments.device,
    )


def main() -> None:
    """Train and judge, or show the plan."""
    arguments = parse_arguments(__file__, __doc__, shorten="epochs")
    require_hyperparameters(HYPERPARAMETERS, search_first=SEARCH_FIRST)
    run_training(
        make_experiment(),
        make_recipe(),
        make_trainer,
        arguments,
        model=MODEL,
        architectures=ARCHITECTURES,
        parameter_budget=PARAMETER_BUDGET,
        training_seed=TRAINING_SEED,
        provenance=PROVENANCE,
    )


if __name__ == "__main__":
    raise SystemExit(run_script(main))
