from .scripts import generate_hpo_script as generate_hpo_script
from .scripts import generate_training_script as generate_training_script

__version__: str
