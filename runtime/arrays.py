"""Names of the arrays that samples, forecasts and statistics are made of."""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]
