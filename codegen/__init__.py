"""Turns a validated experiment into Python source. Knows nothing of tensors.

The public names stand in ``__init__.pyi``; each is loaded on first use, so that ``python -m codegen --help`` imports
nothing heavy. Inside, the packages are rooms, and a room imports only from those before it: `seal` < `syntax` <
`request` < `blocks` < `scripts` < `files` < `cli`.
"""

import lazy_loader

from data.supported import require_supported

__version__ = "0.1.0"

require_supported()

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
