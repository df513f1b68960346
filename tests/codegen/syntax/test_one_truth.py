"""One truth: scripts as data, those that pass and those that do not, with the line and name to be blamed."""

import ast
import subprocess
import sys

import pytest

from codegen.syntax.one_truth import RenderError, check_one_truth

VALID = {
    "constant read at the top": "N = 1\nprint(N)",
    "constant read in a function": "N = 1\ndef f(): return N",
    "constant read in a lambda in a function": "N = 1\ndef f(): return lambda: N",
    "constant read in a comprehension": "N = 1\nx = [i * N for i in range(3)]",
    "import read in comprehensions": "import math as m\ndef f(): return {m: [m for x in {m for y in f}] for z in f}",
    "constant read as a default": "N = 1\ndef f(x=N): return x",
    "constant read in an annotated constant": "N: int = 1\nM: int = N\nprint(M)",
    "constant read under another scope's shadow": "N = 1\ndef f(N): return N\nprint(N)",
    "lower case need not be read": "splits = 1",
    "a function's own capitals": "def f():\n    N = 1",
    "import used through an attribute": "import torch.nn\nprint(torch.nn.Linear)",
    "import used by its alias": "import numpy as np\nprint(np.pi)",
    "import used in an annotation": "from pathlib import Path\ndef f(p: Path) -> Path: return p",
    "import in a function": "def f():\n    import math\n    return lambda: math.pi",
    "builtins and what a module has": "print(__name__, __file__, float, ValueError)",
    "parameters of all kinds": "def f(a, b=1, *c, d, **e): return a, b, c, d, e",
    "lambda parameters": "x = lambda a, b: a + b",
    "loop targets": "for i, j in enumerate([1]): print(i, j)",
    "locals and closures": "def f():\n    x = 1\n    def g(): return x\n    return g",
    "a function bound below its reader": "def f(): return g()\ndef g(): return f",
    "bound in a branch": "if print():\n    x = 1\nelse:\n    x = 2\nprint(x)",
    "caught exceptions and contexts": "try:\n    with open('x') as f: print(f)\nexcept OSError as e: print(e)",
}

INVALID = {
    "constant never read": ("N = 1\nM = 2\nprint(N)", 2, "M"),
    "constant only in a string": ("N = 1\nprint('N')", 1, "N"),
    "annotated constant": ("\nN: int = 1", 2, "N"),
    "constant in a tuple": ("A, B = 1, 2\nprint(A)", 1, "B"),
    "constant shadowed by a parameter": ("N = 1\ndef f(N): return N", 1, "N"),
    "constant shadowed by a lambda's parameter": ("N = 1\nf = lambda N: N", 1, "N"),
    "constant shadowed by a local": ("N = 1\ndef f():\n    N = 2\n    return N", 1, "N"),
    "constant only as a keyword": ("N = 1\nprint(N=2)", 1, "N"),
    "constant only as an attribute": ("N = 1\nprint(int.N)", 1, "N"),
    "constant only augmented": ("N = 1\nN += 1", 1, "N"),
    "import never used": ("import math\nimport os\nprint(os)", 1, "math"),
    "dotted import never used": ("import os.path", 1, "os"),
    "from-import never used": ("from math import e, pi\nprint(e)", 1, "pi"),
    "aliased import used by its old name": ("import math as m\nprint(math)", 1, "m"),
    "import in a function never used": ("def f():\n    import math\n    return 1", 2, "math"),
    "unbound at the top": ("x = 1\nprint(y)", 2, "y"),
    "a comprehension's variable outside": ("x = [i for i in range(3)]\ny = i", 1, "i"),
    "unbound in a function": ("def f():\n    return y", 2, "y"),
    "unbound in an annotation": ("def f(x: Path): return x", 1, "Path"),
    "another function's local": ("def f():\n    x = 1\n    return x\ndef g(): return x", 2, "x"),
    "another function's parameter": ("def f(x): return 1\nprint(x)", 2, "x"),
    "a misspelt constant": ("TRIALS = 1\nprint(TRIALS, TRAILS)", 2, "TRAILS"),
}


@pytest.mark.parametrize("source", VALID.values(), ids=VALID)
def test_valid(source: str) -> None:
    check_one_truth(ast.parse(source))


@pytest.mark.parametrize(("source", "line", "name"), INVALID.values(), ids=INVALID)
def test_invalid(source: str, line: int, name: str) -> None:
    with pytest.raises(
        RenderError, match=rf"^line {line}: {name} is (read, but nothing binds|bound, but nothing reads) it$"
    ):
        check_one_truth(ast.parse(source))


def test_it_needs_no_libcst() -> None:
    check = "import sys, codegen.syntax.one_truth; sys.exit('libcst' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0
