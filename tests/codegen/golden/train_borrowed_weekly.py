# One experiment, self-contained: every parameter it uses stands below, and every parameter below is used.
# Written by codegen and meant to be read; the seal tells hand edits, which are never overwritten.
# Command: python -m codegen phase6c 2M threshold_1pct --timescale weekly
# Generator: 0.1.0
# Spec: sha256:94cabf08ec3ae63442eda68a1f973d5be01e54b6a83cacde05e449e0d8868698
# Seal: sha256:4c9c96c02c7e147a01865f5654d38c87e566c13588755ec10e0f2826ac1b1a6d
"""Train and evaluate a PatchTST that forecasts whether a price will rise.

Early stopping and the decision threshold come from validation. The test split is opened once, after
the best weights are restored, and the model is judged beside baselines on the same days.
"""

from collections.abc import Mapping
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
    print_training_cost,
    print_training_plan,
    run_script,
    run_training,
    train_on_part,
    with_steps_of_all,
)

# --- Experiment -----------------------------------------------------------------------------------
EXPERIMENT = "phase6c_2M_threshold_1pct_weekly"
PHASE = "phase6c"
BUDGET = "2M"
TASK = "threshold_1pct"
# Label: does LABEL_PRICE of the next HORIZON trading days reach Close * (1 + THRESHOLD)?
THRESHOLD = 0.01
HORIZON = 1
TIMESCALE = "weekly"
LABEL_PRICE = "high"

# --- Data -----------------------------------------------------------------------------------------
PROJECT = Path(__file__).resolve().parents[2]
DATA_PATH = "data/processed/SPX_dataset_c.parquet"
DATA_SHA256 = "0c0a416a5ddbce558f0c0d76ece4fe7e6a15c3d4d29014df73d364f8df8c0d31"
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

# --- Split ----------------------------------------------------------------------------------------
CONTEXT_LENGTH = 60
VAL_RATIO = 0.15
TEST_RATIO = 0.15
CHUNK_LENGTH = 201
SPLIT_MODE = "scattered"
EMBARGO = 0
SPLIT_SEED = 42

# --- Model ----------------------------------------------------------------------------------------
PARAMETER_BUDGET = 2000000
ARCHITECTURES = {
    "d192_h6_l4_p10": {
        "patch_length": 10,
        "stride": 10,
        "d_model": 192,
        "num_heads": 6,
        "num_layers": 4,
        "d_ff": 864,
        "channels": "mixing",
        "norm": "layer",
        "norm_first": True,
        "positions": "learned",
        "residual_attention": False,
        "pooling": "flatten",
        "instance_norm": False,
        "last_row": True,
    },
}

# --- Hyperparameters ------------------------------------------------------------------------------
HYPERPARAMETERS = {
    "learning_rate": 0.0003,
    "weight_decay": 0.01,
    "dropout": 0.25,
    "batch_size": 64,
}
# Searched at HORIZON 1, TIMESCALE daily; used here at 1, weekly, as configs/phases/phase6c.yaml
# declares.
PROVENANCE = {
    "source": "experiments/phase6a/hpo_2M_threshold_1pct.best.json",
    "task": "threshold_1pct",
    "horizon": 1,
    "timescale": "daily",
    "trial": 7,
    "val_loss": 0.5,
    "trials": {
        "completed": 30,
        "pruned": 20,
        "failed": 0,
    },
    "ended_by": "trials",
}

# --- Training -------------------------------------------------------------------------------------
MAX_EPOCHS = 4
PATIENCE = 4
WARMUP_FRACTION = 0.1
GRADIENT_CLIP = 1.0
TRAINING_SEED = 42


def validate_data() -> Series:
    """Load the prices and refuse any other data than this script was written for."""
    return load_series(
        PROJECT / DATA_PATH,
        content_sha256=DATA_SHA256,
        feature_columns=FEATURE_COLUMNS,
        timescale=TIMESCALE,
    )


def make_experiment() -> Experiment:
    """Label every day from raw prices and split the days: no two splits share one."""
    series = validate_data()
    splitter = ChunkSplitter(
        total_days=len(series),
        context_length=CONTEXT_LENGTH,
        horizon=series.horizon_in_bars(HORIZON),
        val_ratio=VAL_RATIO,
        test_ratio=TEST_RATIO,
        seed=SPLIT_SEED,
        chunk_length=CHUNK_LENGTH,
        mode=SPLIT_MODE,
        embargo=EMBARGO,
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
        splits=splitter.split(),
    )


def make_trainer(
    experiment: Experiment, arguments: Arguments, architecture: Mapping[str, object], seed: int
) -> Trainer:
    """A PatchTST of the budget's size, and how it is trained."""
    recipe = Recipe(
        learning_rate=HYPERPARAMETERS["learning_rate"],
        weight_decay=HYPERPARAMETERS["weight_decay"],
        dropout=HYPERPARAMETERS["dropout"],
        batch_size=HYPERPARAMETERS["batch_size"],
        max_epochs=arguments.shortened or MAX_EPOCHS,
        patience=PATIENCE,
        warmup_fraction=WARMUP_FRACTION,
        gradient_clip=GRADIENT_CLIP,
    )
    return Trainer(
        experiment.windows,
        split_indices=experiment.splits,
        architecture=architecture,
        recipe=with_steps_of_all(recipe, experiment),
        seed=seed,
        parameter_budget=PARAMETER_BUDGET,
        device=arguments.device,
    )


def main() -> None:
    """Prepare, show the plan, train."""
    arguments = parse_arguments(__file__, __doc__, shorten="epochs")
    experiment = train_on_part(make_experiment(), arguments.train_fraction)
    print_training_plan(experiment, ARCHITECTURES, PARAMETER_BUDGET)
    if arguments.dry_run:
        print_training_cost(experiment, arguments, ARCHITECTURES, make_trainer, training_seed=TRAINING_SEED)
        return
    run_training(
        experiment,
        arguments,
        ARCHITECTURES,
        make_trainer,
        training_seed=TRAINING_SEED,
        provenance=PROVENANCE,
    )


if __name__ == "__main__":
    raise SystemExit(run_script(main))
