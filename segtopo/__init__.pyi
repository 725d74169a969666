from . import (
    config as config,
)
from . import (
    evaluation as evaluation,
)
from . import (
    inference as inference,
)
from . import (
    losses as losses,
)
from . import (
    masks as masks,
)
from . import (
    matching as matching,
)
from . import (
    metrics as metrics,
)
from . import (
    persistence as persistence,
)
from . import (
    phantoms as phantoms,
)
from . import (
    training as training,
)
from . import (
    volumes as volumes,
)

__version__: str
