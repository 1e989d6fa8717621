"""Personal data in a text: where it stands and of which kind, so that it can be masked before anyone is shown it.

`finder` is the door: `find`, `mask` and `kinds_in`. One kind, or family of kinds, a module, each a function from a
reading of the text (`reading`) to spans (`spans`). `planted` measures how many planted records are found. Pure: no
look-up leaves the process. What is found by pattern and list is found in English first; what no checksum, pattern or
context gives away (a bare surname, a place, a story that only one person can tell) is not found at all.
"""
