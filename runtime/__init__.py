"""What generated scripts import: data, splits, model, training, search, evaluation.

The public names and where each one lives stand in ``__init__.pyi``; a name is loaded on first use, so that ``import
runtime`` stays cheap. Inside, the packages are rooms, and a room imports only from those before it: `errors` <
`arrays` < `model` < `records` < `samples` < `script` < `judging` < `training` < `search`; `phase` stands on all of
them, `scaling` on `judging` and `records`, `report` on all but `phase`.
"""

import lazy_loader

from data.resources import say_missing_resources
from data.supported import require_supported
from runtime.script.stopping import leave_on_signals, runs_a_script

require_supported()
if runs_a_script():
    leave_on_signals()  # until `run_script` knows better
    say_missing_resources()

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
