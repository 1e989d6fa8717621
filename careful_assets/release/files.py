"""The files of a release folder as a whole: what one is called while it is made, and the digest over all of them.

Belongs here: what a whole folder (`folder`) and what is left of a retired one (`tombstone`) have in common. Does not
belong here: what whoever reads a folder needs (`provenance.release_files`).
"""

from __future__ import annotations

from collections.abc import Mapping

from careful_assets.provenance.digests import canonical, sha256

MAKING = ".making-"
CANARIES = "canaries.parquet"


def digest_of_files(digests: Mapping[str, str]) -> str:
    """The folder digest: sha256 over the names and digests of all files in the folder."""
    return sha256(canonical(sorted(digests.items())))
