"""Find advisories: indexes that hold all that searches compare, so that they read no whole records."""

from __future__ import annotations

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

# Columns of fixed width come first: a row is read up to the last column that a search compares.
COMPARED = (
    "merged_into, published, cvss_score, epss, flags, state, exploitation, cvss_src, kev, eukev, ransomware, exploited_eu, automatable, total, "
    "weaponised, poc, fix, band, severity, cvss_version, criteria_sources, status, cwes"
)
COMPARED_BUT_SCORE = COMPARED.replace("cvss_score, ", "")
# A record is some thousand bytes, and what a search compares of it some hundred: they stand by priority, and what somebody exploits, a
# hundredth of all, once more by itself, and by score, of which people ask for a part. Order by likelihood is asked for without any
# condition, and severity beside words: together their indexes leave few records to read.
INDEXES = f"""
drop index adv_cve_priority;
create index adv_cve_priority on adv_cve (priority desc, k desc) include ({COMPARED});
create index adv_cve_epss on adv_cve (epss desc, k desc);
create index adv_cve_cvss on adv_cve (cvss_score desc, k desc) include (priority, {COMPARED_BUT_SCORE});
create index adv_cve_severity on adv_cve (severity);
create index adv_cve_exploited on adv_cve (priority desc, k desc) include (kev_added, kev_due, {COMPARED})
  where kev or eukev or exploited_eu or exploitation = 2;
drop index adv_cve_kev;
"""


def upgrade() -> None:
    """Apply."""
    op.execute("set local lock_timeout = '4s'; set local statement_timeout = '60s'")
    op.execute(INDEXES)


def downgrade() -> None:
    """Take back."""
    op.execute("drop index adv_cve_exploited, adv_cve_severity, adv_cve_cvss, adv_cve_epss, adv_cve_priority")
    op.execute("create index adv_cve_priority on adv_cve (priority desc, k desc); create index adv_cve_kev on adv_cve (k) where kev")
