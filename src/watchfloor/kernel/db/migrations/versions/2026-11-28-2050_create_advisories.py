"""Create advisories: what the sources say, what is merged from it, and what of it an organisation's assets match."""

from __future__ import annotations

from alembic import op

from watchfloor.kernel.db.rls import OWN_ORG, PLATFORM_ORG, protect

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

# Advisories are the same for all organisations: everybody may read them, and only who takes this role in a transaction may write.
ROLE = """
do $$ declare member text; begin
  if not exists (select from pg_roles where rolname = 'wf_advisories') then create role wf_advisories nologin nobypassrls; end if;
  for member in select rolname from pg_roles where rolname in ('wf_login', current_user) loop
    execute format('grant wf_advisories to %I', member);
  end loop;
end $$;
grant usage on schema public to wf_advisories;
"""

# A version is bytes that order as versions do, and an affected set a range of them.
SOURCES = """
create type adv_verrange as range (subtype = bytea);
create table adv_stream (
  src smallint not null, stream text not null, watermark timestamptz, cursor jsonb not null default '{}', rows_ok bigint not null default 0,
  checked_at timestamptz, changed_at timestamptz, ok_at timestamptz, failures integer not null default 0,
  gap_since timestamptz, gap_reason text, last_error jsonb, primary key (src, stream)
);
create table adv_source (
  src smallint primary key, enabled boolean not null, changed_at timestamptz not null default wf_now(), changed_by text not null default ''
);
create table adv_zdict (id integer generated always as identity primary key, src smallint not null, dict bytea not null);
create table adv_raw (
  src smallint not null, k bigint not null, h bytea not null, source_modified timestamptz, fetched_at timestamptz not null default wf_now(),
  dict_id integer, doc bytea not null, gone_at timestamptz, primary key (src, k)
);
alter table adv_raw alter column doc set storage external;
create table adv_raw_old (
  src smallint not null, k bigint not null, fetched_at timestamptz not null, h bytea not null, source_modified timestamptz,
  dict_id integer, doc bytea not null, primary key (src, k, fetched_at)
);
create table adv_fact (
  src smallint not null, k bigint not null, state smallint not null, status text not null, title text not null, descr text not null,
  published timestamptz, modified timestamptz, cwes text[] not null, flags integer not null, exploited_since timestamptz,
  replaced_by text[] not null, primary key (k, src)
);
create table adv_metric (
  k bigint not null, src smallint not null, version text not null, provider smallint not null, score real not null, vector text not null,
  severity text not null
);
create index adv_metric_k on adv_metric (k);
create table adv_kev (
  k bigint not null, catalog smallint not null, added timestamptz not null, due timestamptz, ransomware boolean, action text not null,
  name text not null, extra jsonb not null, removed_at timestamptz, primary key (k, catalog)
);
create table adv_ssvc (
  k bigint not null, src smallint not null, exploitation smallint, automatable boolean, total boolean, at timestamptz, role text not null,
  version text not null, primary key (k, src)
);
create table adv_epss (
  k bigint primary key, p integer not null, lev_log double precision not null default 0, lev_date date not null, gone_at timestamptz,
  held integer[] not null default '{}'
) with (fillfactor = 45);
create table adv_epss_curve (score_date date not null, p integer not null, pct real not null, primary key (score_date, p));
create table adv_exploit (k bigint not null, src smallint not null, kind smallint not null, ref text not null, primary key (k, src));
create table adv_alias (alias text not null, k bigint not null, src smallint not null, primary key (alias, k));
create index adv_alias_k on adv_alias (k);
create table adv_product (
  id integer generated always as identity primary key, part "char" not null, vendor text not null, product text not null,
  canonical integer, cves integer not null default 0, unique (part, vendor, product)
);
create index adv_product_canonical on adv_product (canonical) where canonical is not null;
create index adv_product_product on adv_product (product text_pattern_ops);
create index adv_product_vendor on adv_product (vendor text_pattern_ops);
create table adv_name_map (
  name_id integer not null references adv_product (id), product_id integer not null references adv_product (id), support integer not null default 0,
  against integer not null default 0, origin text not null check (origin in ('learned', 'manual')), primary key (name_id, product_id)
);
create table adv_criterion (
  k bigint not null, src smallint not null, cfg integer not null, node integer not null, pos integer not null, logic smallint not null,
  vulnerable boolean not null, product_id integer not null, kind "char" not null, rng adv_verrange, upd text, attrs jsonb, factor real not null,
  text text not null, fix text not null
);
create index adv_criterion_product on adv_criterion (product_id) include (k, kind) where vulnerable;
create index adv_criterion_k on adv_criterion (k, src);
"""

