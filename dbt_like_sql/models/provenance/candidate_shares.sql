-- How many candidates there are, and how far the deepest stands from a real row.
select count(*) as rows, count(*) as generated, max(depth) as greatest_depth
from generation.candidates
