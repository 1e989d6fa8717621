-- What each gate decided, in the gates' order: rows by outcome and reason.
select position, gate, gate_version, passed, reason, count(*) as n
from filtering.decisions
group by position, gate, gate_version, passed, reason
order by position, gate, gate_version, passed, reason