# `revision` counts upwards in the order of commits: whoever reads advisories as they change goes by it.
# Texts stand apart from what is searched and scored: a row that is read or rewritten is to be a small one. Their words stay with the rest, so
# that indexes of words and of anything else are combined before a record is read; they are taken from the texts when those are written.
MERGED = """
create sequence adv_revision;
create function adv_words(cve_id text, names text, title text, descr text) returns tsvector language sql immutable parallel safe
return setweight(to_tsvector('simple', cve_id || ' ' || names), 'A') || setweight(to_tsvector('english', title), 'B')
  || setweight(to_tsvector('english', left(descr, 4000)), 'C');
create table adv_cve (
  k bigint primary key, cve_id text not null, merged_into bigint, state smallint not null, status text not null, published timestamptz,
  modified timestamptz, first_seen timestamptz not null default wf_now(),
  cvss_version text, cvss_score real, cvss_vector text, cvss_provider smallint, cvss_src smallint, severity text not null, cwes text[] not null,
  flags integer not null, kev boolean not null, eukev boolean not null, kev_added timestamptz, kev_due timestamptz, ransomware boolean not null,
  exploited_eu boolean not null, exploitation smallint, automatable boolean, total boolean, weaponised boolean not null, poc boolean not null,
  epss integer, percentile real, sources smallint[] not null, criteria_sources smallint[] not null, fix boolean not null, priority real not null,
  band text not null, why jsonb not null, score_version smallint not null, scored_on date not null, changed timestamptz not null default wf_now(),
  revision bigint not null default nextval('adv_revision'), tsv tsvector not null
);
create table adv_text (k bigint primary key, title text not null, descr text not null, names text not null, prov jsonb not null);
create index adv_cve_tsv on adv_cve using gin (tsv);
create index adv_cve_cwes on adv_cve using gin (cwes);
create index adv_cve_published on adv_cve (published desc, k desc);
create index adv_cve_changed on adv_cve (changed desc, k desc);
create index adv_cve_priority on adv_cve (priority desc, k desc);
create index adv_cve_revision on adv_cve (revision);
create index adv_cve_kev on adv_cve (k) where kev;
create table adv_touched (k bigint primary key, mask integer not null, since timestamptz not null default wf_now());
create table adv_change (
  id bigint generated always as identity primary key, k bigint not null, kind text not null, old jsonb, new jsonb, src smallint,
  at timestamptz not null default wf_now(), quiet boolean not null
);
create index adv_change_k on adv_change (k, at, id);
create table adv_reject (
  id bigint generated always as identity primary key, src smallint not null, stream text not null, ref text not null, reason text not null,
  sample text not null, at timestamptz not null default wf_now()
);
create index adv_reject_at on adv_reject (at);
"""

ORGANISATIONS = """
create table adv_counter (
  org uuid not null, metric text not null, dim text not null, value bigint not null, primary key (org, metric, dim)
);
create table adv_counter_day (
  org uuid not null, day date not null, metric text not null, dim text not null, value bigint not null, primary key (org, day, metric, dim)
);
create table adv_reader (
  org uuid primary key, revision bigint not null default 0, facts_at timestamptz, facts_id uuid, change_id bigint not null default 0,
  matched_at timestamptz
);
create table adv_match (
  org uuid not null, id uuid not null, asset uuid not null, fact uuid, k bigint not null, class text not null, confidence real not null,
  src smallint not null, criterion jsonb not null, exposure text not null, priority real not null, band text not null, why jsonb not null,
  verdict text not null, due_on date, first_seen timestamptz not null default wf_now(), last_seen timestamptz not null default wf_now(),
  gone_at timestamptz, gone_reason text, primary key (org, id),
  constraint adv_match_once unique nulls not distinct (org, asset, fact, k), foreign key (org, asset) references asset (org, id) on delete cascade,
  foreign key (org, fact) references asset_fact (org, id) on delete cascade
);
create index adv_match_k on adv_match (org, k);
create index adv_match_priority on adv_match (org, priority desc, id desc) where gone_at is null;
create table adv_watch (
  org uuid not null, id uuid not null, name text not null, query text not null, kinds text[] not null, min_score real not null default 0,
  asset_tags text[] not null default '{}', enabled boolean not null default true, created_by text not null,
  created_at timestamptz not null default wf_now(), since_change bigint not null, armed_at timestamptz not null default wf_now(),
  seen_until timestamptz not null default wf_now(), primary key (org, id), unique (org, name)
);
create table adv_watch_hit (
  org uuid not null, watch uuid not null, k bigint not null, kind text not null, value text not null, at timestamptz not null default wf_now(),
  primary key (org, watch, k, kind, value), foreign key (org, watch) references adv_watch (org, id) on delete cascade
);
"""

SHARED = (
    "adv_source", "adv_stream", "adv_zdict", "adv_raw", "adv_raw_old", "adv_fact", "adv_metric", "adv_kev", "adv_ssvc", "adv_epss",
    "adv_epss_curve", "adv_exploit", "adv_alias", "adv_product", "adv_name_map", "adv_criterion", "adv_cve", "adv_text", "adv_touched",
    "adv_change", "adv_reject",
)  # fmt: skip
OWNED = ("adv_counter", "adv_counter_day", "adv_reader", "adv_match", "adv_watch", "adv_watch_hit")


def upgrade() -> None:
    """Apply."""
    op.execute("set local lock_timeout = '4s'; set local statement_timeout = '5s'")
    op.execute(ROLE + SOURCES + MERGED + ORGANISATIONS)
    for table in SHARED:
        op.execute(
            f"grant select on {table} to wf_app, wf_engine; grant select, insert, update, delete, truncate on {table} to wf_advisories"
        )
    op.execute("grant usage on sequence adv_revision to wf_advisories")
    for table in OWNED:
        op.execute(protect(table))
    # The counters of the whole installation stand beside those of each organisation: all may read them, none but the role may write them.
    for table in ("adv_counter", "adv_counter_day"):
        op.execute(
            f"create policy everybody on {table} for select to wf_app using (org = '{PLATFORM_ORG}');"
            f"grant select, insert, update, delete on {table} to wf_advisories;"
            f"create policy advisories on {table} to wf_advisories using (org = '{PLATFORM_ORG}' or org = {OWN_ORG}) "
            f"with check (org = '{PLATFORM_ORG}' or org = {OWN_ORG})"
        )


def downgrade() -> None:
    """Take back."""
    for table in reversed(SHARED + OWNED):
        op.execute(f"drop table {table} cascade")
    op.execute(
        "drop function adv_words; drop sequence adv_revision; drop type adv_verrange; revoke usage on schema public from wf_advisories"
    )
