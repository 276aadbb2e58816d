"""The table of families. A new one is a file here and an entry in FAMILIES."""

from __future__ import annotations

from typing import Dict, List, Sequence

from ..grammar import Argv, Family
from .bits import BITS
from .geo import GEO
from .hashes import HASHES, HASHES_EXPIRY
from .hyperloglog import HYPERLOGLOG
from .keys import KEYS
from .lists import LISTS
from .mixed import MIXED
from .server import SERVER
from .sets import SETS
from .sorted_sets import SORTED_SETS
from .streams import STREAMS
from .strings import STRINGS
from .transactions import TRANSACTIONS
from .valkey import VALKEY

FAMILIES: Sequence[Family] = (
    STRINGS, BITS, HYPERLOGLOG, LISTS, SETS, HASHES, HASHES_EXPIRY, SORTED_SETS, GEO, STREAMS,
    KEYS, TRANSACTIONS, SERVER, VALKEY, MIXED,
)


def reads_by_type(families: Sequence[Family]) -> Dict[bytes, List[Argv]]:
    """For each type, the commands that read a key of it whole."""
    return {name: reads for family in families for name, reads in family.reads.items()}
