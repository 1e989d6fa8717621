-- Evaluation isolation: every sealed set, leaks by lineage and by text, the detectors' own figures, the ruler's quality.

-- Which state of the ruler a stage was made against; null where nothing was sealed yet, and for what was made before.
alter table provenance.versions add column registry_state varchar;

-- Every sealed set: the anchors' own (`real`), and released evaluation sets of other datasets (`synthetic`).
create table anchors.evaluation_sets (
    set_name varchar not null, origin varchar not null, rows bigint not null, set_digest varchar not null, dataset varchar,
    version varchar, content_digest varchar, registry_state varchar not null
);
-- What a synthetic set descends from: kind is generator_family, generator, prompt, seed, parent or row.
create table anchors.set_lineage (set_name varchar not null, kind varchar not null, item varchar not null);

-- What a finding points at: the sealed set, and where in the row's normal form the match lies, its letters masked.
alter table evaluation.leaks add column set_name varchar;
alter table evaluation.leaks add column span_start bigint;
alter table evaluation.leaks add column span_stop bigint;
alter table evaluation.leaks add column masked varchar;
alter table evaluation.detectors add column threshold double;
alter table evaluation.detectors add column rows_short bigint;
alter table evaluation.detectors add column flagged bigint;
alter table evaluation.detectors add column registry_state varchar;
-- What candidates and sealed sets have in common by their records; `item` names it, a sealed row by keyed digest.
create table evaluation.lineage_leaks (
    set_name varchar not null, kind varchar not null, item varchar not null, rows bigint not null
);
-- The detectors on rows whose answer is known. side: leak, clean or other (clean rows of another kind of text).
create table evaluation.detector_quality (
    detector varchar not null, detector_version integer not null, threshold double, side varchar not null, kind varchar not null,
    n bigint not null, flagged bigint not null, rate double, low double, high double
);
-- Each detector on the half by which its cut-off is set: shares flagged from each score on.
create table evaluation.detector_curves (
    detector varchar not null, score double not null, leaks_flagged double, clean_flagged double
);
-- The ruler itself, by set and class.
create table evaluation.ruler (
    set_name varchar not null, origin varchar not null, label varchar not null, rows bigint not null, groups bigint not null,
    half_width double, exact_copies bigint not null, near_copies bigint not null, rated_rows bigint not null, disagreement double
);
-- Active releases held against the ruler as it stands: a finding is a reason to retire.
create table evaluation.release_leaks (
    version varchar not null, row_id varchar not null, origin varchar not null, eval_row_digest varchar not null,
    set_name varchar, detector varchar not null, score double not null, threshold double not null
);
create table evaluation.release_scans (
    version varchar not null, registry_state varchar not null, rows bigint not null, leaks bigint not null,
    cause varchar
);
-- Real texts of another kind that came in the anchors' source: on them, too, the detectors must keep silent.
create table anchors.contrasts (row_id varchar not null, text varchar not null);
-- Against which state of the ruler a score was made: none is put beside one of another state.
alter table training.results add column registry_state varchar;
