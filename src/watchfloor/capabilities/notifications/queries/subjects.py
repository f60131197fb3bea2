"""What notifications are about, as it stands by now."""

from __future__ import annotations

from typing import Final

# Holds for a notification `n` of a finding that is known to be settled. An id that others made up may be no id of a finding.
SETTLED: Final = """n.subject_kind = 'finding' and exists (select 1 from finding f
  where f.org = n.org and wf_finding_state(f.state, f.accepted_until) <> 'open'
  and f.id = case when n.subject_id ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then n.subject_id::uuid end)"""
